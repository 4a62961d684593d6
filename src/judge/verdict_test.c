/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "judge/judged.h"
#include "judge/verdict.h"
#include "model/meta.h"

/* Forty files, each downloaded in 86 ms, then 6 ms of parsing and 4 ms of ingest, in one thread. */
static void downloads_one_after_another_are_the_finding_and_the_database_is_cleared(void **state)
{
    (void)state;
    struct scenario s;
    struct verdict verdict;
    scenario_init(&s, 2, 3860);
    uint64_t root = scenario_process(&s, 0, "pipeline", 0, 3860);
    uint64_t cdn = scenario_peer(&s, PEER_SOCKET, "", "127.0.0.1:8080");
    uint64_t database = scenario_peer(&s, PEER_SOCKET, "", "127.0.0.1:8089");
    for (uint64_t i = 0; i < 40; i++) {
        uint64_t t = 10 + i * 96;
        scenario_wait(&s, root, t, t + 86, WAIT_NETWORK, cdn);
        scenario_span(&s, root, "download", t, t + 86);
        scenario_span(&s, root, "parse", t + 86, t + 92);
        scenario_wait(&s, root, t + 92, t + 95, WAIT_NETWORK, database);
        scenario_span(&s, root, "ingest", t + 92, t + 96);
    }
    judge(&s, &verdict);
    const struct finding *first = &verdict.findings[0];
    assert_string_equal(first->cause, "serial-independent");
    assert_string_equal(first->where.stage, "download");
    assert_string_equal(first->where.peer, "127.0.0.1:8080");
    assert_int_equal(first->priority, PRIORITY_P0);
    assert_true(strncmp(first->change, "workers:stage/download=", 23) == 0);
    assert_non_null(strstr(first->assumption, "assumed"));
    assert_true(first->gain.factor_low > 5 && first->gain.factor < 25);
    assert_true(first->gain.factor_low <= first->gain.factor &&
                first->gain.factor <= first->gain.factor_high);
    bool cleared = false;
    for (size_t i = 0; i < verdict.cleared_count; i++) {
        if (strcmp(verdict.cleared[i].where.stage, "ingest") == 0) {
            cleared = true;
            assert_string_equal(verdict.cleared[i].where.peer, "127.0.0.1:8089");
            assert_true(verdict.cleared[i].factor_max > 1.02 && verdict.cleared[i].factor_max < 1.08);
        }
    }
    assert_true(cleared);
    assert_string_equal(verdict.stages[0].name, "download");
    assert_int_equal(verdict.stages[0].call_count, 40);
    assert_true(verdict.stages[0].critical_ratio > 0.88 && verdict.stages[0].critical_ratio < 0.90);
    judged_deinit(&s, &verdict);
}

static void a_hot_function_gets_no_promise_only_its_most(void **state)
{
    (void)state;
    struct scenario s;
    struct verdict verdict;
    scenario_init(&s, 2, 200);
    uint64_t root = scenario_process(&s, 0, "parser", 0, 200);
    scenario_samples(&s, root, "parse_row", 0, 160);
    scenario_samples(&s, root, "print_row", 160, 200);
    judge(&s, &verdict);
    const struct finding *first = &verdict.findings[0];
    assert_string_equal(first->cause, "cpu-hot");
    assert_string_equal(first->where.function, "parse_row");
    assert_string_equal(first->change, "speed:function/parse_row=2");
    assert_true(first->gain.factor == 0 && first->gain.wall_ns_after == 0);
    assert_true(first->gain.factor_max > 4.8 && first->gain.factor_max < 5.2);
    assert_int_equal(first->priority, PRIORITY_P2);
    judged_deinit(&s, &verdict);
}

/* Nobody who runs a script can make its interpreter's loop faster. */
static void the_loop_of_an_interpreter_is_the_code_that_it_runs(void **state)
{
    (void)state;
    struct scenario s;
    struct verdict verdict;
    scenario_init(&s, 2, 200);
    uint64_t root = scenario_process(&s, 0, "python3", 0, 200);
    scenario_samples(&s, root, "_PyEval_EvalFrameDefault", 0, 200);
    judge(&s, &verdict);
    const struct finding *first = &verdict.findings[0];
    assert_string_equal(first->cause, "cpu-hot");
    assert_non_null(strstr(first->title, "the Python code that python3 runs"));
    assert_non_null(strstr(first->fix, "Python code"));
    assert_string_equal(first->change, "speed:function/_PyEval_EvalFrameDefault=2");
    judged_deinit(&s, &verdict);
}

