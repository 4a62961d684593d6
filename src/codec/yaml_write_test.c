/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/yaml_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codec/yaml.h"

int yaml_write_test(void);

static const char *const texts[] = {
    "plain",
    "two words",
    "it's",
    "say \"it\"",
    "# no comment",
    "a: b",
    "- a",
    "null",
    "~",
    "true",
    "",
    " blanks ",
    "a,b",
    "[a, b]",
    "{P}",
    "back\\slash",
    "tab\there",
    "line\nbreak",
    "\x7f",
    "%wait",
    "@at",
    "&anchor",
    "*alias",
    "!tag",
    "|",
    ">",
    "? a",
    "ż\xc3\xb3\xc5\x82w",
    "1_000",
    "a # comment",
    "ends with :",
    "---",
    "...",
    "=",
    ">",
    "wall < 1 s",
    "a > b",
    "`x`",
};

static void every_text_is_read_back_as_it_was(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct str text = {0};
        struct err err = {0};
        struct yaml_value *root = NULL;
        str_append(&text, "key: ");
        yaml_write_text(&text, texts[i]);
        str_append(&text, "\nlist: [");
        yaml_write_text(&text, texts[i]);
        str_append(&text, ", ");
        yaml_write_text(&text, texts[i]);
        str_append(&text, "]\n");
        if (yaml_read_text(text.text, text.length, "test", &root, &err))
            fail_msg("'%s': %s", texts[i], err.what);
        const struct yaml_value *list = yaml_member(root, "list");
        assert_string_equal(yaml_text(yaml_member(root, "key")), texts[i]);
        assert_int_equal(yaml_count(list), 2);
        assert_string_equal(yaml_text(yaml_next(yaml_first(list))), texts[i]);
        yaml_free(root);
        str_free(&text);
    }
}

static void what_is_plain_stays_plain(void **state)
{
    (void)state;
    struct str text = {0};
    yaml_write_text(&text, "./fetch.sh -j 10 a=b");
    assert_string_equal(str_text(&text), "./fetch.sh -j 10 a=b");
    str_free(&text);
}

int yaml_write_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_text_is_read_back_as_it_was),
        cmocka_unit_test(what_is_plain_stays_plain),
    };
    return cmocka_run_group_tests_name("yaml_write", tests, NULL, NULL);
}
