/* SPDX-License-Identifier: Apache-2.0 */
#include "receive/trace_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "model/dataset.h"
#include "model/meta.h"

int trace_rows_test(void);

#define START_NS  (1790000000 * NS_PER_S)
#define SPANS_MAX 200u
#define ROUNDS    300u

/* One span in words: milliseconds from the start. */
struct line {
    uint64_t id, parent;
    const char *service, *name;
    uint64_t start_ms, end_ms;
    enum otlp_span_kind kind;
    const char *agent; /* NULL: no agent's own span */
    int64_t tokens;    /* of an agent, or (without one) of a call of a model; 0: neither */
};

struct told {
    struct dataset dataset;
    struct trace_counts counts;
};

static struct otlp_attribute attribute(const char *key, const char *value)
{
    return (struct otlp_attribute){{key, strlen(key)}, {.kind = OTLP_TEXT, .text = {value, strlen(value)}}};
}

static void tell_one(const struct otlp_reader *reader, const struct line *line)
{
    struct otlp_attribute service = attribute("service.name", line->service);
    struct otlp_attribute agent[3] = {attribute("gen_ai.operation.name", "invoke_agent"),
                                      attribute("gen_ai.agent.name", line->agent ? line->agent : ""),
                                      {{"gen_ai.usage.input_tokens", strlen("gen_ai.usage.input_tokens")},
                                       {.kind = OTLP_INTEGER, .integer = line->tokens}}};
    if (!line->agent)
        agent[0] = attribute("gen_ai.operation.name", "chat");
    struct otlp_span span = {.trace_id = {1},
                             .span_id = line->id,
                             .parent_id = line->parent,
                             .name = {line->name, strlen(line->name)},
                             .kind = line->kind,
                             .start_ns = START_NS + line->start_ms * NS_PER_MS,
                             .end_ns = START_NS + line->end_ms * NS_PER_MS,
                             .resource = {&service, 1},
                             .attributes = {agent, line->tokens  ? 3
                                                   : line->agent ? 2
                                                                 : 0}};
    struct err err;
    assert_int_equal(reader->span(reader->context, &span, &err), 0);
}

/* In windows of so many spans; 0: as it is. */
static void tell_in(struct told *told, const struct line *lines, size_t count, uint32_t window)
{
    struct trace_rows *rows;
    struct err err;
    dataset_init(&told->dataset);
    assert_int_equal(trace_rows_create(&told->dataset.sink, &rows, &err), 0);
    if (window)
        trace_rows_window(rows, window);
    for (size_t i = 0; i < count; i++)
        tell_one(trace_rows_reader(rows), &lines[i]);
    assert_int_equal(trace_rows_finish(rows, &told->counts, &err), 0);
    trace_rows_destroy(rows);
}

static void tell(struct told *told, const struct line *lines, size_t count)
{
    tell_in(told, lines, count, 0);
}

static size_t row_count(const struct told *told, enum table_id table)
{
    return (size_t)told->dataset.view.row_count(&told->dataset.view, table);
}

static uint64_t cell(const struct told *told, enum table_id table, size_t column, size_t row)
{
    return told->dataset.columns[table][column].items[row];
}

#define CELL(told, NAME, name, field, row) cell((told), TABLE_##NAME, COLUMN(name, field), (row))

/* The row of the span of that name, which is there once. */
static size_t span_named(const struct told *told, const char *name)
{
    size_t found = SIZE_MAX;
    for (size_t i = 0; i < row_count(told, TABLE_SPAN); i++) {
        if (strcmp(view_text(&told->dataset.view, CELL(told, SPAN, span, name, i)), name) == 0) {
            assert_int_equal(found, SIZE_MAX);
            found = i;
        }
    }
    assert_int_not_equal(found, SIZE_MAX);
    return found;
}

static uint64_t track_of(const struct told *told, const char *name)
{
    return CELL(told, SPAN, span, track, span_named(told, name));
}

