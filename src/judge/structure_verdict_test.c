/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts about how work is shaped: locks, spinning, work spread over threads and processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "judge/judged.h"
#include "model/meta.h"

/* Three threads take turns of 10 ms under a lock: each gives it up in commit(), the others wait in reserve(). */
/* Four threads that sleep in turn, holding a lock, given up at `held`. */
static void convoy(struct scenario *s, uint64_t waiting, uint64_t held)
{
    uint64_t root = scenario_process(s, 0, "ledger", 0, 402);
    uint64_t lock = scenario_peer(s, PEER_LOCK, PEER_NAME_LOCK, "100:0x1000");
    uint64_t threads[4];
    for (uint64_t i = 0; i < 4; i++)
        threads[i] = scenario_thread(s, root, "worker", 0, 371 + i * 10);
    for (uint64_t slot = 0; slot < 40; slot++) {
        uint64_t t = threads[slot % 4], before = slot ? (slot - 1) % 4 : 0;
        struct scenario_wake wake = {.thread = t,
                                     .waker = threads[before],
                                     .start_ms = slot < 4 ? 0 : slot * 10 - 30,
                                     .end_ms = slot * 10,
                                     .reason = WAIT_LOCK,
                                     .peer = lock,
                                     .source = WAKER_EXACT,
                                     .stack = waiting,
                                     .waker_stack = held};
        if (slot)
            scenario_woken(s, &wake);
        scenario_wait(s, t, slot * 10, slot * 10 + 10, WAIT_SLEEP, 0);
    }
    uint64_t joined = scenario_peer(s, PEER_PROCESS, "thread", "1005");
    scenario_wait(s, root, 1, 401, WAIT_CHILD, joined);
}

static void a_lock_names_who_holds_it_and_who_waits(void **state)
{
    (void)state;
    struct scenario s;
    struct verdict verdict;
    scenario_init(&s, 4, 402);
    uint64_t waiting = scenario_stack(&s, "work", "reserve"), held = scenario_stack(&s, "work", "commit");
    convoy(&s, waiting, held);
    judge(&s, &verdict);
    const struct finding *first = &verdict.findings[0];
    assert_string_equal(first->cause, "lock-contention");
    assert_string_equal(first->where.function, "commit");
    assert_string_equal(first->where_waiting.function, "reserve");
    assert_string_equal(first->where.peer, "100:0x1000");
    assert_int_equal(first->waiter_count, 4);
    assert_int_equal(first->acquisition_count, 39);
    assert_non_null(strstr(first->title, "reserve"));
    assert_non_null(strstr(first->title, "commit"));
    assert_true(judged_has_evidence(first, "4 threads waited for it 39 times"));
    assert_true(judged_has_evidence(first, "where it is given up"));
    judged_deinit(&s, &verdict);
}

/* Where the stack lacks Python's functions, the interpreter's own say nothing. */
static void an_interpreters_function_holds_no_lock(void **state)
{
    (void)state;
    struct scenario s;
    struct verdict verdict;
    scenario_init(&s, 4, 402);
    uint64_t waiting = scenario_stack(&s, "work", "reserve");
    struct row_frame frame = {.id = ++s.next_frame};
    struct row_stack held = {.id = frame.id, .frame = frame.id};
    assert_int_equal(sink_intern(&s.data.sink, "PyEval_SaveThread", &frame.function, NULL), 0);
    assert_int_equal(sink_intern(&s.data.sink, "/usr/bin/python3.11", &frame.module, NULL), 0);
    assert_int_equal(sink_append(&s.data.sink, frame, &frame, NULL), 0);
    assert_int_equal(sink_append(&s.data.sink, stack, &held, NULL), 0);
    convoy(&s, waiting, held.id);
    judge(&s, &verdict);
    const struct finding *first = &verdict.findings[0];
    assert_string_equal(first->cause, "lock-contention");
    assert_null(strstr(first->title, "PyEval_SaveThread"));
    assert_string_equal(first->where_waiting.function, "reserve");
    judged_deinit(&s, &verdict);
}

