/* SPDX-License-Identifier: Apache-2.0 */
#include "otlp/otlp_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "otlp/request_log.h"

int otlp_file_test(void);

struct seen {
    unsigned requests[OTLP_SIGNAL_COUNT], others;
    uint64_t last_number;
    struct otlp_counts counts;
};

static int see(void *context, const struct otlp_request *request, uint64_t number, bool is_request,
               struct err *err)
{
    struct seen *seen = context;
    struct otlp_reader reader = {.context = NULL};
    struct otlp_decoder *decoder = otlp_decoder_create();
    struct otlp_counts counts = {0};
    seen->last_number = number;
    if (is_request) {
        seen->requests[request->signal]++;
        assert_int_equal(otlp_decode(decoder, request, &reader, &counts, err), 0);
        seen->counts.accepted += counts.accepted;
    } else {
        seen->others++;
    }
    otlp_decoder_destroy(decoder);
    return 0;
}

/* A span of a trace, a metric with one point, a record: each as its request. */
static const char trace[] = "\x0a\x3a"
                            "\x0a\x00"
                            "\x12\x36"
                            "\x12\x34"
                            "\x0a\x10"
                            "0123456789abcdef"
                            "\x12\x08"
                            "01234567"
                            "\x2a\x04"
                            "work"
                            "\x39\x01\x00\x00\x00\x00\x00\x00\x00"
                            "\x41\x02\x00\x00\x00\x00\x00\x00\x00";
static const char metric[] = "\x0a\x1d"
                             "\x12\x1b"
                             "\x12\x19"
                             "\x0a\x01m"
                             "\x2a\x14"
                             "\x0a\x12"
                             "\x19\x01\x00\x00\x00\x00\x00\x00\x00"
                             "\x31\x02\x00\x00\x00\x00\x00\x00";
static const char record[] = "\x0a\x11"
                             "\x12\x0f"
                             "\x12\x0d"
                             "\x09\x01\x00\x00\x00\x00\x00\x00\x00"
                             "\x10\x09"
                             "\x2a\x00";

static enum otlp_signal signal_of(const char *bytes, size_t length)
{
    enum otlp_signal signal = OTLP_SIGNAL_COUNT;
    assert_true(otlp_protobuf_signal(bytes, length, false, &signal));
    return signal;
}

static void a_request_in_protobuf_shows_by_its_pieces_what_it_is_of(void **state)
{
    (void)state;
    assert_int_equal(signal_of(trace, sizeof trace - 1), OTLP_TRACES);
    assert_int_equal(signal_of(metric, sizeof metric - 1 + 1), OTLP_METRICS); /* its last byte is the NUL */
    assert_int_equal(signal_of(record, sizeof record - 1), OTLP_LOGS);
}

static void what_is_no_request_is_not_taken_for_one(void **state)
{
    enum otlp_signal signal;
    (void)state;
    static const char *const others[] = {"",
                                         "\n",
                                         "{\"a\": 1}",
                                         "\nHello there,\nthis is a letter\n",
                                         "SQLite format 3",
                                         "\x0a\x02hi",
                                         "\x0a\x04\x12\x02\x12\x00"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_false(otlp_protobuf_signal(others[i], strlen(others[i]), false, &signal));
        assert_false(otlp_protobuf_signal(others[i], strlen(others[i]), true, &signal));
    }
    /* Cut short it is only what is said to be a beginning. */
    assert_true(otlp_protobuf_signal(trace, sizeof trace - 8, true, &signal));
    assert_false(otlp_protobuf_signal(trace, 20, false, &signal));
}

/* --- files --- */

struct place {
    char folder[32];
    struct str path;
};

static struct place place_make(const char *bytes, size_t length)
{
    struct place place = {.folder = "/tmp/toll-otlp-XXXXXX"};
    struct err err;
    assert_non_null(mkdtemp(place.folder));
    str_printf(&place.path, "%s/file", place.folder);
    assert_int_equal(fs_create(str_text(&place.path), bytes, length, 0600, &err), 0);
    return place;
}

static void place_remove(struct place *place)
{
    (void)unlink(str_text(&place->path));
    (void)rmdir(place->folder);
    str_free(&place->path);
}

static struct seen read_bytes(const struct str *bytes)
{
    struct place place = place_make(str_text(bytes), bytes->length);
    struct seen seen = {0};
    struct err err;
    assert_true(otlp_file_is(str_text(bytes), bytes->length < 4096 ? bytes->length : 4096));
    assert_int_equal(otlp_file_read(str_text(&place.path), see, &seen, NULL, &err), 0);
    place_remove(&place);
    return seen;
}

