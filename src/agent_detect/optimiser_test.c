/* SPDX-License-Identifier: Apache-2.0 */
/* What to batch and how finely to cut, with values worked out by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent_detect/phase_grain.h"
#include "agent_detect/sample_team.h"

int optimiser_test(void);

/* A response takes 50 ms and 1 ms for each token that it writes. */
static int ask(struct sample_team *sample, uint64_t track, uint64_t task, int start_ms, double input,
               int output)
{
    struct sample_call call = {.track = track,
                               .task = task,
                               .model = "m-big",
                               .start_ms = start_ms,
                               .end_ms = start_ms + 50 + output,
                               .tokens = {.input = input, .output = output}};
    sample_ask(sample, &call);
    return call.end_ms;
}

/* The main agent asks (100 ms) for one linter after another (200 ms each), and waits for each. */
static void lint(struct sample_team *sample, int count, bool depend)
{
    uint64_t last = 0;
    sample_begin(sample, count * 300);
    uint64_t turn = sample_task(sample, 1, "turn", 0, count * 300);
    for (int i = 0; i < count; i++) {
        int start_ms = i * 300 + 100;
        uint64_t agent = sample_agent(sample, "lint", "lint", start_ms, start_ms + 200);
        uint64_t task = sample_task(sample, agent, "lint it", start_ms, start_ms + 200);
        ask(sample, 1, turn, i * 300, 2000, 50);
        ask(sample, agent, task, start_ms, 1000, 150);
        sample_wait(sample, 1, start_ms, start_ms + 200, WAIT_CHILD, agent);
        if (depend && last)
            sample_needs(sample, agent, last, start_ms);
        last = agent;
    }
    sample_load(sample);
}

static bool is_near(double value, double wanted)
{
    if (fabs(value - wanted) < 1e-6 * (1 + fabs(wanted)))
        return true;
    print_message("%f is not %f\n", value, wanted);
    return false;
}

static void more_than_five_small_tasks_are_batched(void **state)
{
    struct sample_team sample;
    (void)state;
    lint(&sample, 5, false);
    assert_null(sample_detect(&sample, detect_small_tasks));
    sample_end(&sample);
    lint(&sample, 6, false);
    const struct agent_claim *claim = sample_detect(&sample, detect_small_tasks);
    assert_non_null(claim);
    assert_string_equal(claim->cause, "small-batches");
    assert_string_equal(claim->change, "batch:agent/lint=5");
    assert_non_null(strstr(claim->evidence[0], "6 tasks become 2 batches"));
    assert_non_null(strstr(claim->evidence[1], "50 ms"));
    /* Four tasks go on in the one before: 50 ms of latency and the 100 ms that asked for them fall away. */
    assert_true(is_near(sample_wall_ms(&sample, claim, CASE_EXPECTED), 1800 - 4 * 150));
    assert_true(is_near(sample_wall_ms(&sample, claim, CASE_MOST), 1800 - 4 * 150));
    assert_true(is_near(sample_wall_ms(&sample, claim, CASE_LEAST), 1800 - 4 * 25));
    /* Of 1,000 tokens that all begin with, 800 are read once (500, 1,000), and asking cost $0.0225 each time. */
    assert_true(is_near(sample.team.usd, 6 * (0.0175 + 0.0225)));
    assert_true(is_near(sample_bill(&sample, claim, CASE_EXPECTED), 0.24 - 4 * (0.008 + 0.0225)));
    assert_true(is_near(sample_bill(&sample, claim, CASE_LEAST), 0.24 - 4 * 0.005));
    assert_true(is_near(sample_bill(&sample, claim, CASE_MOST), 0.24 - 4 * (0.01 + 0.0225)));
    sample_end(&sample);
}