/* A Java machine's compiled code has no names; who looks at the report wrote Java. */
static void compiled_code_of_java_is_java(void **state)
{
    (void)state;
    struct scenario s;
    struct verdict verdict;
    scenario_init(&s, 2, 200);
    uint64_t root = scenario_process(&s, 0, "java", 0, 200);
    uint64_t helper = scenario_thread(&s, root, "VM Thread", 1, 200);
    scenario_wait(&s, helper, 2, 200, WAIT_SLEEP, 0);
    judge(&s, &verdict);
    const struct finding *first = &verdict.findings[0];
    assert_string_equal(first->cause, "cpu-hot");
    assert_non_null(strstr(first->title, "the Java code that java runs"));
    assert_string_equal(first->change, "speed:process/java=2");
    judged_deinit(&s, &verdict);
}

/* A program without symbols that has a Java machine in it: its own code lies in a file. */
static void stripped_code_beside_a_java_machine_is_not_java(void **state)
{
    static const char *const files[] = {"/opt/office/office.bin", "/usr/lib/jvm/lib/server/libjvm.so"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct scenario s;
        struct verdict verdict;
        scenario_init(&s, 2, 200);
        uint64_t root = scenario_process(&s, 0, "office", 0, 200);
        uint64_t helper = scenario_thread(&s, root, "VM Thread", 1, 200);
        scenario_wait(&s, helper, 2, 200, WAIT_SLEEP, 0);
        struct row_frame frame = {.id = ++s.next_frame, .address = 0x1000};
        struct row_stack stack = {.id = frame.id, .frame = frame.id};
        assert_int_equal(sink_intern(&s.data.sink, "[office]", &frame.function, NULL), 0);
        assert_int_equal(sink_intern(&s.data.sink, files[i], &frame.module, NULL), 0);
        assert_int_equal(sink_append(&s.data.sink, frame, &frame, NULL), 0);
        assert_int_equal(sink_append(&s.data.sink, stack, &stack, NULL), 0);
        scenario_stack_samples(&s, root, stack.id, 0, 200);
        judge(&s, &verdict);
        const struct finding *first = &verdict.findings[0];
        assert_string_equal(first->cause, "cpu-hot");
        assert_int_equal(strstr(first->title, "Java") != NULL, i == 1);
        assert_int_equal(strstr(first->fix, files[i]) != NULL, i == 0);
        judged_deinit(&s, &verdict);
    }
}

static void a_convoy_is_the_lock_and_not_the_sleep_inside(void **state)
{
    (void)state;
    struct scenario s;
    struct verdict verdict;
    scenario_convoy(&s);
    judge(&s, &verdict);
    assert_string_equal(verdict.findings[0].cause, "lock-contention");
    assert_string_equal(verdict.findings[0].change, "remove:lock/100:0x1000");
    assert_true(verdict.findings[0].gain.factor > 3.5);
    for (size_t i = 0; i < verdict.finding_count; i++)
        assert_string_not_equal(verdict.findings[i].cause, "sleep-poll");
    judged_deinit(&s, &verdict);
}

/* Five children, each looked for after 300 ms: overlapping the looks would bring more than not sleeping, but
 * it is the sleep that is wrong. */
static void polling_comes_before_polling_side_by_side(void **state)
{
    (void)state;
    struct scenario s;
    struct verdict verdict;
    scenario_init(&s, 2, 1520);
    uint64_t root = scenario_process(&s, 0, "poller", 0, 1520);
    for (uint64_t i = 0; i < 5; i++) {
        uint64_t t = 10 + i * 300;
        scenario_process(&s, root, "poller", t, t + 200);
        scenario_wait(&s, root, t + 1, t + 300, WAIT_SLEEP, 0);
    }
    judge(&s, &verdict);
    assert_string_equal(verdict.findings[0].cause, "sleep-poll");
    assert_non_null(strstr(verdict.findings[0].title, "although what it waits for is there"));
    const struct finding *serial = judged_finding(&verdict, "serial-independent");
    assert_true(serial && serial->gain.factor > verdict.findings[0].gain.factor);
    judged_deinit(&s, &verdict);
}

/* Nothing that happens ends its sleeps: perhaps it has to sleep so long. */
static void a_sleep_for_nothing_that_is_seen_is_no_p0(void **state)
{
    (void)state;
    struct scenario s;
    struct verdict verdict;
    scenario_init(&s, 2, 1020);
    uint64_t root = scenario_process(&s, 0, "sleeper", 0, 1020);
    for (uint64_t ms = 0; ms < 1000; ms += 100)
        scenario_wait(&s, root, ms + 1, ms + 100, WAIT_SLEEP, 0);
    judge(&s, &verdict);
    const struct finding *sleep = judged_finding(&verdict, "sleep-poll");
    assert_non_null(sleep);
    assert_string_equal(sleep->change, "remove:wait/sleep");
    assert_true(sleep->gain.factor > 10);
    assert_int_equal(sleep->priority, PRIORITY_P1);
    judged_deinit(&s, &verdict);
}