static void one_request_alone_is_a_file(void **state)
{
    struct str bytes = {0};
    (void)state;
    str_append_bytes(&bytes, trace, sizeof trace - 1);
    struct seen seen = read_bytes(&bytes);
    assert_int_equal(seen.requests[OTLP_TRACES], 1);
    assert_int_equal(seen.counts.accepted, 1);
    str_free(&bytes);
}

/* Many requests, with a varint or four bytes before each. */
static struct str framed(bool is_varint, unsigned times)
{
    struct str bytes = {0};
    for (unsigned i = 0; i < 3 * times; i++) {
        const char *part = i % 3 == 0 ? trace : i % 3 == 1 ? metric : record;
        size_t length = i % 3 == 0 ? sizeof trace - 1 : i % 3 == 1 ? sizeof metric : sizeof record - 1;
        if (!is_varint)
            str_append_bytes(&bytes, "\0\0\0", 3);
        str_append_bytes(&bytes, (const char[]){(char)length}, 1);
        str_append_bytes(&bytes, part, length);
    }
    return bytes;
}

static void requests_behind_their_lengths_are_a_file(void **state)
{
    (void)state;
    for (int is_varint = 0; is_varint < 2; is_varint++) {
        struct str bytes = framed(is_varint, 200);
        struct seen seen = read_bytes(&bytes);
        for (int i = 0; i < OTLP_SIGNAL_COUNT; i++)
            assert_int_equal(seen.requests[i], 200);
        assert_int_equal(seen.others, 0);
        /* Cut within the last one: the others count, and it is told. */
        bytes.length -= 5;
        seen = read_bytes(&bytes);
        assert_int_equal(seen.requests[OTLP_LOGS], 199);
        assert_int_equal(seen.others, 1);
        assert_int_equal(seen.last_number, 600);
        str_free(&bytes);
    }
}

static void a_damaged_length_ends_the_file_and_is_told(void **state)
{
    (void)state;
    struct str bytes = framed(false, 1);
    str_append_bytes(&bytes, "\xff\xff\xff\xff\x0a", 5);
    struct seen seen = read_bytes(&bytes);
    assert_int_equal(seen.requests[OTLP_LOGS], 1);
    assert_int_equal(seen.others, 1);
    str_free(&bytes);
}

static void the_collectors_example_is_read_in_both_forms(void **state)
{
    static const char *const names[] = {"trace.json", "trace.pb"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct str path = {0};
        struct seen seen = {0};
        struct err err;
        str_printf(&path, "%s/%s", getenv("TOLL_OTLP_DATA"), names[i]);
        assert_int_equal(otlp_file_read(str_text(&path), see, &seen, NULL, &err), 0);
        assert_int_equal(seen.requests[OTLP_TRACES], 1);
        assert_true(seen.counts.accepted > 0);
        str_free(&path);
    }
}

static void a_receivers_log_is_read_on_from_where_it_ended(void **state)
{
    struct place place = place_make("", 0);
    const char *path = str_text(&place.path);
    struct request_log *log;
    struct request_log_entry entry = {
        .signal = OTLP_TRACES, .encoding = OTLP_PROTOBUF, .bytes = trace, .length = sizeof trace - 1};
    struct seen seen = {0};
    struct otlp_file_told told;
    struct err err;
    (void)state;
    assert_int_equal(request_log_create(path, true, &log, &err), 0);
    assert_int_equal(otlp_file_read(path, see, &seen, &told, &err), 0);
    assert_int_equal(seen.requests[OTLP_TRACES], 0);
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(request_log_append(log, &entry, &err), 0);
        assert_int_equal(otlp_file_read_on(path, told.end_offset, see, &seen, &told, &err), 0);
        assert_int_equal(seen.requests[OTLP_TRACES], i);
    }
    request_log_destroy(log);
    place_remove(&place);
}

int otlp_file_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_in_protobuf_shows_by_its_pieces_what_it_is_of),
        cmocka_unit_test(what_is_no_request_is_not_taken_for_one),
        cmocka_unit_test(one_request_alone_is_a_file),
        cmocka_unit_test(requests_behind_their_lengths_are_a_file),
        cmocka_unit_test(a_damaged_length_ends_the_file_and_is_told),
        cmocka_unit_test(the_collectors_example_is_read_in_both_forms),
        cmocka_unit_test(a_receivers_log_is_read_on_from_where_it_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
