/* SPDX-License-Identifier: Apache-2.0 */
#include "store/moment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define NOW 1763647385000000000

static int64_t at(const char *text)
{
    int64_t ns = 0;
    struct err err = {0};
    if (moment_parse(text, NOW, &ns, &err))
        fail_msg("%s", err.what);
    return ns;
}

static void times_are_read_as_people_and_scripts_write_them(void **state)
{
    (void)state;
    setenv("TZ", "UTC-2", 1); /* two hours east */
    tzset();
    assert_true(at("2025-11-20T14:03:05Z") == 1763647385000000000);
    assert_true(at("2025-11-20T16:03:05") == 1763647385000000000);
    assert_true(at("2025-11-20 16:03") == 1763647380000000000);
    assert_true(at("2025-11-20") == 1763589600000000000);
    assert_true(at("@1763647385.5") == 1763647385500000000);
    assert_true(at("90s") == NOW - 90000000000);
    assert_true(at("30min") == NOW - 1800000000000);
    assert_true(at("12h") == NOW - 43200000000000);
    assert_true(at("1.5d") == NOW - 129600000000000);
    assert_true(at("2w") == NOW - 1209600000000000);
    unsetenv("TZ");
    tzset();
}

static void what_is_no_time_is_refused(void **state)
{
    (void)state;
    static const char *const odd[] = {"",   "yesterday", "2025-13-01", "2025-11-20T",
                                      "12", "1e99d",     "@-5",        "5 parsecs"};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        int64_t ns = 0;
        struct err err = {0};
        assert_int_equal(moment_parse(odd[i], NOW, &ns, &err), -ERR_USAGE);
        assert_non_null(strstr(err.hint, "12h"));
    }
}

int moment_test(void);
int moment_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read_as_people_and_scripts_write_them),
        cmocka_unit_test(what_is_no_time_is_refused),
    };
    return cmocka_run_group_tests_name("moment", tests, NULL, NULL);
}
