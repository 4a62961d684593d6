/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/pipeline_objective.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

int pipeline_objective_test(void);

static struct arena arena;

static void assert_reads(const char *text, enum pipeline_metric metric, const char *name, const char *noun,
                         double value)
{
    struct pipeline_objective objective;
    struct err err = {0};
    if (pipeline_objective_parse(text, &arena, &objective, &err))
        fail_msg("'%s': %s", text, err.what);
    assert_int_equal(objective.metric, metric);
    assert_string_equal(objective.name, name);
    assert_string_equal(objective.noun, noun);
    assert_true(objective.has_value == (value > 0));
    if (fabs(objective.value - value) > 1e-9 * value)
        fail_msg("'%s' is %g, not %g", text, objective.value, value);
    assert_string_equal(objective.text, text);
}

static void assert_refused(const char *text, const char *why)
{
    struct pipeline_objective objective;
    struct err err = {0};
    if (pipeline_objective_parse(text, &arena, &objective, &err) != -ERR_INPUT)
        fail_msg("'%s' was read", text);
    if (!strstr(err.what, why))
        fail_msg("'%s' is not in '%s'", why, err.what);
    assert_non_null(strstr(err.hint, "100000 rows/s"));
}

static void a_metric_comes_before_its_limit(void **state)
{
    (void)state;
    assert_reads("wall < 1 s", PIPELINE_WALL, "wall", "", 1e9);
    assert_reads("wall under 60 s", PIPELINE_WALL, "wall", "", 60e9);
    assert_reads("wall at most 2 min", PIPELINE_WALL, "wall", "", 120e9);
    assert_reads("  time <= 500ms", PIPELINE_WALL, "wall", "", 500e6);
    assert_reads("p99 under 200 ms", PIPELINE_LATENCY, "p99", "", 200e6);
    assert_reads("p99.9 < 1s", PIPELINE_LATENCY, "p99.9", "", 1e9);
    assert_reads("memory below 500 MB", PIPELINE_MEMORY, "memory", "", 500e6);
    assert_reads("cpu < 10 s", PIPELINE_CPU, "cpu", "", 10e9);
    assert_reads("tokens < 20,000", PIPELINE_TOKENS, "tokens", "", 20000);
    assert_reads("rows/s >= 100000", PIPELINE_RATE, "rows/s", "rows", 100000);
    assert_reads("wall", PIPELINE_WALL, "wall", "", 0);
    assert_reads("rows/s", PIPELINE_RATE, "rows/s", "rows", 0);
}

static void a_rate_is_said_as_people_say_it(void **state)
{
    (void)state;
    assert_reads("100000 rows/s", PIPELINE_RATE, "rows/s", "rows", 100000);
    assert_reads("100,000 rows/s", PIPELINE_RATE, "rows/s", "rows", 100000);
    assert_reads("1,000,000 rows/s", PIPELINE_RATE, "rows/s", "rows", 1e6);
    assert_reads("at least 2.5e6 log_lines/s", PIPELINE_RATE, "log_lines/s", "log_lines", 2.5e6);
    assert_reads("over 100_000rows/s", PIPELINE_RATE, "rows/s", "rows", 100000);
}

static void a_cost_has_its_currency(void **state)
{
    (void)state;
    assert_reads("cost under 2 USD", PIPELINE_COST, "cost", "USD", 2);
    assert_reads("cost < $1.50", PIPELINE_COST, "cost", "USD", 1.5);
    assert_reads("cost < 3 eur", PIPELINE_COST, "cost", "EUR", 3);
    assert_reads("cost < 0.25", PIPELINE_COST, "cost", "USD", 0.25);
}

static void what_is_no_objective_says_what_is(void **state)
{
    (void)state;
    assert_refused("", "it begins with none of wall");
    assert_refused("fast", "it begins with none of wall");
    assert_refused("60 s", "it begins with none of wall");
    assert_refused("wall 60 s", "behind 'wall' belongs <");
    assert_refused("wall > 60 s", "wall is better the less it is");
    assert_refused("rows/s < 5", "rows/s is better the more it is");
    assert_refused("under 5 rows/s", "it begins with none of wall");
    assert_refused("wall < 60", "'60' is no amount of it (200ms, 1.5s)");
    assert_refused("wall < 0 s", "'0 s' is no amount of it");
    assert_refused("rows/s > 5 orders/s", "is no amount of it");
    assert_refused("cost < 2 dollars", "is no amount of it");
    assert_refused("memory under", "'' is no amount of it");
    char text[400];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_refused(text, "it is too long");
}

static struct pipeline_objective parsed(const char *text)
{
    struct pipeline_objective objective = {0};
    assert_int_equal(pipeline_objective_parse(text, &arena, &objective, NULL), 0);
    return objective;
}

static void what_a_run_reaches_follows_from_its_time(void **state)
{
    (void)state;
    struct pipeline_objective wall = parsed("wall < 1 s"), rate = parsed("100000 rows/s"),
                              cost = parsed("cost < 2 USD"), open = parsed("wall");
    double value = 0, scale = 0;
    assert_true(pipeline_objective_of_wall(&wall, 3e9, 0, &value));
    assert_true(value == 3e9);
    assert_true(fabs(pipeline_objective_factor(&wall, value) - 3) < 1e-9);
    assert_string_equal(pipeline_objective_amount(&wall, value).text, "3.000 s");
    assert_string_equal(pipeline_objective_unit(&wall, &scale), "s");
    assert_true(scale == 1e9);
    assert_true(pipeline_objective_of_wall(&rate, 2e9, 92200, &value));
    assert_true(fabs(value - 46100) < 1e-6);
    assert_true(fabs(pipeline_objective_factor(&rate, value) - 100000.0 / 46100) < 1e-9);
    assert_string_equal(pipeline_objective_amount(&rate, value).text, "46,100 rows/s");
    assert_false(pipeline_objective_of_wall(&rate, 2e9, 0, &value));
    assert_false(pipeline_objective_of_wall(&cost, 2e9, 1000, &value));
    assert_string_equal(pipeline_objective_amount(&cost, 1.8).text, "1.80 USD");
    assert_true(pipeline_objective_factor(&open, 3e9) == 1);
    assert_string_equal(pipeline_objective_verdict(&rate), "wall");
    struct pipeline_objective p99 = parsed("p99 < 1 s");
    assert_string_equal(pipeline_objective_verdict(&p99), "latency");
}

int pipeline_objective_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_metric_comes_before_its_limit),
        cmocka_unit_test(a_rate_is_said_as_people_say_it),
        cmocka_unit_test(a_cost_has_its_currency),
        cmocka_unit_test(what_is_no_objective_says_what_is),
        cmocka_unit_test(what_a_run_reaches_follows_from_its_time),
    };
    int failed = cmocka_run_group_tests_name("pipeline_objective", tests, NULL, NULL);
    arena_free(&arena);
    return failed;
}
