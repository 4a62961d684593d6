/* SPDX-License-Identifier: Apache-2.0 */
/* Each cause at the edge of its threshold. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent_detect/sample_team.h"
#include "model/agent_names.h"

int agent_detect_test(void);

static void ask(struct sample_team *sample, uint64_t track, uint64_t task, int start_ms, int end_ms,
                double input, double output)
{
    struct sample_call call = {.track = track,
                               .task = task,
                               .model = "m-big",
                               .start_ms = start_ms,
                               .end_ms = end_ms,
                               .tokens = {.input = input, .output = output}};
    sample_ask(sample, &call);
}

/* --- tasks --- */

/* `others` tasks of 100 ms, and one. */
static const struct agent_claim *slow(struct sample_team *sample, int others, int last_ms)
{
    sample_begin(sample, others * 100 + last_ms);
    for (int i = 0; i <= others; i++) {
        int end_ms = i == others ? others * 100 + last_ms : i * 100 + 100;
        uint64_t task = sample_task(sample, 1, "item", i * 100, end_ms);
        ask(sample, 1, task, i * 100, end_ms, 1000, 10);
    }
    sample_load(sample);
    return sample_detect(sample, detect_slow_task);
}

static void a_task_is_slow_over_twice_the_mean_and_critical_over_three_times(void **state)
{
    struct sample_team sample;
    (void)state;
    assert_null(slow(&sample, 2, 400));
    sample_end(&sample);
    const struct agent_claim *claim = slow(&sample, 2, 404);
    assert_non_null(claim);
    assert_false(claim->is_critical);
    /* As long as the others: 604 - 304. */
    assert_true(fabs(sample_wall_ms(&sample, claim, CASE_EXPECTED) - 300) < 1e-3);
    sample_end(&sample);
    assert_false(slow(&sample, 3, 900)->is_critical);
    sample_end(&sample);
    assert_true(slow(&sample, 3, 904)->is_critical);
    sample_end(&sample);
}

static const struct agent_claim *heavy(struct sample_team *sample, double last)
{
    sample_begin(sample, 300);
    for (int i = 0; i < 3; i++) {
        uint64_t task = sample_task(sample, 1, "item", i * 100, i * 100 + 100);
        ask(sample, 1, task, i * 100, i * 100 + 100, i == 2 ? last : 30000, 0);
    }
    sample_load(sample);
    return sample_detect(sample, detect_high_tokens);
}

static void a_task_uses_much_over_twice_the_mean_of_tokens(void **state)
{
    struct sample_team sample;
    (void)state;
    assert_null(heavy(&sample, 120000));
    sample_end(&sample);
    const struct agent_claim *claim = heavy(&sample, 120004);
    assert_non_null(claim);
    /* As much as the others: $0.3 each. */
    assert_true(fabs(sample_bill(&sample, claim, CASE_EXPECTED) - 0.9) < 1e-9);
    sample_end(&sample);
}

/* --- agents --- */

static const struct agent_claim *idle(struct sample_team *sample, int wall_ms, int idle_ms)
{
    sample_begin(sample, wall_ms);
    uint64_t agent = sample_agent(sample, "reviewer", "", 0, idle_ms + 10);
    sample_wait(sample, agent, 0, idle_ms, WAIT_IDLE, 0);
    sample_load(sample);
    return sample_detect(sample, detect_agent_idle);
}

static void an_agent_is_idle_over_a_minute_and_a_warning_from_half_of_the_workflow(void **state)
{
    struct sample_team sample;
    (void)state;
    assert_null(idle(&sample, 200000, 60000));
    sample_end(&sample);
    assert_false(idle(&sample, 200000, 60001)->is_critical);
    sample_end(&sample);
    assert_null(idle(&sample, 10000, 4999));
    sample_end(&sample);
    assert_true(idle(&sample, 10000, 5000)->is_critical);
    sample_end(&sample);
}

static const struct agent_claim *straggle(struct sample_team *sample, int last_ms)
{
    sample_begin(sample, last_ms);
    for (int i = 0; i < 3; i++) {
        int end_ms = i == 2 ? last_ms : 100;
        uint64_t agent = sample_agent(sample, "worker", "worker", 0, end_ms);
        ask(sample, agent, 0, 0, end_ms, 1000, 10);
        if (i == 2)
            sample_wait(sample, 1, 0, end_ms, WAIT_CHILD, agent);
    }
    sample_load(sample);
    return sample_detect(sample, detect_agent_straggler);
}

