/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/effect.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert_near.h"

static enum effect_verdict judge(double low, double high)
{
    struct estimate estimate = {.low = log(low), .high = log(high), .confidence_ratio = 0.95};
    return effect_judge(&estimate, EFFECT_THRESHOLD_RATIO);
}

static void a_verdict_needs_the_whole_interval_past_what_matters(void **state)
{
    (void)state;
    assert_int_equal(judge(1.02, 1.05), EFFECT_SLOWER);
    assert_int_equal(judge(1.005, 1.05), EFFECT_INCONCLUSIVE);
    assert_int_equal(judge(0.95, 0.98), EFFECT_FASTER);
    assert_int_equal(judge(0.95, 0.995), EFFECT_INCONCLUSIVE);
    assert_int_equal(judge(0.992, 1.009), EFFECT_EQUIVALENT);
    assert_int_equal(judge(1.004, 1.009), EFFECT_EQUIVALENT);
    assert_int_equal(judge(0.9, 1.1), EFFECT_INCONCLUSIVE);
    struct estimate nothing = {.low = -INFINITY, .high = INFINITY};
    assert_int_equal(effect_judge(&nothing, 0.01), EFFECT_INCONCLUSIVE);
    assert_string_equal(effect_name(EFFECT_SLOWER), "slower");
    assert_string_equal(effect_name(EFFECT_INCONCLUSIVE), "inconclusive");
}

/* The normal formula by hand: ((1.959964 + 1.281552) 0.02 / ln 1.02)^2 pi / 3 = 11.22, and so on. */
static void pairs_needed_follow_the_formula(void **state)
{
    (void)state;
    struct effect_plan plan = {
        .deviation = 0.02, .effect_ratio = 0.02, .confidence_ratio = 0.95, .power_ratio = 0.9};
    assert_int_equal(effect_pairs_needed(&plan), 12);
    plan.effect_ratio = 0.01;
    assert_int_equal(effect_pairs_needed(&plan), 45);
    plan.deviation = 0.05;
    plan.effect_ratio = 0.02;
    assert_int_equal(effect_pairs_needed(&plan), 71);
    plan.effect_ratio = 0.5;
    assert_int_equal(effect_pairs_needed(&plan), 6);
    plan.effect_ratio = 0;
    assert_true(effect_pairs_needed(&plan) == SIZE_MAX);
}

static void the_smallest_effect_follows_the_interval(void **state)
{
    (void)state;
    struct estimate estimate = {.low = -0.0196, .high = 0.0196, .confidence_ratio = 0.95};
    assert_near(effect_smallest_ratio(&estimate, 0.9), exp(0.01 * (1.96 + 1.96 / 1.959964 * 1.281552)), 1e-6);
    estimate.confidence_ratio = 0;
    assert_true(isinf(effect_smallest_ratio(&estimate, 0.9)));
}

static void widening_keeps_the_value(void **state)
{
    (void)state;
    struct estimate estimate = {.value = 0.01, .low = 0, .high = 0.03};
    effect_widen(&estimate, 2);
    assert_near(estimate.value, 0.01, 0);
    assert_near(estimate.low, -0.01, 1e-15);
    assert_near(estimate.high, 0.05, 1e-15);
}

static void the_tier_is_that_of_the_careful_end(void **state)
{
    (void)state;
    struct estimate estimate = {.low = log(4.9), .high = log(9)};
    assert_int_equal(effect_tier(&estimate), EFFECT_P1);
    estimate = (struct estimate){.low = -log(9), .high = -log(5.1)};
    assert_int_equal(effect_tier(&estimate), EFFECT_P0);
    estimate = (struct estimate){.low = -0.1, .high = 3};
    assert_int_equal(effect_tier(&estimate), EFFECT_P3);
}

int effect_test(void);
int effect_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_verdict_needs_the_whole_interval_past_what_matters),
        cmocka_unit_test(pairs_needed_follow_the_formula),
        cmocka_unit_test(the_smallest_effect_follows_the_interval),
        cmocka_unit_test(widening_keeps_the_value),
        cmocka_unit_test(the_tier_is_that_of_the_careful_end),
    };
    return cmocka_run_group_tests_name("effect", tests, NULL, NULL);
}
