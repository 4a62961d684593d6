/* SPDX-License-Identifier: Apache-2.0 */
#include "report/amount.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

int amount_test(void);

static void assert_reads(const char *text, enum amount_unit unit, double expected)
{
    double value = -1;
    if (!amount_parse(text, unit, &value) || fabs(value - expected) > 1e-9 * expected)
        fail_msg("'%s' is %g, not %g", text, value, expected);
}

static void assert_no_amount(const char *text, enum amount_unit unit)
{
    double value = 42;
    if (amount_parse(text, unit, &value))
        fail_msg("'%s' was read as %g", text, value);
    assert_true(value == 42);
}

static void amounts_are_read_with_their_units(void **state)
{
    (void)state;
    assert_reads("200ms", AMOUNT_NS, 200e6);
    assert_reads("1.5 s", AMOUNT_NS, 1.5e9);
    assert_reads("2min", AMOUNT_NS, 120e9);
    assert_reads("12 us", AMOUNT_NS, 12e3);
    assert_reads("12 µs", AMOUNT_NS, 12e3);
    assert_reads("5 MB", AMOUNT_BYTES, 5e6);
    assert_reads("5MiB", AMOUNT_BYTES, 5 * 1048576.0);
    assert_reads("812", AMOUNT_BYTES, 812);
    assert_reads("50_000/s", AMOUNT_PER_S, 50000);
    assert_reads("2.5e6", AMOUNT_PER_S, 2.5e6);
    assert_reads("1_000_000", AMOUNT_COUNT, 1e6);
    assert_reads("1M", AMOUNT_COUNT, 1e6);
    assert_reads("250 k", AMOUNT_COUNT, 250e3);
    assert_reads("2 USD", AMOUNT_MONEY, 2);
    assert_reads("$1.50", AMOUNT_MONEY, 1.5);
    assert_reads("0.25", AMOUNT_MONEY, 0.25);
    assert_reads("0", AMOUNT_COUNT, 0);
}

static void what_is_no_amount_is_refused(void **state)
{
    (void)state;
    assert_no_amount("200", AMOUNT_NS); /* of what? */
    assert_no_amount("200 MB", AMOUNT_NS);
    assert_no_amount("-5 MB", AMOUNT_BYTES);
    assert_no_amount("5 mb", AMOUNT_BYTES);
    assert_no_amount("", AMOUNT_COUNT);
    assert_no_amount("ms", AMOUNT_NS);
    assert_no_amount("1..5 s", AMOUNT_NS);
    assert_no_amount("1e400", AMOUNT_COUNT);
    assert_no_amount("nan", AMOUNT_COUNT);
    assert_no_amount("12,000", AMOUNT_COUNT); /* twelve, in half of the world */
    assert_no_amount("99999999999999999999999999999999999999999999999999", AMOUNT_COUNT);
    assert_no_amount("5%", AMOUNT_COUNT);
}

static void percentages_keep_their_sign_beside_them(void **state)
{
    (void)state;
    double ratio = 0;
    char sign = 'x';
    assert_true(amount_percent_read("+5 %", &ratio, &sign));
    assert_true(fabs(ratio - 0.05) < 1e-12);
    assert_int_equal(sign, '+');
    assert_true(amount_percent_read("0.5%", &ratio, &sign));
    assert_true(fabs(ratio - 0.005) < 1e-12);
    assert_int_equal(sign, 0);
    assert_false(amount_percent_read("5", &ratio, &sign));
    assert_false(amount_percent_read("%", &ratio, &sign));
    assert_false(amount_percent_read("+-5%", &ratio, &sign));
}

static void amounts_are_told_as_people_read_them(void **state)
{
    (void)state;
    assert_string_equal(amount_text(21070000, AMOUNT_NS).text, "21.07 ms");
    assert_string_equal(amount_text(0, AMOUNT_NS).text, "0 ns");
    assert_string_equal(amount_text(1.5e9, AMOUNT_NS).text, "1.500 s");
    assert_string_equal(amount_text(600e9, AMOUNT_NS).text, "10 min");
    assert_string_equal(amount_text(1680000, AMOUNT_BYTES).text, "1.68 MB");
    assert_string_equal(amount_text(812, AMOUNT_BYTES).text, "812 B");
    assert_string_equal(amount_text(47100, AMOUNT_PER_S).text, "47,100/s");
    assert_string_equal(amount_text(0.5, AMOUNT_PER_S).text, "0.5/s");
    assert_string_equal(amount_text(12000, AMOUNT_COUNT).text, "12,000");
    assert_string_equal(amount_text(0.25, AMOUNT_MONEY).text, "0.25");
    assert_string_equal(amount_factor(1.0523).text, "1.052x");
    assert_string_equal(amount_factor(INFINITY).text, "over 1000x");
    assert_string_equal(amount_percent(0.05).text, "5 %");
}

int amount_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amounts_are_read_with_their_units),
        cmocka_unit_test(what_is_no_amount_is_refused),
        cmocka_unit_test(percentages_keep_their_sign_beside_them),
        cmocka_unit_test(amounts_are_told_as_people_read_them),
    };
    return cmocka_run_group_tests_name("amount", tests, NULL, NULL);
}
