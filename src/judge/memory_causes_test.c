/* SPDX-License-Identifier: Apache-2.0 */
/* memory_causes_test: what is said of allocations, of collectors and of memory that is never freed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "judge/judged.h"
#include "model/meta.h"

int memory_causes_test(void);

#define MEGABYTE 1000000u

static uint64_t text(struct scenario *s, const char *words)
{
    uint64_t id;
    assert_int_equal(sink_intern(&s->data.sink, words, &id, NULL), 0);
    return id;
}

/* Called by `parent`, in that module. */
static uint64_t called(struct scenario *s, uint64_t parent, const char *function, const char *module)
{
    uint64_t id = ++s->next_frame;
    struct row_frame frame = {.id = id, .function = text(s, function), .module = text(s, module)};
    struct row_stack stack = {.id = id, .parent = parent, .frame = id};
    assert_int_equal(sink_append(&s->data.sink, frame, &frame, NULL), 0);
    assert_int_equal(sink_append(&s->data.sink, stack, &stack, NULL), 0);
    return id;
}

static uint64_t start_ns(const struct scenario *s)
{
    uint64_t value = strtoull(view_meta(&s->data.view, META_START), NULL, 10);
    return value;
}

static uint64_t process_of(uint64_t thread)
{
    return thread - 1; /* scenario_process makes the process's track, then its thread's */
}

static void heap_row(struct scenario *s, uint64_t thread, const struct row_heap *like)
{
    struct row_heap row = *like;
    row.track = process_of(thread);
    row.kind = ALLOCATION_MALLOC;
    row.start_ns = start_ns(s);
    row.end_ns = row.start_ns + NS_PER_S;
    assert_int_equal(sink_append(&s->data.sink, heap, &row, NULL), 0);
}

static void grows(struct scenario *s, uint64_t thread, uint64_t stack, uint64_t until_ms, uint64_t bytes)
{
    for (uint64_t ms = 50; ms <= until_ms; ms += 50) {
        struct row_sample row = {.time_ns = start_ns(s) + ms * NS_PER_MS,
                                 .track = process_of(thread),
                                 .stack = stack,
                                 .weight = bytes,
                                 .kind = SAMPLE_ALLOC};
        assert_int_equal(sink_append(&s->data.sink, sample, &row, NULL), 0);
    }
}

static void facts(struct scenario *s, const char *peak_bytes)
{
    assert_int_equal(sink_meta(&s->data.sink, META_RECORDER_HEAP, "exact", NULL), 0);
    assert_int_equal(sink_meta(&s->data.sink, META_HEAP_PEAK_BYTES, peak_bytes, NULL), 0);
}

static void time_in_the_allocator_is_its_callers(void **state)
{
    struct scenario s;
    struct verdict verdict;

    (void)state;
    scenario_init(&s, 2, 1000);
    uint64_t root = scenario_process(&s, 0, "parser", 0, 1000);
    uint64_t own = called(&s, called(&s, 0, "main", "/bin/parser"), "cut_fields", "/bin/parser");
    uint64_t inside =
        called(&s, called(&s, own, "malloc", "/lib/libc.so.6"), "_int_malloc", "/lib/libc.so.6");
    scenario_stack_samples(&s, root, own, 0, 400);
    scenario_stack_samples(&s, root, inside, 400, 1000);
    facts(&s, "1000");
    struct row_heap churn = {
        .stack = own, .count = 9000, .bytes = 90000, .freed_count = 9000, .temporary_count = 4500};
    heap_row(&s, root, &churn);
    judge(&s, &verdict);
    const struct finding *first = &verdict.findings[0];
    assert_string_equal(first->cause, "allocation-churn");
    assert_string_equal(first->where.function, "cut_fields");
    assert_string_equal(first->change, "speed:function/cut_fields=2.5");
    assert_true(first->gain.factor > 2.4 && first->gain.factor < 2.6);
    assert_true(judged_has_evidence(first, "9000 allocations"));
    assert_true(judged_has_evidence(first, "50 % were only temporary"));
    judged_deinit(&s, &verdict);
}