/* Milliseconds that the track waits for the other, or (0) for nobody who is recorded, for the reason. */
static uint64_t waits_ms(const struct told *told, uint64_t track, uint64_t waker, enum wait_reason reason)
{
    uint64_t sum_ns = 0;
    for (size_t i = 0; i < row_count(told, TABLE_WAIT); i++)
        if (CELL(told, WAIT, wait, track, i) == track && CELL(told, WAIT, wait, waker_track, i) == waker &&
            CELL(told, WAIT, wait, reason, i) == reason)
            sum_ns += CELL(told, WAIT, wait, end_ns, i) - CELL(told, WAIT, wait, start_ns, i);
    return sum_ns / NS_PER_MS;
}

static void children_in_sequence_share_their_parents_lane(void **state)
{
    /* The child is told before its parent. */
    static const struct line lines[] = {
        {2, 1, "web", "first", 10, 40, OTLP_KIND_INTERNAL, NULL, 0},
        {1, 0, "web", "root", 0, 100, OTLP_KIND_SERVER, NULL, 0},
        {3, 1, "web", "second", 40, 90, OTLP_KIND_INTERNAL, NULL, 0},
    };
    struct told told;
    (void)state;
    tell(&told, lines, 3);
    assert_int_equal(row_count(&told, TABLE_SPAN), 3);
    assert_int_equal(track_of(&told, "first"), track_of(&told, "root"));
    assert_int_equal(track_of(&told, "second"), track_of(&told, "root"));
    assert_int_equal(CELL(&told, SPAN, span, parent, span_named(&told, "first")),
                     CELL(&told, SPAN, span, id, span_named(&told, "root")));
    assert_int_equal(row_count(&told, TABLE_WAIT), 0);
    dataset_deinit(&told.dataset);
}

static void a_parent_waits_for_children_beside_each_other(void **state)
{
    static const struct line lines[] = {
        {1, 0, "web", "root", 0, 100, OTLP_KIND_SERVER, NULL, 0},
        {2, 1, "web", "left", 10, 50, OTLP_KIND_INTERNAL, NULL, 0},
        {3, 1, "web", "right", 20, 80, OTLP_KIND_INTERNAL, NULL, 0},
    };
    struct told told;
    (void)state;
    tell(&told, lines, 3);
    assert_int_equal(track_of(&told, "left"), track_of(&told, "root"));
    assert_int_not_equal(track_of(&told, "right"), track_of(&told, "root"));
    /* From 50, where the left one has ended, to 80. */
    assert_int_equal(waits_ms(&told, track_of(&told, "root"), track_of(&told, "right"), WAIT_CHILD), 30);
    dataset_deinit(&told.dataset);
}

static void a_call_waits_for_the_other_service_and_the_network(void **state)
{
    static const struct line lines[] = {
        {1, 0, "web", "root", 0, 100, OTLP_KIND_SERVER, NULL, 0},
        {2, 1, "web", "call", 10, 90, OTLP_KIND_CLIENT, NULL, 0},
        {3, 2, "stock", "serve", 15, 80, OTLP_KIND_SERVER, NULL, 0},
    };
    struct told told;
    (void)state;
    tell(&told, lines, 3);
    uint64_t web = track_of(&told, "call"), stock = track_of(&told, "serve");
    assert_int_equal(web, track_of(&told, "root"));
    assert_int_not_equal(web, stock);
    assert_int_equal(waits_ms(&told, web, stock, WAIT_NETWORK), 65);
    assert_int_equal(waits_ms(&told, web, 0, WAIT_NETWORK), 15);
    dataset_deinit(&told.dataset);
}

static void an_agent_has_a_track_of_its_own(void **state)
{
    static const struct line lines[] = {
        {1, 0, "crew", "lead", 0, 100, OTLP_KIND_INTERNAL, "lead", 0},
        {2, 1, "crew", "work", 20, 70, OTLP_KIND_INTERNAL, "worker", 0},
    };
    struct told told;
    (void)state;
    tell(&told, lines, 2);
    uint64_t lead = track_of(&told, "lead"), worker = track_of(&told, "work");
    assert_int_not_equal(lead, worker);
    assert_int_equal(waits_ms(&told, lead, worker, WAIT_CHILD), 50);
    unsigned agents = 0;
    for (size_t i = 0; i < row_count(&told, TABLE_TRACK); i++)
        agents += CELL(&told, TRACK, track, kind, i) == TRACK_AGENT && CELL(&told, TRACK, track, end_ns, i);
    assert_int_equal(agents, 2);
    dataset_deinit(&told.dataset);
}

