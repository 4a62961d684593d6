/* SPDX-License-Identifier: Apache-2.0 */
#include "recording/fixture.h"

#include <stdio.h>

#include "base/num.h"
#include "model/meta.h"

#define START_NS 7000000000000ull

/* splitmix64 (S. Vigna, public domain), as a function of the step. */
static uint64_t noise(uint64_t step, uint64_t of)
{
    uint64_t z = (step * 31 + of + 1) * 0x9e3779b97f4a7c15ull;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

static int put_name(struct sink *sink, const char *kind, uint64_t number, uint64_t *ret_id, struct err *err)
{
    char text[64];
    snprintf(text, sizeof text, "%s-%llu", kind, (unsigned long long)number);
    return sink_intern(sink, text, ret_id, err);
}

static int put_frames(struct sink *sink, struct err *err)
{
    int status = 0;
    for (uint64_t i = 1; !status && i <= 60; i++) {
        struct row_frame frame = {
            .id = i, .line = i * 7 % 900, .address = 0x400000 + i * 48, .inlined = i % 5 == 0};
        struct row_stack stack = {.id = i, .parent = i / 2, .frame = i};
        status = put_name(sink, "function", i, &frame.function, err);
        if (!status)
            status = put_name(sink, "file.c", i / 9, &frame.file, err);
        if (!status)
            status = sink_append(sink, frame, &frame, err);
        if (!status)
            status = sink_append(sink, stack, &stack, err);
    }
    return status;
}

static int put_peers(struct sink *sink, struct err *err)
{
    int status = 0;
    for (uint64_t i = 1; !status && i < PEER_KIND_COUNT; i++) {
        struct row_peer peer = {.id = i, .kind = i};
        struct row_series series = {.id = i, .track = i % 3};
        status = put_name(sink, "peer", i, &peer.name, err);
        if (!status)
            status = put_name(sink, "series", i, &series.name, err);
        if (!status)
            status = sink_append(sink, peer, &peer, err);
        if (!status)
            status = sink_append(sink, series, &series, err);
    }
    return status;
}

int fixture_begin(struct sink *sink, struct err *err)
{
    int status = sink_meta(sink, META_COMMAND, "[\"./pipeline\", \"--workers\", \"4\"]", err);
    if (!status)
        status = sink_meta(sink, META_START, "7000000000000", err);
    if (!status)
        status = sink_meta(sink, META_EXIT_STATUS, "0", err);
    for (uint64_t i = 1; !status && i <= FIXTURE_TRACK_COUNT; i++) {
        struct row_track track = {.id = i,
                                  .parent = i / 4,
                                  .kind = i % 4 == 1 ? TRACK_PROCESS : TRACK_THREAD,
                                  .pid = 1000 + i - i % 4,
                                  .tid = 1000 + i,
                                  .start_ns = START_NS + i * 1000};
        status = put_name(sink, "track", i, &track.name, err);
        if (!status)
            status = sink_append(sink, track, &track, err);
    }
    if (!status)
        status = put_frames(sink, err);
    return status ? status : put_peers(sink, err);
}

static int put_span(struct sink *sink, uint64_t step, uint64_t at_ns, struct err *err)
{
    struct row_span span = {.id = step + 1,
                            .parent = step ? noise(step, 1) % step + 1 : 0,
                            .track = noise(step, 2) % FIXTURE_TRACK_COUNT + 1,
                            .category = 1 + step % SPAN_EXEC, /* the categories of version 1 */
                            .start_ns = at_ns,
                            .end_ns = at_ns + noise(step, 3) % 5000000,
                            .status = step % 17 == 0};
    struct row_usage usage = {.span = span.id, .amount = num_bits((double)(noise(step, 4) % 100000) / 8)};
    struct row_attr attr = {.owner_table = TABLE_SPAN, .owner = span.id};
    int status = put_name(sink, "stage", step % 11, &span.name, err);
    if (!status)
        status = put_name(sink, "unit", step % 3, &usage.kind, err);
    if (!status)
        status = sink_append(sink, span, &span, err);
    if (!status)
        status = sink_append(sink, usage, &usage, err);
    if (!status)
        status = put_name(sink, "value", step, &attr.value, err);
    if (!status)
        status = put_name(sink, "key", step % 4, &attr.key, err);
    return status ? status : sink_append(sink, attr, &attr, err);
}

static int put_wait(struct sink *sink, uint64_t step, uint64_t at_ns, struct err *err)
{
    struct row_wait wait = {.track = step % FIXTURE_TRACK_COUNT + 1, .start_ns = at_ns, .count = 1};
    wait.blocked_ns = noise(step, 5) % 900000;
    wait.runnable_ns = noise(step, 6) % 3000;
    wait.end_ns = at_ns + wait.blocked_ns + wait.runnable_ns;
    wait.reason = noise(step, 7) % WAIT_REASON_COUNT;
    wait.peer = noise(step, 8) % PEER_KIND_COUNT;
    wait.stack = noise(step, 9) % 61;
    wait.waker_track = step % 3 ? noise(step, 10) % FIXTURE_TRACK_COUNT + 1 : 0;
    wait.waker_source = wait.waker_track ? WAKER_EXACT : WAKER_NONE;
    struct row_slice slice = {
        .track = wait.track, .cpu = step % 2, .start_ns = wait.end_ns, .end_ns = wait.end_ns + step % 77};
    struct row_edge edge = {.from_track = wait.waker_track,
                            .from_ns = wait.start_ns,
                            .to_track = wait.track,
                            .to_ns = wait.end_ns,
                            .kind = EDGE_DATA,
                            .source = EDGE_RECORDED};
    int status = sink_append(sink, wait, &wait, err);
    if (!status)
        status = sink_append(sink, slice, &slice, err);
    return status ? status : sink_append(sink, edge, &edge, err);
}

static int put_io(struct sink *sink, uint64_t step, uint64_t at_ns, struct err *err)
{
    struct row_io io = {.track = step % FIXTURE_TRACK_COUNT + 1,
                        .peer = step % (PEER_KIND_COUNT - 1) + 1,
                        .operation = 1 + step % (IO_OPERATION_COUNT - 1),
                        .start_ns = at_ns,
                        .end_ns = at_ns + 100000,
                        .count = 1 + step % 40,
                        .bytes = noise(step, 11) % 1000000,
                        .time_ns = noise(step, 12) % 90000};
    struct row_bind bind = {.track = 3, .thread = 4, .start_ns = at_ns, .end_ns = at_ns + 5};
    int status = put_name(sink, "12:3,13", step % 5, &io.size_histogram, err);
    if (!status)
        status = sink_append(sink, io, &io, err);
    return status ? status : sink_append(sink, bind, &bind, err);
}

int fixture_step(struct sink *sink, uint64_t step, struct err *err)
{
    uint64_t at_ns = START_NS + 1000000 + step * 20000 + noise(step, 0) % 9000;
    struct row_sample sample = {.time_ns = at_ns,
                                .track = step % FIXTURE_TRACK_COUNT + 1,
                                .stack = noise(step, 13) % 60 + 1,
                                .weight = 1001001,
                                .kind = SAMPLE_CPU};
    struct row_point point = {
        .series = step % (PEER_KIND_COUNT - 1) + 1, .time_ns = at_ns, .value = num_bits((double)step / 4)};
    int status = sink_append(sink, sample, &sample, err);
    if (!status)
        status = sink_append(sink, point, &point, err);
    if (!status)
        status = put_span(sink, step, at_ns, err);
    if (!status)
        status = put_wait(sink, step, at_ns, err);
    return status ? status : put_io(sink, step, at_ns, err);
}
