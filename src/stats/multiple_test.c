/* SPDX-License-Identifier: Apache-2.0 */
/* Values: R 4.2's p.adjust. */
#include "stats/multiple.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert_near.h"

static const double five[] = {0.01, 0.02, 0.03, 0.04, 0.05};
static const double six[] = {0.001, 0.2, 0.04, 0.012, 0.9, 0.012};

static void holm_has_its_published_values(void **state)
{
    (void)state;
    const double wanted[] = {0.05, 0.08, 0.09, 0.09, 0.09},
                 wanted_six[] = {0.006, 0.4, 0.12, 0.06, 0.9, 0.06};
    double adjusted[6];
    assert_int_equal(holm_adjust(five, 5, adjusted, NULL), 0);
    for (int i = 0; i < 5; i++)
        assert_near(adjusted[i], wanted[i], 1e-15);
    assert_int_equal(holm_adjust(six, 6, adjusted, NULL), 0);
    for (int i = 0; i < 6; i++)
        assert_near(adjusted[i], wanted_six[i], 1e-15);
}

static void benjamini_hochberg_has_its_published_values(void **state)
{
    (void)state;
    const double wanted_six[] = {0.006, 0.24, 0.06, 0.024, 0.9, 0.024};
    double adjusted[6];
    assert_int_equal(benjamini_hochberg_adjust(five, 5, adjusted, NULL), 0);
    for (int i = 0; i < 5; i++)
        assert_near(adjusted[i], 0.05, 1e-15);
    assert_int_equal(benjamini_hochberg_adjust(six, 6, adjusted, NULL), 0);
    for (int i = 0; i < 6; i++)
        assert_near(adjusted[i], wanted_six[i], 1e-15);
}

static void what_is_no_test_counts_for_nothing(void **state)
{
    (void)state;
    double values[] = {0.01, NAN, 0.04};
    assert_int_equal(holm_adjust(values, 3, values, NULL), 0);
    assert_near(values[0], 0.02, 1e-15);
    assert_true(isnan(values[1]));
    assert_near(values[2], 0.04, 1e-15);
    assert_int_equal(benjamini_hochberg_adjust(NULL, 0, NULL, NULL), 0);
}

int multiple_test(void);
int multiple_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holm_has_its_published_values),
        cmocka_unit_test(benjamini_hochberg_has_its_published_values),
        cmocka_unit_test(what_is_no_test_counts_for_nothing),
    };
    return cmocka_run_group_tests_name("multiple", tests, NULL, NULL);
}
