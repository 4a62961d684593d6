/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/printed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/assert_near.h"

static int number_in(struct printed *printed, const char *text, double *ret_number, struct err *err)
{
    printed_clear(printed);
    assert_int_equal(write(printed_fd(printed), text, strlen(text)), (ssize_t)strlen(text));
    return printed_number(printed, ret_number, err);
}

static void the_last_match_is_the_number(void **state)
{
    (void)state;
    struct printed *printed;
    double number;
    assert_int_equal(printed_open("^rate: ([0-9.,e+]+)", &printed, NULL), 0);
    assert_int_equal(number_in(printed, "rate: 5\nsome rate: 7\nrate: 1,234.5 a second\n", &number, NULL), 0);
    assert_near(number, 1234.5, 1e-9);
    assert_int_equal(number_in(printed, "rate: 2.5e+3\n", &number, NULL), 0);
    assert_near(number, 2500, 1e-9);
    assert_int_equal(number_in(printed, "PING: 1\rrate: 8\r", &number, NULL), 0);
    assert_near(number, 8, 1e-9);
    printed_close(printed);
}

static void what_holds_no_number_is_told(void **state)
{
    (void)state;
    struct printed *printed;
    double number;
    struct err err = {0};
    assert_int_equal(printed_open("rate: ([a-z0-9]*)", &printed, NULL), 0);
    assert_int_equal(number_in(printed, "nothing\n", &number, &err), -ERR_INPUT);
    assert_non_null(strstr(err.what, "could not find"));
    assert_int_equal(number_in(printed, "rate: abc", &number, &err), -ERR_INPUT);
    assert_non_null(strstr(err.what, "'abc'"));
    assert_int_equal(number_in(printed, "rate: 0", &number, &err), -ERR_INPUT);
    assert_int_equal(number_in(printed, "", &number, &err), -ERR_INPUT);
    printed_close(printed);
    assert_int_equal(printed_open("rate: [0-9]+", &printed, &err), -ERR_USAGE);
    assert_int_equal(printed_open("rate: ([0-9]+", &printed, &err), -ERR_USAGE);
}

static void nobody_asks_for_a_number(void **state)
{
    (void)state;
    double number = 3;
    printed_clear(NULL);
    assert_int_equal(printed_number(NULL, &number, NULL), 0);
    assert_near(number, 3, 0);
}

int printed_test(void);
int printed_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_match_is_the_number),
        cmocka_unit_test(what_holds_no_number_is_told),
        cmocka_unit_test(nobody_asks_for_a_number),
    };
    return cmocka_run_group_tests_name("printed", tests, NULL, NULL);
}