static void a_straggler_works_over_half_as_long_again_as_the_others(void **state)
{
    struct sample_team sample;
    (void)state;
    assert_null(straggle(&sample, 150));
    sample_end(&sample);
    const struct agent_claim *claim = straggle(&sample, 152);
    assert_non_null(claim);
    assert_true(fabs(sample_wall_ms(&sample, claim, CASE_EXPECTED) - 100) < 1e-3);
    sample_end(&sample);
}

static const struct agent_claim *blocked(struct sample_team *sample, int waited_ms)
{
    sample_begin(sample, 200);
    uint64_t first = sample_agent(sample, "first", "", 0, waited_ms),
             second = sample_agent(sample, "second", "", 0, 200);
    ask(sample, first, 0, 0, waited_ms, 1000, 10);
    sample_wait(sample, second, 0, waited_ms, WAIT_CHILD, first);
    ask(sample, second, 0, waited_ms, 200, 1000, 10);
    sample_wait(sample, 1, 0, 200, WAIT_CHILD, second);
    sample_load(sample);
    return sample_detect(sample, detect_blocked_task);
}

static void an_agent_is_blocked_for_a_part_of_its_life(void **state)
{
    struct sample_team sample;
    (void)state;
    assert_null(blocked(&sample, 29));
    sample_end(&sample);
    const struct agent_claim *claim = blocked(&sample, 30);
    assert_non_null(claim);
    assert_true(fabs(sample_wall_ms(&sample, claim, CASE_EXPECTED) - 170) < 1e-3);
    sample_end(&sample);
}

/* Two workers ask one reviewer, three times in all; side by side, or each when the one before is done. */
static const struct agent_claim *queue(struct sample_team *sample, bool is_beside)
{
    sample_begin(sample, 300);
    uint64_t reviewer = sample_agent(sample, "reviewer", "", 0, 300),
             a = sample_agent(sample, "a", "", 0, 300),
             b = sample_agent(sample, "b", "", 0, is_beside ? 200 : 300);
    for (int i = 0; i < 3; i++)
        ask(sample, reviewer, 0, i * 100, i * 100 + 100, 1000, 10);
    sample_wait(sample, a, 0, 100, WAIT_CHILD, reviewer);
    sample_wait(sample, b, is_beside ? 0 : 100, 200, WAIT_CHILD, reviewer);
    sample_wait(sample, a, is_beside ? 110 : 200, 300, WAIT_CHILD, reviewer);
    sample_wait(sample, 1, 0, 300, WAIT_CHILD, a);
    sample_load(sample);
    return sample_detect(sample, detect_agent_overload);
}

static void an_agent_is_overloaded_when_queue_and_load_are_over_its_capacity(void **state)
{
    struct sample_team sample;
    (void)state;
    /* One of them waits at any time: 1.0. */
    assert_null(queue(&sample, false));
    sample_end(&sample);
    /* 100 + 200 + 190 ms of waiting in 300. */
    const struct agent_claim *claim = queue(&sample, true);
    assert_non_null(claim);
    assert_string_equal(claim->change, "workers:agent/reviewer=2");
    assert_non_null(strstr(claim->title, "1.6 agents"));
    /* Each is served for 100 ms: the first worker has two turns, 10 ms apart. */
    assert_true(fabs(sample_wall_ms(&sample, claim, CASE_EXPECTED) - 210) < 1e-3);
    struct team_effects effects = {0};
    struct change change;
    bool is_of_agents = false;
    assert_int_equal(change_parse("workers:agent/reviewer=5", &change, &sample.err), 0);
    assert_int_equal(agent_change_effects(&sample.scene, &change, &effects, &is_of_agents, &sample.err), 0);
    assert_int_equal(effects.items.count, 3);
    vec_free(&effects.items);
    sample_end(&sample);
}