static void what_is_never_freed_and_grows_is_a_leak(void **state)
{
    struct scenario s;
    struct verdict verdict;

    (void)state;
    scenario_init(&s, 2, 1000);
    uint64_t root = scenario_process(&s, 0, "server", 0, 1000);
    uint64_t answer = called(&s, called(&s, 0, "main", "/bin/server"), "answer", "/bin/server");
    uint64_t table = called(&s, 0, "build_table", "/bin/server");
    facts(&s, "25000000");
    grows(&s, root, answer, 1000, MEGABYTE);
    grows(&s, root, table, 50, 5 * MEGABYTE);
    struct row_heap leaks = {
        .stack = answer, .count = 20, .bytes = 20 * MEGABYTE, .left_bytes = 20 * MEGABYTE};
    struct row_heap stays = {.stack = table, .count = 1, .bytes = 5 * MEGABYTE, .left_bytes = 5 * MEGABYTE};
    heap_row(&s, root, &leaks);
    heap_row(&s, root, &stays);
    judge(&s, &verdict);
    const struct finding *leak = judged_finding(&verdict, "memory-leak");
    assert_non_null(leak);
    assert_string_equal(leak->where.function, "answer");
    assert_null(leak->change);
    assert_non_null(strstr(leak->title, "20 MB more every second"));
    assert_true(judged_has_evidence(leak, "20 MB of its 20 MB were left"));
    assert_true(judged_has_evidence(leak, "allocated by answer < main"));
    size_t leak_count = 0;
    for (size_t i = 0; i < verdict.finding_count; i++)
        leak_count += strcmp(verdict.findings[i].cause, "memory-leak") == 0;
    assert_int_equal(leak_count, 1);
    judged_deinit(&s, &verdict);
}

static void what_is_freed_is_no_leak(void **state)
{
    struct scenario s;
    struct verdict verdict;

    (void)state;
    scenario_init(&s, 2, 1000);
    uint64_t root = scenario_process(&s, 0, "server", 0, 1000);
    uint64_t answer = called(&s, 0, "answer", "/bin/server");
    facts(&s, "20000000");
    grows(&s, root, answer, 1000, MEGABYTE);
    struct row_heap row = {.stack = answer,
                           .count = 20,
                           .bytes = 20 * MEGABYTE,
                           .freed_bytes = 15 * MEGABYTE,
                           .left_bytes = 5 * MEGABYTE};
    heap_row(&s, root, &row);
    judge(&s, &verdict);
    assert_null(judged_finding(&verdict, "memory-leak"));
    judged_deinit(&s, &verdict);
}

static void time_under_a_collector_is_gc(void **state)
{
    struct scenario s;
    struct verdict verdict;

    (void)state;
    scenario_init(&s, 2, 1000);
    uint64_t root = scenario_process(&s, 0, "node", 0, 1000);
    uint64_t own = called(&s, 0, "main", "/bin/node");
    uint64_t inside = called(&s, called(&s, own, "v8::internal::Heap::CollectGarbage(int)", "/bin/node"),
                             "memmove", "/lib/libc.so.6");
    scenario_stack_samples(&s, root, own, 0, 500);
    scenario_stack_samples(&s, root, inside, 500, 1000);
    judge(&s, &verdict);
    const struct finding *gc = judged_finding(&verdict, "gc");
    assert_non_null(gc);
    assert_string_equal(gc->change, "speed:process/node=2");
    assert_true(gc->gain.factor > 1.9 && gc->gain.factor < 2.1);
    assert_non_null(strstr(gc->fix, "max-semi-space-size"));
    for (size_t i = 0; i < verdict.finding_count; i++) /* what the collector's functions do is told once */
        assert_true(&verdict.findings[i] == gc || !verdict.findings[i].where.function ||
                    strcmp(verdict.findings[i].where.function, "main") == 0);
    judged_deinit(&s, &verdict);
}

