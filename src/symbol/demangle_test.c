/* SPDX-License-Identifier: Apache-2.0 */
#include "symbol/demangle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

int demangle_test(void);

static void check(const char *name, const char *wanted)
{
    char buffer[256];
    assert_int_equal(demangle(name, buffer, sizeof buffer), strlen(wanted));
    assert_string_equal(buffer, wanted);
}

static void names_of_c_stay(void **state)
{
    (void)state;
    check("parse_row", "parse_row");
    check("_start", "_start");
    check("_Znot_mangled", "_Znot_mangled");
    check("", "");
}

static void names_of_cpp_and_rust_are_readable(void **state)
{
    (void)state;
    check("_ZN6market6ParserIlE5parseEPKc", "market::Parser<long>::parse");
    check("_ZNSt6vectorIiSaIiEE9push_backERKi", "std::vector<int, std::allocator<int> >::push_back");
    check("_ZN4core3fmt9Formatter9write_str17h0123456789abcdefE", "core::fmt::Formatter::write_str");
    check("_RNvC6_123foo3bar", "123foo::bar");
}

static void parts_split_off_a_function_are_that_function(void **state)
{
    (void)state;
    check("parse_row.constprop.0", "parse_row");
    check("parse_row.isra.0.cold", "parse_row");
    check("_ZN6market5totalEv.part.0", "market::total");
    check(".cold", ".cold");
}

static void a_long_name_is_cut(void **state)
{
    (void)state;
    char buffer[8];
    assert_int_equal(demangle("a_long_name", buffer, sizeof buffer), 7);
    assert_string_equal(buffer, "a_long_");
}

int demangle_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_c_stay),
        cmocka_unit_test(names_of_cpp_and_rust_are_readable),
        cmocka_unit_test(parts_split_off_a_function_are_that_function),
        cmocka_unit_test(a_long_name_is_cut),
    };
    return cmocka_run_group_tests_name("demangle", tests, NULL, NULL);
}