/* No queue: an agent with tasks that works for so much of the time, beside two that hardly do. */
static const struct agent_claim *load(struct sample_team *sample, int busy_ms, int tasks, int rest_ms)
{
    sample_begin(sample, 1000);
    for (int i = 0; i < tasks; i++) {
        uint64_t task = sample_task(sample, 1, "item", i * 10, i * 10 + 5);
        ask(sample, 1, task, i * 10, i * 10 + 5, 1000, 10);
    }
    sample_wait(sample, 1, busy_ms, 1000, WAIT_IDLE, 0);
    for (int i = 0; i < 2; i++)
        ask(sample, sample_agent(sample, "helper", "", 0, rest_ms), 0, 0, rest_ms, 1000, 10);
    sample_load(sample);
    return sample_detect(sample, detect_agent_overload);
}

static void an_agent_is_overloaded_when_it_has_the_tasks_and_others_rest(void **state)
{
    struct sample_team sample;
    const struct {
        int busy_ms, tasks, rest_ms;
        bool is_one;
    } cases[] = {{800, 3, 350, true}, {799, 3, 350, false}, {800, 2, 350, false}, {800, 3, 351, false}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct agent_claim *claim = load(&sample, cases[i].busy_ms, cases[i].tasks, cases[i].rest_ms);
        assert_int_equal(claim != NULL, cases[i].is_one);
        sample_end(&sample);
    }
}

/* --- context and models --- */

static const struct agent_claim *bloat(struct sample_team *sample, double bytes)
{
    struct sample_call call = {.track = 1,
                               .model = "m-big",
                               .end_ms = 100,
                               .tokens = {.input = 100000, .output = 10},
                               .context_bytes = bytes};
    sample_begin(sample, 100);
    sample_ask(sample, &call);
    sample_load(sample);
    return sample_detect(sample, detect_context_bloat);
}

static void a_context_is_compressed_over_one_megabyte_and_cut_over_five(void **state)
{
    struct sample_team sample;
    (void)state;
    assert_null(bloat(&sample, 1e6));
    sample_end(&sample);
    assert_false(bloat(&sample, 1e6 + 1)->is_critical);
    sample_end(&sample);
    assert_false(bloat(&sample, 5e6)->is_critical);
    sample_end(&sample);
    const struct agent_claim *claim = bloat(&sample, 10e6);
    assert_true(claim->is_critical);
    /* Cut to a tenth: $0.1 of input, and the answer. */
    assert_true(fabs(sample_bill(&sample, claim, CASE_EXPECTED) - (0.1 + 0.0005)) < 1e-9);
    sample_end(&sample);
}

/* Two requests, the second with all of the first and as much again, `apart_ms` later. */
static const struct agent_claim *again(struct sample_team *sample, double tokens, int apart_ms)
{
    sample_begin(sample, apart_ms + 200);
    ask(sample, 1, 0, 0, 100, tokens, 0);
    ask(sample, 1, 0, apart_ms + 100, apart_ms + 200, 2 * tokens, 0);
    sample_load(sample);
    return sample_detect(sample, detect_uncached_context);
}

static void context_that_no_cache_holds_counts_over_50000_tokens(void **state)
{
    struct sample_team sample;
    (void)state;
    assert_null(again(&sample, 50000, 1000));
    sample_end(&sample);
    const struct agent_claim *claim = again(&sample, 60000, 1000);
    assert_non_null(claim);
    /* In dollars: 0.6 and 1.2. With a cache the first is written (0.75, but what need not be: 0.6 - 200 tokens), the second reads
     * 60,000 (0.06) and writes 59,800 of the rest. */
    double first = (59800 * 12.5 + 200 * 10) * 1e-6, second = (60000 + 59800 * 12.5 + 200 * 10) * 1e-6;
    assert_true(fabs(sample_bill(&sample, claim, CASE_EXPECTED) - (first + second)) < 1e-9);
    sample_end(&sample);
}

