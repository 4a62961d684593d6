/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"

static void a_text_grows_by_pieces(void **state)
{
    (void)state;
    struct str str = {0};
    assert_string_equal(str_text(&str), "");
    for (int i = 0; i < 1000; i++)
        str_printf(&str, "%d,", i % 10);
    assert_int_equal(str.length, 2000);
    assert_false(str.failed);
    str_clear(&str);
    str_append(&str, "end");
    assert_string_equal(str.text, "end");
    str_free(&str);
}

static void a_file_is_replaced_whole(void **state)
{
    (void)state;
    char folder[] = "/tmp/toll-str-XXXXXX";
    assert_non_null(mkdtemp(folder));
    struct str path = {0}, text = {0};
    str_printf(&path, "%s/file", folder);
    struct err err;
    assert_int_equal(fs_replace(path.text, "one", 3, 0600, &err), 0);
    assert_int_equal(fs_replace(path.text, "three", 5, 0600, &err), 0);
    assert_int_equal(fs_read(path.text, 100, &text, &err), 0);
    assert_string_equal(text.text, "three");
    assert_int_equal(fs_read(path.text, 4, &text, &err), -ERR_INPUT);
    unlink(path.text);
    rmdir(folder);
    assert_int_equal(fs_read(path.text, 100, &text, &err), -ERR_ENVIRONMENT);
    str_free(&path);
    str_free(&text);
}

int str_test(void);
int str_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_grows_by_pieces),
        cmocka_unit_test(a_file_is_replaced_whole),
    };
    return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
