/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/hdr_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "base/assert_near.h"
#include "base/str.h"

int hdr_log_test(void);

/* Bytes in the order of the network. */
static void put(struct str *bytes, uint64_t value, size_t size)
{
    for (size_t i = size; i-- > 0;) {
        char byte = (char)(value >> (8 * i));
        str_append_bytes(bytes, &byte, 1);
    }
}

static void base64(const struct str *bytes, struct str *ret_text)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes->length; i += 3) {
        uint32_t group = 0;
        for (size_t j = 0; j < 3; j++)
            group = group << 8 | (i + j < bytes->length ? (unsigned char)bytes->text[i + j] : 0);
        for (size_t j = 0; j < 4; j++)
            str_append_bytes(ret_text, i + j > bytes->length ? "=" : &letters[group >> (18 - 6 * j) & 63], 1);
    }
}

static void packed(const struct str *inner, uint64_t cookie, struct str *ret_text)
{
    struct str outer = {0};
    uLongf length = compressBound(inner->length);
    unsigned char *bytes = malloc(length);
    assert_non_null(bytes);
    assert_int_equal(compress(bytes, &length, (const unsigned char *)inner->text, inner->length), Z_OK);
    put(&outer, cookie, 4);
    put(&outer, length, 4);
    str_append_bytes(&outer, (const char *)bytes, length);
    base64(&outer, ret_text);
    free(bytes);
    str_free(&outer);
}

#define RATIO_ONE 0x3ff0000000000000u

/* Two significant digits from 1 to `high`: buckets of 256, half of which are new in each. */
static void header(struct str *inner, unsigned version, uint64_t high)
{
    if (version == 0) {
        put(inner, 0x1c849308 | 8 << 4, 4);
        put(inner, 2, 4);
        put(inner, 1, 8);
        put(inner, high, 8);
        put(inner, 0, 8);
        return;
    }
    put(inner, version == 1 ? 0x1c849301 | 8 << 4 : 0x1c849303 | 1 << 4, 4);
    put(inner, UINT32_MAX, 4);
    put(inner, 0, 4);
    put(inner, 2, 4);
    put(inner, 1, 8);
    put(inner, high, 8);
    put(inner, RATIO_ONE, 8);
}

static void count(struct str *inner, unsigned version, uint64_t amount)
{
    uint64_t zigzag = amount << 1;
    if (version < 2) {
        put(inner, amount, 8);
        return;
    }
    for (; zigzag > 0x7f; zigzag >>= 7)
        put(inner, (zigzag & 0x7f) | 0x80, 1);
    put(inner, zigzag, 1);
}

static void zeros(struct str *inner, unsigned version, uint64_t run)
{
    if (version == 2) {
        uint64_t zigzag = (run - 1) << 1 | 1;
        for (; zigzag > 0x7f; zigzag >>= 7)
            put(inner, (zigzag & 0x7f) | 0x80, 1);
        put(inner, zigzag, 1);
        return;
    }
    for (uint64_t i = 0; i < run; i++)
        put(inner, 0, 8);
}

static const uint64_t cookies[] = {0x1c849309, 0x1c849302, 0x1c849304 | 1 << 4};

static int decode(const struct str *inner, unsigned version, struct hdr_counts *ret_counts, struct err *err)
{
    struct str text = {0};
    packed(inner, cookies[version], &text);
    int status = hdr_counts_decode(text.text, text.length, ret_counts, err);
    str_free(&text);
    return status;
}

static void all_versions_hold_the_same_histogram(void **state)
{
    (void)state;
    for (unsigned version = 0; version < 3; version++) {
        struct str inner = {0};
        struct hdr_counts counts = {0};
        struct err err;
        header(&inner, version, 1000000);
        zeros(&inner, version, 5);
        count(&inner, version, 90);
        zeros(&inner, version, 300);
        count(&inner, version, 200);
        if (decode(&inner, version, &counts, &err))
            fail_msg("version %u: %s", version, err.what);
        assert_int_equal(counts.total, 290);
        assert_near(hdr_counts_quantile(&counts, 0), 5, 0);
        assert_near(hdr_counts_quantile(&counts, 0.31), 5, 0);
        /* index 306 is in the second bucket of pairs: 2 x (128 + 50), and the value beside it */
        assert_near(hdr_counts_quantile(&counts, 0.5), 357, 0);
        assert_near(hdr_counts_quantile(&counts, 1), 357, 0);
        hdr_counts_free(&counts);
        str_free(&inner);
    }
}

static void damage_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", "HIST", "####", "HISTFAAAAAB42pNpmSz", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    };
    struct hdr_counts counts = {0};
    struct err err;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(hdr_counts_decode(texts[i], strlen(texts[i]), &counts, &err), -ERR_INPUT);
    assert_null(counts.counts);
}

