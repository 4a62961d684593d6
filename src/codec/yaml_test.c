/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

int yaml_test(void);

static struct yaml_value *read_whole(const char *text)
{
    struct yaml_value *root = NULL;
    struct err err;
    if (yaml_read_text(text, strlen(text), "test", &root, &err))
        fail_msg("%s", err.what);
    return root;
}

static void assert_refused(const char *text, size_t length, const char *why)
{
    struct yaml_value *root = NULL;
    struct err err = {0};
    if (yaml_read_text(text, length, "a.yaml", &root, &err) != -ERR_INPUT)
        fail_msg("read, or failed otherwise: %s: %s", text, err.what);
    if (!strstr(err.what, why))
        fail_msg("'%s' is not in '%s'", why, err.what);
    assert_null(root);
}

/* A literal may hold NUL. */
#define REFUSED(literal, why) assert_refused(literal, sizeof(literal) - 1, why)

static void a_member_is_found_by_its_key_and_knows_its_line(void **state)
{
    (void)state;
    struct yaml_value *root = read_whole("# a comment\n"
                                         "command: ./parse big.csv\n"
                                         "wall: {max: 200 ms}\n"
                                         "names:\n"
                                         "  - one\n"
                                         "  - two\n");
    const struct yaml_value *wall = yaml_member(root, "wall"), *names = yaml_member(root, "names");
    assert_int_equal(yaml_kind(root), YAML_MAP);
    assert_int_equal(yaml_count(root), 3);
    assert_string_equal(yaml_text(yaml_member(root, "command")), "./parse big.csv");
    assert_int_equal(yaml_line(wall), 3);
    assert_string_equal(yaml_text(yaml_member(wall, "max")), "200 ms");
    assert_int_equal(yaml_line(names), 4);
    assert_string_equal(yaml_text(yaml_next(yaml_first(names))), "two");
    assert_int_equal(yaml_line(yaml_next(yaml_first(names))), 6);
    assert_null(yaml_next(yaml_next(yaml_first(names))));
    assert_string_equal(yaml_key(yaml_next(yaml_first(root))), "wall");
    yaml_free(root);
}

static void texts_keep_their_bytes_and_their_quotes_are_told(void **state)
{
    (void)state;
    struct yaml_value *root =
        read_whole("a: \"5\"\nb: 'it''s'\nc: |\n  x\n  y\nd: null\ne:\nf: ~\ng: \"\"\n");
    assert_string_equal(yaml_text(yaml_member(root, "a")), "5");
    assert_true(yaml_is_quoted(yaml_member(root, "a")));
    assert_string_equal(yaml_text(yaml_member(root, "b")), "it's");
    assert_string_equal(yaml_text(yaml_member(root, "c")), "x\ny\n");
    assert_int_equal(yaml_kind(yaml_member(root, "d")), YAML_NOTHING);
    assert_int_equal(yaml_kind(yaml_member(root, "e")), YAML_NOTHING);
    assert_int_equal(yaml_line(yaml_member(root, "e")), 7);
    assert_int_equal(yaml_kind(yaml_member(root, "f")), YAML_NOTHING);
    assert_string_equal(yaml_text(yaml_member(root, "g")), "");
    yaml_free(root);
}

static void what_is_not_there_chains_to_nothing(void **state)
{
    (void)state;
    struct yaml_value *root = read_whole("a: {b: c}\n"), *empty = read_whole(""),
                      *comment = read_whole("# x\n");
    assert_null(yaml_member(yaml_member(root, "x"), "y"));
    assert_null(yaml_member(yaml_member(yaml_member(root, "a"), "b"), "c"));
    assert_null(yaml_text(yaml_member(root, "a")));
    assert_string_equal(yaml_kind_name(NULL), "nothing");
    assert_int_equal(yaml_kind(empty), YAML_NOTHING);
    assert_int_equal(yaml_kind(comment), YAML_NOTHING);
    assert_null(yaml_first(NULL));
    yaml_free(root);
    yaml_free(empty);
    yaml_free(comment);
    yaml_free(NULL);
}