static void a_cache_lives_for_five_minutes_or_for_an_hour_if_that_saves(void **state)
{
    struct sample_team sample;
    (void)state;
    assert_non_null(strstr(again(&sample, 60000, 300000)->evidence[1], "five minutes"));
    sample_end(&sample);
    /* For an hour the first costs 1.2 to write, and the second 0.06 and 1.2: more than without a cache. */
    const struct agent_claim *claim = again(&sample, 60000, 300001);
    assert_true(!claim || sample_bill(&sample, claim, CASE_EXPECTED) > 1.8 - 1e-9);
    sample_end(&sample);
    /* Read ten times, it pays: each time 60,000 tokens again, a few more. */
    sample_begin(&sample, 11 * 400000);
    for (int i = 0; i < 11; i++)
        ask(&sample, 1, 0, i * 400000, i * 400000 + 100, 60000 + i * 1000, 0);
    sample_load(&sample);
    claim = sample_detect(&sample, detect_uncached_context);
    assert_non_null(claim);
    assert_non_null(strstr(claim->evidence[1], "an hour"));
    double after = (59800 * 20 + 200 * 10) * 1e-6;
    for (int i = 1; i < 11; i++)
        after += (60000 + (i - 1) * 1000 + 800 * 20 + 200 * 10) * 1e-6;
    assert_true(fabs(sample_bill(&sample, claim, CASE_EXPECTED) - after) < 1e-9);
    sample_end(&sample);
}

static const struct agent_claim *repeat(struct sample_team *sample, int times)
{
    sample_begin(sample, 1000);
    for (int i = 0; i < times; i++)
        sample_tool(sample, 1, 0, "docs/contract.md", i * 20, i * 20 + 10);
    sample_load(sample);
    return sample_detect(sample, detect_repeated_context);
}

static void the_same_asked_over_ten_times_is_repeated_context(void **state)
{
    struct sample_team sample;
    (void)state;
    assert_null(repeat(&sample, 10));
    sample_end(&sample);
    assert_non_null(repeat(&sample, 11));
    sample_end(&sample);
}

static const struct agent_claim *loop(struct sample_team *sample, int times)
{
    sample_begin(sample, 1000);
    for (int i = 0; i < times; i++)
        sample_tool(sample, 1, 0, "make test", i * 20, i * 20 + 10);
    sample_load(sample);
    return sample_detect(sample, detect_runaway_loop);
}

static void the_same_five_times_in_a_row_is_a_loop(void **state)
{
    struct sample_team sample;
    (void)state;
    assert_null(loop(&sample, 4));
    sample_end(&sample);
    assert_non_null(loop(&sample, 5));
    sample_end(&sample);
}

static void a_model_is_too_large_when_all_answers_are_under_500_tokens(void **state)
{
    struct sample_team sample;
    (void)state;
    for (int output = 499; output <= 500; output++) {
        sample_begin(&sample, 1000);
        for (int i = 0; i < 3; i++)
            ask(&sample, 1, 0, i * 100, i * 100 + 100, 1000, i ? 100 : output);
        struct sample_call other = {.track = sample_agent(&sample, "helper", "", 0, 100),
                                    .model = "m-small",
                                    .end_ms = 100,
                                    .tokens = {.input = 1000, .output = 600}};
        sample_ask(&sample, &other);
        sample_load(&sample);
        const struct agent_claim *claim = sample_detect(&sample, detect_model_oversized);
        assert_int_equal(claim != NULL, output < 500);
        /* $0.03 of input and 699 tokens of output for a tenth; the helper's stays. */
        double big = 0.03 + 699 * 50e-6, helper = 0.1 * (0.01 + 0.03);
        if (claim)
            assert_true(fabs(sample_bill(&sample, claim, CASE_EXPECTED) - (big / 10 + helper)) < 1e-9);
        assert_string_equal(agent_smaller_model(&sample.scene, "m-big"), "m-small");
        assert_null(agent_smaller_model(&sample.scene, "m-small"));
        sample_end(&sample);
    }
}

/* --- waits --- */

static void a_human_counts_from_three_percent_of_the_run(void **state)
{
    struct sample_team sample;
    (void)state;
    for (int waited = 29; waited <= 30; waited++) {
        sample_begin(&sample, 1000);
        sample_wait(&sample, 1, 100, 100 + waited, WAIT_HUMAN, 0);
        sample_load(&sample);
        assert_int_equal(sample_detect(&sample, detect_human_wait) != NULL, waited == 30);
        sample_end(&sample);
    }
}