/* Two threads compute for 10 ms each in turn, under one lock; `asleep` of each turn is not computing. */
static void take_turns(struct scenario *s, uint64_t asleep_ms)
{
    scenario_init(s, 4, 402);
    uint64_t root = scenario_process(s, 0, "python3", 0, 402);
    uint64_t lock = scenario_peer(s, PEER_LOCK, PEER_NAME_LOCK, "100:0x1000");
    uint64_t threads[2];
    for (uint64_t i = 0; i < 2; i++)
        threads[i] = scenario_thread(s, root, "worker", 0, 391 + i * 10);
    for (uint64_t slot = 0; slot < 40; slot++) {
        uint64_t t = threads[slot % 2];
        struct scenario_wake wake = {.thread = t,
                                     .waker = threads[(slot + 1) % 2],
                                     .start_ms = slot ? slot * 10 - 10 : 0,
                                     .end_ms = slot * 10,
                                     .reason = WAIT_LOCK,
                                     .peer = lock,
                                     .source = WAKER_EXACT};
        if (slot)
            scenario_woken(s, &wake);
        if (asleep_ms)
            scenario_wait(s, t, slot * 10, slot * 10 + asleep_ms, WAIT_SLEEP, 0);
        scenario_samples(s, t, "evaluate", slot * 10 + asleep_ms, slot * 10 + 10);
    }
    scenario_wait(s, root, 1, 401, WAIT_CHILD, scenario_peer(s, PEER_PROCESS, "thread", "1003"));
}

static void threads_that_compute_under_one_lock_are_no_parallelism(void **state)
{
    (void)state;
    struct scenario s;
    struct verdict verdict;
    take_turns(&s, 0);
    judge(&s, &verdict);
    const struct finding *first = &verdict.findings[0];
    assert_string_equal(first->cause, "false-parallelism");
    assert_string_equal(first->where.process, "python3");
    assert_string_equal(first->change, "remove:lock/100:0x1000");
    assert_true(first->gain.factor > 1.8 && first->gain.factor < 2.2);
    assert_non_null(strstr(first->title, "compute in turns"));
    assert_true(judged_has_evidence(first, "100 % of the time that others wait"));
    judged_deinit(&s, &verdict);
    take_turns(&s, 6);
    judge(&s, &verdict);
    assert_string_equal(verdict.findings[0].cause, "lock-contention");
    assert_true(judged_has_evidence(&verdict.findings[0],
                                    "its holder spends 60 % of the time that others wait sleeping"));
    assert_true(str_starts(verdict.findings[0].fix, "do not hold the lock while sleeping (60 %"));
    assert_null(judged_finding(&verdict, "false-parallelism"));
    judged_deinit(&s, &verdict);
}

/* A process whose threads wait for a server for so long each; its main thread joins the longest. */
static void fan_out(struct scenario *s, const uint64_t *busy_ms, size_t count)
{
    uint64_t longest = 0;
    char tid[24] = "";
    for (size_t i = 0; i < count; i++)
        longest = busy_ms[i] > longest ? busy_ms[i] : longest;
    scenario_init(s, 4, longest + 2);
    uint64_t root = scenario_process(s, 0, "fan", 0, longest + 2);
    uint64_t server = scenario_peer(s, PEER_SOCKET, "", "10.0.0.1:80");
    for (size_t i = 0; i < count; i++) {
        uint64_t thread = scenario_thread(s, root, "fan", 0, busy_ms[i]);
        for (uint64_t ms = 0; ms + 10 <= busy_ms[i]; ms += 10)
            scenario_wait(s, thread, ms, ms + 8, WAIT_NETWORK, server);
        if (busy_ms[i] == longest)
            snprintf(tid, sizeof tid, "%llu", (unsigned long long)(thread + 999));
    }
    scenario_wait(s, root, 1, longest, WAIT_CHILD, scenario_peer(s, PEER_PROCESS, "thread", tid));
}

static void one_long_sibling_among_equals_is_a_straggler(void **state)
{
    (void)state;
    struct scenario s;
    struct verdict verdict;
    fan_out(&s, (uint64_t[]){100, 110, 600, 100}, 4);
    judge(&s, &verdict);
    const struct finding *first = &verdict.findings[0];
    assert_string_equal(first->cause, "straggler");
    assert_string_equal(first->where.process, "fan");
    assert_string_equal(first->change, "set:process/fan=median");
    assert_true(first->gain.factor > 5 && first->gain.factor < 6.3);
    assert_true(first->gain.factor_low <= first->gain.factor);
    assert_null(judged_finding(&verdict, "imbalance"));
    assert_null(judged_finding(&verdict, "config"));
    judged_deinit(&s, &verdict);
}

