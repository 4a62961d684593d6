/* SPDX-License-Identifier: Apache-2.0 */
#include "workflow/workflow.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/num.h"
#include "model/agent_names.h"
#include "model/dataset.h"
#include "model/meta.h"

#define FIRST_NS ((int64_t)1790000000 * (int64_t)NS_PER_S)
/* Milliseconds after the first event: Unix time, and the recording's. */
#define AT(ms)    (FIRST_NS + (int64_t)(ms) * (int64_t)NS_PER_MS)
#define CLOCK(ms) ((1000ull + (unsigned)(ms)) * NS_PER_MS)

struct fixture {
    struct workflow *workflow;
    struct agent_sink *sink;
    struct dataset data;
    struct workflow_facts facts;
    struct err err;
};

static void begin(struct fixture *fixture)
{
    *fixture = (struct fixture){.workflow = workflow_create()};
    assert_non_null(fixture->workflow);
    fixture->sink = workflow_sink(fixture->workflow);
    dataset_init(&fixture->data);
}

static void end(struct fixture *fixture)
{
    dataset_deinit(&fixture->data);
    workflow_destroy(fixture->workflow);
}

static void call(struct fixture *fixture, const char *agent, const char *id, int start_ms, int end_ms)
{
    struct llm_call told = {.session = "s",
                            .agent = agent,
                            .project = "",
                            .task = "",
                            .id = id,
                            .model = "claude-opus-5-5",
                            .provider = "anthropic",
                            .region = "",
                            .start_ns = AT(start_ms),
                            .end_ns = AT(end_ms),
                            .tokens = {.input = 10, .output = 20, .cache_read = 30},
                            .cost_usd = NAN};
    assert_int_equal(fixture->sink->llm_call(fixture->sink, &told, &fixture->err), 0);
}

static void tool(struct fixture *fixture, const char *agent, const char *id, const char *child, int start_ms,
                 int end_ms)
{
    struct tool_call told = {.session = "s",
                             .agent = agent,
                             .id = id,
                             .name = child[0] ? "Task" : "Bash",
                             .text = "",
                             .child_agent = child,
                             .start_ns = AT(start_ms),
                             .end_ns = AT(end_ms)};
    assert_int_equal(fixture->sink->tool_call(fixture->sink, &told, &fixture->err), 0);
}

static void wait_for(struct fixture *fixture, const char *agent, enum agent_wait_reason reason, int start_ms,
                     int end_ms)
{
    struct agent_wait told = {.session = "s",
                              .agent = agent,
                              .on = "",
                              .reason = reason,
                              .start_ns = AT(start_ms),
                              .end_ns = AT(end_ms)};
    assert_int_equal(fixture->sink->wait(fixture->sink, &told, &fixture->err), 0);
}

static bool tenth_of_a_cent(void *context, const struct llm_call *told, double *ret_usd)
{
    (void)context;
    *ret_usd = 0.001;
    return told->tokens.output > 0;
}

static void write_rows(struct fixture *fixture)
{
    struct workflow_price price = {.usd = tenth_of_a_cent};
    if (workflow_write(fixture->workflow, "a \"team\"", &price, &fixture->data.sink, &fixture->facts,
                       &fixture->err))
        fail_msg("%s", fixture->err.what);
}

static uint64_t cell(const struct fixture *fixture, enum table_id table, size_t column, size_t row)
{
    return fixture->data.columns[table][column].items[row];
}

static size_t rows(const struct fixture *fixture, enum table_id table)
{
    return fixture->data.columns[table][0].count;
}

static const char *text(const struct fixture *fixture, uint64_t id)
{
    return view_text(&fixture->data.view, id);
}

static uint64_t track_of(const struct fixture *fixture, const char *name)
{
    for (size_t i = 0; i < rows(fixture, TABLE_TRACK); i++)
        if (strcmp(text(fixture, cell(fixture, TABLE_TRACK, COLUMN(track, name), i)), name) == 0)
            return cell(fixture, TABLE_TRACK, COLUMN(track, id), i);
    return 0;
}

