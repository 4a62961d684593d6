/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/gzip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

int gzip_test(void);

static size_t packed(const char *text, char *ret_bytes, size_t capacity)
{
    z_stream stream = {.next_in = (unsigned char *)(uintptr_t)text, .avail_in = (unsigned)strlen(text)};
    stream.next_out = (unsigned char *)ret_bytes;
    stream.avail_out = (unsigned)capacity;
    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t length = capacity - stream.avail_out;
    deflateEnd(&stream);
    return length;
}

static void members_behind_each_other_are_one_text(void **state)
{
    char bytes[256];
    struct str text = {0};
    (void)state;
    size_t length = packed("one ", bytes, sizeof bytes);
    length += packed("two", bytes + length, sizeof bytes - length);
    assert_true(gzip_is(bytes, length));
    assert_int_equal(gzip_unpack(bytes, length, 100, "it", &text, NULL), 0);
    assert_string_equal(text.text, "one two");
    str_free(&text);
}

static void what_is_cut_or_too_large_is_refused(void **state)
{
    char bytes[256];
    struct str text = {0};
    struct err err;
    (void)state;
    size_t length = packed("some text that is long enough", bytes, sizeof bytes);
    assert_int_equal(gzip_unpack(bytes, length - 5, 100, "it", &text, &err), -ERR_INPUT);
    assert_non_null(strstr(err.what, "cut short"));
    str_clear(&text);
    assert_int_equal(gzip_unpack(bytes, length, 5, "it", &text, &err), -ERR_INPUT);
    assert_non_null(strstr(err.what, "larger than"));
    str_clear(&text);
    assert_int_equal(gzip_unpack("no gzip at all", 14, 100, "it", &text, &err), -ERR_INPUT);
    str_free(&text);
    assert_false(gzip_is("no", 2));
}

int gzip_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_behind_each_other_are_one_text),
        cmocka_unit_test(what_is_cut_or_too_large_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
