/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/gate_quantity.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gate/gate_template.h"

int gate_quantity_test(void);

static void assert_reads(const char *text, enum gate_unit unit, double expected)
{
    double value = -1;
    if (!gate_quantity_read(text, unit, &value) || fabs(value - expected) > 1e-9 * expected)
        fail_msg("'%s' is %g, not %g", text, value, expected);
}

static void assert_no_amount(const char *text, enum gate_unit unit)
{
    double value = 42;
    if (gate_quantity_read(text, unit, &value))
        fail_msg("'%s' was read as %g", text, value);
    assert_true(value == 42);
}

static void amounts_are_read_with_their_units(void **state)
{
    (void)state;
    assert_reads("200ms", GATE_UNIT_NS, 200e6);
    assert_reads("1.5 s", GATE_UNIT_NS, 1.5e9);
    assert_reads("2min", GATE_UNIT_NS, 120e9);
    assert_reads("12 us", GATE_UNIT_NS, 12e3);
    assert_reads("12 µs", GATE_UNIT_NS, 12e3);
    assert_reads("5 MB", GATE_UNIT_BYTES, 5e6);
    assert_reads("5MiB", GATE_UNIT_BYTES, 5 * 1048576.0);
    assert_reads("812", GATE_UNIT_BYTES, 812);
    assert_reads("50_000/s", GATE_UNIT_PER_S, 50000);
    assert_reads("2.5e6", GATE_UNIT_PER_S, 2.5e6);
    assert_reads("1_000_000", GATE_UNIT_COUNT, 1e6);
    assert_reads("$1.50", GATE_UNIT_MONEY, 1.5);
    assert_reads("0.25", GATE_UNIT_MONEY, 0.25);
    assert_reads("0", GATE_UNIT_COUNT, 0);
}

static void what_is_no_amount_is_refused(void **state)
{
    (void)state;
    assert_no_amount("200", GATE_UNIT_NS); /* of what? */
    assert_no_amount("200 MB", GATE_UNIT_NS);
    assert_no_amount("-5 MB", GATE_UNIT_BYTES);
    assert_no_amount("5 mb", GATE_UNIT_BYTES);
    assert_no_amount("", GATE_UNIT_COUNT);
    assert_no_amount("ms", GATE_UNIT_NS);
    assert_no_amount("1..5 s", GATE_UNIT_NS);
    assert_no_amount("1e400", GATE_UNIT_COUNT);
    assert_no_amount("nan", GATE_UNIT_COUNT);
    assert_no_amount("12,000", GATE_UNIT_COUNT); /* twelve, in half of the world */
    assert_no_amount("99999999999999999999999999999999999999999999999999", GATE_UNIT_COUNT);
    assert_no_amount("5%", GATE_UNIT_COUNT);
}

static void percentages_keep_their_sign_beside_them(void **state)
{
    (void)state;
    double ratio = 0;
    char sign = 'x';
    assert_true(gate_percent_read("+5 %", &ratio, &sign));
    assert_true(fabs(ratio - 0.05) < 1e-12);
    assert_int_equal(sign, '+');
    assert_true(gate_percent_read("0.5%", &ratio, &sign));
    assert_true(fabs(ratio - 0.005) < 1e-12);
    assert_int_equal(sign, 0);
    assert_false(gate_percent_read("5", &ratio, &sign));
    assert_false(gate_percent_read("%", &ratio, &sign));
    assert_false(gate_percent_read("+-5%", &ratio, &sign));
}

static void amounts_are_told_as_people_read_them(void **state)
{
    (void)state;
    assert_string_equal(gate_amount(21070000, GATE_UNIT_NS).text, "21.07 ms");
    assert_string_equal(gate_amount(0, GATE_UNIT_NS).text, "0 ns");
    assert_string_equal(gate_amount(1.5e9, GATE_UNIT_NS).text, "1.500 s");
    assert_string_equal(gate_amount(600e9, GATE_UNIT_NS).text, "10 min");
    assert_string_equal(gate_amount(1680000, GATE_UNIT_BYTES).text, "1.68 MB");
    assert_string_equal(gate_amount(812, GATE_UNIT_BYTES).text, "812 B");
    assert_string_equal(gate_amount(47100, GATE_UNIT_PER_S).text, "47,100/s");
    assert_string_equal(gate_amount(0.5, GATE_UNIT_PER_S).text, "0.5/s");
    assert_string_equal(gate_amount(12000, GATE_UNIT_COUNT).text, "12,000");
    assert_string_equal(gate_amount(0.25, GATE_UNIT_MONEY).text, "0.25");
    assert_string_equal(gate_factor(1.0523).text, "1.052x");
    assert_string_equal(gate_factor(INFINITY).text, "over 1000x");
    assert_string_equal(gate_percent(0.05).text, "5 %");
}

static void margins_are_round_and_above(void **state)
{
    (void)state;
    assert_true(fabs(gate_template_margin(21.07e6, 1.5) - 32e6) < 1);
    assert_true(fabs(gate_template_margin(1.0e6, 1.25) - 1.3e6) < 1);
    assert_true(gate_template_margin(0, 2) == 0);
}

int gate_quantity_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amounts_are_read_with_their_units),
        cmocka_unit_test(what_is_no_amount_is_refused),
        cmocka_unit_test(percentages_keep_their_sign_beside_them),
        cmocka_unit_test(amounts_are_told_as_people_read_them),
        cmocka_unit_test(margins_are_round_and_above),
    };
    return cmocka_run_group_tests_name("gate_quantity", tests, NULL, NULL);
}
