/* SPDX-License-Identifier: Apache-2.0 */
#include "team/team.h"

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

#define AT(ms) ((1000ull + (unsigned)(ms)) * NS_PER_MS)

int team_test(void);

/* Two agents: one asks a model six times, and between the third and the fourth waits for the other. */
struct fixture {
    struct dataset data;
    struct run run;
    struct team team;
    struct whatif whatif;
    struct err err;
    uint64_t spans;
};

static uint64_t text(struct fixture *fixture, const char *word)
{
    uint64_t id = 0;
    assert_int_equal(sink_intern(&fixture->data.sink, word, &id, &fixture->err), 0);
    return id;
}

#define PUT(fixture, name, ...)                                                                              \
    do {                                                                                                     \
        struct row_##name row = {__VA_ARGS__};                                                               \
        assert_int_equal(sink_append(&(fixture)->data.sink, name, &row, &(fixture)->err), 0);                \
    } while (0)

static void put_wait(struct fixture *fixture, uint64_t track, int start_ms, int end_ms,
                     enum wait_reason reason, uint64_t waker)
{
    PUT(fixture, wait, .track = track, .start_ns = AT(start_ms), .end_ns = AT(end_ms), .count = 1,
        .blocked_ns = AT(end_ms) - AT(start_ms), .reason = reason, .peer = reason == WAIT_REMOTE,
        .waker_track = waker, .waker_source = WAKER_EXACT);
}

static void put_call(struct fixture *fixture, uint64_t track, int start_ms, int read, int out)
{
    int end_ms = start_ms + 10 + read / 100 + out;
    uint64_t id = ++fixture->spans;
    PUT(fixture, span, .id = id, .parent = track, .track = track, .name = text(fixture, "model"),
        .category = SPAN_LLM, .start_ns = AT(start_ms), .end_ns = AT(end_ms));
    PUT(fixture, usage, .span = id, .kind = text(fixture, USAGE_INPUT), .amount = num_bits(read));
    PUT(fixture, usage, .span = id, .kind = text(fixture, USAGE_OUTPUT), .amount = num_bits(out));
    PUT(fixture, usage, .span = id, .kind = text(fixture, USAGE_COST), .amount = num_bits(0.25));
    put_wait(fixture, track, start_ms, end_ms, WAIT_REMOTE, 0);
}

static void begin(struct fixture *fixture)
{
    *fixture = (struct fixture){.spans = 2};
    dataset_init(&fixture->data);
    assert_int_equal(sink_meta(&fixture->data.sink, META_START, "1000000000", &fixture->err), 0);
    assert_int_equal(sink_meta(&fixture->data.sink, META_END, "3000000000", &fixture->err), 0);
    assert_int_equal(sink_meta(&fixture->data.sink, META_ROOT_TRACK, "1", &fixture->err), 0);
    assert_int_equal(sink_meta(&fixture->data.sink, META_CPU_COUNT, "4", &fixture->err), 0);
    PUT(fixture, track, .id = 1, .kind = TRACK_AGENT, .name = text(fixture, "main"), .start_ns = AT(0),
        .end_ns = AT(2000));
    PUT(fixture, track, .id = 2, .parent = 1, .kind = TRACK_AGENT, .name = text(fixture, "helper"),
        .start_ns = AT(600), .end_ns = AT(1400));
    PUT(fixture, peer, .id = 1, .kind = PEER_API, .name = text(fixture, "model"));
    PUT(fixture, span, .id = 1, .track = 1, .name = text(fixture, "turn"), .category = SPAN_TASK,
        .start_ns = AT(0), .end_ns = AT(2000));
    PUT(fixture, span, .id = 2, .track = 2, .name = text(fixture, "help"), .category = SPAN_TASK,
        .start_ns = AT(600), .end_ns = AT(1400));
    for (int i = 0; i < 3; i++)
        put_call(fixture, 1, i * 200, 2000 * i, 20 + 30 * (i % 2));
    put_wait(fixture, 1, 600, 1400, WAIT_CHILD, 2);
    for (int i = 3; i < 6; i++)
        put_call(fixture, 1, 800 + i * 200, 1000 * i, 90 - 10 * i);
    put_wait(fixture, 2, 600, 1400, WAIT_HUMAN, 0);
    PUT(fixture, edge, .from_track = 1, .from_ns = AT(600), .to_track = 2, .to_ns = AT(600),
        .kind = EDGE_SPAWN, .source = EDGE_RECORDED);
    if (run_load(&fixture->data.view, &fixture->run, &fixture->err) ||
        whatif_init(&fixture->run, &fixture->whatif, &fixture->err) ||
        team_load(&fixture->run, &fixture->team, &fixture->err))
        fail_msg("%s", fixture->err.what);
}

