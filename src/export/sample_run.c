/* SPDX-License-Identifier: Apache-2.0 */
#include "export/sample_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "model/meta.h"

#define AT(ms) (1000000000u + (uint64_t)(ms)*NS_PER_MS)

static uint64_t text(struct dataset *dataset, const char *string)
{
    uint64_t id;
    assert_int_equal(sink_intern(&dataset->sink, string, &id, NULL), 0);
    return id;
}

#define PUT(table, ...)                                                                                      \
    do {                                                                                                     \
        const struct row_##table put_ = __VA_ARGS__;                                                         \
        assert_int_equal(sink_append(&dataset->sink, table, &put_, NULL), 0);                                \
    } while (0)

static void put_tracks(struct dataset *dataset)
{
    PUT(track, {1, 0, TRACK_PROCESS, text(dataset, "app"), 100, 100, AT(0), AT(1000), 0});
    PUT(track, {2, 1, TRACK_THREAD, text(dataset, "app"), 100, 100, AT(0), AT(1000), 0});
    PUT(track, {3, 1, TRACK_THREAD, text(dataset, "worker"), 100, 101, AT(0), 0, 0});
    PUT(span, {1, 0, 1, text(dataset, "app"), SPAN_EXEC, AT(0), AT(1000), 0});
    PUT(span, {2, 0, 2, text(dataset, "load"), SPAN_PHASE, AT(0), 0, 0});
    PUT(span, {2, 0, 2, text(dataset, "load"), SPAN_PHASE, AT(0), AT(500), 0});
    PUT(span, {3, 2, 2, text(dataset, "parse"), SPAN_TASK, AT(100), AT(200), 0});
    PUT(span, {4, 0, 2, text(dataset, "ship"), SPAN_PHASE, AT(400), AT(600), 0});
}

static void put_stacks(struct dataset *dataset)
{
    PUT(frame, {1, text(dataset, "main"), text(dataset, "app.c"), 10, text(dataset, "app"), 0x1000, 0});
    PUT(frame, {2, text(dataset, "parse"), text(dataset, "app.c"), 20, text(dataset, "app"), 0x1010, 0});
    PUT(frame, {3, text(dataset, "trim"), text(dataset, "trim.h"), 30, text(dataset, "app"), 0x1010, 1});
    PUT(frame, {4, text(dataset, SAMPLE_HOSTILE), 0, 0, text(dataset, "libc.so.6"), 0x2000, 0});
    PUT(attr, {TABLE_FRAME, 1, text(dataset, ATTR_BUILD_ID), text(dataset, SAMPLE_BUILD_ID)});
    PUT(attr, {TABLE_FRAME, 4, text(dataset, ATTR_BUILD_ID), text(dataset, "not one")});
    PUT(stack, {1, 0, 1});
    PUT(stack, {2, 1, 2});
    PUT(stack, {3, 2, 3});
    PUT(stack, {4, 1, 4});
}

static void put_doings(struct dataset *dataset)
{
    for (uint64_t i = 0; i < 30; i++)
        PUT(sample, {AT(10 * i), 2, 3, 10 * NS_PER_MS, SAMPLE_CPU});
    for (uint64_t i = 0; i < 10; i++)
        PUT(sample, {AT(400 + 10 * i), 2, 4, 10 * NS_PER_MS, SAMPLE_CPU});
    for (uint64_t i = 0; i < 5; i++)
        PUT(sample, {AT(10 * i), 3, 0, 10 * NS_PER_MS, SAMPLE_CPU});
    PUT(peer, {1, PEER_SOCKET, text(dataset, "web"), text(dataset, "127.0.0.1:8080"), 0});
    PUT(peer, {2, PEER_LOCK, text(dataset, "lock"), text(dataset, "100:0x55"), 0});
    PUT(wait,
        {2, AT(600), AT(800), 1, 180 * NS_PER_MS, 20 * NS_PER_MS, WAIT_NETWORK, 1, 4, 0, 0, WAKER_NONE});
    PUT(wait, {3, AT(100), AT(200), 1, 100 * NS_PER_MS, 0, WAIT_LOCK, 2, 0, 2, 2, WAKER_EXACT});
    PUT(series, {1, 1, text(dataset, SERIES_RSS), text(dataset, "bytes")});
    PUT(point, {1, AT(0), num_bits(1e6)});
    PUT(point, {1, AT(500), num_bits(3e6)});
}

static void put_allocations(struct dataset *dataset)
{
    PUT(heap, {1, 3, ALLOCATION_MALLOC, AT(0), AT(1000), 10, 1000, 8, 900, 5, 400, 100});
    PUT(heap, {1, 4, ALLOCATION_PAGES, AT(0), AT(1000), 1, 4096, 0, 0, 0, 4096, 4096});
}

void sample_run(struct dataset *ret_dataset)
{
    dataset_init(ret_dataset);
    static const char *const facts[][2] = {{META_START, "1000000000"},
                                           {META_END, "2000000000"},
                                           {META_COMMAND, "[\"app\", \"--fast\"]"},
                                           {META_ROOT_TRACK, "1"},
                                           {META_RECORDER_HEAP, "sampled"},
                                           {META_HEAP_RATE, "512"},
                                           {META_STARTED_REALTIME, "1700000000000000000"}};
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++)
        assert_int_equal(sink_meta(&ret_dataset->sink, facts[i][0], facts[i][1], NULL), 0);
    put_tracks(ret_dataset);
    put_stacks(ret_dataset);
    put_doings(ret_dataset);
    put_allocations(ret_dataset);
}

static int keep(void *context, const char *bytes, size_t length, struct err *err)
{
    (void)err;
    str_append_bytes(context, bytes, length);
    return 0;
}

void sample_write(const struct dataset *dataset, const char *format, const char *kind, struct str *ret_text)
{
    struct err err = {0};
    const struct foreign_choice choice = {.format = foreign_find(format), .kind = kind, .title = "a.toll"};
    assert_non_null(choice.format);
    if (foreign_write(&dataset->view, NULL, &choice, keep, ret_text, &err))
        fail_msg("%s", err.what);
}