/* The row of the track's wait that starts then; fails when there is none. */
static size_t wait_at(const struct fixture *fixture, uint64_t track, int start_ms)
{
    for (size_t i = 0; i < rows(fixture, TABLE_WAIT); i++)
        if (cell(fixture, TABLE_WAIT, COLUMN(wait, track), i) == track &&
            cell(fixture, TABLE_WAIT, COLUMN(wait, start_ns), i) == CLOCK(start_ms))
            return i;
    fail_msg("track %d has no wait at %d ms", (int)track, start_ms);
    return 0;
}

static void assert_wait(const struct fixture *fixture, const char *track, int start_ms, int end_ms,
                        enum wait_reason reason, const char *waker)
{
    size_t row = wait_at(fixture, track_of(fixture, track), start_ms);
    assert_int_equal(cell(fixture, TABLE_WAIT, COLUMN(wait, end_ns), row), CLOCK(end_ms));
    assert_int_equal(cell(fixture, TABLE_WAIT, COLUMN(wait, reason), row), reason);
    assert_int_equal(cell(fixture, TABLE_WAIT, COLUMN(wait, waker_track), row),
                     waker ? track_of(fixture, waker) : 0);
}

static double used(const struct fixture *fixture, const char *kind)
{
    double sum = 0;
    for (size_t i = 0; i < rows(fixture, TABLE_USAGE); i++)
        if (strcmp(text(fixture, cell(fixture, TABLE_USAGE, COLUMN(usage, kind), i)), kind) == 0)
            sum += num_double(cell(fixture, TABLE_USAGE, COLUMN(usage, amount), i));
    return sum;
}

static void a_parent_waits_for_the_child_that_ends_last(void **state)
{
    struct fixture fixture;
    (void)state;
    begin(&fixture);
    /* Told out of order, the children first. */
    call(&fixture, "b", "m3", 110, 900);
    call(&fixture, "a", "m2", 110, 400);
    call(&fixture, "", "m4", 1000, 1100);
    tool(&fixture, "", "t2", "b", 100, 1000);
    tool(&fixture, "", "t1", "a", 100, 450);
    call(&fixture, "", "m1", 0, 100);
    write_rows(&fixture);
    assert_int_equal(fixture.facts.agent_count, 3);
    assert_wait(&fixture, "main", 0, 100, WAIT_REMOTE, NULL);
    assert_wait(&fixture, "main", 100, 900, WAIT_CHILD, "b");
    assert_wait(&fixture, "main", 1000, 1100, WAIT_REMOTE, NULL);
    assert_int_equal(rows(&fixture, TABLE_EDGE), 2);
    end(&fixture);
}

static void tools_that_overlap_have_tracks_of_their_own(void **state)
{
    struct fixture fixture;
    (void)state;
    begin(&fixture);
    call(&fixture, "", "m1", 0, 100);
    tool(&fixture, "", "t1", "", 100, 300);
    tool(&fixture, "", "t2", "", 110, 600);
    call(&fixture, "", "m2", 600, 700);
    write_rows(&fixture);
    assert_int_equal(rows(&fixture, TABLE_TRACK), 3);
    size_t last = wait_at(&fixture, track_of(&fixture, "main"), 110);
    assert_int_equal(cell(&fixture, TABLE_WAIT, COLUMN(wait, end_ns), last), CLOCK(600));
    assert_int_equal(cell(&fixture, TABLE_WAIT, COLUMN(wait, waker_track), last), 3);
    end(&fixture);
}

static void a_response_told_twice_has_one_span_and_one_price(void **state)
{
    struct fixture fixture;
    (void)state;
    begin(&fixture);
    call(&fixture, "", "m1", 0, 100);
    call(&fixture, "", "m1", 0, 120);
    call(&fixture, "", "", 200, 300); /* without an id it is never the same */
    call(&fixture, "", "", 300, 400);
    write_rows(&fixture);
    assert_int_equal(fixture.facts.call_count, 3);
    assert_int_equal(fixture.facts.repeated_count, 1);
    assert_true(used(&fixture, USAGE_OUTPUT) == 60);
    assert_true(used(&fixture, USAGE_CACHE_READ) == 90);
    assert_true(fabs(used(&fixture, USAGE_COST) - 0.003) < 1e-9);
    end(&fixture);
}