/* Four threads are woken at once behind others' load, one of them works: for a moment four are runnable on two
 * cores, but it is not the run that holds them. */
static void threads_that_wake_together_do_not_crowd_the_cores(void **state)
{
    (void)state;
    struct scenario s;
    struct verdict verdict;
    scenario_init(&s, 2, 402);
    uint64_t root = scenario_process(&s, 0, "rounds", 0, 402);
    uint64_t threads[4];
    for (uint64_t i = 0; i < 4; i++)
        threads[i] = scenario_thread(&s, root, "worker", 0, 401);
    for (uint64_t round = 0; round < 400; round += 40) {
        for (uint64_t i = 0; i < 4; i++)
            scenario_queue(&s, threads[i], round, round + 5);
        for (uint64_t i = 0; i < 3; i++)
            scenario_wait(&s, threads[i], round + 6, round + 40, WAIT_LOCK, 0);
        for (uint64_t at = 10; at < 40; at += 10)
            scenario_queue(&s, threads[3], round + at, round + at + 5);
    }
    uint64_t joined = scenario_peer(&s, PEER_PROCESS, "thread", "1005");
    scenario_wait(&s, root, 1, 401, WAIT_CHILD, joined);
    judge(&s, &verdict);
    assert_string_equal(verdict.findings[0].cause, "cpu-single-thread");
    const struct finding *queue = judged_finding(&verdict, "cpu-contention");
    assert_true(queue && strstr(queue->title, "other programs"));
    judged_deinit(&s, &verdict);
}

/* Where waits were looked at every 20 ms, each look's queueing lies behind its running, on all threads alike. */
static void threads_looked_at_together_crowd_the_cores(void **state)
{
    (void)state;
    struct scenario s;
    struct verdict verdict;
    scenario_init(&s, 2, 400);
    assert_int_equal(sink_meta(&s.data.sink, META_WAIT_BOUNDARY_ERROR, "10000000", NULL), 0);
    uint64_t root = scenario_process(&s, 0, "crowd", 0, 400);
    uint64_t threads[6] = {root};
    for (uint64_t i = 1; i < 6; i++)
        threads[i] = scenario_thread(&s, root, "crowd", 0, 400);
    for (uint64_t at = 0; at < 400; at += 21)
        for (uint64_t i = 0; i < 6; i++)
            scenario_queue(&s, threads[i], at + 7, at + 21 < 400 ? at + 21 : 400);
    judge(&s, &verdict);
    assert_string_equal(verdict.findings[0].cause, "cpu-contention");
    assert_non_null(strstr(verdict.findings[0].title, "held by crowd"));
    judged_deinit(&s, &verdict);
}

static void syncs_are_found_in_rows_of_equal_waits(void **state)
{
    (void)state;
    struct scenario s;
    struct verdict verdict;
    scenario_init(&s, 2, 100);
    uint64_t root = scenario_process(&s, 0, "writer", 0, 100);
    for (uint64_t i = 0; i < 9; i++) {
        struct row_wait row = {.track = root,
                               .start_ns = (1005 + i * 10) * 1000000,
                               .end_ns = (1015 + i * 10) * 1000000,
                               .count = 80,
                               .blocked_ns = 8000000,
                               .reason = WAIT_DISK_SYNC};
        assert_int_equal(sink_append(&s.data.sink, wait, &row, NULL), 0);
    }
    judge(&s, &verdict);
    assert_string_equal(verdict.findings[0].cause, "disk-sync");
    assert_string_equal(verdict.findings[0].change, "remove:wait/disk_sync");
    assert_true(verdict.findings[0].gain.factor > 3.3 && verdict.findings[0].gain.factor < 3.8);
    judged_deinit(&s, &verdict);
}

static void a_run_that_only_runs_has_no_waits_to_blame(void **state)
{
    (void)state;
    struct scenario s;
    struct verdict verdict;
    scenario_init(&s, 2, 50);
    scenario_process(&s, 0, "true", 0, 50);
    judge(&s, &verdict);
    for (size_t i = 0; i < verdict.finding_count; i++)
        assert_string_equal(verdict.findings[i].cause, "cpu-hot");
    assert_int_equal(verdict.path_count, 1);
    assert_true(verdict.baseline_drift_ratio < 0.001);
    judged_deinit(&s, &verdict);
}

