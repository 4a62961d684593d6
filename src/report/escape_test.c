/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report/escape.h"

static void expect(void (*escape)(struct str *, const char *), const char *text, const char *expected)
{
    struct str str = {0};
    escape(&str, text);
    assert_string_equal(str_text(&str), expected);
    str_free(&str);
}

static void only_well_formed_utf8_passes(void **state)
{
    (void)state;
    static const char *const bad[] = {"\xff", "\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                      "\x80", "\xe2\x82", "\xf0\x9f\x98"};
    assert_int_equal(escape_utf8_length("a"), 1);
    assert_int_equal(escape_utf8_length("\xc3\xa9"), 2);
    assert_int_equal(escape_utf8_length("\xe2\x82\xac"), 3);
    assert_int_equal(escape_utf8_length("\xf0\x9f\x98\x80"), 4);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(escape_utf8_length(bad[i]), 0);
    expect(escape_json,
           "a\xff"
           "b",
           "a\xef\xbf\xbd"
           "b");
}

static void a_terminal_gets_no_control(void **state)
{
    (void)state;
    expect(escape_plain, "a\x1b[31m\n\xc2\x9b\x7f", "a?[31m???");
    expect(escape_plain,
           "a\xe2\x80\xae"
           "b\xe2\x81\xa6\xe2\x80\xa6",
           "a?b?\xe2\x80\xa6");
}

static void a_long_name_loses_its_middle(void **state)
{
    (void)state;
    struct str str = {0};
    escape_plain_cut(&str, "abcdefghij", 7, false);
    assert_string_equal(str_text(&str), "abc\xe2\x80\xa6hij");
    str_clear(&str);
    escape_plain_cut(&str, "abcdefghij", 7, true);
    assert_string_equal(str_text(&str), "ab...ij");
    str_clear(&str);
    escape_plain_cut(&str, "abcdefghij", 2, true);
    assert_string_equal(str_text(&str), "ab");
    str_clear(&str);
    escape_plain_cut(&str, "abc", 3, false);
    assert_string_equal(str_text(&str), "abc");
    str_free(&str);
}

static void json_and_markup_are_escaped(void **state)
{
    (void)state;
    expect(escape_json, "\"\\\n\t\x01", "\\\"\\\\\\n\\t\\u0001");
    expect(escape_markup, "<a href=\"x\">'&\x01\xef\xbf\xbf",
           "&lt;a href=&quot;x&quot;&gt;&#39;&amp;\xef\xbf\xbd\xef\xbf\xbd");
}

static void a_text_in_a_script_ends_no_script(void **state)
{
    (void)state;
    expect(escape_script, "\"</script>&\xef\xbf\xbf\xc3\xa4",
           "\\\"\\u003c/script\\u003e\\u0026\xef\xbf\xbd\xc3\xa4");
}

static void markdown_stays_text_in_a_cell(void **state)
{
    (void)state;
    expect(escape_markdown, "a|b*c_<x>\n", "a\\|b\\*c\\_&lt;x> ");
    struct str str = {0};
    escape_markdown_code(&str, "a`b|c", true);
    escape_markdown_code(&str, "|`", false);
    assert_string_equal(str_text(&str), "``a`b\\|c```` |` ``");
    str_free(&str);
}

int escape_test(void);
int escape_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_well_formed_utf8_passes),  cmocka_unit_test(a_terminal_gets_no_control),
        cmocka_unit_test(a_long_name_loses_its_middle),  cmocka_unit_test(json_and_markup_are_escaped),
        cmocka_unit_test(markdown_stays_text_in_a_cell), cmocka_unit_test(a_text_in_a_script_ends_no_script),
    };
    return cmocka_run_group_tests_name("escape", tests, NULL, NULL);
}
