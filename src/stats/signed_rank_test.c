/* SPDX-License-Identifier: Apache-2.0 */
/* Values: Hollander and Wolfe 1973; R 4.2's wilcox.test. */
#include "stats/signed_rank.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert_near.h"

/* Depression scores before and after a tranquilliser: the standard example. */
static const double before[] = {1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30};
static const double after[] = {0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29};

static void the_textbook_example_has_its_values(void **state)
{
    (void)state;
    double differences[9];
    struct estimate estimate;
    for (int i = 0; i < 9; i++)
        differences[i] = before[i] - after[i];
    assert_int_equal(signed_rank(differences, 9, 0.95, &estimate, NULL), 0);
    assert_true(estimate.is_exact);
    assert_near(estimate.p_value, 0.0390625, 1e-12);
    assert_near(estimate.value, 0.46, 1e-12);
    assert_near(estimate.low, 0.01, 1e-12);
    assert_near(estimate.high, 0.786, 1e-12);
    assert_near(estimate.confidence_ratio, 1 - 2 * 0.01953125, 1e-12);
}

static void forty_pairs_are_exact(void **state)
{
    (void)state;
    double differences[40];
    struct estimate estimate;
    for (int i = 0; i < 40; i++)
        differences[i] = sin(i + 1) + 0.3;
    assert_int_equal(signed_rank(differences, 40, 0.95, &estimate, NULL), 0);
    assert_near(estimate.p_value, 0.00487071832685615, 1e-12);
    assert_near(estimate.value, 0.332450467300742, 1e-12);
    assert_near(estimate.low, 0.131128108032127, 1e-12);
    assert_near(estimate.high, 0.580997847452354, 1e-12);
}

/* R finds the root of a step function here, so its estimate and interval are near, not equal. */
static void many_pairs_are_normal(void **state)
{
    (void)state;
    double differences[150], rounded[150];
    struct estimate estimate;
    for (int i = 0; i < 150; i++) {
        differences[i] = sin(i + 1) * 0.1 + 0.012;
        rounded[i] = round(differences[i] * 100) / 100;
    }
    assert_int_equal(signed_rank(differences, 150, 0.95, &estimate, NULL), 0);
    assert_false(estimate.is_exact);
    assert_near(estimate.p_value, 0.0212214041713176, 1e-9);
    assert_near(estimate.value, 0.0119960826778282, 1e-4);
    assert_near(estimate.low, 0.00226670388869176, 1e-4);
    assert_near(estimate.high, 0.0217188126263998, 1e-4);
    assert_int_equal(signed_rank(rounded, 150, 0.95, &estimate, NULL), 0);
    assert_near(estimate.p_value, 0.018765900237307, 1e-9);
}

/* All 2^n ways of signs, one by one. */
static double brute_p(const double *differences, size_t count)
{
    double ranks[16], positive = 0;
    size_t low = 0, high = 0;
    for (size_t i = 0; i < count; i++) {
        ranks[i] = 1;
        for (size_t j = 0; j < count; j++)
            if (j != i)
                ranks[i] += fabs(differences[j]) < fabs(differences[i])   ? 1
                            : fabs(differences[j]) > fabs(differences[i]) ? 0
                                                                          : 0.5;
        positive += differences[i] > 0 ? ranks[i] : 0;
    }
    for (size_t signs = 0; signs < (size_t)1 << count; signs++) {
        double sum = 0;
        for (size_t i = 0; i < count; i++)
            sum += signs >> i & 1 ? ranks[i] : 0;
        low += sum <= positive;
        high += sum >= positive;
    }
    double p = 2.0 * (double)(low < high ? low : high) / (double)((size_t)1 << count);
    return p > 1 ? 1 : p;
}

static void ties_are_exact_and_zeros_left_out_of_the_test(void **state)
{
    (void)state;
    const double tied[] = {1, 1, -1, 2, 2, 2, -3, 4, 4, 5, 6, -1};
    const double zeros[] = {0, 1, 1, -1, 2, 2, 0, 2, -3, 4, 4, 5, 6, -1, 0};
    struct estimate estimate;
    assert_int_equal(signed_rank(tied, 12, 0.95, &estimate, NULL), 0);
    assert_near(estimate.p_value, brute_p(tied, 12), 1e-12);
    assert_int_equal(signed_rank(zeros, 15, 0.95, &estimate, NULL), 0);
    assert_near(estimate.p_value, brute_p(tied, 12), 1e-12);
}