static void a_recording_without_a_run_is_refused(void **state)
{
    (void)state;
    struct dataset dataset;
    struct verdict verdict;
    struct err err;
    dataset_init(&dataset);
    assert_int_equal(analyze_verdict(&dataset.view, &verdict, &err), -ERR_INPUT);
    dataset_deinit(&dataset);
}

static void assert_same_flames(const struct flame *a, const struct flame *b)
{
    assert_int_equal(a->node_count, b->node_count);
    assert_true(a->node_count > 2);
    for (size_t i = 0; i < a->node_count; i++) {
        assert_string_equal(a->nodes[i].name, b->nodes[i].name);
        assert_int_equal(a->nodes[i].total_ns, b->nodes[i].total_ns);
        assert_int_equal(a->nodes[i].parent, b->nodes[i].parent);
        assert_int_equal(a->nodes[i].line, b->nodes[i].line);
        assert_int_equal(a->nodes[i].kind, b->nodes[i].kind);
    }
}

static void a_flame_graph_alone_is_that_of_the_verdict(void **state)
{
    (void)state;
    struct scenario s;
    struct verdict verdict, flame;
    struct err err;
    scenario_init(&s, 2, 400);
    uint64_t root = scenario_process(&s, 0, "shell", 0, 400);
    uint64_t child = scenario_process(&s, root, "parser", 20, 380);
    scenario_samples(&s, child, "parse_row", 20, 160);
    scenario_samples(&s, child, "print_row", 260, 380);
    scenario_wait(&s, child, 160, 260, WAIT_NETWORK, scenario_peer(&s, PEER_SOCKET, "", "127.0.0.1:8080"));
    judge(&s, &verdict);
    assert_int_equal(analyze_flame(&s.data.view, STACKS_CPU, &flame, &err), 0);
    assert_same_flames(&flame.flame, &verdict.flame);
    assert_int_equal(flame.flame_waits.node_count, 0);
    assert_int_equal(flame.run.wall_ns, verdict.run.wall_ns);
    verdict_deinit(&flame);
    assert_int_equal(analyze_flame(&s.data.view, STACKS_OFF_CPU, &flame, &err), 0);
    assert_same_flames(&flame.flame_waits, &verdict.flame_waits);
    verdict_deinit(&flame);
    judged_deinit(&s, &verdict);
}

/* A load generator: the main thread sleeps for as long as the others are to work. */
static void a_sleep_while_others_work_on_is_a_duration(void **state)
{
    (void)state;
    struct scenario s;
    struct verdict verdict;
    scenario_init(&s, 2, 1000);
    uint64_t root = scenario_process(&s, 0, "load", 0, 1000);
    uint64_t far = scenario_peer(&s, PEER_SOCKET, "socket", "10.0.0.1:80");
    uint64_t worker = scenario_thread(&s, root, "load", 5, 990);
    scenario_wait(&s, root, 10, 980, WAIT_SLEEP, 0);
    for (uint64_t ms = 10; ms < 980; ms += 10)
        scenario_wait(&s, worker, ms, ms + 7, WAIT_NETWORK, far);
    judge(&s, &verdict);
    assert_null(judged_finding(&verdict, "sleep-poll"));
    judged_deinit(&s, &verdict);
    /* Beside a thread that does nothing it is a sleep. */
    scenario_init(&s, 2, 1000);
    root = scenario_process(&s, 0, "idler", 0, 1000);
    far = scenario_peer(&s, PEER_SOCKET, "socket", "10.0.0.1:80");
    worker = scenario_thread(&s, root, "idler", 5, 990);
    scenario_wait(&s, root, 10, 980, WAIT_SLEEP, 0);
    scenario_wait(&s, worker, 6, 985, WAIT_NETWORK, far);
    judge(&s, &verdict);
    assert_non_null(judged_finding(&verdict, "sleep-poll"));
    judged_deinit(&s, &verdict);
}

