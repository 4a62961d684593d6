/* SPDX-License-Identifier: Apache-2.0 */
#include "store/quantity.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_metrics_name_says_its_unit(void **state)
{
    (void)state;
    assert_string_equal(quantity_of("wall_ns", NULL, 12.3456e9).text, "12.35 s");
    assert_string_equal(quantity_of("wall_ns", NULL, 20.4e6).text, "20.40 ms");
    assert_string_equal(quantity_of("latency_ns_p99", NULL, 7).text, "7");
    assert_string_equal(quantity_of("wall_s", NULL, 0.5).text, "500 ms");
    assert_string_equal(quantity_of("delay_ms", NULL, 1500).text, "1.500 s");
    assert_string_equal(quantity_of("wall_ns", NULL, 600e9).text, "10 min");
    assert_string_equal(quantity_of("memory_bytes_max", NULL, 209912345).text, "209.9 MB");
    assert_string_equal(quantity_of("size_bytes", NULL, 999).text, "999 B");
    assert_string_equal(quantity_of("rows_per_s", NULL, 123456).text, "123,456/s");
    assert_string_equal(quantity_of("hit_ratio", NULL, 0.98765).text, "0.988");
    assert_string_equal(quantity_of("findings", NULL, 3).text, "3");
}

static void a_unit_of_its_own_stands_behind_the_number(void **state)
{
    (void)state;
    assert_string_equal(quantity_of("wall_ns", "points", 3.25).text, "3.250 points");
    assert_string_equal(quantity_of("value", "req/s", 1e20).text, "1e+20 req/s");
    assert_string_equal(quantity_of("value", NULL, -0.0005).text, "-0.0005");
}

static void a_change_has_a_sign_and_a_size_has_none(void **state)
{
    (void)state;
    assert_string_equal(quantity_change(0.0824).text, "+8.2 %");
    assert_string_equal(quantity_change(-0.25).text, "-25 %");
    assert_string_equal(quantity_change(0.0001).text, "+0.0 %");
    assert_string_equal(quantity_change(11.3).text, "12.3 times");
    assert_string_equal(quantity_change(NAN).text, "?");
    assert_string_equal(quantity_size(0.2).text, "20 %");
    assert_string_equal(quantity_size(-0.2).text, "20 %");
}

int quantity_test(void);
int quantity_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_metrics_name_says_its_unit),
        cmocka_unit_test(a_unit_of_its_own_stands_behind_the_number),
        cmocka_unit_test(a_change_has_a_sign_and_a_size_has_none),
    };
    return cmocka_run_group_tests_name("quantity", tests, NULL, NULL);
}
