/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/gate_judge.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "stats/random.h"

int gate_judge_test(void);

#define COUNT 24u

static const struct gate_conditions quiet = {
    .cpu_count = 2, .has_control = true, .control_ratio = 1.001, .control_low = 0.99, .control_high = 1.01};
static const struct gate_conditions busy = {.cpu_count = 2,
                                            .outside_cores = 1.2,
                                            .has_control = true,
                                            .control_ratio = 1,
                                            .control_low = 0.97,
                                            .control_high = 1.03};

struct samples {
    double after[COUNT], before[COUNT];
};

static double noise(struct random *random, double deviation)
{
    return exp(deviation * random_normal(random));
}

/* `ratio` times as much after as before, with noise of its own in each run and some of both in each round. */
static struct samples draw(struct random *random, double ratio, double deviation)
{
    struct samples samples;
    for (size_t i = 0; i < COUNT; i++) {
        double both = noise(random, 0.1);
        samples.before[i] = 20e6 * both * noise(random, deviation);
        samples.after[i] = 20e6 * ratio * both * noise(random, deviation);
    }
    return samples;
}

static struct gate_outcome look(const struct gate_check *check, const struct samples *samples,
                                enum gate_design design, const struct gate_conditions *conditions)
{
    struct gate_outcome outcome = {0};
    struct err err = {0};
    struct gate_samples given = {.design = design,
                                 .after = samples->after,
                                 .before = samples->before,
                                 .count = COUNT,
                                 .before_count = COUNT};
    struct gate_judged judged = {check, conditions, &outcome};
    if (gate_measure(check, &given, conditions, 0.95, &outcome, &err) || gate_judge(&judged, 1, 0.95, &err))
        fail_msg("%s", err.what);
    return outcome;
}

static enum gate_verdict verdict_of_ratio(double ratio, const struct gate_check *check)
{
    struct random random;
    random_seed(&random, 11);
    struct samples samples = draw(&random, ratio, 0.01);
    return look(check, &samples, GATE_PAIRS, &quiet).verdict;
}

static void pairs_beyond_the_limit_fail_and_those_well_within_pass(void **state)
{
    (void)state;
    struct gate_check check = {.metric = GATE_WALL, .limit = GATE_MAX_INCREASE, .bound = 0.05};
    assert_int_equal(verdict_of_ratio(1.10, &check), GATE_FAIL);
    assert_int_equal(verdict_of_ratio(1.00, &check), GATE_PASS);
    assert_int_equal(verdict_of_ratio(0.50, &check), GATE_PASS);
    assert_int_equal(verdict_of_ratio(1.05, &check), GATE_INCONCLUSIVE);
}

static void where_more_is_better_less_fails(void **state)
{
    (void)state;
    struct gate_check check = {.metric = GATE_ROWS, .limit = GATE_MAX_DECREASE, .bound = 0.05};
    assert_int_equal(verdict_of_ratio(0.90, &check), GATE_FAIL);
    assert_int_equal(verdict_of_ratio(1.00, &check), GATE_PASS);
    assert_int_equal(verdict_of_ratio(2.00, &check), GATE_PASS);
    assert_int_equal(verdict_of_ratio(0.95, &check), GATE_INCONCLUSIVE);
    struct random random;
    random_seed(&random, 5);
    struct samples samples = draw(&random, 0.9, 0.01);
    struct gate_outcome outcome = look(&check, &samples, GATE_PAIRS, &quiet);
    assert_true(outcome.ratio > 0.88 && outcome.ratio < 0.92);
    assert_true(outcome.ratio_low < outcome.ratio && outcome.ratio < outcome.ratio_high);
}

/* 2000 series that are worse by exactly what is allowed: at most 2.5 % may fail, and as many pass. Binomial(2000, 0.025)
 * is below 73 in 999 of 1000 cases. */
static void at_the_limit_neither_answer_is_given_too_often(void **state)
{
    (void)state;
    struct gate_check check = {.metric = GATE_WALL, .limit = GATE_MAX_INCREASE, .bound = 0.05};
    struct random random;
    unsigned failed = 0, passed = 0;
    random_seed(&random, 1);
    for (unsigned i = 0; i < 2000; i++) {
        struct samples samples = draw(&random, 1.05, 0.02);
        enum gate_verdict verdict = look(&check, &samples, GATE_PAIRS, &quiet).verdict;
        failed += verdict == GATE_FAIL;
        passed += verdict == GATE_PASS;
    }
    assert_in_range(failed, 10, 73);
    assert_in_range(passed, 10, 73);
}

/* Of 300 groups of 20 such checks at most 2.5 % have a failure: below 18 in 999 of 1000 cases. One by one they would have one
 * in four of ten. */
