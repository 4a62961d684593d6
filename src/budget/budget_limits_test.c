/* SPDX-License-Identifier: Apache-2.0 */
#include "budget/budget_limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert_near.h"
#include "base/clock.h"

int budget_limits_test(void);

static struct budget_limits read_good(const char *text)
{
    struct budget_limits limits = {0};
    struct err err = {0};
    if (budget_limits_parse(text, &limits, &err))
        fail_msg("%s", err.what);
    return limits;
}

static void amounts_are_read_with_their_units(void **state)
{
    (void)state;
    struct budget_limits limits = read_good("tokens=1M,cost=10,time=30m");
    assert_int_equal(limits.tokens, 1000000);
    assert_near(limits.cost_usd, 10, 1e-12);
    assert_int_equal(limits.time_ns, 1800 * NS_PER_S);
    assert_int_equal(read_good("tokens=250k").tokens, 250000);
    assert_int_equal(read_good("tokens=1.5G").tokens, 1500000000);
    assert_int_equal(read_good("tokens=800000").tokens, 800000);
    assert_near(read_good("cost=$2.50").cost_usd, 2.5, 1e-12);
    assert_near(read_good("cost=2.5 USD").cost_usd, 2.5, 1e-12);
    assert_false(budget_limits_any(&(struct budget_limits){0}));
    assert_true(budget_limits_any(&limits));
}

static void what_is_no_budget_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",         "tokens",   "tokens=",   "tokens=0",     "tokens=-1",  "tokens=1X",
        "tokens=M", "cost=ten", "cost=0",    "cost=$",       "time=0",     "time=soon",
        "money=3",  "=3",       "tokens=1,", "cost=1,cost=", "tokens=1e30"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct budget_limits limits = {.tokens = 7};
        struct err err = {0};
        assert_int_equal(budget_limits_parse(wrong[i], &limits, &err), -ERR_USAGE);
        assert_true(err.what[0] && err.hint[0]);
        assert_int_equal(limits.tokens, 7);
        assert_int_equal(limits.time_ns, 0);
    }
}

int budget_limits_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amounts_are_read_with_their_units),
        cmocka_unit_test(what_is_no_budget_is_refused_and_changes_nothing),
    };
    return cmocka_run_group_tests_name("budget_limits", tests, NULL, NULL);
}