static void an_alias_stands_for_what_its_anchor_named(void **state)
{
    (void)state;
    struct yaml_value *root = read_whole("a: &limits {wall: 5%}\nb: *limits\nc: &n 7\nd: [*n, *n]\n");
    assert_string_equal(yaml_text(yaml_member(yaml_member(root, "b"), "wall")), "5%");
    assert_int_equal(yaml_line(yaml_member(root, "b")), 2);
    assert_string_equal(yaml_text(yaml_next(yaml_first(yaml_member(root, "d")))), "7");
    yaml_free(root);
    REFUSED("a: *later\nlater: &later 1\n", "line 1: no value is named '&later' before it");
    REFUSED("a: &a [*a]\n", "line 1: no value is named '&a' before it");
}

/* 20 levels of two aliases each would be a million values. */
static void aliases_of_aliases_take_no_room(void **state)
{
    (void)state;
    struct str text = {0};
    str_append(&text, "b0: &b0 [x, x]\n");
    for (int i = 1; i <= 20; i++)
        str_printf(&text, "b%d: &b%d [*b%d, *b%d]\n", i, i, i - 1, i - 1);
    struct yaml_value *root = read_whole(str_text(&text));
    assert_int_equal(yaml_count(root), 21);
    assert_int_equal(yaml_count(yaml_member(root, "b20")), 2);
    yaml_free(root);
    for (int i = 21; i <= 40; i++)
        str_printf(&text, "b%d: &b%d [*b%d, *b%d]\n", i, i, i - 1, i - 1);
    assert_refused(str_text(&text), text.length, "nested over 32 deep");
    str_free(&text);
}

static void what_is_no_yaml_is_refused_with_its_line(void **state)
{
    (void)state;
    REFUSED("a: 1\nb: \"x\n", "could not read YAML 'a.yaml': line 2, column 5: double-quoted");
    REFUSED("a: 1\n  b: 2\n", "line 1, column 4: invalid multiline plain key");
    REFUSED("a: 1\nb: 2\na: 3\n", "line 3: key 'a' is there already, on line 1");
    REFUSED("a:\n\t- b\n", "line 2, column 1: tab");
    REFUSED("a: 1\n--- \nb: 2\n", "line 2: a second document");
    REFUSED("a: 1\n[x]: 2\n", "line 2");
    REFUSED("? [x]\n: 2\n", "line 1: a key that is no text");
    REFUSED("a: !int 5\n", "line 1: tags mean nothing here");
    REFUSED("a: b\nc: \xff\n", "line 2: a byte 0xff that is no text");
    REFUSED("a: \0b\n", "line 1: a byte 0x00 that is no text");
    REFUSED("a: \xed\xa0\x80\n", "a byte 0xed");
    REFUSED("a: \x1b[31m\n", "a byte 0x1b");
    REFUSED("%YAML 9.9\n---\na: 1\n", "could not read YAML 'a.yaml'");
}

static void what_is_too_large_is_refused(void **state)
{
    (void)state;
    struct str text = {0};
    for (unsigned i = 0; i <= YAML_DEPTH_MAX; i++)
        str_append(&text, "[");
    assert_refused(str_text(&text), text.length, "nested over 32 deep");
    str_clear(&text);
    for (unsigned i = 0; i <= YAML_VALUES_MAX; i++)
        str_append(&text, "- x\n");
    assert_refused(str_text(&text), text.length, "over 20000 values");
    str_clear(&text);
    for (unsigned i = 0; i <= YAML_MEMBERS_MAX; i++)
        str_printf(&text, "k%u: x\n", i);
    assert_refused(str_text(&text), text.length, "over 1000 keys");
    str_clear(&text);
    for (unsigned i = 0; i <= YAML_ANCHORS_MAX; i++)
        str_printf(&text, "- &k%u x\n", i);
    assert_refused(str_text(&text), text.length, "over 100 anchors");
    while (text.length <= YAML_BYTES_MAX)
        str_append(&text, "# nothing but a long comment\n");
    assert_refused(str_text(&text), text.length, "it is over 1048576 bytes");
    str_free(&text);
}

