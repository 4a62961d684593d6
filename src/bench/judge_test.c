/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/judge.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert_near.h"
#include "bench/bench_export.h"
#include "stats/random.h"

/* Arms of 20 ms whose time is multiplied by a factor each; noise is a part of it. */
struct made {
    double factors[4]; /* of the arms, the control last */
    size_t arm_count;
    bool has_control;
    size_t rounds;
    double noise;
    double drift;  /* over all rounds, of all arms */
    double memory; /* bytes of B; A has a million */
};

static void make(const struct made *made, struct bench_result *result)
{
    static const char *const names[] = {"A", "B", "C", "D"};
    static char *words[] = {"true", NULL};
    struct random random;
    *result = (struct bench_result){.has_control = made->has_control,
                                    .confidence_ratio = 0.95,
                                    .threshold_ratio = 0.01,
                                    .precision_ratio = 0.005,
                                    .cpu_count = 2,
                                    .rounds = made->rounds};
    random_seed(&random, 11);
    for (size_t i = 0; i < made->arm_count; i++) {
        struct bench_arm arm = {.name = names[i], .command = "true", .words = words};
        for (size_t round = 0; round < made->rounds; round++) {
            double shape =
                1 + made->drift * (double)round / (double)made->rounds + made->noise * random_normal(&random);
            struct bench_run run = {.round = (uint32_t)round,
                                    .wall_ns = (uint64_t)(2e7 * made->factors[i] * shape),
                                    .user_ns = 10000000,
                                    .memory_bytes_max =
                                        i == 1 && made->memory > 0 ? (uint64_t)made->memory : 1000000};
            assert_int_equal(vec_push(&arm.runs, run), 0);
        }
        assert_int_equal(vec_push(&result->arms, arm), 0);
    }
    assert_int_equal(judge(result, NULL), 0);
}

static void a_slower_command_is_called_slower(void **state)
{
    (void)state;
    struct bench_result result;
    make(&(struct made){{1, 1.05, 1}, 3, true, 20, 0.01, 0, 0}, &result);
    const struct bench_comparison *wall = bench_comparison_of(&result, 1, BENCH_WALL);
    assert_non_null(wall);
    assert_int_equal(wall->verdict, EFFECT_SLOWER);
    assert_near(wall->ratio, 1.05, 0.015);
    assert_true(wall->ratio_low > 1.01 && wall->ratio_low < 1.05 && wall->ratio_high > 1.05);
    assert_true(wall->smallest_effect_ratio > 0 && wall->smallest_effect_ratio < 0.03);
    assert_int_equal(wall->pair_count, 20);
    bench_result_free(&result);
    make(&(struct made){{1, 0.95, 1}, 3, true, 20, 0.01, 0, 0}, &result);
    assert_int_equal(bench_comparison_of(&result, 1, BENCH_WALL)->verdict, EFFECT_FASTER);
    bench_result_free(&result);
}

static void the_same_command_is_equivalent_once_it_is_known_well(void **state)
{
    (void)state;
    struct bench_result result;
    make(&(struct made){{1, 1, 1}, 3, true, 60, 0.01, 0, 0}, &result);
    assert_int_equal(bench_comparison_of(&result, 1, BENCH_WALL)->verdict, EFFECT_EQUIVALENT);
    bench_result_free(&result);
    make(&(struct made){{1, 1, 1}, 3, true, 10, 0.1, 0, 0}, &result);
    const struct bench_comparison *wall = bench_comparison_of(&result, 1, BENCH_WALL);
    assert_int_equal(wall->verdict, EFFECT_INCONCLUSIVE);
    assert_true(wall->pairs_needed > 100 && wall->pairs_needed < 100000);
    bench_result_free(&result);
}

static void drift_that_falls_on_all_alike_cancels(void **state)
{
    (void)state;
    struct bench_result result;
    make(&(struct made){{1, 1, 1}, 3, true, 40, 0.005, 0.5, 0}, &result);
    assert_int_equal(bench_comparison_of(&result, 1, BENCH_WALL)->verdict, EFFECT_EQUIVALENT);
    assert_true(result.arms.items[0].summaries[BENCH_WALL].drift.p_value < 0.001);
    bench_result_free(&result);
}

/* The control is 4 % off: a verdict of 3 % is taken back, one of 20 % stands. */
static void a_control_that_differs_from_itself_denies_a_verdict(void **state)
{
    (void)state;
    struct bench_result result;
    make(&(struct made){{1, 1.03, 1.04}, 3, true, 30, 0.005, 0, 0}, &result);
    const struct bench_comparison *wall = bench_comparison_of(&result, 1, BENCH_WALL);
    assert_int_equal(wall->verdict, EFFECT_INCONCLUSIVE);
    assert_int_equal(wall->denial, BENCH_DENIED_BY_CONTROL);
    bench_result_free(&result);
    make(&(struct made){{1, 1.20, 1.04}, 3, true, 30, 0.005, 0, 0}, &result);
    assert_int_equal(bench_comparison_of(&result, 1, BENCH_WALL)->verdict, EFFECT_SLOWER);
    assert_int_equal(bench_comparison_of(&result, 1, BENCH_WALL)->denial, BENCH_NOT_DENIED);
    bench_result_free(&result);
}