static void tasks_of_five_seconds_are_not_small_and_those_side_by_side_stay_so(void **state)
{
    struct sample_team sample;
    (void)state;
    for (int length = 4999; length <= 5000; length++) {
        sample_begin(&sample, 6 * 5000);
        for (int i = 0; i < 6; i++)
            ask(&sample, 1, sample_task(&sample, 1, "item", i * 5000, i * 5000 + length), i * 5000, 1000,
                length - 50);
        sample_load(&sample);
        assert_int_equal(sample_detect(&sample, detect_small_tasks) != NULL, length < 5000);
        sample_end(&sample);
    }
    sample_begin(&sample, 200);
    for (int i = 0; i < 12; i++) {
        uint64_t agent = sample_agent(&sample, "lint", "lint", 0, 200);
        ask(&sample, agent, sample_task(&sample, agent, "lint it", 0, 200), 0, 1000, 150);
    }
    sample_load(&sample);
    assert_null(sample_detect(&sample, detect_small_tasks));
    sample_end(&sample);
}

static void turns_that_a_human_asks_for_are_not_batched(void **state)
{
    struct sample_team sample;
    (void)state;
    sample_begin(&sample, 6 * 300);
    for (int i = 0; i < 6; i++) {
        ask(&sample, 1, sample_task(&sample, 1, "turn", i * 300, i * 300 + 200), i * 300, 1000, 150);
        sample_wait(&sample, 1, i * 300 + 200, i * 300 + 300, WAIT_HUMAN, 0);
    }
    sample_load(&sample);
    assert_null(sample_detect(&sample, detect_small_tasks));
    sample_end(&sample);
}

/* What a batch need not read it need not read from a cache either. */
static void batching_and_caching_save_one_prompt_once(void **state)
{
    struct sample_team sample;
    struct team_effects both = {0};
    (void)state;
    lint(&sample, 6, false);
    const struct agent_claim *claim = sample_detect(&sample, detect_small_tasks);
    double batched = sample_bill(&sample, claim, CASE_EXPECTED);
    struct change change;
    bool is_of_agents = false;
    for (size_t i = 0; i < claim->effects.items.count; i++)
        assert_int_equal(effects_add(&both, claim->effects.items.items[i]), 0);
    assert_int_equal(change_parse("cached:agent/lint=0.8", &change, &sample.err), 0);
    assert_int_equal(agent_change_effects(&sample.scene, &change, &both, &is_of_agents, &sample.err), 0);
    assert_true(is_of_agents);
    /* The first and the sixth read 800 of 1,000 from the cache for a tenth; the four between read 200 anyway. */
    assert_true(is_near(team_bill(&sample.team, &both, CASE_EXPECTED), batched - 2 * 0.0072));
    vec_free(&both.items);
    sample_end(&sample);
}

static void another_size_of_batches_can_be_asked_for(void **state)
{
    struct sample_team sample;
    struct team_effects effects = {0};
    struct change change;
    bool is_of_agents = false;
    (void)state;
    lint(&sample, 6, false);
    assert_int_equal(change_parse("batch:agent/lint=2", &change, &sample.err), 0);
    assert_int_equal(agent_change_effects(&sample.scene, &change, &effects, &is_of_agents, &sample.err), 0);
    assert_true(is_of_agents);
    assert_true(is_near(team_bill(&sample.team, &effects, CASE_EXPECTED), 0.24 - 3 * (0.008 + 0.0225)));
    vec_free(&effects.items);
    effects = (struct team_effects){0};
    assert_int_equal(change_parse("batch:agent/nobody=2", &change, &sample.err), 0);
    assert_true(agent_change_effects(&sample.scene, &change, &effects, &is_of_agents, &sample.err) != 0);
    vec_free(&effects.items);
    sample_end(&sample);
}

/* --- phases --- */

static struct phases phases_of(struct sample_team *sample)
{
    struct phase_grain grain;
    assert_int_equal(phase_grain_find(&sample->scene, &grain, &sample->err), 0);
    return grain.phases;
}