static void what_is_told_again_counts_once_and_orphans_are_counted(void **state)
{
    static const struct line lines[] = {
        {1, 0, "web", "root", 0, 100, OTLP_KIND_SERVER, NULL, 0},
        {1, 0, "web", "root", 0, 100, OTLP_KIND_SERVER, NULL, 0},
        {2, 9, "web", "orphan", 10, 20, OTLP_KIND_INTERNAL, NULL, 0},
    };
    struct told told;
    (void)state;
    tell(&told, lines, 3);
    assert_int_equal(told.counts.span_count, 2);
    assert_int_equal(told.counts.repeated_count, 1);
    assert_int_equal(told.counts.orphan_count, 1);
    assert_int_equal(told.counts.trace_root_count, 1);
    dataset_deinit(&told.dataset);
}

static void rings_of_parents_are_cut(void **state)
{
    static const struct line lines[] = {
        {1, 2, "web", "a", 0, 100, OTLP_KIND_INTERNAL, NULL, 0},
        {2, 3, "web", "b", 0, 100, OTLP_KIND_INTERNAL, NULL, 0},
        {3, 1, "web", "c", 0, 100, OTLP_KIND_INTERNAL, NULL, 0},
        {4, 4, "web", "self", 0, 100, OTLP_KIND_INTERNAL, NULL, 0},
    };
    struct told told;
    uint64_t parents = 0;
    (void)state;
    tell(&told, lines, 4);
    for (size_t i = 0; i < 4; i++)
        parents += CELL(&told, SPAN, span, parent, i) != 0;
    assert_int_equal(parents, 2);
    dataset_deinit(&told.dataset);
}

struct stretch {
    uint64_t track, start_ns, end_ns;
};

static int compare_stretches(const void *left, const void *right)
{
    const struct stretch *a = left, *b = right;
    if (a->track != b->track)
        return a->track < b->track ? -1 : 1;
    return a->start_ns < b->start_ns ? -1 : a->start_ns > b->start_ns;
}

/* The model's rule: waits of one track do not overlap, and nobody wakes himself. */
static void expect_waits_apart(const struct told *told)
{
    static struct stretch stretches[SPANS_MAX * 8];
    size_t count = row_count(told, TABLE_WAIT);
    assert_true(count <= SPANS_MAX * 8);
    for (size_t i = 0; i < count; i++) {
        stretches[i] = (struct stretch){CELL(told, WAIT, wait, track, i), CELL(told, WAIT, wait, start_ns, i),
                                        CELL(told, WAIT, wait, end_ns, i)};
        assert_true(stretches[i].start_ns < stretches[i].end_ns);
        assert_int_not_equal(stretches[i].track, CELL(told, WAIT, wait, waker_track, i));
    }
    qsort(stretches, count, sizeof stretches[0], compare_stretches);
    for (size_t i = 1; i < count; i++)
        assert_true(stretches[i].track != stretches[i - 1].track ||
                    stretches[i].start_ns >= stretches[i - 1].end_ns);
}

static void whatever_the_spans_waits_do_not_overlap(void **state)
{
    static const char *const services[] = {"a", "b", "c"}, *const agents[] = {NULL, NULL, NULL, "x", "y"};
    static struct line lines[SPANS_MAX];
    unsigned seed = 7;
    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        size_t count = 2 + (size_t)rand_r(&seed) % (SPANS_MAX - 2);
        for (size_t i = 0; i < count; i++) {
            uint64_t start_ms = (uint64_t)rand_r(&seed) % 50;
            lines[i] = (struct line){.id = i + 1,
                                     .parent = (uint64_t)rand_r(&seed) % (count + 2),
                                     .service = services[rand_r(&seed) % 3],
                                     .name = "n",
                                     .start_ms = start_ms,
                                     .end_ms = start_ms + (uint64_t)rand_r(&seed) % 40,
                                     .kind = (enum otlp_span_kind)(rand_r(&seed) % 6),
                                     .agent = agents[rand_r(&seed) % 5]};
        }
        struct told told;
        tell(&told, lines, count);
        assert_int_equal(row_count(&told, TABLE_SPAN), count);
        expect_waits_apart(&told);
        dataset_deinit(&told.dataset);
    }
}

