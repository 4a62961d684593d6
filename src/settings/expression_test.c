/* SPDX-License-Identifier: Apache-2.0 */
#include "settings/expression.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert_near.h"

int expression_test(void);

static const struct setting_facts facts = {.ram_bytes = 0x1p34, .cores = 8};

static void assert_value(const char *text, const char *unit, const char *printed)
{
    struct setting_amount amount;
    struct err err = {0};
    char out[64];
    if (expression_value(text, &facts, &amount, &err))
        fail_msg("%s: %s", text, err.what);
    setting_amount_print(&amount, unit, out, sizeof out);
    assert_string_equal(out, printed);
}

static bool holds(const char *condition, const char *found, const char *unit, int *ret_direction)
{
    struct setting_amount amount;
    struct err err = {0};
    bool result = false;
    setting_amount_read(found, unit, &amount);
    if (expression_holds(condition, &amount, &facts, &result, ret_direction, &err))
        fail_msg("%s: %s", condition, err.what);
    return result;
}

static void assert_refused(const char *text, const char *why)
{
    struct setting_amount amount;
    struct err err = {0};
    assert_int_equal(expression_value(text, &facts, &amount, &err), -ERR_INPUT);
    if (!strstr(err.what, why))
        fail_msg("'%s' is not in '%s'", why, err.what);
}

static void a_value_is_an_amount_in_the_unit_of_its_product(void **state)
{
    (void)state;
    struct setting_amount amount;
    setting_amount_read("16384", "8kB", &amount);
    assert_int_equal(amount.kind, SETTING_BYTES);
    assert_near(amount.number, 0x1p27, 0);
    setting_amount_read(" 64mb ", NULL, &amount);
    assert_near(amount.number, 0x1p26, 0);
    setting_amount_read("200", "ms", &amount);
    assert_int_equal(amount.kind, SETTING_TIME);
    assert_near(amount.number, 0.2, 1e-12);
    setting_amount_read("5min", NULL, &amount);
    assert_near(amount.number, 300, 0);
    setting_amount_read("-1", "8kB", &amount);
    assert_int_equal(amount.kind, SETTING_COUNT);
    setting_amount_read("everysec", NULL, &amount);
    assert_int_equal(amount.kind, SETTING_WORD);
    setting_amount_read("32768\t60999", NULL, &amount);
    assert_int_equal(amount.kind, SETTING_WORD);
    setting_amount_read("", NULL, &amount);
    assert_int_equal(amount.kind, SETTING_WORD);
    setting_amount_read("0x10", NULL, &amount);
    assert_int_equal(amount.kind, SETTING_WORD);
}

static void an_expression_knows_memory_and_cores(void **state)
{
    (void)state;
    assert_value("25 % of ram", "MB", "4096MB");
    assert_value("max(128MB, ram / 1000)", "mb", "128mb");
    assert_value("min(64, 2 * cores + 1)", NULL, "17");
    assert_value("(cores - 2) / 4", NULL, "1");
    assert_value("10 % of ram", "m", "1632m"); /* 1638.4 MB, as a person would write it */
    assert_value("ram / 2", NULL, "8589934592");
    assert_value("everysec", NULL, "everysec");
    assert_value("1.1", NULL, "1.1");
    assert_value("'1024 65000'", NULL, "1024 65000");
    assert_value("max_threads", NULL, "max_threads");
}

static void a_condition_says_which_way_is_wrong(void **state)
{
    (void)state;
    int direction;
    assert_true(holds("<= 128MB and < 10 % of ram", "16384", "8kB", &direction));
    assert_int_equal(direction, 1);
    assert_false(holds("<= 128MB and < 10 % of ram", "2GB", "8kB", &direction));
    assert_true(holds("> 100", "500", NULL, &direction));
    assert_int_equal(direction, -1);
    assert_true(holds("off", "no", NULL, &direction));
    assert_int_equal(direction, 0);
    assert_true(holds("!= on", "off", NULL, &direction));
    assert_false(holds("< 5", "auto", NULL, &direction));
    assert_true(holds("= 0", "0s", "s", &direction));
}

static void what_is_no_expression_is_refused_with_the_place(void **state)
{
    (void)state;
    char deep[200];
    assert_refused("25 % of", "is expected at character");
    assert_refused("max(1, 2", "')' is expected");
    assert_refused("2 * cores 3", "the end");
    assert_refused("1 / (2 - 2)", "divisor");
    assert_refused("", "1 to 255 characters");
    memset(deep, '(', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    assert_refused(deep, "less depth");
}

int expression_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_an_amount_in_the_unit_of_its_product),
        cmocka_unit_test(an_expression_knows_memory_and_cores),
        cmocka_unit_test(a_condition_says_which_way_is_wrong),
        cmocka_unit_test(what_is_no_expression_is_refused_with_the_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