static void equal_pairs_differ_by_nothing(void **state)
{
    (void)state;
    const double zeros[8] = {0};
    struct estimate estimate;
    assert_int_equal(signed_rank(zeros, 8, 0.95, &estimate, NULL), 0);
    assert_true(estimate.value == 0 && estimate.low == 0 && estimate.high == 0 && estimate.p_value == 1);
}

/* 2 / 2^n: five pairs cannot reach 95 %, six have exactly their ends. */
static void fewer_than_six_pairs_have_no_interval(void **state)
{
    (void)state;
    const double differences[] = {0.1, 0.25, 0.3, 0.45, 0.5, 0.65};
    struct estimate estimate;
    assert_int_equal(signed_rank(differences, 5, 0.95, &estimate, NULL), 0);
    assert_true(isinf(estimate.low) && isinf(estimate.high) && estimate.confidence_ratio == 0);
    assert_near(estimate.p_value, 0.0625, 1e-12);
    assert_int_equal(signed_rank(differences, 6, 0.95, &estimate, NULL), 0);
    assert_true(estimate.low == 0.1 && estimate.high == 0.65);
    assert_near(estimate.confidence_ratio, 0.96875, 1e-12);
    assert_near(estimate.p_value, 0.03125, 1e-12);
}

/* Against all averages, listed and sorted; the differences are in no order and hold ties. */
static void the_estimate_is_the_median_of_all_averages(void **state)
{
    (void)state;
    double differences[37], averages[37 * 19];
    size_t at = 0;
    struct estimate estimate;
    for (int i = 0; i < 37; i++)
        differences[i] = round(cos(i * 7.0) * 40) / 16 - 0.3;
    for (int i = 0; i < 37; i++)
        for (int j = i; j < 37; j++)
            averages[at++] = (differences[i] + differences[j]) / 2;
    for (size_t i = 1; i < at; i++)
        for (size_t j = i; j > 0 && averages[j - 1] > averages[j]; j--) {
            double swap = averages[j];
            averages[j] = averages[j - 1];
            averages[j - 1] = swap;
        }
    assert_int_equal(signed_rank(differences, 37, 0.95, &estimate, NULL), 0);
    assert_true(estimate.value == averages[at / 2]);
}

static void the_distribution_is_that_of_the_tables(void **state)
{
    (void)state;
    assert_near(signed_rank_cdf(0, 6), 0.015625, 1e-15);
    assert_near(signed_rank_cdf(10, 10), 0.0419921875, 1e-15);
    assert_near(signed_rank_cdf(27, 10), 0.5, 1e-12);
    assert_near(signed_rank_cdf(60, 20), 0.0486536026000977, 1e-13);
    assert_near(signed_rank_cdf(21, 6), 1, 0);
}

static void no_pairs_are_refused(void **state)
{
    (void)state;
    const double bad[] = {1, INFINITY};
    struct estimate estimate;
    assert_int_equal(signed_rank(NULL, 0, 0.95, &estimate, NULL), -ERR_INPUT);
    assert_int_equal(signed_rank(bad, 2, 0.95, &estimate, NULL), -ERR_INPUT);
}

int signed_rank_test(void);
int signed_rank_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_textbook_example_has_its_values),
        cmocka_unit_test(forty_pairs_are_exact),
        cmocka_unit_test(many_pairs_are_normal),
        cmocka_unit_test(ties_are_exact_and_zeros_left_out_of_the_test),
        cmocka_unit_test(equal_pairs_differ_by_nothing),
        cmocka_unit_test(fewer_than_six_pairs_have_no_interval),
        cmocka_unit_test(the_estimate_is_the_median_of_all_averages),
        cmocka_unit_test(the_distribution_is_that_of_the_tables),
        cmocka_unit_test(no_pairs_are_refused),
    };
    return cmocka_run_group_tests_name("signed_rank", tests, NULL, NULL);
}
