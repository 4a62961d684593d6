/* SPDX-License-Identifier: Apache-2.0 */
/* Traces of Chrome's format and profiles of callgrind, those of the real tools among them (tests/data/ingest). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "ingest/folded_view.h"
#include "ingest/imported.h"
#include "model/meta.h"

/* name: of a file of tests/data/ingest. */
static void import_path(struct imported *imported, const char *name, const char *reader, const char *event)
{
    char path[128];
    snprintf(path, sizeof path, "ingest/%s", name);
    imported_from_path(imported, path, reader, event);
    if (imported->status && !event)
        fail_msg("%s", imported->err.what);
}

#define CELL(imported, NAME, name, field, row)                                                               \
    ((imported)->data.columns[TABLE_##NAME][COLUMN(name, field)].items[(row)])
#define ROWS(imported, NAME) ((imported)->data.columns[TABLE_##NAME][0].count)
#define TEXT(imported, id)   view_text(&(imported)->data.view, (id))

/* "worker: a 0-60", in microseconds since the trace's first event, in the order of the file's ends. */
static void expect_spans(const struct imported *imported, uint64_t first_ns, const char *wanted)
{
    struct str found = {0};
    for (size_t i = 0; i < ROWS(imported, SPAN); i++) {
        uint64_t track = CELL(imported, SPAN, span, track, i), name = 0;
        if (CELL(imported, SPAN, span, category, i) == SPAN_EXEC)
            continue;
        for (size_t j = 0; j < ROWS(imported, TRACK); j++)
            name =
                CELL(imported, TRACK, track, id, j) == track ? CELL(imported, TRACK, track, name, j) : name;
        str_printf(&found, "%s: %s %g-%g\n", TEXT(imported, name),
                   TEXT(imported, CELL(imported, SPAN, span, name, i)),
                   (double)(CELL(imported, SPAN, span, start_ns, i) - first_ns) / 1e3,
                   (double)(CELL(imported, SPAN, span, end_ns, i) - first_ns) / 1e3);
    }
    assert_string_equal(str_text(&found), wanted);
    str_free(&found);
}

static void expect_left_out(const struct imported *imported, const char *what, uint64_t count)
{
    for (size_t i = 0; i < imported->result.notes.left_out_count; i++) {
        if (strcmp(imported->result.notes.left_out[i].what, what) == 0) {
            assert_true(imported->result.notes.left_out[i].count == count);
            return;
        }
    }
    fail_msg("nothing was left out as '%s'", what);
}

static void every_phase_of_a_trace_becomes_what_it_means(void **state)
{
    (void)state;
    struct imported imported;
    import_path(&imported, "every_phase.trace.json", "trace-event", NULL);
    expect_spans(&imported, NS_PER_S,
                 "app: outer 0-50\nworker \"1\": b 109.5-119.5\nworker \"1\": a 99.5-159.5\n"
                 "worker \"1\": load 104.5-304.5\nworker \"1\": last 299.5-309.5\n"
                 "worker \"1\": never ended 219.5-309.5\n");
    assert_int_equal(ROWS(&imported, EDGE), 1);
    assert_true(CELL(&imported, EDGE, edge, from_ns, 0) == NS_PER_S + 114500);
    assert_true(CELL(&imported, EDGE, edge, to_ns, 0) == NS_PER_S + 199500);
    assert_int_equal(ROWS(&imported, POINT), 1);
    assert_true(CELL(&imported, POINT, point, value, 0) == num_bits(12.5));
    expect_left_out(&imported, "instants", 1);
    expect_left_out(&imported, "ends without a beginning, or the reverse", 2);
    expect_left_out(&imported, "events that are cut short", 1);
    imported_deinit(&imported);
}

/* Node 20 wrote it (--trace-events-enabled): 13 pairs that take 113 us, one async pair. */
static void a_trace_of_node_keeps_its_spans(void **state)
{
    (void)state;
    struct imported imported;
    uint64_t sum = 0;
    import_path(&imported, "node.trace.json", "trace-event", NULL);
    assert_int_equal(imported.result.facts.span_count, 14);
    for (size_t i = 0; i < ROWS(&imported, SPAN); i++) {
        const char *name = TEXT(&imported, CELL(&imported, SPAN, span, name, i));
        if (str_starts(name, "fs.sync."))
            sum += CELL(&imported, SPAN, span, end_ns, i) - CELL(&imported, SPAN, span, start_ns, i);
    }
    assert_true(sum == 113000);
    /* Spans alone do not say whether their time was work: it must not be told as CPU time. */
    assert_int_equal(ROWS(&imported, WAIT), 1);
    assert_true(CELL(&imported, WAIT, wait, reason, 0) == WAIT_UNKNOWN);
    assert_false(imported.result.facts.has_waits);
    imported_deinit(&imported);
}

static void waits_that_toll_wrote_become_waits_again(void **state)
{
    (void)state;
    struct imported imported;
    imported_from_text(
        &imported,
        "{\"otherData\":{\"writer\":\"toll\"},\"traceEvents\":[\n"
        "{\"ph\":\"X\",\"pid\":7,\"tid\":7,\"name\":\"load\",\"cat\":\"task\",\"ts\":0,\"dur\":900},\n"
        "{\"ph\":\"X\",\"pid\":7,\"tid\":1000000001,\"name\":\"network\",\"cat\":\"wait\",\"ts\":100,\"dur\":"
        "200,"
        "\"args\":{\"tid\":7,\"peer\":\"127.0.0.1:80\"}},\n"
        "{\"ph\":\"X\",\"pid\":7,\"tid\":1000000001,\"name\":\"cpu_queue\",\"cat\":\"wait\",\"ts\":300,"
        "\"dur\":10,"
        "\"args\":{\"tid\":7}}\n]}",
        "trace-event");
    assert_int_equal(imported.status, 0);
    assert_int_equal(imported.result.facts.wait_count, 2);
    assert_true(CELL(&imported, WAIT, wait, reason, 0) == WAIT_NETWORK);
    assert_true(CELL(&imported, WAIT, wait, blocked_ns, 0) == 200000);
    assert_true(CELL(&imported, WAIT, wait, runnable_ns, 1) == 10000);
    assert_string_equal(TEXT(&imported, CELL(&imported, PEER, peer, name, 0)), "127.0.0.1:80");
    assert_true(imported.result.facts.has_waits);
    assert_int_equal(imported.result.facts.thread_count, 1);
    imported_deinit(&imported);
}

static void fold(const struct imported *imported, struct str *ret_folded)
{
    assert_int_equal(folded_view_write(&imported->data.view, ret_folded, NULL), 0);
}

/* Of tests/data/programs in spirit: callgrind_annotate says leaf 2412, fib'2 6721, main 116; all of it 46347. */
static void a_profile_of_callgrind_keeps_what_each_function_cost(void **state)
{
    (void)state;
    struct imported imported;
    struct str folded = {0};
    uint64_t sum = 0;
    import_path(&imported, "rec.callgrind", "callgrind", NULL);
    fold(&imported, &folded);
    assert_non_null(strstr(str_text(&folded), "main;left;leaf 606\n"));
    assert_non_null(strstr(str_text(&folded), "main;right;leaf 1806\n"));
    assert_non_null(strstr(str_text(&folded), "main;fib;fib'2 6721\n"));
    for (size_t i = 0; i < ROWS(&imported, SAMPLE); i++)
        sum += CELL(&imported, SAMPLE, sample, weight, i);
    assert_true(sum == 46347);
    assert_string_equal(view_meta(&imported.data.view, META_SAMPLE_UNIT), "Ir");
    str_free(&folded);
    imported_deinit(&imported);
}

/* leaf costs 100: 30 of it came of left, 70 of right. Positions are relative, names are numbered, files differ. */
static void callers_share_a_cost_as_their_calls_do(void **state)
{
    (void)state;
    struct imported imported;
    struct str folded = {0};
    imported_from_text(
        &imported,
        "# callgrind format\npid: 9\ncmd: /bin/app -v\nevents: Ir Dr\nfl=(1) a.c\nfn=(1) main\n10 5 1\n"
        "cfn=(2) left\ncalls=2 20\n+1 37\ncfn=(3) right\ncalls=1 30\n* 74\n\n"
        "fn=(2)\n20 7\ncfi=(2) b.c\ncfn=(4) leaf\ncalls=2 5\n-1 30\n\nfn=(3)\n30 "
        "4\ncfi=(2)\ncfn=(4)\ncalls=1 5\n30 70\n"
        "\nfl=(2)\nfn=(4)\n5 100 9\n",
        "callgrind");
    assert_int_equal(imported.status, 0);
    fold(&imported, &folded);
    assert_string_equal(str_text(&folded), "app;main 5\napp;main;left 7\napp;main;left;leaf 30\n"
                                           "app;main;right 4\napp;main;right;leaf 70\n");
    str_free(&folded);
    imported_deinit(&imported);
}

static void another_event_of_callgrind_can_be_asked_for(void **state)
{
    (void)state;
    struct imported imported;
    import_path(&imported, "rec.callgrind", "callgrind", "Dw");
    assert_int_equal(imported.status, -ERR_INPUT);
    assert_string_equal(imported.err.hint, "the events are: Ir");
    imported_deinit(&imported);
}

static void expect_refused(const char *text, const char *reader, const char *what)
{
    struct imported imported;
    imported_from_text(&imported, text, reader);
    assert_int_equal(imported.status, -ERR_INPUT);
    if (!strstr(imported.err.what, what))
        fail_msg("'%s' is not in '%s'", what, imported.err.what);
    imported_deinit(&imported);
}

static void what_does_not_hold_is_refused_with_its_place(void **state)
{
    (void)state;
    expect_refused("# callgrind format\nevents: Ir\nfn=(1) main\n1 2 3\n", "callgrind",
                   "line 4: a cost is no number");
    expect_refused("# callgrind format\nevents: Ir\nfn=(1)\n", "callgrind", "line 3: a name is referred to");
    expect_refused("# callgrind format\nfn=main\n1 2\n", "callgrind",
                   "line 3: there is a cost before the events");
    expect_refused("[{\"ph\":\"X\",\"ts\":1} {\"ph\":\"X\",\"ts\":1}]", "trace-event",
                   "byte 0x13: there is no comma between two events");
    expect_refused("[{\"ph\":\"X\",\"ts\":1},7]", "trace-event", "it is no event");
}

/* As node --trace-events writes them: the pause, and a part of it. */
static void pauses_of_v8_are_of_the_collector(void **state)
{
    struct imported imported;
    uint64_t pause_count = 0, other_count = 0;
    (void)state;

    imported_from_text(
        &imported,
        "{\"traceEvents\":[{\"pid\":5,\"tid\":5,\"ts\":1000100,\"dur\":700,\"ph\":\"X\",\"cat\":\"v8\","
        "\"name\":\"MinorGC\",\"args\":{}},{\"pid\":5,\"tid\":5,\"ts\":1000200,\"dur\":300,"
        "\"ph\":\"X\",\"cat\":\"v8\",\"name\":\"V8.GCScavenger\",\"args\":{}}]}",
        "trace-event");
    assert_int_equal(imported.status, 0);
    for (size_t i = 0; i < ROWS(&imported, SPAN); i++) {
        pause_count += CELL(&imported, SPAN, span, category, i) == SPAN_GC;
        other_count += CELL(&imported, SPAN, span, category, i) == SPAN_PHASE;
    }
    assert_int_equal(pause_count, 1);
    assert_int_equal(other_count, 0);
    expect_left_out(&imported, "parts of collectors' work", 1);
    assert_null(
        view_meta(&imported.data.view, META_SCOPE)); /* without a sample it is no profile of CPU time */
    imported_deinit(&imported);
}

/* 1 KB that would ask for 4 GiB, were there room for callers that no row tells of. */
static void a_caller_without_a_row_takes_no_room(void **state)
{
    (void)state;
    struct dataset dataset;
    struct str folded = {0};
    struct row_stack stack = {.id = 1, .parent = 1u << 30, .frame = 1};
    struct row_frame frame = {.id = 1};
    struct row_track track = {.id = 1, .kind = TRACK_THREAD, .start_ns = 1, .end_ns = 9};
    struct row_sample sample = {.time_ns = 5, .track = 1, .stack = 1, .weight = 7, .kind = SAMPLE_CPU};
    dataset_init(&dataset);
    assert_int_equal(sink_intern(&dataset.sink, "inner", &frame.function, NULL), 0);
    assert_int_equal(sink_intern(&dataset.sink, "app", &track.name, NULL), 0);
    assert_int_equal(sink_append(&dataset.sink, stack, &stack, NULL), 0);
    assert_int_equal(sink_append(&dataset.sink, frame, &frame, NULL), 0);
    assert_int_equal(sink_append(&dataset.sink, track, &track, NULL), 0);
    assert_int_equal(sink_append(&dataset.sink, sample, &sample, NULL), 0);
    assert_int_equal(folded_view_write(&dataset.view, &folded, NULL), 0);
    assert_string_equal(str_text(&folded), "app;inner 7\n");
    str_free(&folded);
    dataset_deinit(&dataset);
}

int trace_files_test(void);
int trace_files_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_caller_without_a_row_takes_no_room),
        cmocka_unit_test(pauses_of_v8_are_of_the_collector),
        cmocka_unit_test(every_phase_of_a_trace_becomes_what_it_means),
        cmocka_unit_test(a_trace_of_node_keeps_its_spans),
        cmocka_unit_test(waits_that_toll_wrote_become_waits_again),
        cmocka_unit_test(a_profile_of_callgrind_keeps_what_each_function_cost),
        cmocka_unit_test(callers_share_a_cost_as_their_calls_do),
        cmocka_unit_test(another_event_of_callgrind_can_be_asked_for),
        cmocka_unit_test(what_does_not_hold_is_refused_with_its_place),
    };
    return cmocka_run_group_tests_name("trace_files", tests, NULL, NULL);
}
