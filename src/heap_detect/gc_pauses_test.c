/* SPDX-License-Identifier: Apache-2.0 */
#include "heap_detect/gc_pauses.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/scenario.h"
#include "base/clock.h"
#include "model/meta.h"

static void pause(struct scenario *s, uint64_t track, const char *name, uint64_t start_ms, uint64_t end_ms)
{
    struct row_span row = {.id = ++s->next_span,
                           .track = track,
                           .category = SPAN_GC,
                           .start_ns = NS_PER_S + start_ms * NS_PER_MS, /* scenarios begin at a second */
                           .end_ns = NS_PER_S + end_ms * NS_PER_MS};
    assert_int_equal(sink_intern(&s->data.sink, name, &row.name, NULL), 0);
    assert_int_equal(sink_append(&s->data.sink, span, &row, NULL), 0);
}

/* Of eight kinds the last three are one, which is none of theirs. */
static void kinds_beyond_the_table_are_others(void **state)
{
    struct scenario s;
    struct gc_times times = {0};
    struct err err = {0};
    uint64_t other_ns = 0, other_count = 0;
    (void)state;

    scenario_init(&s, 2, 1000);
    uint64_t root = scenario_process(&s, 0, "java", 0, 1000);
    for (uint64_t i = 0; i < 8; i++) {
        char name[32];
        snprintf(name, sizeof name, "gc: kind %llu", (unsigned long long)i);
        pause(&s, root, name, 100 * i, 100 * i + 10);
        pause(&s, root, name, 100 * i + 20, 100 * i + 30);
    }
    scenario_walk(&s);
    assert_int_equal(gc_times_of(&s.run, &s.path, &times, &err), 0);
    assert_int_equal(times.items.count, 1);
    const struct gc_time *time = &times.items.items[0];
    assert_int_equal(time->count, 16);
    assert_int_equal(time->kind_count, GC_KIND_MAX);
    for (size_t i = 0; i < time->kind_count; i++) {
        bool is_other = strcmp(time->kinds[i].name, GC_KIND_OTHER) == 0;
        other_count += is_other;
        other_ns += is_other ? time->kinds[i].ns : 0;
        assert_true(is_other || time->kinds[i].count == 2);
    }
    assert_int_equal(other_count, 1);
    assert_int_equal(other_ns, 60 * NS_PER_MS);
    gc_times_free(&times);
    scenario_deinit(&s);
}

/* A short JVM, between two looks: it is told of, and what samples say of it is asked all the same. */
static void a_program_of_which_no_pause_was_seen_is_told(void **state)
{
    struct scenario s;
    struct arena arena = {0};
    struct gc_times times = {0};
    const struct gc_entry *entries = NULL;
    size_t count = 0;
    struct err err = {0};
    (void)state;

    scenario_init(&s, 2, 1000);
    uint64_t root = scenario_process(&s, 0, "java", 0, 1000);
    scenario_attr(&s, root, ATTR_GC_MISSED_COUNT, 7);
    scenario_attr(&s, root, ATTR_GC_MISSED_NS, 50 * NS_PER_MS);
    scenario_walk(&s);
    assert_int_equal(gc_entries_of(&s.run, &s.path, &arena, &entries, &count, &err), 0);
    assert_int_equal(count, 1);
    assert_string_equal(entries[0].process, "java");
    assert_int_equal(entries[0].count, 0);
    assert_int_equal(entries[0].missed_count, 7);
    assert_int_equal(entries[0].missed_ns, 50 * NS_PER_MS);
    assert_int_equal(gc_times_of(&s.run, &s.path, &times, &err), 0);
    assert_null(gc_time_find(&times, "java"));
    gc_times_free(&times);
    arena_free(&arena);
    scenario_deinit(&s);
}

int gc_pauses_test(void);
int gc_pauses_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_beyond_the_table_are_others),
        cmocka_unit_test(a_program_of_which_no_pause_was_seen_is_told),
    };
    return cmocka_run_group_tests_name("gc_pauses", tests, NULL, NULL);
}
