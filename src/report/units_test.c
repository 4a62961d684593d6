/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "report/units.h"

static void durations_have_at_most_three_digits(void **state)
{
    (void)state;
    assert_string_equal(unit_duration(0).text, "0 s");
    assert_string_equal(unit_duration(1).text, "0 us");
    assert_string_equal(unit_duration(412000).text, "412 us");
    assert_string_equal(unit_duration(999400).text, "999 us");
    assert_string_equal(unit_duration(999600).text, "1 ms");
    assert_string_equal(unit_duration(857000000).text, "857 ms");
    assert_string_equal(unit_duration(4090000000).text, "4.1 s");
    assert_string_equal(unit_duration(5000000000).text, "5 s");
    assert_string_equal(unit_duration(36400000000).text, "36.4 s");
    assert_string_equal(unit_duration(134000000000).text, "2 min 14 s");
    assert_string_equal(unit_duration(7199600000000).text, "120 min");
    assert_string_equal(unit_duration(11100000000000).text, "3 h 5 min");
}

static void counts_are_grouped(void **state)
{
    (void)state;
    assert_string_equal(unit_count(0).text, "0");
    assert_string_equal(unit_count(999).text, "999");
    assert_string_equal(unit_count(47000).text, "47,000");
    assert_string_equal(unit_count(1785600).text, "1,785,600");
    assert_string_equal(unit_count(-1234).text, "-1,234");
    assert_string_equal(unit_count(NAN).text, "?");
    assert_string_equal(unit_count(INFINITY).text, "?");
}

static void ratios_and_factors_show_what_is_known(void **state)
{
    (void)state;
    assert_string_equal(unit_ratio(0).text, "0 %");
    assert_string_equal(unit_ratio(0.0004).text, "<0.1 %");
    assert_string_equal(unit_ratio(0.041).text, "4.1 %");
    assert_string_equal(unit_ratio(0.9).text, "90 %");
    assert_string_equal(unit_ratio(0.994).text, "99 %");
    assert_string_equal(unit_ratio(0.9999).text, "99.9 %");
    assert_string_equal(unit_ratio(1).text, "100 %");
    assert_string_equal(unit_ratio(NAN).text, "?");
    assert_string_equal(unit_factor(1.04).text, "1.04x");
    assert_string_equal(unit_factor(8.9).text, "8.9x");
    assert_string_equal(unit_factor(12.3).text, "12x");
    assert_string_equal(unit_factor(INFINITY).text, "over 1000x");
    assert_string_equal(unit_factor(NAN).text, "?");
}

static void bytes_are_powers_of_a_thousand(void **state)
{
    (void)state;
    assert_string_equal(unit_bytes(812).text, "812 B");
    assert_string_equal(unit_bytes(2800000).text, "2.8 MB");
    assert_string_equal(unit_bytes(31200000).text, "31.2 MB");
    assert_string_equal(unit_bytes(UINT64_MAX).text, "18.4 EB");
}

int units_test(void);
int units_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_have_at_most_three_digits),
        cmocka_unit_test(counts_are_grouped),
        cmocka_unit_test(ratios_and_factors_show_what_is_known),
        cmocka_unit_test(bytes_are_powers_of_a_thousand),
    };
    return cmocka_run_group_tests_name("units", tests, NULL, NULL);
}