/* --- windows --- */

static uint64_t parent_named(const struct told *told, const char *name)
{
    return CELL(told, SPAN, span, parent, span_named(told, name));
}

static uint64_t id_named(const struct told *told, const char *name)
{
    return CELL(told, SPAN, span, id, span_named(told, name));
}

static void what_waits_for_its_parent_goes_into_the_next_window(void **state)
{
    /* A window of four is full when the root of the first two has not come. */
    static const struct line lines[] = {
        {1, 3, "web", "a", 10, 40, OTLP_KIND_INTERNAL, NULL, 0},
        {11, 0, "web", "x", 0, 5, OTLP_KIND_INTERNAL, NULL, 0},
        {12, 0, "web", "y", 5, 9, OTLP_KIND_INTERNAL, NULL, 0},
        {2, 3, "web", "b", 20, 60, OTLP_KIND_INTERNAL, NULL, 0},
        {3, 0, "web", "root", 0, 100, OTLP_KIND_SERVER, NULL, 0},
    };
    struct told told;
    (void)state;
    tell_in(&told, lines, 5, 4);
    assert_int_equal(row_count(&told, TABLE_SPAN), 5);
    assert_int_equal(parent_named(&told, "a"), id_named(&told, "root"));
    assert_int_equal(parent_named(&told, "b"), id_named(&told, "root"));
    assert_int_equal(told.counts.orphan_count + told.counts.early_count, 0);
    /* The root waited for what ran beside another child. */
    assert_int_equal(waits_ms(&told, track_of(&told, "root"), track_of(&told, "b"), WAIT_CHILD), 20);
    dataset_deinit(&told.dataset);
}

static void a_root_behind_more_than_a_window_has_its_children(void **state)
{
    static struct line lines[100];
    struct told told;
    (void)state;
    for (uint64_t i = 0; i < 99; i++)
        lines[i] = (struct line){
            i + 2, 1, "web", i ? "other" : "first", 10 * i, 10 * i + 5, OTLP_KIND_INTERNAL, NULL, 0};
    lines[99] = (struct line){1, 0, "web", "root", 0, 1000, OTLP_KIND_SERVER, NULL, 0};
    tell_in(&told, lines, 100, 10);
    assert_int_equal(row_count(&told, TABLE_SPAN), 100);
    assert_int_equal(told.counts.orphan_count, 0);
    assert_true(told.counts.early_count > 50 && told.counts.early_count < 100);
    uint64_t root = id_named(&told, "root"), found = 0;
    for (size_t i = 0; i < 100; i++)
        found += CELL(&told, SPAN, span, parent, i) == root;
    assert_int_equal(found, 99);
    dataset_deinit(&told.dataset);
    /* Without it they have one that was not received. */
    tell_in(&told, lines, 99, 10);
    assert_true(told.counts.orphan_count > 50);
    assert_int_equal(told.counts.early_count, 0);
    assert_int_equal(parent_named(&told, "first"), id_named(&told, "(not received)"));
    dataset_deinit(&told.dataset);
}

static void a_root_that_was_awaited_counts_once_however_late_it_is_told_again(void **state)
{
    static struct line lines[100];
    struct told told;
    (void)state;
    for (uint64_t i = 0; i < 100; i++)
        lines[i] =
            (struct line){i + 2, i < 20 ? 1 : 0, "web", "s", 10 * i, 10 * i + 5, OTLP_KIND_INTERNAL, NULL, 0};
    lines[30] = lines[99] = (struct line){1, 0, "web", "root", 0, 1000, OTLP_KIND_SERVER, NULL, 0};
    tell_in(&told, lines, 100, 10);
    assert_int_equal(row_count(&told, TABLE_SPAN), 99);
    assert_int_equal(told.counts.repeated_count, 1);
    assert_int_not_equal(id_named(&told, "root"), 0);
    dataset_deinit(&told.dataset);
}