/* Turns of 1 ms, one in ten of them with a sample: three in ten of those are inside. */
static void a_collector_in_turns_that_samples_seldom_hit_is_gc(void **state)
{
    struct scenario s;
    struct verdict verdict;

    (void)state;
    scenario_init(&s, 2, 1000);
    uint64_t root = scenario_process(&s, 0, "node", 0, 1000);
    uint64_t own = called(&s, 0, "main", "/bin/node");
    uint64_t inside = called(&s, own, "v8::internal::ScavengerCollector::CollectGarbage()", "/bin/node");
    uint64_t far = scenario_peer(&s, PEER_SOCKET, "socket", "10.0.0.1:80");
    for (uint64_t ms = 0; ms < 1000; ms += 2)
        scenario_wait(&s, root, ms + 1, ms + 2, WAIT_NETWORK, far);
    for (uint64_t ms = 0; ms < 1000; ms += 20) {
        struct row_sample row = {.time_ns = start_ns(&s) + ms * NS_PER_MS + NS_PER_MS / 2,
                                 .track = root,
                                 .stack = ms / 20 % 10 < 3 ? inside : own,
                                 .weight = 10 * NS_PER_MS,
                                 .kind = SAMPLE_CPU};
        assert_int_equal(sink_append(&s.data.sink, sample, &row, NULL), 0);
    }
    judge(&s, &verdict);
    const struct finding *gc = judged_finding(&verdict, "gc");
    assert_non_null(gc);
    assert_true(gc->critical_ratio > 0.14 && gc->critical_ratio < 0.16);
    judged_deinit(&s, &verdict);
}

static void pause(struct scenario *s, uint64_t track, const char *name, uint64_t start_ms, uint64_t end_ms)
{
    struct row_span row = {.id = ++s->next_span,
                           .track = track,
                           .name = text(s, name),
                           .category = SPAN_GC,
                           .start_ns = start_ns(s) + start_ms * NS_PER_MS,
                           .end_ns = start_ns(s) + end_ms * NS_PER_MS};
    assert_int_equal(sink_append(&s->data.sink, span, &row, NULL), 0);
}

static bool has_evidence(const struct finding *finding, const char *words)
{
    for (size_t i = 0; i < finding->evidence_count; i++)
        if (strstr(finding->evidence[i], words))
            return true;
    return false;
}

/* One pause lies in another: the time counts once. They are no stages either: the program stays one. */
static void pauses_that_the_runtime_told_are_gc(void **state)
{
    struct scenario s;
    struct verdict verdict;

    (void)state;
    scenario_init(&s, 2, 1000);
    uint64_t root = scenario_process(&s, 0, "python3", 0, 1000);
    scenario_samples(&s, root, "main", 0, 1000);
    for (uint64_t i = 0; i < 10; i++)
        pause(&s, root, "gc: generation 0", 500 + 40 * i, 540 + 40 * i);
    pause(&s, root, "gc: generation 0", 510, 520);
    judge(&s, &verdict);
    const struct finding *gc = judged_finding(&verdict, "gc");
    assert_non_null(gc);
    assert_string_equal(gc->change, "speed:process/python3=1.667");
    assert_true(gc->gain.factor > 1.6 && gc->gain.factor < 1.7);
    assert_true(gc->critical_ratio > 0.39 && gc->critical_ratio < 0.41);
    assert_non_null(strstr(gc->fix, "gc.set_threshold"));
    assert_true(has_evidence(gc, "11 of them"));
    assert_true(has_evidence(gc, "told by the runtime itself"));
    assert_false(s.run.has_spans);
    judged_deinit(&s, &verdict);
}

