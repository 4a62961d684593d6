/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/prediction.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/assert_near.h"

static void a_factor_becomes_a_ratio(void **state)
{
    (void)state;
    struct verify_prediction prediction;
    assert_int_equal(prediction_parse("2x", &prediction, NULL), 0);
    assert_true(prediction.is_given && isnan(prediction.ratio_low) && isnan(prediction.ratio_high));
    assert_near(prediction.ratio, 0.5, 1e-12);
    assert_int_equal(prediction_parse("1.25", &prediction, NULL), 0);
    assert_near(prediction.ratio, 0.8, 1e-12);
}

static void an_interval_is_turned_round(void **state)
{
    (void)state;
    struct verify_prediction prediction;
    assert_int_equal(prediction_parse("1.6x..1.8x..2.0x", &prediction, NULL), 0);
    assert_near(prediction.ratio, 1 / 1.8, 1e-12);
    assert_near(prediction.ratio_low, 0.5, 1e-12);
    assert_near(prediction.ratio_high, 0.625, 1e-12);
    assert_int_equal(prediction_parse("1..4", &prediction, NULL), 0);
    assert_near(prediction.ratio, 0.5, 1e-12); /* the middle of ratios is geometric */
}

static void what_is_no_factor_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "x", "0x", "-2x", "2..1", "1..2..3..4", "fast", "nan", "1e9x"};
    struct verify_prediction prediction;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(prediction_parse(texts[i], &prediction, NULL), -ERR_USAGE);
}

static void the_error_is_of_the_time_after(void **state)
{
    (void)state;
    struct verify_prediction prediction = prediction_of_factors(2, 1.8, 2.2);
    struct outcome outcome = {0};
    struct bench_comparison measured = {.ratio = 0.55, .ratio_low = 0.54, .ratio_high = 0.56};
    prediction_hold(&prediction, &measured, &outcome);
    assert_true(outcome.has_error && outcome.has_interval && outcome.is_inside);
    assert_near(outcome.error_ratio, 0.1, 1e-12);
    measured = (struct bench_comparison){.ratio = 0.6, .ratio_low = 0.55, .ratio_high = 0.65};
    prediction_hold(&prediction, &measured, &outcome);
    assert_true(!outcome.is_inside && outcome.overlaps);
    measured.ratio_low = 0.59;
    prediction_hold(&prediction, &measured, &outcome);
    assert_false(outcome.overlaps);
    prediction = prediction_of_factors(2, 0, 0);
    measured.ratio = 0.4;
    prediction_hold(&prediction, &measured, &outcome);
    assert_false(outcome.has_interval || outcome.is_inside);
    assert_near(outcome.error_ratio, -0.2, 1e-12);
}

int prediction_test(void);
int prediction_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_factor_becomes_a_ratio),
        cmocka_unit_test(an_interval_is_turned_round),
        cmocka_unit_test(what_is_no_factor_is_refused),
        cmocka_unit_test(the_error_is_of_the_time_after),
    };
    return cmocka_run_group_tests_name("prediction", tests, NULL, NULL);
}