static void end(struct fixture *fixture)
{
    team_deinit(&fixture->team);
    whatif_deinit(&fixture->whatif);
    run_deinit(&fixture->run);
    dataset_deinit(&fixture->data);
}

static void an_agents_life_is_a_partition(void **state)
{
    struct fixture fixture;
    (void)state;
    begin(&fixture);
    assert_true(team_is(&fixture.run));
    const struct team_agent *agent = &fixture.team.agents.items[0], *helper = &fixture.team.agents.items[1];
    assert_int_equal(agent->ns[TEAM_AGENT], 800 * NS_PER_MS);
    assert_int_equal(helper->ns[TEAM_HUMAN], 800 * NS_PER_MS);
    assert_int_equal(helper->parent, 0);
    uint64_t life = 0;
    for (int doing = 0; doing < TEAM_DOING_COUNT; doing++)
        life += agent->ns[doing];
    assert_int_equal(life, 2000 * NS_PER_MS);
    assert_int_equal(agent->call_count, 6);
    assert_true(fixture.team.usd == 1.5);
    assert_string_equal(fixture.team.tasks.items[fixture.team.calls.items[0].task].name, "turn");
    end(&fixture);
}

static void a_models_pace_is_found_from_its_responses(void **state)
{
    struct fixture fixture;
    (void)state;
    begin(&fixture);
    struct team_pace pace = team_pace_of(&fixture.team, "model");
    assert_int_equal(pace.call_count, 6);
    assert_true(pace.is_known && pace.knows_read);
    assert_true(fabs(pace.base_s - 0.010) < 1e-4);
    assert_true(fabs(pace.read_s - 0.00001) < 1e-7);
    assert_true(fabs(pace.out_s - 0.001) < 1e-5);
    assert_int_equal(team_pace_of(&fixture.team, "another").call_count, 0);
    end(&fixture);
}

static uint64_t wall_ms(struct fixture *fixture, const struct team_effect *effect)
{
    struct team_effects effects = {0};
    uint64_t wall = 0;
    assert_int_equal(effects_add(&effects, *effect), 0);
    assert_int_equal(
        team_replay(&fixture->team, &fixture->whatif, &effects, CASE_EXPECTED, &wall, &fixture->err), 0);
    vec_free(&effects.items);
    return (wall + NS_PER_MS / 2) / NS_PER_MS;
}

static void effects_shorten_the_replayed_run(void **state)
{
    struct fixture fixture;
    (void)state;
    begin(&fixture);
    /* The second response takes 10 + 20 + 50 ms. */
    struct team_effect free_call = {
        .kind = EFFECT_CALL, .index = 1, .time_keep = {1, 0, 0}, .cost_keep = {1, 0, 0}};
    assert_int_equal(wall_ms(&fixture, &free_call), 1920);
    struct team_effect no_human = {
        .kind = EFFECT_TIME, .actor = 1, .start_ns = AT(600), .end_ns = AT(1400), .time_keep = {1, 0, 0}};
    assert_int_equal(wall_ms(&fixture, &no_human), 1200);
    /* What the main agent does behind the wait goes on beside the helper. */
    struct team_effect late = {.kind = EFFECT_LATE, .actor = 0, .start_ns = AT(600), .end_ns = AT(1400)};
    assert_int_equal(wall_ms(&fixture, &late), 1400);
    end(&fixture);
}

static void two_effects_on_one_response_are_not_added_up(void **state)
{
    struct fixture fixture;
    struct team_effects effects = {0};
    (void)state;
    begin(&fixture);
    struct team_effect half = {
        .kind = EFFECT_CALL, .index = 1, .time_keep = {0.5, 0.5, 0.5}, .cost_keep = {0.5, 0.5, 0.5}};
    for (int i = 0; i < 3; i++)
        assert_int_equal(effects_add(&effects, half), 0);
    assert_true(fabs(team_bill(&fixture.team, &effects, CASE_EXPECTED) - (1.25 + 0.25 / 8)) < 1e-12);
    vec_free(&effects.items);
    end(&fixture);
}

int team_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_agents_life_is_a_partition),
        cmocka_unit_test(a_models_pace_is_found_from_its_responses),
        cmocka_unit_test(effects_shorten_the_replayed_run),
        cmocka_unit_test(two_effects_on_one_response_are_not_added_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