static void pairs_that_depend_on_one_another_widen_the_interval(void **state)
{
    (void)state;
    struct bench_result result;
    make(&(struct made){{1, 1, 1}, 3, true, 40, 0.001, 0, 0}, &result);
    for (size_t i = 0; i < 40; i++)
        result.arms.items[1].runs.items[i].wall_ns += (uint64_t)(2e7 * 0.02 * (1 + sin((double)i / 5)));
    result.comparisons.count = 0;
    assert_int_equal(judge(&result, NULL), 0);
    const struct bench_comparison *wall = bench_comparison_of(&result, 1, BENCH_WALL);
    assert_true(wall->autocorrelation > 0.5);
    assert_true(wall->log_ratio.high - wall->log_ratio.low > 2 * (wall->plain.high - wall->plain.low));
    bench_result_free(&result);
}

static void a_machine_that_was_taken_away_has_no_verdict(void **state)
{
    (void)state;
    struct bench_result result;
    make(&(struct made){{1, 1.5, 1}, 3, true, 20, 0.01, 0, 0}, &result);
    result.steal_ratio = 0.5;
    result.comparisons.count = 0;
    assert_int_equal(judge(&result, NULL), 0);
    assert_int_equal(bench_comparison_of(&result, 1, BENCH_WALL)->verdict, EFFECT_INCONCLUSIVE);
    assert_int_equal(bench_comparison_of(&result, 1, BENCH_WALL)->denial, BENCH_DENIED_BY_STEAL);
    bench_result_free(&result);
}

static void what_repeats_to_the_digit_is_exact(void **state)
{
    (void)state;
    struct bench_result result;
    make(&(struct made){{1, 1, 1}, 3, true, 6, 0.3, 0, 1050000}, &result);
    const struct bench_comparison *memory = bench_comparison_of(&result, 1, BENCH_MEMORY);
    assert_true(memory->is_exact);
    assert_int_equal(memory->verdict, EFFECT_SLOWER);
    assert_near(memory->ratio_low, 1.05, 1e-12);
    assert_near(memory->ratio_high, 1.05, 1e-12);
    assert_int_equal(bench_comparison_of(&result, 1, BENCH_CPU)->verdict, EFFECT_EQUIVALENT);
    bench_result_free(&result);
}

static void several_arms_share_what_may_be_missed(void **state)
{
    (void)state;
    struct bench_result result;
    make(&(struct made){{1, 1.02, 1.04, 1}, 4, true, 40, 0.01, 0, 0}, &result);
    const struct bench_comparison *wall = bench_comparison_of(&result, 2, BENCH_WALL);
    assert_true(wall->log_ratio.confidence_ratio >= 0.975);
    assert_true(wall->p_value_adjusted >= wall->p_value);
    assert_int_equal(judge_pairs_least(&result), 7);
    bench_result_free(&result);
}

static void too_few_rounds_have_no_interval(void **state)
{
    (void)state;
    struct bench_result result;
    double half, ratio;
    make(&(struct made){{1, 1.5, 1}, 3, true, 5, 0.01, 0, 0}, &result);
    const struct bench_comparison *wall = bench_comparison_of(&result, 1, BENCH_WALL);
    assert_int_equal(wall->verdict, EFFECT_INCONCLUSIVE);
    assert_true(isinf(wall->ratio_high));
    assert_int_equal(judge_precision(&result, &half, &ratio, NULL), 0);
    assert_true(isinf(half));
    bench_result_free(&result);
}

static void precision_is_that_of_the_widest_interval(void **state)
{
    (void)state;
    struct bench_result result;
    double half, ratio;
    make(&(struct made){{1, 1.02, 1}, 3, true, 50, 0.01, 0, 0}, &result);
    assert_int_equal(judge_precision(&result, &half, &ratio, NULL), 0);
    assert_true(half > 0.002 && half < 0.008);
    assert_near(ratio, 1.02, 0.006);
    bench_result_free(&result);
    make(&(struct made){{1}, 1, false, 50, 0.01, 0, 0}, &result);
    assert_int_equal(judge_precision(&result, &half, &ratio, NULL), 0);
    assert_true(half > 0.0005 && half < 0.01 && ratio == 0);
    assert_int_equal(result.comparisons.count, 0);
    bench_result_free(&result);
}

static void a_comma_in_a_command_is_quoted_in_csv(void **state)
{
    (void)state;
    struct bench_result result;
    struct str text = {0};
    make(&(struct made){{1}, 1, false, 6, 0, 0, 0}, &result);
    result.arms.items[0].command = "printf \"a,b\"";
    bench_csv(&result, &text);
    assert_string_equal(str_text(&text), "command,mean,stddev,median,user,system,min,max\n"
                                         "\"printf \"\"a,b\"\"\",0.02,0,0.02,0.01,0,0.02,0.02\n");
    str_free(&text);
    assert_null(bench_exporter_find("pdf"));
    bench_result_free(&result);
}

int judge_test(void);
int judge_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slower_command_is_called_slower),
        cmocka_unit_test(the_same_command_is_equivalent_once_it_is_known_well),
        cmocka_unit_test(drift_that_falls_on_all_alike_cancels),
        cmocka_unit_test(a_control_that_differs_from_itself_denies_a_verdict),
        cmocka_unit_test(pairs_that_depend_on_one_another_widen_the_interval),
        cmocka_unit_test(a_machine_that_was_taken_away_has_no_verdict),
        cmocka_unit_test(what_repeats_to_the_digit_is_exact),
        cmocka_unit_test(several_arms_share_what_may_be_missed),
        cmocka_unit_test(too_few_rounds_have_no_interval),
        cmocka_unit_test(precision_is_that_of_the_widest_interval),
        cmocka_unit_test(a_comma_in_a_command_is_quoted_in_csv),
    };
    return cmocka_run_group_tests_name("judge", tests, NULL, NULL);
}