static void a_storm_is_three_tries_and_three_percent_of_the_run(void **state)
{
    static const struct {
        const char *peer;
        int count, each_ms;
        bool is_storm, is_limit;
    } cases[] = {{PEER_NAME_RETRY, 3, 10, true, false},      {PEER_NAME_RETRY, 2, 15, false, false},
                 {PEER_NAME_RETRY, 3, 9, false, false},      {PEER_NAME_RATE_LIMIT, 3, 10, false, true},
                 {PEER_NAME_RATE_LIMIT, 1, 30, false, true}, {PEER_NAME_RATE_LIMIT, 1, 29, false, false}};
    struct sample_team sample;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sample_begin(&sample, 1000);
        for (int j = 0; j < cases[i].count; j++)
            sample_pause(&sample, 1, 100 * j + 100, 100 * j + 100 + cases[i].each_ms, cases[i].peer);
        sample_load(&sample);
        assert_int_equal(sample_detect(&sample, detect_retry_storm) != NULL, cases[i].is_storm);
        assert_int_equal(sample_detect(&sample, detect_rate_limit) != NULL, cases[i].is_limit);
        sample_end(&sample);
    }
}

/* Two agents one after another, the second shorter; `depend`: a dependency was recorded. */
static const struct agent_claim *in_a_row(struct sample_team *sample, int second_ms, bool depend)
{
    sample_begin(sample, 1000);
    uint64_t first = sample_agent(sample, "first", "", 0, 400),
             second = sample_agent(sample, "second", "", 450, 450 + second_ms);
    ask(sample, first, 0, 0, 400, 1000, 10);
    ask(sample, second, 0, 450, 450 + second_ms, 1000, 10);
    sample_wait(sample, 1, 0, 400, WAIT_CHILD, first);
    sample_wait(sample, 1, 450, 450 + second_ms, WAIT_CHILD, second);
    if (depend)
        sample_needs(sample, second, first, 420);
    sample_load(sample);
    return sample_detect(sample, detect_serial_agents);
}

static void agents_in_a_row_without_a_dependency_can_be_side_by_side(void **state)
{
    struct sample_team sample;
    (void)state;
    assert_null(in_a_row(&sample, 49, false));
    sample_end(&sample);
    assert_null(in_a_row(&sample, 300, true));
    sample_end(&sample);
    const struct agent_claim *claim = in_a_row(&sample, 400, false);
    assert_non_null(claim);
    /* The second's 400 ms, and the 50 before it; in the case that saves least these stay. Behind them 150. */
    assert_true(fabs(sample_wall_ms(&sample, claim, CASE_EXPECTED) - 550) < 1e-3);
    assert_true(fabs(sample_wall_ms(&sample, claim, CASE_LEAST) - 600) < 1e-3);
    sample_end(&sample);
}

int agent_detect_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_is_slow_over_twice_the_mean_and_critical_over_three_times),
        cmocka_unit_test(a_task_uses_much_over_twice_the_mean_of_tokens),
        cmocka_unit_test(an_agent_is_idle_over_a_minute_and_a_warning_from_half_of_the_workflow),
        cmocka_unit_test(a_straggler_works_over_half_as_long_again_as_the_others),
        cmocka_unit_test(an_agent_is_blocked_for_a_part_of_its_life),
        cmocka_unit_test(an_agent_is_overloaded_when_queue_and_load_are_over_its_capacity),
        cmocka_unit_test(an_agent_is_overloaded_when_it_has_the_tasks_and_others_rest),
        cmocka_unit_test(a_context_is_compressed_over_one_megabyte_and_cut_over_five),
        cmocka_unit_test(context_that_no_cache_holds_counts_over_50000_tokens),
        cmocka_unit_test(a_cache_lives_for_five_minutes_or_for_an_hour_if_that_saves),
        cmocka_unit_test(the_same_asked_over_ten_times_is_repeated_context),
        cmocka_unit_test(the_same_five_times_in_a_row_is_a_loop),
        cmocka_unit_test(a_model_is_too_large_when_all_answers_are_under_500_tokens),
        cmocka_unit_test(a_human_counts_from_three_percent_of_the_run),
        cmocka_unit_test(a_storm_is_three_tries_and_three_percent_of_the_run),
        cmocka_unit_test(agents_in_a_row_without_a_dependency_can_be_side_by_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