static void a_count_past_the_range_is_refused(void **state)
{
    (void)state;
    for (unsigned version = 0; version < 3; version++) {
        struct str inner = {0};
        struct hdr_counts counts = {0};
        struct err err;
        header(&inner, version, 1000);
        zeros(&inner, version, 100000);
        count(&inner, version, 1);
        assert_int_equal(decode(&inner, version, &counts, &err), -ERR_INPUT);
        str_free(&inner);
    }
}

static void counts_that_overflow_are_refused(void **state)
{
    (void)state;
    struct str inner = {0};
    struct hdr_counts counts = {0};
    struct err err;
    header(&inner, 1, 1000);
    for (int i = 0; i < 4; i++)
        count(&inner, 1, INT64_MAX);
    assert_int_equal(decode(&inner, 1, &counts, &err), -ERR_INPUT);
    str_free(&inner);
}

static void a_header_without_sense_is_refused(void **state)
{
    (void)state;
    static const struct {
        uint64_t digits, low, high;
    } shapes[] = {
        {6, 1, 1000}, {2, 0, 1000}, {2, 1000, 1000}, {2, 1, UINT64_MAX}, {5, UINT64_C(1) << 60, INT64_MAX}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        struct str inner = {0};
        struct hdr_counts counts = {0};
        struct err err;
        put(&inner, 0x1c849303, 4);
        put(&inner, 0, 8);
        put(&inner, shapes[i].digits, 4);
        put(&inner, shapes[i].low, 8);
        put(&inner, shapes[i].high, 8);
        put(&inner, RATIO_ONE, 8);
        assert_int_equal(decode(&inner, 2, &counts, &err), -ERR_INPUT);
        str_free(&inner);
    }
}

/* A gigabyte of zeros in a few kilobytes. */
static void a_bomb_is_stopped(void **state)
{
    (void)state;
    struct str inner = {0}, zero = {0}, text = {0};
    struct hdr_counts counts = {0};
    struct err err;
    for (int i = 0; i < 65536; i++)
        str_append_bytes(&zero, "", 1);
    header(&inner, 1, 1000000);
    for (int i = 0; i < 160 * 2; i++)
        str_append_bytes(&inner, zero.text, zero.length);
    packed(&inner, cookies[1], &text);
    assert_true(text.length < 100000);
    assert_int_equal(hdr_counts_decode(text.text, text.length, &counts, &err), -ERR_INPUT);
    str_free(&inner);
    str_free(&zero);
    str_free(&text);
}

static int intervals(void *context, const struct hdr_interval *interval, struct err *err)
{
    struct str *seen = context;
    (void)err;
    str_printf(seen, "[%s %.3f %.3f %.3f %llu]", interval->tag, interval->start_s, interval->length_s,
               interval->max, (unsigned long long)interval->counts.total);
    return 0;
}

static void a_log_is_read_line_by_line(void **state)
{
    (void)state;
    struct str inner = {0}, payload = {0}, log = {0}, seen = {0};
    struct err err;
    header(&inner, 2, 1000000);
    zeros(&inner, 2, 5);
    count(&inner, 2, 7);
    packed(&inner, cookies[2], &payload);
    str_printf(
        &log,
        "#[Histogram log format version 1.3]\r\n\"StartTimestamp\",\"Interval_Length\"\n0.5,1.0,2.25,%s\n",
        payload.text);
    str_printf(&log, "Tag=read,1.5,1.0,3.5,%s\n\n", payload.text);
    struct compare_text text = {"a.hlog", log.text, log.length};
    assert_int_equal(hdr_log_each(&text, intervals, &seen, &err), 0);
    assert_string_equal(seen.text, "[ 0.500 1.000 2.250 7][read 1.500 1.000 3.500 7]");
    str_append(&log, "2.5,1.0\n");
    text = (struct compare_text){"a.hlog", log.text, log.length};
    assert_int_equal(hdr_log_each(&text, intervals, &seen, &err), -ERR_INPUT);
    assert_non_null(strstr(err.what, "line 6"));
    str_free(&inner);
    str_free(&payload);
    str_free(&log);
    str_free(&seen);
}

int hdr_log_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_versions_hold_the_same_histogram),
        cmocka_unit_test(damage_is_refused),
        cmocka_unit_test(a_count_past_the_range_is_refused),
        cmocka_unit_test(counts_that_overflow_are_refused),
        cmocka_unit_test(a_header_without_sense_is_refused),
        cmocka_unit_test(a_bomb_is_stopped),
        cmocka_unit_test(a_log_is_read_line_by_line),
    };
    return cmocka_run_group_tests_name("hdr_log", tests, NULL, NULL);
}
