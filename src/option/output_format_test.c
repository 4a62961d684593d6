/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "option/output_format.h"

static const char *chosen(const char *format, bool json, const char *output)
{
    struct output_choice choice = {
        .format = format, .json = json, .output = output, .formats = "text json html csv"};
    return output_format(&choice);
}

static void what_is_asked_for_comes_before_the_name_of_the_output(void **state)
{
    (void)state;
    assert_string_equal(chosen(NULL, false, NULL), "text");
    assert_string_equal(chosen(NULL, false, "page.html"), "html");
    assert_string_equal(chosen(NULL, false, "numbers.csv"), "csv");
    assert_string_equal(chosen(NULL, true, "page.html"), "json");
    assert_string_equal(chosen("text", false, "page.html"), "text");
}

static void a_format_that_the_verb_does_not_have_is_not_taken_from_a_name(void **state)
{
    (void)state;
    assert_string_equal(chosen(NULL, false, "notes.md"), "text");
    assert_string_equal(chosen(NULL, false, "flame.svg"), "text");
    assert_string_equal(chosen(NULL, false, "out.txt"), "text");
}

int output_format_test(void);
int output_format_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_asked_for_comes_before_the_name_of_the_output),
        cmocka_unit_test(a_format_that_the_verb_does_not_have_is_not_taken_from_a_name),
    };
    return cmocka_run_group_tests_name("output_format", tests, NULL, NULL);
}