static void among_many_checks_a_failure_is_as_rare_as_in_one(void **state)
{
    (void)state;
    struct gate_check check = {.metric = GATE_WALL, .limit = GATE_MAX_INCREASE, .bound = 0.05};
    struct random random;
    unsigned groups = 0, alone = 0;
    random_seed(&random, 2);
    for (unsigned group = 0; group < 300; group++) {
        struct gate_outcome outcomes[20];
        struct gate_judged judged[20];
        struct err err;
        bool any = false, any_alone = false;
        for (size_t i = 0; i < 20; i++) {
            struct samples samples = draw(&random, 1.05, 0.02);
            struct gate_samples given = {
                .design = GATE_PAIRS, .after = samples.after, .before = samples.before, .count = COUNT};
            assert_int_equal(gate_measure(&check, &given, &quiet, 0.95, &outcomes[i], &err), 0);
            judged[i] = (struct gate_judged){&check, &quiet, &outcomes[i]};
            any_alone = any_alone || outcomes[i].p_fail_alone < 0.025;
        }
        assert_int_equal(gate_judge(judged, 20, 0.95, &err), 0);
        for (size_t i = 0; i < 20; i++)
            any = any || outcomes[i].verdict == GATE_FAIL;
        groups += any;
        alone += any_alone;
    }
    assert_in_range(groups, 0, 18);
    assert_true(alone > 60);
}

static void an_absolute_limit_is_held_against_the_median(void **state)
{
    (void)state;
    struct gate_check check = {.metric = GATE_WALL, .limit = GATE_MAX, .bound = 22e6};
    struct samples samples;
    for (size_t i = 0; i < COUNT; i++)
        samples.after[i] = samples.before[i] = (i % 8 == 7 ? 90e6 : 20e6) + (double)i;
    assert_int_equal(look(&check, &samples, GATE_ALONE, &quiet).verdict, GATE_PASS);
    check.bound = 19e6;
    assert_int_equal(look(&check, &samples, GATE_ALONE, &quiet).verdict, GATE_FAIL);
    check.bound = samples.after[COUNT / 2];
    assert_int_equal(look(&check, &samples, GATE_ALONE, &quiet).verdict, GATE_INCONCLUSIVE);
    check = (struct gate_check){.metric = GATE_ROWS, .limit = GATE_MIN, .bound = 25e6};
    assert_int_equal(look(&check, &samples, GATE_ALONE, &quiet).verdict, GATE_FAIL);
    check.bound = 15e6;
    assert_int_equal(look(&check, &samples, GATE_ALONE, &quiet).verdict, GATE_PASS);
}

static void what_repeats_to_the_digit_is_compared_as_it_is(void **state)
{
    (void)state;
    struct gate_check check = {.metric = GATE_MEMORY, .limit = GATE_MAX_INCREASE, .bound = 0.05};
    struct samples samples;
    for (size_t i = 0; i < COUNT; i++) {
        samples.before[i] = 1000;
        samples.after[i] = 1050;
    }
    struct gate_outcome outcome = look(&check, &samples, GATE_PAIRS, &quiet);
    assert_true(outcome.is_exact);
    assert_int_equal(outcome.verdict, GATE_PASS);
    for (size_t i = 0; i < COUNT; i++)
        samples.after[i] = 1051;
    assert_int_equal(look(&check, &samples, GATE_PAIRS, &quiet).verdict, GATE_FAIL);
    double after = 12001, before = 0;
    struct err err;
    struct gate_samples one = {.design = GATE_ALONE, .after = &after, .count = 1, .is_one = true};
    struct gate_check tokens = {.metric = GATE_TOKENS, .limit = GATE_MAX, .bound = 12000};
    assert_int_equal(gate_measure(&tokens, &one, &quiet, 0.95, &outcome, &err), 0);
    assert_true(outcome.p_fail_alone == 0 && outcome.p_pass == 1);
    tokens = (struct gate_check){.metric = GATE_TOKENS, .limit = GATE_MAX_INCREASE, .bound = 0.05};
    one = (struct gate_samples){
        .design = GATE_PAIRS, .after = &after, .before = &before, .count = 1, .is_one = true};
    assert_int_equal(gate_measure(&tokens, &one, &quiet, 0.95, &outcome, &err), 0);
    assert_true(outcome.p_fail_alone == 0 && isinf(outcome.ratio));
}

static void one_run_of_a_time_says_nothing(void **state)
{
    (void)state;
    struct gate_check check = {
        .metric = GATE_P99, .limit = GATE_MAX, .bound = 10e6, .source = {.kind = GATE_FROM_TEXT}};
    double after = 20e6;
    struct gate_outcome outcome;
    struct err err;
    struct gate_samples one = {.design = GATE_ALONE, .after = &after, .count = 1};
    struct gate_judged judged = {&check, &quiet, &outcome};
    assert_int_equal(gate_measure(&check, &one, &quiet, 0.95, &outcome, &err), 0);
    assert_int_equal(gate_judge(&judged, 1, 0.95, &err), 0);
    assert_int_equal(outcome.verdict, GATE_INCONCLUSIVE);
}

