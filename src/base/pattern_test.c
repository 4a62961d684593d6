/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

int pattern_test(void);

static void assert_refused(const char *text, const char *why)
{
    regex_t pattern;
    struct err err = {0};
    if (pattern_compile(text, 0, &pattern, &err) != -ERR_INPUT)
        fail_msg("taken: %s", text);
    if (!strstr(err.what, why))
        fail_msg("'%s' is not in '%s'", why, err.what);
}

static void patterns_that_people_write_are_taken(void **state)
{
    static const char *const texts[] = {
        "([0-9.]+) rows/s",         "^rate: ([0-9.,e+]+)$",        "[]a{9999}] ([0-9]{1,20})",
        "[^]{500}x]([[:digit:]]+)", "(a|b|c){1,3} \\(([0-9]+)\\)", "(([0-9]{1,3})(,[0-9]{3})*) lines",
        "x{1,}y{,3}z{4,}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        regex_t pattern;
        struct err err = {0};
        if (pattern_compile(texts[i], 0, &pattern, &err))
            fail_msg("'%s': %s", texts[i], err.what);
        regfree(&pattern);
    }
}

static void a_pattern_that_grows_without_bound_is_refused(void **state)
{
    (void)state;
    assert_refused("((((a{255}){255}){255}){255})", "too large");
    assert_refused("a{255}{255}", "too large");
    assert_refused("(a{30}b{1,}){40,}", "too large");
    assert_refused("([[:alpha:]]{100}(x|y{90})){10}", "too large");
    assert_refused("a{99999999999999999999999}", "too large");
}

static void a_reference_back_is_refused(void **state)
{
    (void)state;
    assert_refused("(a*)*\\1", "refers back");
    assert_refused("((x)\\2)", "refers back");
}

static void too_long_too_deep_and_wrong_ones_are_refused(void **state)
{
    char text[PATTERN_BYTES_MAX + 2];
    (void)state;
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_refused(text, "too long");
    memset(text, '(', PATTERN_DEPTH_MAX + 1);
    text[PATTERN_DEPTH_MAX + 1] = '\0';
    assert_refused(text, "too deep");
    assert_refused("a ([0-9]", "Unmatched");
}

/* What takes other engines a time that doubles with each letter. */
static void nested_repetitions_are_matched_in_no_time(void **state)
{
    char text[4001];
    regex_t pattern;
    regmatch_t found[2];
    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(pattern_compile("^((x+x+)+)y", REG_NEWLINE, &pattern, NULL), 0);
    assert_int_equal(regexec(&pattern, text, 2, found, 0), REG_NOMATCH);
    regfree(&pattern);
}

int pattern_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_that_people_write_are_taken),
        cmocka_unit_test(a_pattern_that_grows_without_bound_is_refused),
        cmocka_unit_test(a_reference_back_is_refused),
        cmocka_unit_test(too_long_too_deep_and_wrong_ones_are_refused),
        cmocka_unit_test(nested_repetitions_are_matched_in_no_time),
    };
    return cmocka_run_group_tests_name("pattern", tests, NULL, NULL);
}