/* The main thread sleeps once, or between its items; beside it another works. */
static bool is_sleep_told(const char *other, uint64_t sleep_ms)
{
    struct scenario s;
    struct verdict verdict;
    scenario_init(&s, 2, 1000);
    uint64_t root = scenario_process(&s, 0, "sleeper", 0, 1000);
    uint64_t far = scenario_peer(&s, PEER_SOCKET, "socket", "10.0.0.1:80");
    uint64_t worker = scenario_thread(&s, root, other, 5, 1000);
    for (uint64_t ms = 10; ms + sleep_ms <= 980; ms += sleep_ms)
        scenario_wait(&s, root, ms + 1, ms + sleep_ms, WAIT_SLEEP, 0);
    for (uint64_t ms = 10; ms < 980; ms += 10)
        scenario_wait(&s, worker, ms, ms + 7, WAIT_NETWORK, far);
    judge(&s, &verdict);
    bool is_told = judged_finding(&verdict, "sleep-poll") != NULL;
    judged_deinit(&s, &verdict);
    return is_told;
}

static void sleeps_between_items_and_beside_a_runtimes_threads_are_told(void **state)
{
    (void)state;
    assert_false(is_sleep_told("sleeper", 960));
    assert_true(is_sleep_told("sleeper", 96));
    assert_true(is_sleep_told("C2 CompilerThre", 960));
}

/* The child's end was seen; that its maker went on 20 ms later was no wait for a child. */
static void a_child_whose_end_was_seen_is_no_unseen_child(void **state)
{
    (void)state;
    struct scenario s;
    struct verdict verdict;
    scenario_init(&s, 2, 100);
    uint64_t root = scenario_process(&s, 0, "driver", 0, 100);
    (void)scenario_process(&s, root, "compiler", 2, 70);
    scenario_child_wait(&s, root, 3, 90, 0);
    judge(&s, &verdict);
    assert_null(judged_finding(&verdict, "child-wait"));
    judged_deinit(&s, &verdict);
    scenario_init(&s, 2, 100);
    root = scenario_process(&s, 0, "driver", 0, 100);
    scenario_child_wait(&s, root, 3, 90, 0);
    judge(&s, &verdict);
    assert_non_null(judged_finding(&verdict, "child-wait"));
    judged_deinit(&s, &verdict);
}

/* A lock that looks like a condition from outside (HotSpot's monitors): no finding names it. */
static void who_sleeps_while_others_wait_at_a_condition_is_told(void **state)
{
    (void)state;
    struct scenario s;
    struct verdict verdict;
    scenario_init(&s, 2, 1000);
    uint64_t root = scenario_process(&s, 0, "java", 0, 1000);
    uint64_t monitor = scenario_peer(&s, PEER_LOCK, PEER_NAME_CONDITION, "100:0x10");
    uint64_t worker = scenario_thread(&s, root, "worker", 5, 990);
    struct scenario_wake wake = {.thread = root,
                                 .waker = worker,
                                 .start_ms = 10,
                                 .end_ms = 985,
                                 .reason = WAIT_LOCK,
                                 .peer = monitor,
                                 .source = WAKER_EXACT};
    scenario_woken(&s, &wake);
    for (uint64_t ms = 10; ms < 980; ms += 10)
        scenario_wait(&s, worker, ms, ms + 9, WAIT_SLEEP, 0);
    judge(&s, &verdict);
    assert_non_null(judged_finding(&verdict, "sleep-poll"));
    judged_deinit(&s, &verdict);
}

int verdict_test(void);
int verdict_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_whose_end_was_seen_is_no_unseen_child),
        cmocka_unit_test(a_sleep_while_others_work_on_is_a_duration),
        cmocka_unit_test(who_sleeps_while_others_wait_at_a_condition_is_told),
        cmocka_unit_test(sleeps_between_items_and_beside_a_runtimes_threads_are_told),
        cmocka_unit_test(a_flame_graph_alone_is_that_of_the_verdict),
        cmocka_unit_test(downloads_one_after_another_are_the_finding_and_the_database_is_cleared),
        cmocka_unit_test(a_hot_function_gets_no_promise_only_its_most),
        cmocka_unit_test(the_loop_of_an_interpreter_is_the_code_that_it_runs),
        cmocka_unit_test(compiled_code_of_java_is_java),
        cmocka_unit_test(stripped_code_beside_a_java_machine_is_not_java),
        cmocka_unit_test(a_convoy_is_the_lock_and_not_the_sleep_inside),
        cmocka_unit_test(polling_comes_before_polling_side_by_side),
        cmocka_unit_test(a_sleep_for_nothing_that_is_seen_is_no_p0),
        cmocka_unit_test(threads_that_wake_together_do_not_crowd_the_cores),
        cmocka_unit_test(threads_looked_at_together_crowd_the_cores),
        cmocka_unit_test(syncs_are_found_in_rows_of_equal_waits),
        cmocka_unit_test(a_run_that_only_runs_has_no_waits_to_blame),
        cmocka_unit_test(a_recording_without_a_run_is_refused),
    };
    return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
