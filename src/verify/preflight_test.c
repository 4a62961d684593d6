/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/preflight.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "base/words.h"

/* The changes between two lines, one behind the other. */
static void assert_changes(const char *before, const char *after, const char *expected)
{
    struct preflight preflight = {0};
    struct words old, new;
    struct str told = {0};
    assert_int_equal(words_split(before, &preflight.arena, &old, NULL), 0);
    assert_int_equal(words_split(after, &preflight.arena, &new, NULL), 0);
    assert_int_equal(preflight_words(&preflight, old.items, new.items, NULL), 0);
    for (size_t i = 0; i < preflight.changes.list.count; i++)
        str_printf(&told, "%s%s", i ? "|" : "", preflight.changes.list.items[i]);
    assert_string_equal(str_text(&told), expected);
    str_free(&told);
    preflight_deinit(&preflight);
}

static void only_words_that_differ_are_told(void **state)
{
    (void)state;
    assert_changes("a b c", "a b c", "");
    assert_changes("./old big.csv", "./new big.csv", "- ./old|+ ./new");
    assert_changes("make -j1 all", "make -j8 -k all", "- -j1|+ -j8 -k");
    assert_changes("a x b", "a b y", "- x|+ y");
    assert_changes("a", "a b c", "+ b c");
    assert_changes("sort in", "cat", "- sort in|+ cat");
}

static void assert_variable(const char *text, const char *now, const char *before, const char *after)
{
    struct preflight preflight = {0};
    const char *old = "untouched", *new = NULL;
    assert_int_equal(preflight_variable(&preflight, text, now, &old, &new, NULL), 0);
    if (before)
        assert_string_equal(old, before);
    else
        assert_null(old);
    assert_string_equal(new, after);
    assert_int_equal(preflight.changes.list.count, 2);
    preflight_deinit(&preflight);
}

static void a_variable_has_two_values_or_is_held_against_now(void **state)
{
    (void)state;
    assert_variable("A=1,2", "3", "A=1", "A=2");
    assert_variable("A=2", "3", "A=3", "A=2");
    assert_variable("A=2", NULL, NULL, "A=2");
    assert_variable("A=,x", NULL, "A=", "A=x");
    assert_variable("LIST=a\\,b,c\\\\", NULL, "LIST=a,b", "LIST=c\\");
}

static void what_is_no_variable_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"A", "=1,2", "1A=1,2", "A B=1,2", "A=1,2,3"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct preflight preflight = {0};
        const char *before, *after;
        assert_int_equal(preflight_variable(&preflight, texts[i], NULL, &before, &after, NULL), -ERR_USAGE);
        preflight_deinit(&preflight);
    }
}

static bool has_risk(const struct preflight *preflight, const char *words)
{
    for (size_t i = 0; i < preflight->risks.list.count; i++)
        if (strstr(preflight->risks.list.items[i], words))
            return true;
    return false;
}

static void risks_are_told_where_they_are(void **state)
{
    (void)state;
    struct bench_options options = {.warmup_count = 1, .round_count = 10, .threshold_ratio = -1};
    struct preflight preflight = {.cpu_count = 2, .prediction = {.is_given = true, .drift_ratio = NAN}};
    struct preflight_facts facts = {
        .options = &options, .before_command = "./run", .recorded_command = "./run", .recorded_cpu_count = 2};
    assert_int_equal(preflight_complete(&preflight, &facts, NULL), 0);
    assert_int_equal(preflight.risks.list.count, 1);
    assert_true(has_risk(&preflight, "runs 33 times"));
    preflight_deinit(&preflight);
    preflight = (struct preflight){
        .cpu_count = 4, .outside_cores = 1.5, .prediction = {.is_given = true, .drift_ratio = 0.2}};
    facts.recorded_command = "./other";
    facts.shell_character = '|';
    facts.other_program = true;
    options.no_control = true;
    options.round_count = 0;
    assert_int_equal(preflight_complete(&preflight, &facts, NULL), 0);
    assert_true(has_risk(&preflight, "at least 14 times") && has_risk(&preflight, "'|'"));
    assert_true(has_risk(&preflight, "1.5 of 4 CPUs") && has_risk(&preflight, "off by 20 %"));
    assert_true(has_risk(&preflight, "another command: ./other") && has_risk(&preflight, "on 2 CPUs"));
    assert_true(has_risk(&preflight, "different programs"));
    preflight_deinit(&preflight);
}

int preflight_test(void);
int preflight_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_words_that_differ_are_told),
        cmocka_unit_test(a_variable_has_two_values_or_is_held_against_now),
        cmocka_unit_test(what_is_no_variable_is_refused),
        cmocka_unit_test(risks_are_told_where_they_are),
    };
    return cmocka_run_group_tests_name("preflight", tests, NULL, NULL);
}
