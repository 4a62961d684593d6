/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/err.h"

static void an_error_says_what_and_returns_its_negative_code(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(err_set(&err, ERR_INPUT, "could not read file '%s': it is empty", "a"), -4);
    assert_string_equal(err.what, "could not read file 'a': it is empty");
    assert_string_equal(err.hint, "");
    err_hint(&err, "write something");
    assert_int_equal(err_wrap(&err, "importing '%s'", "b"), -4);
    assert_string_equal(err.what, "importing 'b': could not read file 'a': it is empty");
    assert_string_equal(err.hint, "write something");
}

static void an_errno_is_told_in_words(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(err_errno(&err, ENOENT, "could not open file 'x'"), -3);
    assert_string_equal(err.what, "could not open file 'x': No such file or directory");
}

static void nobody_need_listen(void **state)
{
    (void)state;
    assert_int_equal(err_set(NULL, ERR_USAGE, "x"), -2);
    assert_int_equal(err_wrap(NULL, "x"), -70);
    err_hint(NULL, "x");
}

int err_test(void);
int err_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_says_what_and_returns_its_negative_code),
        cmocka_unit_test(an_errno_is_told_in_words),
        cmocka_unit_test(nobody_need_listen),
    };
    return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
