/* SPDX-License-Identifier: Apache-2.0 */
/* Values: R 4.2. */
#include "stats/describe.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert_near.h"

static void a_sample_is_described(void **state)
{
    (void)state;
    const double values[] = {3.1, 2.2, 9.7, 4.4, 1.5, 8.6, 5.3, 7.9, 6.05, 12.5};
    struct description description;
    assert_int_equal(describe(values, 10, &description, NULL), 0);
    assert_near(description.deviation, 3.53248810645163, 1e-13);
    assert_near(description.mean, 6.125, 1e-14);
    assert_near(description.median, 5.675, 1e-14);
    assert_near(description.mad, 2.75, 1e-14);
    assert_true(description.min == 1.5 && description.max == 12.5 && description.outlier_count == 0);
}

static void one_value_has_no_spread_and_none_has_nothing(void **state)
{
    (void)state;
    const double one = 7;
    struct description description;
    assert_int_equal(describe(&one, 1, &description, NULL), 0);
    assert_true(description.mean == 7 && description.deviation == 0);
    assert_int_equal(describe(NULL, 0, &description, NULL), 0);
    assert_true(description.count == 0 && description.mean == 0);
}

static void outliers_are_counted(void **state)
{
    (void)state;
    const double values[] = {10, 10.1, 9.9, 10.2, 9.8, 60};
    struct description description;
    assert_int_equal(describe(values, 6, &description, NULL), 0);
    assert_int_equal(description.outlier_count, 1);
    assert_int_equal(description.count, 6);
}

static void the_mode_says_whether_a_metric_is_steady(void **state)
{
    (void)state;
    const double steady[] = {4096, 4096, 4096}, almost[] = {7, 4096, 4096, 7, 4097, 4096};
    struct exact_mode mode;
    assert_int_equal(exact_mode(steady, 3, &mode, NULL), 0);
    assert_true(mode.is_steady && mode.value == 4096 && mode.count == 3);
    assert_int_equal(exact_mode(almost, 6, &mode, NULL), 0);
    assert_true(!mode.is_steady && mode.value == 4096 && mode.count == 3);
    assert_int_equal(exact_mode(almost, 2, &mode, NULL), 0);
    assert_true(mode.value == 7 && mode.count == 1);
    assert_int_equal(exact_mode(NULL, 0, &mode, NULL), -ERR_INPUT);
}

int describe_test(void);
int describe_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sample_is_described),
        cmocka_unit_test(one_value_has_no_spread_and_none_has_nothing),
        cmocka_unit_test(outliers_are_counted),
        cmocka_unit_test(the_mode_says_whether_a_metric_is_steady),
    };
    return cmocka_run_group_tests_name("describe", tests, NULL, NULL);
}
