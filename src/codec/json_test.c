/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

int json_test(void);

static struct json_value *read_whole(const char *text)
{
    struct json_value *root = NULL;
    struct err err;
    if (json_read_text(text, strlen(text), "test", &root, &err))
        fail_msg("%s", err.what);
    return root;
}

static void a_path_leads_to_a_value_of_its_kind(void **state)
{
    (void)state;
    struct json_value *root = read_whole(
        "{\"a\": {\"b\": {\"n\": 1.5, \"whole\": 9007199254740992, \"t\": \"\\u00e9\", \"yes\": true,"
        " \"list\": [1, 2, 3]}}, \"p(99.9)\": 7, \"none\": null}");
    double number = 0;
    uint64_t count = 0;
    const char *text = NULL;
    bool truth = false;
    assert_true(json_find_number(root, "a.b.n", &number));
    assert_true(number == 1.5);
    assert_true(json_find_count(root, "a.b.whole", &count));
    assert_true(count == UINT64_C(9007199254740992));
    assert_true(json_find_text(root, "a.b.t", &text));
    assert_string_equal(text, "\xc3\xa9");
    assert_true(json_find_bool(root, "a.b.yes", &truth) && truth);
    assert_int_equal(json_count(json_find_array(root, "a.b.list")), 3);
    assert_true(json_find_number(json_item(json_find(root, "a.b.list"), 2), NULL, &number));
    assert_true(number == 3);
    assert_true(json_find_number(json_member(root, "p(99.9)"), NULL, &number));
    assert_true(number == 7);
    assert_int_equal(json_kind(json_find(root, "none")), JSON_KIND_NULL);
    json_free(root);
}

static void what_is_not_there_chains_to_nothing(void **state)
{
    (void)state;
    struct json_value *root = read_whole("{\"a\": {\"b\": 1.5}, \"list\": [1], \"minus\": -1}");
    double number = 42;
    uint64_t count = 42;
    const char *text = "untouched";
    assert_null(json_find(root, "a.c.d"));
    assert_null(json_find(json_find(root, "x"), "y"));
    assert_null(json_find(root, "a.b.c"));
    assert_null(json_find_object(root, "list"));
    assert_null(json_find_array(root, "a"));
    assert_null(json_item(root, 0));
    assert_null(json_item(json_find(root, "list"), 1));
    assert_null(json_members(json_find(root, "list")).value);
    assert_false(json_find_number(root, "a", &number));
    assert_false(json_find_count(root, "a.b", &count));
    assert_false(json_find_count(root, "minus", &count));
    assert_false(json_find_text(root, "a.b", &text));
    assert_true(number == 42 && count == 42);
    assert_string_equal(text, "untouched");
    assert_string_equal(json_kind_name(json_find(root, "list")), "array");
    assert_int_equal(json_count(NULL), 0);
    json_free(root);
    json_free(NULL);
}

static void members_come_in_the_order_of_the_file(void **state)
{
    (void)state;
    struct json_value *root = read_whole("{\"z\": 1, \"a\": 2, \"m\": 3}");
    struct str keys = {0};
    for (struct json_member_at at = json_members(root); at.value; json_members_next(&at))
        str_append(&keys, at.key);
    assert_string_equal(str_text(&keys), "zam");
    str_free(&keys);
    json_free(root);
}

static void a_number_too_large_for_an_integer_is_a_number(void **state)
{
    (void)state;
    struct json_value *root = read_whole("[18446744073709551615]");
    double number = 0;
    uint64_t count = 0;
    assert_true(json_find_number(json_item(root, 0), NULL, &number));
    assert_true(number == 0x1p64);
    assert_false(json_find_count(json_item(root, 0), NULL, &count));
    json_free(root);
}

static void a_broken_text_is_refused_with_its_line(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "",         "{",           "{\"a\": }",      "[1,]",   "nul",   "{\"a\": 1} x",
        "\"\xff\"", "\"\\u0000\"", "{\"a\": 1e999}", "\"open", "[1 2]", "{1: 2}",
    };
    struct json_value *root = NULL;
    struct err err;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
        assert_int_equal(json_read_text(broken[i], strlen(broken[i]), "test", &root, &err), -ERR_INPUT);
    const char *text = "{\n  \"a\": 1,\n  \"b\": \x1b[31m\n}";
    assert_int_equal(json_read_text(text, strlen(text), "b.json", &root, &err), -ERR_INPUT);
    assert_non_null(strstr(err.what, "could not read JSON 'b.json': line 3, column "));
    assert_null(strchr(err.what, '\x1b'));
    assert_null(root);
}

static void nesting_without_end_is_refused(void **state)
{
    (void)state;
    struct str text = {0};
    struct json_value *root = NULL;
    struct err err;
    for (int i = 0; i < 100000; i++)
        str_append(&text, "[");
    assert_int_equal(json_read_text(text.text, text.length, "deep", &root, &err), -ERR_INPUT);
    str_free(&text);
}

static void a_leading_value_says_where_it_ends(void **state)
{
    (void)state;
    const char *text = "{\"a\": 1}\n{\"a\": 2}\n";
    struct json_value *root = NULL;
    struct err err;
    size_t length = 0;
    double number = 0;
    assert_int_equal(json_read_lead(text, strlen(text), "lines", &root, &length, &err), 0);
    assert_int_equal(length, 8);
    json_free(root);
    assert_int_equal(json_read_lead(text + length, strlen(text) - length, "lines", &root, &length, &err), 0);
    assert_true(json_find_number(root, "a", &number) && number == 2);
    json_free(root);
}

static void a_file_that_is_not_there_is_an_error_of_the_environment(void **state)
{
    (void)state;
    struct json_value *root = NULL;
    struct err err;
    assert_int_equal(json_read_file("/nonexistent/a.json", &root, &err), -ERR_ENVIRONMENT);
    assert_non_null(strstr(err.what, "/nonexistent/a.json"));
}

int json_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_leads_to_a_value_of_its_kind),
        cmocka_unit_test(what_is_not_there_chains_to_nothing),
        cmocka_unit_test(members_come_in_the_order_of_the_file),
        cmocka_unit_test(a_number_too_large_for_an_integer_is_a_number),
        cmocka_unit_test(a_broken_text_is_refused_with_its_line),
        cmocka_unit_test(nesting_without_end_is_refused),
        cmocka_unit_test(a_leading_value_says_where_it_ends),
        cmocka_unit_test(a_file_that_is_not_there_is_an_error_of_the_environment),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