static void the_tree_does_not_depend_on_the_windows(void **state)
{
    static struct line lines[SPANS_MAX];
    static uint64_t id_of[SPANS_MAX + 2], parent_of[SPANS_MAX + 2];
    static char names[SPANS_MAX][8];
    unsigned seed = 11;
    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        size_t count = 2 + (size_t)rand_r(&seed) % (SPANS_MAX - 2);
        for (size_t i = 0; i < count; i++) {
            snprintf(names[i], sizeof names[i], "%zu", i + 1);
            /* Parents have higher numbers: no rings. */
            lines[i] = (struct line){
                i + 1,
                i + 1 == count ? 0 : i + 2 + (uint64_t)rand_r(&seed) % (count - i - 1 ? count - i - 1 : 1),
                "web",
                names[i],
                50 - i / 5,
                60 + i,
                OTLP_KIND_INTERNAL,
                NULL,
                0};
        }
        for (size_t i = 0; i < count; i++) {
            size_t other = (size_t)rand_r(&seed) % count;
            struct line line = lines[i];
            lines[i] = lines[other];
            lines[other] = line;
        }
        struct told told;
        tell_in(&told, lines, count, 2 + (uint32_t)(count / 2 + (size_t)rand_r(&seed) % count));
        assert_int_equal(row_count(&told, TABLE_SPAN), count);
        for (size_t i = 0; i < count; i++) {
            size_t number = (size_t)atoi(view_text(&told.dataset.view, CELL(&told, SPAN, span, name, i)));
            id_of[number] = CELL(&told, SPAN, span, id, i);
            parent_of[number] = CELL(&told, SPAN, span, parent, i);
        }
        for (size_t i = 0; i < count; i++)
            assert_int_equal(parent_of[lines[i].id], lines[i].parent ? id_of[lines[i].parent] : 0);
        expect_waits_apart(&told);
        dataset_deinit(&told.dataset);
    }
}

static void an_agents_own_usage_counts_where_nothing_below_tells_of_any(void **state)
{
    static const struct line lines[] = {
        {1, 2, "bot", "call", 10, 40, OTLP_KIND_CLIENT, NULL, 70},
        {2, 3, "bot", "tool", 5, 45, OTLP_KIND_INTERNAL, NULL, 0},
        {3, 6, "bot", "repeats", 0, 50, OTLP_KIND_INTERNAL, "repeats", 70},
        {4, 5, "bot", "plain", 60, 90, OTLP_KIND_INTERNAL, NULL, 0},
        {5, 6, "bot", "alone", 55, 95, OTLP_KIND_INTERNAL, "alone", 30},
        {6, 0, "bot", "around", 0, 100, OTLP_KIND_INTERNAL, "around", 100},
    };
    (void)state;
    for (uint32_t window = 0; window < 6; window++) {
        struct told told;
        if (window == 1)
            continue;
        tell_in(&told, lines, 6, window);
        assert_int_equal(told.counts.tokens, 100);
        assert_int_equal(told.counts.call_count, 2);
        assert_int_equal(row_count(&told, TABLE_SPAN), 7);
        dataset_deinit(&told.dataset);
    }
}

int trace_rows_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(children_in_sequence_share_their_parents_lane),
        cmocka_unit_test(a_parent_waits_for_children_beside_each_other),
        cmocka_unit_test(a_call_waits_for_the_other_service_and_the_network),
        cmocka_unit_test(an_agent_has_a_track_of_its_own),
        cmocka_unit_test(what_is_told_again_counts_once_and_orphans_are_counted),
        cmocka_unit_test(rings_of_parents_are_cut),
        cmocka_unit_test(whatever_the_spans_waits_do_not_overlap),
        cmocka_unit_test(what_waits_for_its_parent_goes_into_the_next_window),
        cmocka_unit_test(a_root_behind_more_than_a_window_has_its_children),
        cmocka_unit_test(a_root_that_was_awaited_counts_once_however_late_it_is_told_again),
        cmocka_unit_test(the_tree_does_not_depend_on_the_windows),
        cmocka_unit_test(an_agents_own_usage_counts_where_nothing_below_tells_of_any),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
