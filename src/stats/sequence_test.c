/* SPDX-License-Identifier: Apache-2.0 */
/* Values: R 4.2's acf, cor.test (Kendall) and the median of all slopes. */
#include "stats/sequence.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert_near.h"

static void autocorrelation_has_its_published_value(void **state)
{
    (void)state;
    double values[30];
    for (int i = 0; i < 30; i++)
        values[i] = sin(i + 1) + 0.05 * (i + 1);
    assert_near(autocorrelation(values, 30), 0.653192056387333, 1e-12);
    assert_true(autocorrelation_widening(values, 30) > 2);
}

static void independent_values_need_no_widening(void **state)
{
    (void)state;
    const double swing[] = {1, -1, 1, -1, 1, -1, 1, -1}, same[] = {2, 2, 2, 2};
    assert_near(autocorrelation(swing, 8), -0.875, 1e-12);
    assert_near(autocorrelation_widening(swing, 8), 1, 0);
    assert_near(autocorrelation(same, 4), 0, 0);
    assert_near(autocorrelation(same, 2), 0, 0);
}

static void drift_has_its_published_values(void **state)
{
    (void)state;
    double values[30];
    struct drift drift;
    for (int i = 0; i < 30; i++)
        values[i] = sin(i + 1) + 0.05 * (i + 1);
    assert_int_equal(sequence_drift(values, 30, &drift, NULL), 0);
    assert_near(drift.slope, 0.0411065719698103, 1e-12);
    assert_near(drift.change, 29 * 0.0411065719698103, 1e-12);
    assert_near(drift.p_value, 0.0203769316014971, 1e-9);
    for (int i = 0; i < 30; i++)
        values[i] = round(values[i]);
    assert_int_equal(sequence_drift(values, 30, &drift, NULL), 0);
    assert_near(drift.p_value, 0.0180851083969226, 1e-3);
}

static void a_long_sequence_keeps_its_slope(void **state)
{
    (void)state;
    static double values[5000];
    struct drift drift;
    for (int i = 0; i < 5000; i++)
        values[i] = 100 + 0.01 * i + (i % 2 ? 0.5 : -0.5);
    assert_int_equal(sequence_drift(values, 5000, &drift, NULL), 0);
    assert_near(drift.slope, 0.01, 1e-9);
    assert_near(drift.change, 49.99, 1e-4);
    assert_true(drift.p_value < 1e-6);
}

static void a_short_or_level_sequence_does_not_drift(void **state)
{
    (void)state;
    const double same[] = {2, 2, 2, 2, 2};
    struct drift drift;
    assert_int_equal(sequence_drift(same, 5, &drift, NULL), 0);
    assert_true(drift.slope == 0 && drift.p_value == 1);
    assert_int_equal(sequence_drift(same, 3, &drift, NULL), 0);
    assert_true(drift.p_value == 1);
}

int sequence_test(void);
int sequence_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(autocorrelation_has_its_published_value),
        cmocka_unit_test(independent_values_need_no_widening),
        cmocka_unit_test(drift_has_its_published_values),
        cmocka_unit_test(a_long_sequence_keeps_its_slope),
        cmocka_unit_test(a_short_or_level_sequence_does_not_drift),
    };
    return cmocka_run_group_tests_name("sequence", tests, NULL, NULL);
}