static void a_human_parts_two_tasks(void **state)
{
    struct fixture fixture;
    (void)state;
    begin(&fixture);
    call(&fixture, "", "m1", 0, 100);
    wait_for(&fixture, "", AGENT_WAIT_HUMAN, 100, 5000);
    call(&fixture, "", "m2", 5000, 5100);
    wait_for(&fixture, "", AGENT_WAIT_RATE_LIMIT, 5100, 5400);
    call(&fixture, "", "m3", 5400, 5500);
    write_rows(&fixture);
    assert_wait(&fixture, "main", 100, 5000, WAIT_HUMAN, NULL);
    assert_wait(&fixture, "main", 5100, 5400, WAIT_RATE_LIMIT, NULL);
    size_t tasks = 0;
    for (size_t i = 0; i < rows(&fixture, TABLE_SPAN); i++)
        tasks += cell(&fixture, TABLE_SPAN, COLUMN(span, category), i) == SPAN_TASK;
    assert_int_equal(tasks, 2);
    end(&fixture);
}

static void an_agent_that_is_there_and_has_nothing_to_do_is_idle(void **state)
{
    struct fixture fixture;
    struct agent_facts facts = {.session = "s",
                                .agent = "r",
                                .parent = "",
                                .kind = "reviewer",
                                .title = "",
                                .spawn_id = "",
                                .start_ns = AT(0)};
    (void)state;
    begin(&fixture);
    call(&fixture, "", "m1", 0, 2000);
    assert_int_equal(fixture.sink->agent(fixture.sink, &facts, &fixture.err), 0);
    call(&fixture, "r", "m2", 1500, 1900);
    write_rows(&fixture);
    assert_wait(&fixture, "reviewer", 0, 1500, WAIT_IDLE, NULL);
    end(&fixture);
}

static void sessions_side_by_side_have_a_root_that_waits_for_them(void **state)
{
    struct fixture fixture;
    (void)state;
    begin(&fixture);
    call(&fixture, "x", "m1", 0, 1000);
    call(&fixture, "y", "m2", 500, 2000);
    call(&fixture, "z", "m3", 5000, 6000);
    write_rows(&fixture);
    assert_wait(&fixture, "all sessions", 5000, 6000, WAIT_CHILD, "z");
    assert_wait(&fixture, "all sessions", 2000, 5000, WAIT_IDLE, NULL);
    assert_wait(&fixture, "all sessions", 500, 2000, WAIT_CHILD, "y");
    assert_wait(&fixture, "all sessions", 0, 500, WAIT_CHILD, NULL);
    assert_string_equal(view_meta(&fixture.data.view, META_STARTED_REALTIME), "1790000000000000000");
    assert_string_equal(view_meta(&fixture.data.view, META_COMMAND), "[\"a \\\"team\\\"\"]");
    end(&fixture);
}

static void what_has_no_time_cannot_be_a_recording(void **state)
{
    struct fixture fixture;
    (void)state;
    begin(&fixture);
    struct agent_facts facts = {
        .session = "s", .agent = "", .parent = "", .kind = "", .title = "", .spawn_id = ""};
    assert_int_equal(fixture.sink->agent(fixture.sink, &facts, &fixture.err), 0);
    assert_int_equal(
        workflow_write(fixture.workflow, "nothing", NULL, &fixture.data.sink, &fixture.facts, &fixture.err),
        -ERR_INPUT);
    assert_string_equal(fixture.err.what, "could not import 'nothing': nothing in it has a time");
    end(&fixture);
}

int workflow_test(void);

int workflow_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_parent_waits_for_the_child_that_ends_last),
        cmocka_unit_test(tools_that_overlap_have_tracks_of_their_own),
        cmocka_unit_test(a_response_told_twice_has_one_span_and_one_price),
        cmocka_unit_test(a_human_parts_two_tasks),
        cmocka_unit_test(an_agent_that_is_there_and_has_nothing_to_do_is_idle),
        cmocka_unit_test(sessions_side_by_side_have_a_root_that_waits_for_them),
        cmocka_unit_test(what_has_no_time_cannot_be_a_recording),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