/* Each value hangs on the one before it, but the limit is far beyond all of them. */
static void a_limit_far_away_is_kept_however_runs_depend_on_each_other(void **state)
{
    (void)state;
    struct gate_check check = {.metric = GATE_WALL, .limit = GATE_MAX, .bound = 60e9};
    struct samples samples = {0};
    for (size_t i = 0; i < COUNT; i++)
        samples.after[i] = samples.before[i] = 1e6 + 1e4 * (double)i;
    assert_int_equal(look(&check, &samples, GATE_ALONE, &busy).verdict, GATE_PASS);
    check.bound = 2e5;
    assert_int_equal(look(&check, &samples, GATE_ALONE, &quiet).verdict, GATE_FAIL);
}

static void on_a_busy_machine_an_absolute_time_fails_nobody(void **state)
{
    (void)state;
    struct gate_check check = {.metric = GATE_WALL, .limit = GATE_MAX, .bound = 15e6};
    struct random random;
    random_seed(&random, 3);
    struct samples samples = draw(&random, 1, 0.02);
    assert_int_equal(look(&check, &samples, GATE_ALONE, &quiet).verdict, GATE_FAIL);
    struct gate_outcome outcome = look(&check, &samples, GATE_ALONE, &busy);
    assert_int_equal(outcome.verdict, GATE_NOISY);
    assert_non_null(outcome.why);
    check.metric = GATE_MEMORY; /* others do not change it */
    assert_int_equal(look(&check, &samples, GATE_ALONE, &busy).verdict, GATE_FAIL);
    check = (struct gate_check){.metric = GATE_WALL, .limit = GATE_MAX_INCREASE, .bound = 0.05};
    samples = draw(&random, 1.2, 0.02); /* pairs bore the same load */
    assert_int_equal(look(&check, &samples, GATE_PAIRS, &busy).verdict, GATE_FAIL);
    samples = draw(&random, 1.05, 0.05);
    assert_int_equal(look(&check, &samples, GATE_PAIRS, &busy).verdict, GATE_NOISY);
    assert_int_equal(look(&check, &samples, GATE_PAIRS, &quiet).verdict, GATE_INCONCLUSIVE);
}

/* The baseline against itself differs by 8 %: so much the machine does by itself. */
static void what_the_control_shows_counts_against_either_answer(void **state)
{
    (void)state;
    struct gate_check check = {.metric = GATE_WALL, .limit = GATE_MAX_INCREASE, .bound = 0.05};
    struct gate_conditions odd = quiet;
    odd.control_ratio = 1.08;
    odd.control_low = 1.05;
    odd.control_high = 1.11;
    struct random random;
    random_seed(&random, 4);
    struct samples samples = draw(&random, 1.10, 0.01);
    assert_int_equal(look(&check, &samples, GATE_PAIRS, &quiet).verdict, GATE_FAIL);
    assert_int_equal(look(&check, &samples, GATE_PAIRS, &odd).verdict, GATE_NOISY);
    samples = draw(&random, 1.0, 0.01);
    assert_int_equal(look(&check, &samples, GATE_PAIRS, &odd).verdict, GATE_NOISY);
}

static void beside_a_history_its_own_spread_decides(void **state)
{
    (void)state;
    struct gate_check check = {.metric = GATE_TOKENS, .limit = GATE_MAX_INCREASE, .bound = 0.05};
    double earlier[8] = {100, 101, 99, 100, 102, 98, 100, 101}, after = 104;
    struct gate_outcome outcome;
    struct err err;
    struct gate_judged judged = {&check, &quiet, &outcome};
    struct gate_samples samples = {
        .design = GATE_BESIDE_HISTORY, .after = &after, .count = 1, .before = earlier, .before_count = 8};
    static const struct {
        double after;
        enum gate_verdict verdict;
    } cases[] = {{100, GATE_PASS}, {104, GATE_INCONCLUSIVE}, {115, GATE_FAIL}, {80, GATE_PASS}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        after = cases[i].after;
        assert_int_equal(gate_measure(&check, &samples, &quiet, 0.95, &outcome, &err), 0);
        assert_int_equal(gate_judge(&judged, 1, 0.95, &err), 0);
        assert_int_equal(outcome.verdict, cases[i].verdict);
        assert_true(outcome.is_unpaired);
    }
    samples.before_count = 4;
    assert_int_equal(gate_measure(&check, &samples, &quiet, 0.95, &outcome, &err), 0);
    assert_int_equal(gate_judge(&judged, 1, 0.95, &err), 0);
    assert_int_equal(outcome.verdict, GATE_INCONCLUSIVE);
    assert_non_null(strstr(outcome.why, "too few results"));
    for (size_t i = 0; i < 8; i++)
        earlier[i] = 100;
    samples.before_count = 8;
    after = 105;
    assert_int_equal(gate_measure(&check, &samples, &quiet, 0.95, &outcome, &err), 0);
    assert_true(outcome.is_exact && outcome.p_pass == 0);
    after = 106;
    assert_int_equal(gate_measure(&check, &samples, &quiet, 0.95, &outcome, &err), 0);
    assert_true(outcome.is_exact && outcome.p_fail_alone == 0);
}