static void shares_of_all_sizes_are_an_imbalance(void **state)
{
    (void)state;
    struct scenario s;
    struct verdict verdict;
    fan_out(&s, (uint64_t[]){40, 80, 160, 680}, 4);
    judge(&s, &verdict);
    const struct finding *first = &verdict.findings[0];
    assert_string_equal(first->cause, "imbalance");
    assert_string_equal(first->change, "set:process/fan=even");
    assert_true(first->gain.factor > 2.6 && first->gain.factor < 3);
    assert_non_null(strstr(first->title, "2.8 times the mean"));
    assert_null(judged_finding(&verdict, "straggler"));
    judged_deinit(&s, &verdict);
}

/* Both wait for the server all the time; sixty requests each are enough to share out among sixteen. */
static void a_pool_that_is_never_free_is_too_small(void **state)
{
    (void)state;
    struct scenario s;
    struct verdict verdict;
    fan_out(&s, (uint64_t[]){600, 600}, 2);
    judge(&s, &verdict);
    const struct finding *first = &verdict.findings[0];
    assert_string_equal(first->cause, "config");
    assert_string_equal(first->change, "workers:process/fan=16");
    assert_true(judged_has_evidence(first, "pool size: 2 found, 16 proposed"));
    assert_true(first->gain.factor > 4);
    assert_null(judged_finding(&verdict, "imbalance"));
    judged_deinit(&s, &verdict);
}

/* The main thread makes an item in 8 ms, for which a worker needs 2 ms; four workers take turns. */
static void workers_that_wait_for_one_feeder_are_idle(void **state)
{
    (void)state;
    struct scenario s;
    struct verdict verdict;
    scenario_init(&s, 4, 802);
    uint64_t root = scenario_process(&s, 0, "fed", 0, 802);
    uint64_t queue = scenario_peer(&s, PEER_LOCK, PEER_NAME_CONDITION, "100:0x2000");
    uint64_t feed = scenario_stack(&s, "feed", "make_item");
    scenario_stack_samples(&s, root, feed, 0, 800);
    for (uint64_t i = 0; i < 4; i++) {
        uint64_t thread = scenario_thread(&s, root, "fed", 0, 801), at = 0;
        for (uint64_t ms = 8 + i * 8; ms < 800; ms += 32) {
            struct scenario_wake wake = {.thread = thread,
                                         .waker = root,
                                         .start_ms = at,
                                         .end_ms = ms,
                                         .reason = WAIT_LOCK,
                                         .peer = queue,
                                         .source = WAKER_EXACT};
            scenario_woken(&s, &wake);
            at = ms + 2;
        }
        scenario_wait(&s, thread, at, 800, WAIT_LOCK, queue);
    }
    judge(&s, &verdict);
    const struct finding *first = &verdict.findings[0];
    assert_string_equal(first->cause, "idle-worker");
    assert_string_equal(first->where.function, "make_item");
    assert_string_equal(first->change, "workers:function/make_item=4");
    assert_true(first->gain.factor > 2.5);
    assert_non_null(strstr(first->title, "4 threads of fed are idle"));
    judged_deinit(&s, &verdict);
}

/* They run while they start, and then stand by. */
static void helpers_that_only_start_are_no_workers(void **state)
{
    (void)state;
    struct scenario s;
    struct verdict verdict;
    scenario_init(&s, 4, 802);
    uint64_t root = scenario_process(&s, 0, "fed", 0, 802);
    uint64_t queue = scenario_peer(&s, PEER_LOCK, PEER_NAME_CONDITION, "100:0x2000");
    scenario_stack_samples(&s, root, scenario_stack(&s, "feed", "make_item"), 0, 800);
    for (uint64_t i = 0; i < 4; i++) {
        uint64_t thread = scenario_thread(&s, root, "fed", 0, 801);
        for (uint64_t ms = 4; ms < 120; ms += 8) {
            struct scenario_wake wake = {.thread = thread,
                                         .waker = root,
                                         .start_ms = ms,
                                         .end_ms = ms + 4,
                                         .reason = WAIT_LOCK,
                                         .peer = queue,
                                         .source = WAKER_EXACT};
            scenario_woken(&s, &wake);
        }
        scenario_wait(&s, thread, 124, 800, WAIT_LOCK, queue);
    }
    judge(&s, &verdict);
    assert_null(judged_finding(&verdict, "idle-worker"));
    judged_deinit(&s, &verdict);
}

