/* SPDX-License-Identifier: Apache-2.0 */
/* Logs of garbage collection: those that node, java and go wrote (tests/data/ingest), and lines beside the mark. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "ingest/imported.h"
#include "model/meta.h"

#define CELL(imported, NAME, name, field, row)                                                               \
    ((imported)->data.columns[TABLE_##NAME][COLUMN(name, field)].items[(row)])
#define ROWS(imported, NAME) ((imported)->data.columns[TABLE_##NAME][0].count)
#define TEXT(imported, id)   view_text(&(imported)->data.view, (id))

struct pauses {
    uint64_t count, ns, longest_ns;
};

/* Those of that name; NULL: all. */
static struct pauses pauses_of(const struct imported *imported, const char *name)
{
    struct pauses pauses = {0};
    for (size_t i = 0; i < ROWS(imported, SPAN); i++) {
        uint64_t ns = CELL(imported, SPAN, span, end_ns, i) - CELL(imported, SPAN, span, start_ns, i);
        if (CELL(imported, SPAN, span, category, i) != SPAN_GC ||
            (name && strcmp(TEXT(imported, CELL(imported, SPAN, span, name, i)), name) != 0))
            continue;
        pauses.count++;
        pauses.ns += ns;
        pauses.longest_ns = ns > pauses.longest_ns ? ns : pauses.longest_ns;
    }
    return pauses;
}

/* How many spans have an attribute with that value. */
static uint64_t attributes_of(const struct imported *imported, const char *key, const char *value)
{
    uint64_t count = 0;
    for (size_t i = 0; i < ROWS(imported, ATTR); i++)
        count += CELL(imported, ATTR, attr, owner_table, i) == TABLE_SPAN &&
                 strcmp(TEXT(imported, CELL(imported, ATTR, attr, key, i)), key) == 0 &&
                 strcmp(TEXT(imported, CELL(imported, ATTR, attr, value, i)), value) == 0;
    return count;
}

static void what_node_prints_becomes_spans(void **state)
{
    struct imported imported;
    (void)state;

    imported_from_path(&imported, "ingest/node.trace-gc.txt", "trace-gc", NULL);
    assert_int_equal(imported.status, 0);
    struct pauses all = pauses_of(&imported, NULL);
    /* grep -c ' ms: '; the sum of the times before the stroke, less what rounded ends lie over one another */
    assert_int_equal(all.count, 74);
    assert_true(all.ns > 1320000000 && all.ns < 1357000000);
    assert_int_equal(
        pauses_of(&imported, "gc: scavenge").count + pauses_of(&imported, "gc: mark-compact").count, 74);
    assert_int_equal(attributes_of(&imported, ATTR_GC_CAUSE, "allocation failure"),
                     pauses_of(&imported, "gc: scavenge").count);
    assert_int_equal(attributes_of(&imported, ATTR_GC_GENERATION, "full"),
                     pauses_of(&imported, "gc: mark-compact").count);
    imported_deinit(&imported);
}

static void what_java_prints_becomes_spans(void **state)
{
    struct imported imported;
    (void)state;

    imported_from_path(&imported, "ingest/java.gc.log.txt", "trace-gc", NULL);
    assert_int_equal(imported.status, 0);
    assert_int_equal(pauses_of(&imported, NULL).count, 51);
    assert_true(pauses_of(&imported, "gc: young").count > pauses_of(&imported, "gc: remark").count);
    assert_true(attributes_of(&imported, ATTR_GC_CAUSE, "G1 Evacuation Pause") == 18);
    assert_true(attributes_of(&imported, ATTR_GC_GENERATION, "concurrent") > 1);
    imported_deinit(&imported);
}

static void what_go_prints_becomes_two_pauses_a_cycle(void **state)
{
    struct imported imported;
    (void)state;

    imported_from_path(&imported, "ingest/go.gctrace.txt", "trace-gc", NULL);
    assert_int_equal(imported.status, 0);
    assert_int_equal(pauses_of(&imported, "gc: sweep termination").count, 12);
    assert_int_equal(pauses_of(&imported, "gc: mark termination").count, 12);
    imported_deinit(&imported);
}

static void each_program_and_worker_has_a_thread(void **state)
{
    static const char text[] = "hello\n"
                               "[10:0x1]       20 ms: Scavenge 3.9 (4.0) -> 3.5 (5.0) MB, 5.00 / 0.00 ms  "
                               "(average mu = 1.000) task; \n"
                               "[10:0x2]       20 ms: Scavenge 3.9 (4.0) -> 3.5 (5.0) MB, 5.00 / 0.00 ms  "
                               "(average mu = 1.000) task; \n"
                               "[11:0x1]       21 ms: Mark-Compact (reduce) 3.9 (4.0) -> 3.5 (5.0) MB, 2.00 "
                               "/ 0.00 ms (x) low memory; y\n";
    struct imported imported;
    uint64_t thread_count = 0;
    (void)state;

    imported_from_text(&imported, text, "trace-gc");
    assert_int_equal(imported.status, 0);
    for (size_t i = 0; i < ROWS(&imported, TRACK); i++)
        thread_count += CELL(&imported, TRACK, track, kind, i) == TRACK_THREAD;
    assert_int_equal(thread_count, 3);
    assert_int_equal(pauses_of(&imported, "gc: scavenge").ns, 10000000);
    assert_int_equal(pauses_of(&imported, "gc: mark-compact").ns, 2000000);
    assert_int_equal(attributes_of(&imported, ATTR_GC_CAUSE, "low memory; y"), 1);
    imported_deinit(&imported);
}

static void lines_beside_the_mark_are_other_output(void **state)
{
    static const char *const texts[] = {"",
                                        "[",
                                        "[1:0x1]",
                                        "[1:0x1] 5 ms: Scavenge",
                                        "[1:0x1] 5 ms: Scavenge 1 (1) -> 1 (1) MB, 9.0 / 0 ms x",
                                        "[1:0x1] 1e999 ms: Scavenge 1 (1) -> 1 (1) MB, 1.0 / 0 ms x",
                                        "[0.1s] GC(1) Pause Young 2ms extra",
                                        "GC(1) Pause Young 2ms",
                                        "[0.001s] GC(1) Pause Young 200ms",
                                        "gc 1 @0.1s 1%: 0.1+0.2 ms clock",
                                        "gc 1 @0.1s 1%: 0.1+0.2+0.3 ms cpu",
                                        "gc x @0.1s 1%: 0.1+0.2+0.3 ms clock"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const struct ingest_input input = {.path = "a", .bytes = texts[i], .length = strlen(texts[i])};
        assert_false(ingest_reader_find("trace-gc")->probe(&input));
    }
}

int gc_log_test(void);
int gc_log_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_node_prints_becomes_spans),
        cmocka_unit_test(what_java_prints_becomes_spans),
        cmocka_unit_test(what_go_prints_becomes_two_pauses_a_cycle),
        cmocka_unit_test(each_program_and_worker_has_a_thread),
        cmocka_unit_test(lines_beside_the_mark_are_other_output),
    };
    return cmocka_run_group_tests_name("gc_log", tests, NULL, NULL);
}
