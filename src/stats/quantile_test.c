/* SPDX-License-Identifier: Apache-2.0 */
/* Values: R 4.2 unless a source is named. */
#include "stats/quantile.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert_near.h"

static const double ten[] = {1.5, 2.2, 3.1, 4.4, 5.3, 6.05, 7.9, 8.6, 9.7, 12.5};

static void each_type_of_quantile_has_its_values(void **state)
{
    (void)state;
    static const double p[] = {0.1, 0.25, 0.5, 0.9, 0.99};
    static const struct {
        enum quantile_type type;
        double wanted[5];
    } rows[] = {
        {QUANTILE_TYPE_1, {1.5, 3.1, 5.3, 9.7, 12.5}},
        {QUANTILE_TYPE_6, {1.57, 2.875, 5.675, 12.22, 12.5}},
        {QUANTILE_TYPE_7, {2.13, 3.425, 5.675, 9.98, 12.248}},
        {QUANTILE_TYPE_8, {1.75666666666667, 3.025, 5.675, 11.4733333333333, 12.5}},
    };
    for (size_t row = 0; row < 4; row++)
        for (size_t i = 0; i < 5; i++)
            assert_near(quantile_sorted(ten, 10, p[i], rows[row].type), rows[row].wanted[i], 1e-12);
}

static void the_spread_is_the_median_distance(void **state)
{
    (void)state;
    static const double odd[] = {1, 1, 2, 2, 4, 6, 9}, one[] = {3};
    assert_near(mad_sorted(ten, 10), 2.75, 1e-12);
    assert_near(mad_sorted(odd, 7), 1, 0);
    assert_near(mad_sorted(one, 1), 0, 0);
    assert_near(mad_sorted(NULL, 0), 0, 0);
}

/* The case of hyperfine's own tests: the modified z-score of 14.826 normal deviations. */
static void an_outlier_is_far_in_median_distances(void **state)
{
    (void)state;
    assert_false(is_outlier(5 + 14.8, 5, 1));
    assert_true(is_outlier(5 + 14.9, 5, 1));
    assert_true(is_outlier(5 - 14.9, 5, 1));
    assert_false(is_outlier(500, 5, 0));
}

/* Six values are the fewest for the median at 95 %, eight at 99 % (benchmath, anone.go). */
static void the_interval_of_a_median_needs_six_values(void **state)
{
    (void)state;
    struct order_interval interval = quantile_interval(ten, 6, 0.5, 0.95);
    assert_near(interval.confidence_ratio, 0.96875, 1e-12);
    assert_true(interval.low == 1.5 && interval.high == 6.05);
    assert_true(quantile_interval(ten, 5, 0.5, 0.95).confidence_ratio == 0);
    assert_true(quantile_interval(ten, 7, 0.5, 0.99).confidence_ratio == 0);
    assert_near(quantile_interval(ten, 8, 0.5, 0.99).confidence_ratio, 0.9921875, 1e-12);
    interval = quantile_interval(ten, 10, 0.5, 0.95);
    assert_int_equal(interval.low_index, 1);
    assert_int_equal(interval.high_index, 8);
    assert_near(interval.confidence_ratio, 0.978515625, 1e-12);
}

static void a_bound_of_a_far_quantile_needs_many_values(void **state)
{
    (void)state;
    assert_int_equal(quantile_bound_count(0.99, 0.95), 299);
    assert_int_equal(quantile_bound_count(0.999, 0.95), 2995);
}

static void values_that_are_no_numbers_are_refused(void **state)
{
    (void)state;
    const double bad[] = {1, NAN, 3};
    double *sorted;
    struct err err = {0};
    assert_int_equal(sorted_copy(bad, 3, &sorted, &err), -ERR_INPUT);
    assert_non_null(strstr(err.what, "value 2"));
}

int quantile_test(void);
int quantile_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_type_of_quantile_has_its_values),
        cmocka_unit_test(the_spread_is_the_median_distance),
        cmocka_unit_test(an_outlier_is_far_in_median_distances),
        cmocka_unit_test(the_interval_of_a_median_needs_six_values),
        cmocka_unit_test(a_bound_of_a_far_quantile_needs_many_values),
        cmocka_unit_test(values_that_are_no_numbers_are_refused),
    };
    return cmocka_run_group_tests_name("quantile", tests, NULL, NULL);
}