/* The program waits at a pipe for the result of its fork: what the fork computes is to blame, in the one as in the other. */
static void a_fork_that_computes_is_hot_and_blocks_nobody_elses_pipe(void **state)
{
    (void)state;
    for (int is_other = 0; is_other < 2; is_other++) {
        struct scenario s;
        struct verdict verdict;
        scenario_init(&s, 4, 500);
        uint64_t root = scenario_process(&s, 0, "pool", 0, 500);
        uint64_t fork = scenario_process(&s, root, is_other ? "other" : "pool", 10, 490);
        uint64_t results = scenario_peer(&s, PEER_PIPE, "", "pipe:[7]");
        struct scenario_wake wake = {.thread = root,
                                     .waker = fork,
                                     .start_ms = 20,
                                     .end_ms = 480,
                                     .reason = WAIT_PIPE,
                                     .peer = results,
                                     .source = WAKER_EXACT};
        scenario_stack_samples(&s, fork, scenario_stack(&s, "work", "crunch"), 10, 490);
        scenario_woken(&s, &wake);
        judge(&s, &verdict);
        const struct finding *piped = judged_finding(&verdict, "pipe-backpressure");
        const struct finding *hot = judged_finding(&verdict, "cpu-hot");
        assert_true(is_other ? piped && !hot : hot && !piped);
        assert_string_equal((is_other ? piped : hot)->where.function, "crunch");
        judged_deinit(&s, &verdict);
    }
}

/* Threads that have the same to do, and a process with one thread: nothing of the shape is wrong. */
static void even_work_has_no_shape_to_blame(void **state)
{
    (void)state;
    static const char *const causes[] = {"straggler", "imbalance", "idle-worker", "config"};
    struct scenario s;
    struct verdict verdict;
    scenario_init(&s, 4, 402);
    uint64_t root = scenario_process(&s, 0, "even", 0, 402);
    for (uint64_t i = 0; i < 4; i++)
        scenario_thread(&s, root, "even", 0, 396 + i);
    scenario_wait(&s, root, 1, 399, WAIT_CHILD, scenario_peer(&s, PEER_PROCESS, "thread", "1005"));
    judge(&s, &verdict);
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++)
        assert_null(judged_finding(&verdict, causes[i]));
    judged_deinit(&s, &verdict);
}

/* Four cores, two threads: nobody lacks what the spinner burns, so blocking brings a free core and no time. */
static void spinning_beside_free_cores_promises_cores_and_no_time(void **state)
{
    (void)state;
    struct scenario s;
    struct verdict verdict;
    scenario_init(&s, 4, 101);
    uint64_t root = scenario_process(&s, 0, "pair", 0, 101);
    uint64_t worker = scenario_thread(&s, root, "pair", 0, 100),
             spinner = scenario_thread(&s, root, "pair", 0, 100);
    uint64_t look = scenario_stack(&s, "collect", "await");
    struct row_attr frame = {.owner_table = TABLE_FRAME, .owner = look};
    assert_int_equal(sink_attr(&s.data.sink, &frame, ATTR_SPIN, "loop", NULL), 0);
    scenario_stack_samples(&s, worker, scenario_stack(&s, "make", "compute"), 0, 100);
    scenario_stack_samples(&s, spinner, look, 0, 100);
    scenario_wait(&s, root, 1, 100, WAIT_CHILD, scenario_peer(&s, PEER_PROCESS, "thread", "1003"));
    judge(&s, &verdict);
    const struct finding *spin = judged_finding(&verdict, "spin");
    assert_non_null(spin);
    assert_string_equal(spin->where.function, "await");
    assert_string_equal(spin->change, "set:function/await=block");
    assert_int_equal(spin->priority, PRIORITY_P3);
    assert_true(spin->gain.factor == 0);
    assert_non_null(strstr(spin->fix, "1.0 cores are free"));
    assert_true(judged_has_evidence(spin, "mostly for compute"));
    for (size_t i = 0; i < verdict.finding_count; i++)
        if (strcmp(verdict.findings[i].cause, "cpu-hot") == 0)
            assert_string_equal(verdict.findings[i].where.function, "compute");
    judged_deinit(&s, &verdict);
}

static void attr_of(struct scenario *s, uint64_t thread, const char *key, const char *value)
{
    struct row_attr process = {.owner_table = TABLE_TRACK, .owner = thread - 1};
    assert_int_equal(sink_attr(&s->data.sink, &process, key, value, NULL), 0);
}