/* Probes were placed late: before the first pause that they saw, samples tell of others. */
static void pauses_before_the_first_that_was_seen_are_told_by_samples(void **state)
{
    struct scenario s;
    struct verdict verdict;

    (void)state;
    scenario_init(&s, 2, 1000);
    uint64_t root = scenario_process(&s, 0, "node", 0, 1000);
    uint64_t own = called(&s, 0, "main", "/bin/node");
    uint64_t inside = called(&s, own, "v8::internal::Heap::CollectGarbage(int)", "/bin/node");
    scenario_stack_samples(&s, root, inside, 0, 300);
    scenario_stack_samples(&s, root, own, 300, 800);
    scenario_stack_samples(&s, root, inside, 800, 1000);
    pause(&s, root, "gc: scavenge", 800, 900);
    pause(&s, root, "gc: scavenge", 900, 1000);
    struct row_attr owner = {.owner_table = TABLE_TRACK, .owner = root - 1};
    assert_int_equal(sink_attr(&s.data.sink, &owner, ATTR_GC_SOURCE, "functions", NULL), 0);
    judge(&s, &verdict);
    const struct finding *gc = judged_finding(&verdict, "gc");
    assert_non_null(gc);
    assert_true(gc->critical_ratio > 0.49 && gc->critical_ratio < 0.51);
    assert_string_equal(gc->change, "speed:process/node=2");
    assert_true(has_evidence(gc, "before the first that was seen 300 ms more by CPU samples"));
    judged_deinit(&s, &verdict);
}

/* The main thread waits for the thread that collects, whose time is in the pause of the process. */
static void a_pause_of_the_process_counts_whichever_thread_works_in_it(void **state)
{
    struct scenario s;
    struct verdict verdict;

    (void)state;
    scenario_init(&s, 2, 1000);
    uint64_t root = scenario_process(&s, 0, "java", 0, 1000);
    uint64_t collector = scenario_thread(&s, root, "VM Thread", 0, 1000);
    uint64_t lock = scenario_peer(&s, PEER_LOCK, "condition", "100:0x10");
    scenario_woken(&s, &(struct scenario_wake){.thread = root,
                                               .waker = collector,
                                               .start_ms = 200,
                                               .end_ms = 700,
                                               .reason = WAIT_LOCK,
                                               .peer = lock,
                                               .source = WAKER_EXACT});
    scenario_wait(&s, collector, 0, 200, WAIT_LOCK, lock);
    scenario_wait(&s, collector, 700, 1000, WAIT_LOCK, lock);
    pause(&s, process_of(root), "gc: young", 200, 700);
    judge(&s, &verdict);
    const struct finding *gc = judged_finding(&verdict, "gc");
    assert_non_null(gc);
    assert_string_equal(gc->where.process, "java");
    assert_true(gc->critical_ratio > 0.49 && gc->critical_ratio < 0.51);
    assert_true(gc->gain.factor > 1.9 && gc->gain.factor < 2.1);
    judged_deinit(&s, &verdict);
}

/* By the name of the pause that took most. */
static void the_advice_is_for_the_runtime_that_paused(void **state)
{
    static const char *const known[][2] = {{"gc: sweep termination", "GOGC"},
                                           {"gc: mark termination", "GOGC"},
                                           {"gc: mark start", "-Xmx"},
                                           {"gc: mark end", "-Xmx"},
                                           {"gc: young", "-Xmx"},
                                           {"gc: mark-compact", "--max-old-space-size"},
                                           {"gc: minor mark-compact", "--max-semi-space-size"},
                                           {"gc: minor mark-sweep", "--max-semi-space-size"},
                                           {"gc: scavenge", "--max-semi-space-size"},
                                           {"gc: generation 2", "gc.set_threshold"}};
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        struct scenario s;
        struct verdict verdict;
        scenario_init(&s, 2, 1000);
        uint64_t root = scenario_process(&s, 0, "app", 0, 1000);
        scenario_samples(&s, root, "main", 0, 1000);
        pause(&s, root, known[i][0], 200, 700);
        judge(&s, &verdict);
        const struct finding *gc = judged_finding(&verdict, "gc");
        assert_non_null(gc);
        if (!strstr(gc->fix, known[i][1]))
            fail_msg("of '%s' it says '%s'", known[i][0], gc->fix);
        judged_deinit(&s, &verdict);
    }
}

