/* SPDX-License-Identifier: Apache-2.0 */
#include "base/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void lines_are_split_as_a_shell_splits_them(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *words[5];
    } rows[] = {
        {"ls -l /tmp", {"ls", "-l", "/tmp"}},
        {"  ls\t-l\n ", {"ls", "-l"}},
        {"printf '%s\\n' \"a b\"", {"printf", "%s\\n", "a b"}},
        {"a'b'\"c\"d", {"abcd"}},
        {"a '' \"\" b", {"a", "", "", "b"}},
        {"a\\ b \\' \\\\", {"a b", "'", "\\"}},
        {"\"a\\\"b\\$c\\d\"", {"a\"b$c\\d"}},
        {"echo $HOME | cat > *.c", {"echo", "$HOME", "|", "cat", ">"}},
        {"a\\\nb", {"ab"}},
    };
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        struct arena arena = {0};
        struct words words;
        assert_int_equal(words_split(rows[row].line, &arena, &words, NULL), 0);
        for (size_t i = 0; i < 5 && rows[row].words[i]; i++) {
            assert_true(i < words.count);
            assert_string_equal(words.items[i], rows[row].words[i]);
        }
        assert_null(words.items[words.count]);
        arena_free(&arena);
    }
}

static void what_only_a_shell_understands_is_noticed(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct words words;
    assert_int_equal(words_split("a b | c", &arena, &words, NULL), 0);
    assert_int_equal(words.shell_character, '|');
    assert_int_equal(words_split("a '|' \\| \"x;y\"", &arena, &words, NULL), 0);
    assert_int_equal(words.shell_character, 0);
    assert_int_equal(words_split("a \"$x\"", &arena, &words, NULL), 0);
    assert_int_equal(words.shell_character, '$');
    arena_free(&arena);
}

static void unfinished_lines_are_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {"a 'b", "a \"b", "a \\", "", "  "};
    struct arena arena = {0};
    struct words words;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct err err = {0};
        assert_int_equal(words_split(lines[i], &arena, &words, &err), -ERR_USAGE);
        assert_non_null(strstr(err.what, "could not split command"));
    }
    arena_free(&arena);
}

static void joined_words_split_into_the_same_again(void **state)
{
    (void)state;
    char *items[] = {"sh", "-c", "echo 'it'\\''s' | cat", "", "plain", "a\nb", NULL};
    struct arena arena = {0};
    struct words words;
    char *line = words_join(items, &arena);
    assert_non_null(line);
    assert_int_equal(words_split(line, &arena, &words, NULL), 0);
    assert_int_equal(words.count, 6);
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(words.items[i], items[i]);
    arena_free(&arena);
}

int words_test(void);
int words_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_split_as_a_shell_splits_them),
        cmocka_unit_test(what_only_a_shell_understands_is_noticed),
        cmocka_unit_test(unfinished_lines_are_refused),
        cmocka_unit_test(joined_words_split_into_the_same_again),
    };
    return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