static void quotes_side_by_side_are_counted_right(void **state)
{
    (void)state;
    struct yaml_value *root =
        read_whole("a: '''./it''\\''''s'' x'\nb: ''''\nc: 'it''s'\nd: ''''''\n'e''': f\n");
    assert_string_equal(yaml_text(yaml_member(root, "a")), "'./it'\\''s' x");
    assert_string_equal(yaml_text(yaml_member(root, "b")), "'");
    assert_string_equal(yaml_text(yaml_member(root, "c")), "it's");
    assert_string_equal(yaml_text(yaml_member(root, "d")), "''");
    assert_string_equal(yaml_text(yaml_member(root, "e'")), "f");
    yaml_free(root);
    /* In a key, over several lines, and so many that libfyaml would not free what it makes of them. */
    char many[1100] = "'";
    memset(many, '\'', 1001);
    memcpy(many + 1001, "': g\n", 6);
    root = read_whole(many);
    assert_int_equal(strlen(yaml_key(yaml_first(root))), 500);
    yaml_free(root);
    root = read_whole("'k''''l': ' x''''y \t\n\n\n   z''''\n  w '\nm: n\n");
    assert_string_equal(yaml_text(yaml_member(root, "k''l")), " x''y\n\nz'' w ");
    assert_string_equal(yaml_text(yaml_member(root, "m")), "n");
    yaml_free(root);
}

static void a_value_knows_its_column_and_its_bytes(void **state)
{
    (void)state;
    static const char text[] = "a:\n  b: 'one'\n  c: [x, two]\n  d: &n 3\n  e: *n\n";
    struct yaml_value *root = read_whole(text);
    const struct yaml_value *a = yaml_member(root, "a"), *b = yaml_member(a, "b"),
                            *second = yaml_next(yaml_first(yaml_member(a, "c")));
    struct yaml_place place = yaml_place(b);
    assert_int_equal(yaml_line(b), 2);
    assert_int_equal(yaml_column(b), 3);
    assert_int_equal(place.column, 7);
    assert_memory_equal(text + place.start, "one", place.end - place.start);
    assert_int_equal(place.end - place.start, 3);
    assert_int_equal(yaml_column(second), 10);
    place = yaml_place(second);
    assert_memory_equal(text + place.start, "two", place.end - place.start);
    place = yaml_place(yaml_member(a, "c"));
    assert_int_equal(place.line, 3);
    assert_int_equal(place.start + place.end, 0);
    place = yaml_place(yaml_member(a, "e"));
    assert_int_equal(place.line, 5);
    assert_int_equal(place.start + place.end, 0);
    assert_int_equal(yaml_place(NULL).line, 0);
    yaml_free(root);
}

static void a_file_that_is_not_there_is_the_environments_fault(void **state)
{
    (void)state;
    struct yaml_value *root = NULL;
    struct err err = {0};
    assert_int_equal(yaml_read_file("/nonexistent/a.yaml", &root, &err), -ERR_ENVIRONMENT);
    assert_non_null(strstr(err.what, "could not open file '/nonexistent/a.yaml'"));
}

int yaml_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_is_found_by_its_key_and_knows_its_line),
        cmocka_unit_test(texts_keep_their_bytes_and_their_quotes_are_told),
        cmocka_unit_test(what_is_not_there_chains_to_nothing),
        cmocka_unit_test(an_alias_stands_for_what_its_anchor_named),
        cmocka_unit_test(aliases_of_aliases_take_no_room),
        cmocka_unit_test(what_is_no_yaml_is_refused_with_its_line),
        cmocka_unit_test(what_is_too_large_is_refused),
        cmocka_unit_test(quotes_side_by_side_are_counted_right),
        cmocka_unit_test(a_value_knows_its_column_and_its_bytes),
        cmocka_unit_test(a_file_that_is_not_there_is_the_environments_fault),
    };
    return cmocka_run_group_tests_name("yaml", tests, NULL, NULL);
}
