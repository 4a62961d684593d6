/* SPDX-License-Identifier: Apache-2.0 */
#include "record/rung.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

int rung_test(void);

static void every_rung_is_found_by_its_name(void **state)
{
    (void)state;
    for (unsigned i = 1; i < RUNG_COUNT; i++) {
        enum record_rung found = (enum record_rung)0;
        assert_true(rung_name((enum record_rung)i)[0] != '\0');
        assert_true(rung_find(rung_name((enum record_rung)i), &found));
        assert_int_equal(found, i);
    }
}

static void other_names_are_none(void **state)
{
    enum record_rung found = RUNG_PROC;
    (void)state;
    assert_false(rung_find("", &found));
    assert_false(rung_find("ptrace", &found));
    assert_int_equal(found, RUNG_PROC);
    assert_string_equal(rung_name(RUNG_COUNT), "");
}

int rung_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rung_is_found_by_its_name),
        cmocka_unit_test(other_names_are_none),
    };
    return cmocka_run_group_tests_name("rung", tests, NULL, NULL);
}