/* Agents side by side that work for so long; the main one waits for the longest, the first. */
static void side_by_side(struct sample_team *sample, const int *busy_ms, int count)
{
    sample_begin(sample, busy_ms[0]);
    for (int i = 0; i < count; i++) {
        uint64_t agent = sample_agent(sample, "part", "part", 0, busy_ms[i]);
        ask(sample, agent, sample_task(sample, agent, "part", 0, busy_ms[i]), 0, 1000, busy_ms[i] - 50);
        if (i == 0)
            sample_wait(sample, 1, 0, busy_ms[0], WAIT_CHILD, agent);
    }
    sample_load(sample);
}

static void phases_are_fine_over_seven_tenths_of_parallel_work(void **state)
{
    struct sample_team sample;
    (void)state;
    side_by_side(&sample, (int[]){300, 300, 200, 200}, 4);
    struct phases phases = phases_of(&sample);
    assert_true(is_near(phases.potential_ratio, 0.7));
    assert_string_equal(phases.name, "balanced");
    assert_int_equal(phases.now_count, 1);
    assert_int_equal(phases.low, 4);
    assert_int_equal(phases.high, 7);
    sample_end(&sample);
    side_by_side(&sample, (int[]){299, 299, 201, 201}, 4);
    phases = phases_of(&sample);
    assert_true(is_near(phases.potential_ratio, 0.701));
    assert_string_equal(phases.name, "fine");
    assert_int_equal(phases.low, 6);
    assert_int_equal(phases.high, 10);
    sample_end(&sample);
}

static void phases_are_coarse_over_eight_tenths_of_dependencies(void **state)
{
    struct sample_team sample;
    (void)state;
    lint(&sample, 5, true);
    struct phases phases = phases_of(&sample);
    assert_true(is_near(phases.density_ratio, 0.8));
    /* Main's five times 100 ms can be beside the chain of five times 200 ms. */
    assert_true(is_near(phases.potential_ratio, 1.0 / 3));
    assert_string_equal(phases.name, "balanced");
    assert_int_equal(phases.now_count, 5);
    sample_end(&sample);
    lint(&sample, 6, true);
    phases = phases_of(&sample);
    assert_int_equal(phases.dependency_count, 5);
    assert_string_equal(phases.name, "coarse");
    assert_int_equal(phases.low, 3);
    assert_int_equal(phases.high, 5);
    assert_int_equal(phases.now_count, 6);
    /* One handover less: 50 ms of latency and the 100 ms of asking. */
    const struct agent_claim *claim = sample_detect(&sample, detect_phases);
    assert_non_null(claim);
    assert_string_equal(claim->cause, "config");
    assert_string_equal(claim->change, "set:run/phases=5");
    assert_true(is_near(sample_wall_ms(&sample, claim, CASE_EXPECTED), 1800 - 150));
    assert_true(is_near(sample_bill(&sample, claim, CASE_EXPECTED), 0.24 - (0.008 + 0.0225)));
    sample_end(&sample);
}

static void a_finer_cut_shares_the_work_of_a_phase(void **state)
{
    struct sample_team sample;
    (void)state;
    /* Main asks for 300 ms; then one agent works for a second, another for 200 ms. */
    sample_begin(&sample, 1300);
    int at = 0;
    for (int i = 0; i < 3; i++)
        at = ask(&sample, 1, 0, at, 1000, 50);
    uint64_t first = sample_agent(&sample, "part", "part", 300, 1300),
             second = sample_agent(&sample, "part", "part", 300, 500);
    uint64_t task = sample_task(&sample, first, "part", 300, 1300);
    for (int i = 0; i < 5; i++)
        ask(&sample, first, task, 300 + 200 * i, 1000, 150);
    ask(&sample, second, sample_task(&sample, second, "part", 300, 500), 300, 1000, 150);
    sample_wait(&sample, 1, 300, 1300, WAIT_CHILD, first);
    sample_load(&sample);
    struct phases phases = phases_of(&sample);
    /* Of 1,500 ms the longest is 1,000. */
    assert_true(is_near(phases.potential_ratio, 1.0 / 3));
    assert_string_equal(phases.name, "balanced");
    assert_int_equal(phases.now_count, 1);
    const struct agent_claim *claim = sample_detect(&sample, detect_phases);
    assert_non_null(claim);
    assert_string_equal(claim->change, "set:run/phases=4");
    /* In four pieces: the mean of 600, a quarter of the 400 beyond it, and three times 50 ms to begin. */
    assert_true(is_near(sample_wall_ms(&sample, claim, CASE_EXPECTED), 300 + 600 + 100 + 150));
    sample_end(&sample);
}

