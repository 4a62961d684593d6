/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/bootstrap.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert_near.h"

/* Spatial test data A of Efron and Tibshirani 1993, table 14.1. */
static const double spatial[] = {48, 36, 20, 29, 42, 42, 20, 42, 22, 41, 45, 14, 6,
                                 0,  33, 28, 34, 4,  32, 24, 47, 41, 24, 26, 30, 41};

static double mean(const void *context, const size_t *indexes, size_t count)
{
    const double *values = context;
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += values[indexes[i]];
    return sum / (double)count;
}

static double variance(const void *context, const size_t *indexes, size_t count)
{
    const double *values = context;
    double centre = mean(context, indexes, count), squares = 0;
    for (size_t i = 0; i < count; i++)
        squares += (values[indexes[i]] - centre) * (values[indexes[i]] - centre);
    return squares / (double)count;
}

/* Table 14.2: the variance is 171.5, a = 0.061, z0 = 0.146; BCa at 90 % from 115.8 to 259.6, from 2000 resamples. */
static void the_textbook_example_has_its_values(void **state)
{
    (void)state;
    struct bootstrap options = {.statistic = variance,
                                .context = spatial,
                                .count = 26,
                                .resamples = 50000,
                                .confidence_ratio = 0.9,
                                .seed = 1};
    struct bootstrap_interval interval;
    assert_int_equal(bootstrap_bca(&options, &interval, NULL), 0);
    assert_near(interval.value, 171.5, 0.05);
    assert_near(interval.acceleration, 0.061, 0.0005);
    assert_near(interval.bias, 0.146, 0.04);
    assert_near(interval.low, 115.8, 4);
    assert_near(interval.high, 259.6, 6);
}

static void the_same_seed_gives_the_same_interval(void **state)
{
    (void)state;
    struct bootstrap options = {.statistic = mean,
                                .context = spatial,
                                .count = 26,
                                .resamples = 500,
                                .confidence_ratio = 0.95,
                                .seed = 7};
    struct bootstrap_interval one, two, three;
    assert_int_equal(bootstrap_bca(&options, &one, NULL), 0);
    assert_int_equal(bootstrap_bca(&options, &two, NULL), 0);
    options.seed = 8;
    assert_int_equal(bootstrap_bca(&options, &three, NULL), 0);
    assert_true(one.low == two.low && one.high == two.high);
    assert_true(one.low != three.low || one.high != three.high);
    assert_true(one.low < one.value && one.value < one.high);
}

static void values_without_spread_have_an_interval_without_width(void **state)
{
    (void)state;
    const double same[] = {3, 3, 3, 3};
    struct bootstrap options = {.statistic = mean, .context = same, .count = 4, .confidence_ratio = 0.95};
    struct bootstrap_interval interval;
    assert_int_equal(bootstrap_bca(&options, &interval, NULL), 0);
    assert_true(interval.low == 3 && interval.high == 3);
    options.count = 1;
    assert_int_equal(bootstrap_bca(&options, &interval, NULL), -ERR_INPUT);
    options.count = 4;
    options.confidence_ratio = 1;
    assert_int_equal(bootstrap_bca(&options, &interval, NULL), -ERR_INPUT);
}

int bootstrap_test(void);
int bootstrap_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_textbook_example_has_its_values),
        cmocka_unit_test(the_same_seed_gives_the_same_interval),
        cmocka_unit_test(values_without_spread_have_an_interval_without_width),
    };
    return cmocka_run_group_tests_name("bootstrap", tests, NULL, NULL);
}
