/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json_scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

int json_scan_test(void);

static void put(char *at, const char *text)
{
    while (*text)
        *at++ = *text++;
}

static struct json_scan scan_of(const char *text)
{
    return (struct json_scan){.at = text, .end = text + strlen(text)};
}

/* The number under the key "usage" of the outermost object; UINT64_MAX when it is not there or the text is wrong. */
static uint64_t usage_in(const char *text)
{
    struct json_scan scan = scan_of(text);
    struct json_slice key;
    uint64_t found = UINT64_MAX;
    if (!scan_object(&scan))
        return UINT64_MAX;
    while (scan_key(&scan, &key))
        if (scan_is(&key, "usage"))
            scan_u64(&scan, &found);
        else
            scan_skip(&scan);
    return scan_finish(&scan) ? found : UINT64_MAX;
}

static void a_key_counts_only_where_it_belongs(void **state)
{
    (void)state;
    assert_int_equal(usage_in("{\"usage\":7}"), 7);
    assert_int_equal(usage_in(" { \"a\" : { \"usage\" : 1 } , \"usage\" : 7 } "), 7);
    assert_int_equal(usage_in("{\"a\":\"\\\"usage\\\":1\",\"b\":[{\"usage\":2},\"}\"],\"usage\":7}"), 7);
    assert_int_equal(usage_in("{\"a\":\"\\\\\",\"usage\":7,\"z\":[[],{},null,true,-1.5e3]}"), 7);
    assert_int_equal(usage_in("{\"usage\":null}"), UINT64_MAX);
    assert_int_equal(usage_in("{\"usage\":7.9}"), 7);
    assert_int_equal(usage_in("{\"usage\":-7}"), UINT64_MAX);
    assert_int_equal(usage_in("{\"usage\":99999999999999999999999}"), UINT64_MAX);
}

static void what_is_no_json_is_told(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "{",
                                        "{\"usage\":7",
                                        "{\"usage\":7}}",
                                        "{\"usage\":7,}",
                                        "{\"usage\" 7}",
                                        "{usage:7}",
                                        "{\"a\":oops,\"usage\":7}",
                                        "{\"a\":[1}],\"usage\":7}",
                                        "{\"a\":\"b,\"usage\":7}",
                                        "{\"a\":1 \"usage\":7}",
                                        "{\"usage\":7} x",
                                        "[7]"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(usage_in(wrong[i]), UINT64_MAX);
}

static void depth_has_a_limit(void **state)
{
    (void)state;
    size_t depth = 100000;
    char *text = calloc(2 * depth + 32, 1);
    assert_non_null(text);
    put(text, "{\"a\":");
    memset(text + 5, '[', depth);
    memset(text + 5 + depth, ']', depth);
    put(text + 5 + 2 * depth, ",\"usage\":7}");
    assert_int_equal(usage_in(text), UINT64_MAX);
    free(text);
}

static void a_copy_undoes_escapes_and_is_cut_at_a_character(void **state)
{
    (void)state;
    char text[64];
    struct json_slice slice = {.bytes = "a\\n\\\"\\u00e9\\ud83d\\ude00\\ud800\\u0000z"};
    slice.length = strlen(slice.bytes);
    assert_int_equal(scan_copy(&slice, text, sizeof text), 16);
    assert_string_equal(text, "a\n\"\xc3\xa9\xf0\x9f\x98\x80\xef\xbf\xbd\xef\xbf\xbdz");
    slice = (struct json_slice){.bytes = "ab\xc3\xa9", .length = 4};
    assert_int_equal(scan_copy(&slice, text, 4), 2);
    assert_string_equal(text, "ab");
}

static void a_line_ends_at_its_newline_wherever_it_lies(void **state)
{
    (void)state;
    char text[256];
    /* The word and the newline at each place of a block, and across two. */
    for (size_t at = 0; at < 120; at++) {
        bool has = true;
        memset(text, 'x', sizeof text);
        text[at] = '\n';
        put(text + 130, "\"usage\"");
        assert_ptr_equal(scan_line(text, text + sizeof text, &has), text + at);
        assert_false(has);
        memset(text, '"', sizeof text);
        put(text + at, "\"usage\"");
        text[at + 7] = '\n';
        assert_ptr_equal(scan_line(text, text + sizeof text, &has), text + at + 7);
        assert_true(has);
        assert_ptr_equal(scan_line(text, text + at + 6, &has), text + at + 6);
        assert_false(has);
    }
}

int json_scan_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_counts_only_where_it_belongs),
        cmocka_unit_test(what_is_no_json_is_told),
        cmocka_unit_test(depth_has_a_limit),
        cmocka_unit_test(a_copy_undoes_escapes_and_is_cut_at_a_character),
        cmocka_unit_test(a_line_ends_at_its_newline_wherever_it_lies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
