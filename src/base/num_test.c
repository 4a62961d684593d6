/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/num.h"

static void overflow_is_refused_and_leaves_the_output_alone(void **state)
{
    (void)state;
    uint64_t value = 7;
    assert_int_equal(num_add_u64(UINT64_MAX, 1, &value), -1);
    assert_int_equal(num_mul_u64(UINT64_MAX / 2, 3, &value), -1);
    assert_int_equal(value, 7);
    assert_int_equal(num_mul_u64(6, 7, &value), 0);
    assert_int_equal(value, 42);
}

static void only_whole_numbers_are_read(void **state)
{
    (void)state;
    uint64_t value = 7;
    const char *bad[] = {"", "-1", " 1", "1 ", "1x", "18446744073709551616"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(num_parse_u64(bad[i], &value), -1);
    assert_int_equal(value, 7);
    assert_int_equal(num_parse_u64("18446744073709551615", &value), 0);
    assert_true(value == UINT64_MAX);
    double real;
    assert_int_equal(num_parse_double("nan", &real), -1);
    assert_int_equal(num_parse_double("1e999", &real), -1);
    assert_int_equal(num_parse_double("2.5", &real), 0);
    assert_true(real == 2.5);
}

static void a_double_becomes_the_nearest_number_that_fits(void **state)
{
    (void)state;
    assert_true(num_u64(41.9) == 41 && num_u64(-3) == 0 && num_u64(0.0 / 0.0) == 0);
    assert_true(num_u64(1e30) == UINT64_MAX && num_u64(0x1p64) == UINT64_MAX &&
                num_u64(0x1p63) == 1ull << 63);
}

int num_test(void);
int num_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overflow_is_refused_and_leaves_the_output_alone),
        cmocka_unit_test(a_double_becomes_the_nearest_number_that_fits),
        cmocka_unit_test(only_whole_numbers_are_read),
    };
    return cmocka_run_group_tests_name("num", tests, NULL, NULL);
}
