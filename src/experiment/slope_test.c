/* SPDX-License-Identifier: Apache-2.0 */
#include "experiment/slope.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/assert_near.h"

static const double levels[] = {0.5, 1.0};

/* A run of 100 ms of which `share` hangs on the stage, with a little noise that differs from round to round. */
static struct estimate share_of(double share, size_t round_count)
{
    double walls[16 * 3];
    struct estimate estimate;
    for (size_t round = 0; round < round_count; round++) {
        double base = 100e6 * (1 + 0.01 * (double)(round % 3));
        for (size_t i = 0; i < 3; i++)
            walls[round * 3 + i] =
                base * (1 + (i ? share * levels[i - 1] : 0)) + 1e5 * (double)((round * 7 + i * 3) % 5);
    }
    const struct slope_rounds rounds = {walls, levels, 2, round_count, 0.95};
    assert_int_equal(slope_of_rounds(&rounds, &estimate, NULL), 0);
    return estimate;
}

static void the_slope_is_the_share_that_hangs_on_the_stage(void **state)
{
    (void)state;
    static const double shares[] = {0, 0.3, 0.6, 0.9};
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        double share = shares[i];
        struct estimate estimate = share_of(share, 10);
        assert_near(estimate.value, share, 0.01);
        assert_true(estimate.low <= estimate.value && estimate.value <= estimate.high);
    }
}

static void the_most_it_can_bring_is_what_remains_without_it(void **state)
{
    (void)state;
    struct estimate estimate = share_of(0.6, 10);
    struct experiment_gain gain = slope_gain(&estimate);
    assert_true(gain.is_bound);
    assert_near(gain.factor, 2.5, 0.1);
    assert_true(gain.factor_low <= gain.factor && gain.factor <= gain.factor_high);
    /* A share below 0 is noise: nothing can be lost by making the stage better. */
    estimate = (struct estimate){.value = -0.01, .low = -0.02, .high = 0.01};
    gain = slope_gain(&estimate);
    assert_near(gain.factor, 1, 1e-9);
    assert_near(gain.factor_high, 1 / 0.99, 1e-9);
}

static void few_rounds_have_no_interval(void **state)
{
    (void)state;
    struct estimate estimate = share_of(0.5, 4);
    struct experiment_gain gain = slope_gain(&estimate);
    assert_true(gain.factor_low == 0 && isinf(gain.factor_high));
}

static void what_has_no_time_is_refused(void **state)
{
    (void)state;
    const double walls[] = {0, 1, 1};
    struct slope_rounds rounds = {walls, levels, 2, 1, 0.95};
    struct estimate estimate;
    assert_int_equal(slope_of_rounds(&rounds, &estimate, NULL), -ERR_INPUT);
    rounds.round_count = 0;
    assert_int_equal(slope_of_rounds(&rounds, &estimate, NULL), -ERR_INPUT);
}

int slope_test(void);
int slope_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_slope_is_the_share_that_hangs_on_the_stage),
        cmocka_unit_test(the_most_it_can_bring_is_what_remains_without_it),
        cmocka_unit_test(few_rounds_have_no_interval),
        cmocka_unit_test(what_has_no_time_is_refused),
    };
    return cmocka_run_group_tests_name("slope", tests, NULL, NULL);
}
