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

static void a_duration_has_a_unit_or_is_in_seconds(void **state)
{
    (void)state;
    uint64_t ns = 7;
    const char *bad[] = {"", "s", "-1s", "1 s", "1x", "1e3", "1.2.3s", "99999999999h", "1us"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(num_parse_duration(bad[i], &ns), -1);
    assert_int_equal(ns, 7);
    const struct {
        const char *text;
        uint64_t ns;
    } good[] = {{"30s", 30000000000},
                {"5m", 300000000000},
                {"500ms", 500000000},
                {"2", 2000000000},
                {"1.5h", 5400000000000},
                {"0.1ms", 100000},
                {"0s", 0}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(num_parse_duration(good[i].text, &ns), 0);
        assert_int_equal(ns, good[i].ns);
    }
}

static void a_size_has_a_prefix_of_1000_or_of_1024(void **state)
{
    (void)state;
    uint64_t bytes = 7;
    const char *bad[] = {"", "MB", "-1", "1 X", "1MBs", "1Mi B", "99999999999TB", "1.2.3"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(num_parse_bytes(bad[i], &bytes), -1);
    assert_int_equal(bytes, 7);
    const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {{"100", 100},       {"512MB", 512000000}, {"1.5 GB", 1500000000}, {"64KiB", 65536},
                {"2g", 2000000000}, {"1GiB", 1073741824}, {"16M", 16000000},      {"7B", 7}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(num_parse_bytes(good[i].text, &bytes), 0);
        assert_int_equal(bytes, good[i].bytes);
    }
}

int num_test(void);
int num_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overflow_is_refused_and_leaves_the_output_alone),
        cmocka_unit_test(a_double_becomes_the_nearest_number_that_fits),
        cmocka_unit_test(a_duration_has_a_unit_or_is_in_seconds),
        cmocka_unit_test(a_size_has_a_prefix_of_1000_or_of_1024),
        cmocka_unit_test(only_whole_numbers_are_read),
    };
    return cmocka_run_group_tests_name("num", tests, NULL, NULL);
}
