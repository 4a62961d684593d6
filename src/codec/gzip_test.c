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

static int keep(void *context, const char *bytes, size_t length, struct err *err)
{
    (void)err;
    str_append_bytes(context, bytes, length);
    return 0;
}

/* Long and hard to pack, so that it comes out in several pieces. */
static void what_is_packed_in_pieces_unpacks_to_the_whole(void **state)
{
    (void)state;
    struct gzip_packer *packer;
    struct str whole = {0}, out = {0}, again = {0};
    uint32_t seed = 1;
    assert_int_equal(gzip_packer_create(keep, &out, &packer, NULL), 0);
    for (size_t i = 0; i < 300000; i++) {
        char byte = (char)((seed = seed * 1664525u + 1013904223u) >> 24);
        str_append_bytes(&whole, &byte, 1);
    }
    for (size_t at = 0; at < whole.length; at += 1000)
        assert_int_equal(gzip_pack(packer, whole.text + at, 1000, NULL), 0);
    assert_int_equal(gzip_packer_finish(packer, NULL), 0);
    gzip_packer_destroy(packer);
    assert_int_equal(gzip_unpack(out.text, out.length, 1 << 20, "it", &again, NULL), 0);
    assert_int_equal(again.length, whole.length);
    assert_memory_equal(again.text, whole.text, whole.length);
    str_free(&whole);
    str_free(&out);
    str_free(&again);
}

int gzip_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_behind_each_other_are_one_text),
        cmocka_unit_test(what_is_cut_or_too_large_is_refused),
        cmocka_unit_test(what_is_packed_in_pieces_unpacks_to_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