static void a_failure_that_does_not_recur_is_none(void **state)
{
    (void)state;
    struct gate_check_result result = {
        .outcome = {.verdict = GATE_FAIL}, .was_repeated = true, .again = {.verdict = GATE_FAIL}};
    gate_confirm(&result);
    assert_int_equal(result.outcome.verdict, GATE_FAIL);
    result.again.verdict = GATE_PASS;
    gate_confirm(&result);
    assert_int_equal(result.outcome.verdict, GATE_INCONCLUSIVE);
    assert_non_null(result.outcome.why);
    result.outcome.verdict = GATE_FAIL;
    result.again = (struct gate_outcome){.verdict = GATE_NOISY, .why = "noise"};
    gate_confirm(&result);
    assert_int_equal(result.outcome.verdict, GATE_NOISY);
    assert_string_equal(result.outcome.why, "noise");
}

static void the_99th_percentile_takes_hundreds_of_runs_to_pass(void **state)
{
    (void)state;
    struct gate_check check = {.metric = GATE_P99, .limit = GATE_MAX, .bound = 30e6};
    double after[400];
    struct gate_outcome outcome;
    struct err err;
    struct random random;
    random_seed(&random, 9);
    for (size_t i = 0; i < 400; i++)
        after[i] = 20e6 * noise(&random, 0.01);
    struct gate_samples samples = {.design = GATE_ALONE, .after = after, .count = 400};
    struct gate_judged judged = {&check, &quiet, &outcome};
    assert_int_equal(gate_measure(&check, &samples, &quiet, 0.95, &outcome, &err), 0);
    assert_int_equal(gate_judge(&judged, 1, 0.95, &err), 0);
    assert_int_equal(outcome.verdict, GATE_PASS);
    assert_true(outcome.value > 20e6 && outcome.value < 21e6);
    samples.count = 300;
    assert_int_equal(gate_measure(&check, &samples, &quiet, 0.95, &outcome, &err), 0);
    assert_int_equal(gate_judge(&judged, 1, 0.95, &err), 0);
    assert_int_equal(outcome.verdict, GATE_INCONCLUSIVE);
    for (size_t i = 0; i < 300; i += 15)
        after[i] = 50e6;
    assert_int_equal(gate_measure(&check, &samples, &quiet, 0.95, &outcome, &err), 0);
    assert_int_equal(gate_judge(&judged, 1, 0.95, &err), 0);
    assert_int_equal(outcome.verdict, GATE_FAIL);
    assert_int_equal(gate_p99_runs_least(0.95), 368);
}

static void more_checks_take_more_rounds(void **state)
{
    (void)state;
    assert_int_equal(gate_rounds_least(1, 0.95), 6);
    assert_int_equal(gate_rounds_least(20, 0.95), 10);
}

int gate_judge_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_beyond_the_limit_fail_and_those_well_within_pass),
        cmocka_unit_test(where_more_is_better_less_fails),
        cmocka_unit_test(at_the_limit_neither_answer_is_given_too_often),
        cmocka_unit_test(among_many_checks_a_failure_is_as_rare_as_in_one),
        cmocka_unit_test(an_absolute_limit_is_held_against_the_median),
        cmocka_unit_test(what_repeats_to_the_digit_is_compared_as_it_is),
        cmocka_unit_test(one_run_of_a_time_says_nothing),
        cmocka_unit_test(a_limit_far_away_is_kept_however_runs_depend_on_each_other),
        cmocka_unit_test(on_a_busy_machine_an_absolute_time_fails_nobody),
        cmocka_unit_test(what_the_control_shows_counts_against_either_answer),
        cmocka_unit_test(beside_a_history_its_own_spread_decides),
        cmocka_unit_test(a_failure_that_does_not_recur_is_none),
        cmocka_unit_test(the_99th_percentile_takes_hundreds_of_runs_to_pass),
        cmocka_unit_test(more_checks_take_more_rounds),
    };
    return cmocka_run_group_tests_name("gate_judge", tests, NULL, NULL);
}
