/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/change.h"

static void a_change_is_read_and_printed_back(void **state)
{
    (void)state;
    const char *texts[] = {"workers:stage/download=10",
                           "speed:function/parse_row=2",
                           "remove:wait/disk_sync",
                           "workers:peer/127.0.0.1:8080=16",
                           "speed:function/a=b(int, c)=1.5",
                           "set:knob/batch=5000",
                           "model:task/review=small",
                           "workers:download=4",
                           "remove:lock/ledger"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct change change;
        struct err err;
        struct str str = {0};
        assert_int_equal(change_parse(texts[i], &change, &err), 0);
        change_print(&change, &str);
        assert_string_equal(str.text, texts[i]);
        str_free(&str);
    }
}

static void what_is_no_change_is_refused_with_the_form(void **state)
{
    (void)state;
    const char *texts[] = {"",          "download",        "faster:x=2", "speed:x",
                           "speed:x=0", "speed:x=fast",    "workers:=3", "workers:x=0.5",
                           "remove:",   "workers:stage/=3"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct change change;
        struct err err;
        assert_int_equal(change_parse(texts[i], &change, &err), -ERR_USAGE);
        assert_true(err.hint[0] != 0);
    }
}

int change_test(void);
int change_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_is_read_and_printed_back),
        cmocka_unit_test(what_is_no_change_is_refused_with_the_form),
    };
    return cmocka_run_group_tests_name("change", tests, NULL, NULL);
}