static void an_agent_alone_has_no_phases(void **state)
{
    struct sample_team sample;
    (void)state;
    sample_begin(&sample, 100);
    ask(&sample, 1, 0, 0, 1000, 50);
    sample_load(&sample);
    assert_null(phases_of(&sample).name);
    assert_null(sample_detect(&sample, detect_phases));
    sample_end(&sample);
}

/* Agents one after another, each of which sends 60,000 tokens again. */
static void many(struct sample_team *sample, int count, const char *kind)
{
    sample_begin(sample, count * 200);
    for (int i = 0; i < count; i++) {
        char name[16];
        snprintf(name, sizeof name, "part%d", i);
        uint64_t agent = sample_agent(sample, name, kind, i * 200, i * 200 + 190);
        uint64_t task = sample_task(sample, agent, name, i * 200, i * 200 + 190);
        int end_ms = ask(sample, agent, task, i * 200, 60000, 10);
        ask(sample, agent, task, end_ms, 61000, 80);
        sample_wait(sample, 1, i * 200, i * 200 + 190, WAIT_CHILD, agent);
    }
    sample_load(sample);
}

static void of_more_claims_than_are_replayed_the_best_ones_are(void **state)
{
    struct sample_team sample;
    struct agents_judgement judgement;
    (void)state;
    many(&sample, 80, "");
    assert_non_null(sample_detect(&sample, detect_uncached_context));
    assert_int_equal(sample.claims.items.count, 80);
    assert_int_equal(agents_judge(&sample.scene, &judgement, &sample.err), 0);
    assert_string_equal(judgement.findings[0].cause, "serial-independent");
    sample_end(&sample);
}

static void many_agents_of_a_kind_are_told_together(void **state)
{
    struct sample_team sample;
    struct team_effects effects = {0};
    struct change change;
    bool is_of_agents = false;
    (void)state;
    many(&sample, 3, "worker");
    assert_non_null(sample_detect(&sample, detect_uncached_context));
    assert_int_equal(sample.claims.items.count, 3);
    sample_end(&sample);
    many(&sample, 4, "worker");
    const struct agent_claim *claim = sample_detect(&sample, detect_uncached_context);
    assert_int_equal(sample.claims.items.count, 1);
    assert_string_equal(claim->change, "cached:agent/worker=1.00");
    assert_int_equal(claim->effects.items.count, 4);
    /* Another part of the prompts of the kind, by hand: two of each. */
    assert_int_equal(change_parse("cached:agent/worker=0.5", &change, &sample.err), 0);
    assert_int_equal(agent_change_effects(&sample.scene, &change, &effects, &is_of_agents, &sample.err), 0);
    assert_int_equal(effects.items.count, 8);
    vec_free(&effects.items);
    sample_end(&sample);
}

int optimiser_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_than_five_small_tasks_are_batched),
        cmocka_unit_test(tasks_of_five_seconds_are_not_small_and_those_side_by_side_stay_so),
        cmocka_unit_test(turns_that_a_human_asks_for_are_not_batched),
        cmocka_unit_test(batching_and_caching_save_one_prompt_once),
        cmocka_unit_test(another_size_of_batches_can_be_asked_for),
        cmocka_unit_test(phases_are_fine_over_seven_tenths_of_parallel_work),
        cmocka_unit_test(phases_are_coarse_over_eight_tenths_of_dependencies),
        cmocka_unit_test(a_finer_cut_shares_the_work_of_a_phase),
        cmocka_unit_test(an_agent_alone_has_no_phases),
        cmocka_unit_test(of_more_claims_than_are_replayed_the_best_ones_are),
        cmocka_unit_test(many_agents_of_a_kind_are_told_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
