/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/outcome.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert_near.h"
#include "verify/prediction.h"

static const struct verify_prediction none = {0};

/* Of the second arm: wall, CPU and memory with these ratios, each known within 2 % and with this p-value. */
static void result_make(struct bench_result *result, const double *ratios, const double *p_values)
{
    static const enum bench_metric metrics[] = {BENCH_WALL, BENCH_CPU, BENCH_MEMORY};
    *result = (struct bench_result){.confidence_ratio = 0.95, .threshold_ratio = 0.01};
    for (size_t i = 0; i < 3; i++) {
        struct bench_comparison comparison = {.arm = 1,
                                              .metric = metrics[i],
                                              .ratio = ratios[i],
                                              .ratio_low = ratios[i] / 1.02,
                                              .ratio_high = ratios[i] * 1.02,
                                              .p_value = p_values[i]};
        struct estimate log_ratio = {
            .value = log(ratios[i]), .low = log(comparison.ratio_low), .high = log(comparison.ratio_high)};
        comparison.verdict = effect_judge(&log_ratio, result->threshold_ratio);
        assert_int_equal(vec_push(&result->comparisons, comparison), 0);
    }
}

static struct outcome judged(const double *ratios, const double *p_values, const bool *decides)
{
    struct bench_result result;
    struct outcome outcome;
    result_make(&result, ratios, p_values);
    assert_int_equal(outcome_judge(&result, decides, &none, &outcome, NULL), 0);
    vec_free(&result.comparisons); /* the outcome's pointers are not followed below */
    return outcome;
}

static const bool wall[BENCH_METRIC_COUNT] = {[BENCH_WALL] = true};
static const bool wall_and_memory[BENCH_METRIC_COUNT] = {[BENCH_WALL] = true, [BENCH_MEMORY] = true};
static const double sure[] = {1e-6, 1e-6, 1e-6};

static void the_verdict_is_that_of_the_metric_that_decides(void **state)
{
    (void)state;
    static const struct {
        double ratio;
        enum effect_verdict verdict;
        int exit_status;
    } table[] = {{0.5, EFFECT_FASTER, 0}, {1.2, EFFECT_SLOWER, 1}, {1.02, EFFECT_INCONCLUSIVE, 5}};
    for (size_t i = 0; i < 3; i++) {
        const double ratios[] = {table[i].ratio, 1.5, 1.5};
        struct outcome outcome = judged(ratios, sure, wall);
        assert_int_equal(outcome.verdict, table[i].verdict);
        assert_int_equal(outcome_exit_status(&outcome), table[i].exit_status);
    }
}

static void memory_that_grew_is_told_and_decides_only_when_asked(void **state)
{
    (void)state;
    const double ratios[] = {0.5, 0.5, 1.5};
    struct outcome outcome = judged(ratios, sure, wall);
    assert_int_equal(outcome.verdict, EFFECT_FASTER);
    assert_int_equal(outcome.metrics[2].verdict, EFFECT_SLOWER);
    assert_false(outcome.metrics[2].decides);
    outcome = judged(ratios, sure, wall_and_memory);
    assert_int_equal(outcome.verdict, EFFECT_SLOWER);
}

/* 0.04 alone is under 5 %, among two it is 0.08. */
static void several_that_decide_share_the_error(void **state)
{
    (void)state;
    const double ratios[] = {1.2, 1, 1.2}, p_values[] = {0.04, 0.5, 0.045};
    struct outcome outcome = judged(ratios, p_values, wall);
    assert_int_equal(outcome.verdict, EFFECT_SLOWER);
    assert_near(outcome.metrics[0].p_value_adjusted, 0.04, 1e-12);
    outcome = judged(ratios, p_values, wall_and_memory);
    assert_int_equal(outcome.verdict, EFFECT_INCONCLUSIVE);
    assert_near(outcome.metrics[0].p_value_adjusted, 0.08, 1e-12);
}

static void an_interrupted_one_has_no_verdict(void **state)
{
    (void)state;
    const double ratios[] = {1.2, 1, 1};
    struct bench_result result;
    struct outcome outcome;
    struct verify_prediction prediction = prediction_of_factors(0.8, 0.7, 0.9);
    result_make(&result, ratios, sure);
    result.stop = BENCH_STOP_INTERRUPT;
    assert_int_equal(outcome_judge(&result, wall, &prediction, &outcome, NULL), 0);
    assert_int_equal(outcome_exit_status(&outcome), 130);
    assert_true(outcome.has_error && outcome.is_inside);
    assert_ptr_equal(outcome_metric(&outcome, BENCH_WALL)->comparison, &result.comparisons.items[0]);
    assert_null(outcome_metric(&outcome, BENCH_INSTRUCTIONS));
    vec_free(&result.comparisons);
}

static void what_was_not_measured_cannot_decide(void **state)
{
    (void)state;
    const double ratios[] = {1, 1, 1};
    const bool instructions[BENCH_METRIC_COUNT] = {[BENCH_INSTRUCTIONS] = true};
    struct bench_result result;
    struct outcome outcome;
    enum bench_metric metric;
    result_make(&result, ratios, sure);
    assert_int_equal(outcome_judge(&result, instructions, &none, &outcome, NULL), -ERR_ENVIRONMENT);
    vec_free(&result.comparisons);
    assert_true(outcome_metric_find("memory", &metric) && metric == BENCH_MEMORY);
    assert_true(outcome_metric_find("cpu_ns", &metric) && metric == BENCH_CPU);
    assert_false(outcome_metric_find("speed", &metric));
}

int outcome_test(void);
int outcome_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_verdict_is_that_of_the_metric_that_decides),
        cmocka_unit_test(memory_that_grew_is_told_and_decides_only_when_asked),
        cmocka_unit_test(several_that_decide_share_the_error),
        cmocka_unit_test(an_interrupted_one_has_no_verdict),
        cmocka_unit_test(what_was_not_measured_cannot_decide),
    };
    return cmocka_run_group_tests_name("outcome", tests, NULL, NULL);
}
