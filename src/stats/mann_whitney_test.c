/* SPDX-License-Identifier: Apache-2.0 */
/* Values: Hollander and Wolfe 1973; R 4.2's wilcox.test. */
#include "stats/mann_whitney.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert_near.h"

/* Permeability of membranes at term and at 12 to 26 weeks: the standard example. */
static const double term[] = {0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46};
static const double weeks[] = {1.15, 0.88, 0.90, 0.74, 1.21};

static struct estimate compare(const double *a, size_t a_count, const double *b, size_t b_count)
{
    struct estimate estimate = {0};
    struct sample first = {a, a_count}, second = {b, b_count};
    assert_int_equal(mann_whitney(&first, &second, 0.95, &estimate, NULL), 0);
    return estimate;
}

static void the_textbook_example_has_its_values(void **state)
{
    (void)state;
    struct estimate estimate = compare(term, 10, weeks, 5);
    struct sample a = {term, 10}, b = {weeks, 5};
    double u;
    assert_true(estimate.is_exact);
    assert_near(estimate.p_value, 0.254412254412254, 1e-12);
    assert_near(estimate.value, -0.305, 1e-12);
    assert_near(estimate.low, -0.76, 1e-12);
    assert_near(estimate.high, 0.15, 1e-12);
    assert_int_equal(mann_whitney_u(&a, &b, &u, NULL), 0);
    assert_near(u, 15, 0);
}

static void swapping_the_samples_turns_the_sign_alone(void **state)
{
    (void)state;
    struct estimate one = compare(term, 10, weeks, 5), other = compare(weeks, 5, term, 10);
    assert_near(one.p_value, other.p_value, 1e-15);
    assert_near(one.value, -other.value, 1e-15);
    assert_near(one.low, -other.high, 1e-15);
    assert_near(one.high, -other.low, 1e-15);
}

/* Four against four, all apart: 2 of the 70 ways. */
static void four_against_four_can_reach_5_percent(void **state)
{
    (void)state;
    const double low[] = {2, 1, 3, 5}, high[] = {12, 11, 13, 15};
    assert_near(compare(low, 4, high, 4).p_value, 0.0285714285714286, 1e-12);
    assert_near(compare(low, 3, high, 3).p_value, 0.1, 1e-12);
    assert_true(isinf(compare(low, 3, high, 3).low));
}

static void middling_samples_are_exact(void **state)
{
    (void)state;
    double a[40], b[35];
    for (int i = 0; i < 40; i++)
        a[i] = sin(i + 1);
    for (int i = 0; i < 35; i++)
        b[i] = cos(i + 1) + 0.5;
    struct estimate estimate = compare(a, 40, b, 35);
    assert_near(estimate.p_value, 0.0160117527349095, 1e-12);
    assert_near(estimate.value, 0.438809170687079, 1e-12);
    assert_near(estimate.low, 0.0863616305659851, 1e-12);
    assert_near(estimate.high, 0.710866744974138, 1e-12);
}

/* R finds the root of a step function here, so its estimate and interval are near, not equal. */
static void large_samples_are_normal_with_ties_corrected(void **state)
{
    (void)state;
    double a[70], b[60];
    for (int i = 0; i < 70; i++)
        a[i] = sin(i + 1) + 0.02 * (i + 1);
    for (int i = 0; i < 60; i++)
        b[i] = cos(i + 1) * 1.2 + 0.5;
    struct estimate estimate = compare(a, 70, b, 60);
    assert_false(estimate.is_exact);
    assert_near(estimate.p_value, 0.108671147323658, 1e-9);
    assert_near(estimate.value, -0.249543828243682, 2e-3);
    assert_near(estimate.low, -0.563898369333771, 5e-3);
    assert_near(estimate.high, 0.0719633102075248, 5e-3);
    for (int i = 0; i < 70; i++)
        a[i] = round(a[i] * 10) / 10;
    for (int i = 0; i < 60; i++)
        b[i] = round(b[i] * 10) / 10;
    assert_near(compare(a, 70, b, 60).p_value, 0.112531487550094, 1e-9);
}

/* Every way to choose 4 of 9, one by one. */
static void ties_are_exact(void **state)
{
    (void)state;
    const double a[] = {1, 2, 2, 3}, b[] = {2, 3, 3, 4, 5}, all[] = {1, 2, 2, 3, 2, 3, 3, 4, 5};
    double ranks[9], sum = 0;
    int low = 0, high = 0, ways = 0;
    for (int i = 0; i < 9; i++) {
        ranks[i] = 0.5;
        for (int j = 0; j < 9; j++)
            ranks[i] += all[j] < all[i] ? 1 : all[j] > all[i] ? 0 : 0.5;
        sum += i < 4 ? ranks[i] : 0;
    }
    for (unsigned choice = 0; choice < 512; choice++) {
        double other = 0;
        if (__builtin_popcount(choice) != 4)
            continue;
        for (int i = 0; i < 9; i++)
            other += choice >> i & 1 ? ranks[i] : 0;
        ways++;
        low += other <= sum;
        high += other >= sum;
    }
    assert_int_equal(ways, 126);
    assert_near(compare(a, 4, b, 5).p_value, 2.0 * (low < high ? low : high) / 126, 1e-12);
}

static void equal_values_are_no_difference(void **state)
{
    (void)state;
    double same[80];
    for (int i = 0; i < 80; i++)
        same[i] = 3;
    assert_true(compare(same, 30, same, 30).p_value == 1);
    struct estimate estimate = compare(same, 80, same, 80);
    assert_true(estimate.p_value == 1 && estimate.low == 0 && estimate.high == 0);
}

static void an_empty_sample_is_refused(void **state)
{
    (void)state;
    struct estimate estimate;
    struct sample none = {NULL, 0}, some = {term, 10};
    assert_int_equal(mann_whitney(&none, &some, 0.95, &estimate, NULL), -ERR_INPUT);
}

int mann_whitney_test(void);
int mann_whitney_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_textbook_example_has_its_values),
        cmocka_unit_test(swapping_the_samples_turns_the_sign_alone),
        cmocka_unit_test(four_against_four_can_reach_5_percent),
        cmocka_unit_test(middling_samples_are_exact),
        cmocka_unit_test(large_samples_are_normal_with_ties_corrected),
        cmocka_unit_test(ties_are_exact),
        cmocka_unit_test(equal_values_are_no_difference),
        cmocka_unit_test(an_empty_sample_is_refused),
    };
    return cmocka_run_group_tests_name("mann_whitney", tests, NULL, NULL);
}
