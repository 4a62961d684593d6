/* SPDX-License-Identifier: Apache-2.0 */
#include "agents/iso_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

int iso_time_test(void);

static int64_t at(const char *text)
{
    return iso_time_ns(text, strlen(text));
}

static void times_are_read_as_programs_write_them(void **state)
{
    (void)state;
    assert_int_equal(at("2026-11-20T14:03:05.123Z"), 1795183385123000000);
    assert_int_equal(at("2026-11-20 14:03:05"), 1795183385000000000);
    assert_int_equal(at("2026-11-20T16:03:05+02:00"), 1795183385000000000);
    assert_int_equal(at("2026-11-20T09:03:05.5-0500"), 1795183385500000000);
    assert_int_equal(at("2024-02-29"), 1709164800000000000);
}

static void what_is_no_time_is_nothing(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "2026",
                                        "2026-13-01",
                                        "2026-11-20T",
                                        "2026-11-20T14:03:05.Z",
                                        "2026-11-20T14:03:05X",
                                        "9999-01-01",
                                        "1960-01-01",
                                        "now"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(at(wrong[i]), 0);
}

int iso_time_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read_as_programs_write_them),
        cmocka_unit_test(what_is_no_time_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
