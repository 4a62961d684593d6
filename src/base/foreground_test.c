/* SPDX-License-Identifier: Apache-2.0 */
#include "base/foreground.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

int foreground_test(void);

static int status_of(const char *script)
{
    const char *words[] = {"sh", "-c", script, NULL};
    int status = -1;
    assert_int_equal(foreground_run(words, &status, NULL), 0);
    return status;
}

static void its_end_is_told_as_a_shell_does(void **state)
{
    (void)state;
    assert_int_equal(status_of("exit 7"), 7);
    assert_int_equal(status_of("kill -TERM $$"), 128 + 15);
    /* What is passed on reaches it alone: its parent is still there to tell. */
    assert_int_equal(status_of("trap 'exit 9' TERM; kill -TERM $PPID; sleep 5 & wait"), 9);
}

static void what_cannot_be_executed_is_an_error(void **state)
{
    const char *none[] = {"/no/such/program", NULL}, *folder[] = {"/", NULL};
    struct err err;
    int status = -1;
    (void)state;
    assert_int_equal(foreground_run(none, &status, &err), -ERR_ENVIRONMENT);
    assert_int_equal(status, 127);
    assert_int_equal(foreground_run(folder, &status, &err), -ERR_ENVIRONMENT);
    assert_int_equal(status, 126);
}

int foreground_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_end_is_told_as_a_shell_does),
        cmocka_unit_test(what_cannot_be_executed_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