/* Nobody is seen to work in the pauses: no gain can be replayed, and they are told all the same. */
static void pauses_without_work_are_told_without_a_gain(void **state)
{
    struct scenario s;
    struct verdict verdict;

    (void)state;
    scenario_init(&s, 2, 1000);
    uint64_t root = scenario_process(&s, 0, "java", 0, 1000);
    scenario_wait(&s, root, 200, 700, WAIT_UNKNOWN, 0);
    pause(&s, process_of(root), "gc: young", 200, 700);
    judge(&s, &verdict);
    const struct finding *gc = judged_finding(&verdict, "gc");
    assert_non_null(gc);
    assert_int_equal(gc->priority, PRIORITY_P3);
    assert_non_null(strstr(gc->fix, "what it brings is not known"));
    judged_deinit(&s, &verdict);
}

/* Where pauses are told, samples (of marking beside the program, say) are not asked. */
static void short_pauses_clear_the_collector(void **state)
{
    struct scenario s;
    struct verdict verdict;

    (void)state;
    scenario_init(&s, 2, 1000);
    uint64_t root = scenario_process(&s, 0, "node", 0, 1000);
    uint64_t own = called(&s, 0, "main", "/bin/node");
    uint64_t inside = called(&s, own, "v8::internal::Heap::CollectGarbage(int)", "/bin/node");
    scenario_stack_samples(&s, root, own, 0, 500);
    scenario_stack_samples(&s, root, inside, 500, 1000);
    pause(&s, root, "gc: scavenge", 500, 510);
    judge(&s, &verdict);
    assert_null(judged_finding(&verdict, "gc"));
    judged_deinit(&s, &verdict);
}

/* No wait was seen to be for that, but samples are in the search; the pages it waits for are more than it ever held. The samples lie where
 * a row of many waits says that it waited. */
static void memory_that_samples_saw_freed_is_the_finding(void **state)
{
    struct scenario s;
    struct verdict verdict;

    (void)state;
    scenario_init(&s, 2, 1000);
    uint64_t root = scenario_process(&s, 0, "cache", 0, 1000);
    uint64_t own = called(&s, 0, "fill", "/bin/cache");
    uint64_t inside = called(&s, called(&s, own, "handle_mm_fault", "[kernel]"), "shrink_node", "[kernel]");
    for (uint64_t ms = 0; ms < 1000; ms += 10) {
        scenario_wait(&s, root, ms + 3, ms + 9, WAIT_PAGE_FAULT, 0);
        scenario_stack_samples(&s, root, own, ms, ms + 2);
        scenario_stack_samples(&s, root, inside, ms + 5, ms + 6);
    }
    scenario_attr(&s, root, ATTR_RSS_BYTES_MAX, 100 * 4096);
    scenario_attr(&s, root, ATTR_FAULT_MAJOR_COUNT, 1000);
    scenario_attr(&s, root, ATTR_CPU_USER_NS, 200 * NS_PER_MS);
    scenario_attr(&s, root, ATTR_CPU_SYSTEM_NS, 200 * NS_PER_MS);
    judge(&s, &verdict);
    assert_true(verdict.finding_count > 0);
    assert_string_equal(verdict.findings[0].cause, "memory-reclaim");
    assert_true(verdict.findings[0].gain.factor > 4);
    judged_deinit(&s, &verdict);
}

int memory_causes_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_in_the_allocator_is_its_callers),
        cmocka_unit_test(what_is_never_freed_and_grows_is_a_leak),
        cmocka_unit_test(what_is_freed_is_no_leak),
        cmocka_unit_test(memory_that_samples_saw_freed_is_the_finding),
        cmocka_unit_test(time_under_a_collector_is_gc),
        cmocka_unit_test(a_collector_in_turns_that_samples_seldom_hit_is_gc),
        cmocka_unit_test(the_advice_is_for_the_runtime_that_paused),
        cmocka_unit_test(pauses_that_the_runtime_told_are_gc),
        cmocka_unit_test(pauses_before_the_first_that_was_seen_are_told_by_samples),
        cmocka_unit_test(a_pause_of_the_process_counts_whichever_thread_works_in_it),
        cmocka_unit_test(pauses_without_work_are_told_without_a_gain),
        cmocka_unit_test(short_pauses_clear_the_collector),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