/* Half of the time the kernel frees memory for it, and half of its running is the kernel's. */
static void memory_that_has_to_be_freed_first_is_the_finding(void **state)
{
    (void)state;
    struct scenario s;
    struct verdict verdict;
    scenario_init(&s, 2, 400);
    uint64_t root = scenario_process(&s, 0, "cache", 0, 400);
    scenario_samples(&s, root, "fill", 0, 400);
    for (uint64_t ms = 0; ms < 400; ms += 10)
        scenario_wait(&s, root, ms + 5, ms + 10, WAIT_RECLAIM, 0);
    attr_of(&s, root, ATTR_CPU_USER_NS, "100000000");
    attr_of(&s, root, ATTR_CPU_SYSTEM_NS, "100000000");
    judge(&s, &verdict);
    const struct finding *first = &verdict.findings[0];
    assert_string_equal(first->cause, "memory-reclaim");
    assert_string_equal(first->where.process, "cache");
    assert_string_equal(first->where.function, "fill");
    assert_string_equal(first->change, "remove:wait/reclaim");
    assert_true(first->gain.factor > 3.8 && first->gain.factor < 4.2);
    assert_true(judged_has_evidence(first, "200 ms of the path is waiting for memory to be freed"));
    judged_deinit(&s, &verdict);
}

static const struct finding *finding_of_change(const struct verdict *verdict, const char *change)
{
    for (size_t i = 0; i < verdict->finding_count; i++)
        if (verdict->findings[i].change && strcmp(verdict->findings[i].change, change) == 0)
            return &verdict->findings[i];
    fail_msg("no finding proposes %s", change);
    return NULL;
}

/* Ten files, each downloaded for 80 ms, extracted for 8 and ingested for 12. */
static void stages_that_could_overlap_are_findings_of_their_own(void **state)
{
    (void)state;
    struct scenario s;
    struct verdict verdict;
    scenario_init(&s, 2, 1010);
    uint64_t root = scenario_process(&s, 0, "pipeline", 0, 1010);
    uint64_t server = scenario_peer(&s, PEER_SOCKET, "socket", "10.0.0.1:80");
    scenario_samples(&s, root, "work", 0, 1010);
    for (uint64_t i = 0; i < 10; i++) {
        uint64_t t = 5 + i * 100;
        scenario_wait(&s, root, t, t + 80, WAIT_NETWORK, server);
        scenario_span(&s, root, "download", t, t + 80);
        scenario_span(&s, root, "extract", t + 80, t + 88);
        scenario_span(&s, root, "ingest", t + 88, t + 100);
    }
    judge(&s, &verdict);
    assert_string_equal(verdict.findings[0].cause, "serial-independent");
    assert_null(verdict.findings[0].behind);
    const struct finding *ahead = finding_of_change(&verdict, "overlap:stage/download=ahead");
    assert_string_equal(ahead->cause, "serial-stages");
    assert_string_equal(ahead->fix, "begin the next download while this item's extract and ingest go on");
    assert_int_equal(ahead->gain.wall_ns_after / 1000000, 10 + 800 + 20);
    assert_string_equal(ahead->behind, verdict.findings[0].change);
    assert_true(ahead->factor_behind > 0.99 && ahead->factor_behind < ahead->gain.factor);
    const struct finding *stream = finding_of_change(&verdict, "overlap:stage/download");
    assert_string_equal(stream->cause, "serial-stages");
    assert_true(strstr(stream->fix, "begin extract while download still goes on") == stream->fix);
    assert_int_equal(stream->gain.wall_ns_after / 1000000, 10 + 10 * 92 + 5);
    assert_non_null(stream->behind);
    judged_deinit(&s, &verdict);
}

int structure_verdict_test(void);
int structure_verdict_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lock_names_who_holds_it_and_who_waits),
        cmocka_unit_test(an_interpreters_function_holds_no_lock),
        cmocka_unit_test(stages_that_could_overlap_are_findings_of_their_own),
        cmocka_unit_test(threads_that_compute_under_one_lock_are_no_parallelism),
        cmocka_unit_test(one_long_sibling_among_equals_is_a_straggler),
        cmocka_unit_test(shares_of_all_sizes_are_an_imbalance),
        cmocka_unit_test(a_pool_that_is_never_free_is_too_small),
        cmocka_unit_test(workers_that_wait_for_one_feeder_are_idle),
        cmocka_unit_test(helpers_that_only_start_are_no_workers),
        cmocka_unit_test(a_fork_that_computes_is_hot_and_blocks_nobody_elses_pipe),
        cmocka_unit_test(even_work_has_no_shape_to_blame),
        cmocka_unit_test(memory_that_has_to_be_freed_first_is_the_finding),
        cmocka_unit_test(spinning_beside_free_cores_promises_cores_and_no_time),
    };
    return cmocka_run_group_tests_name("structure_verdict", tests, NULL, NULL);
}
