/* SPDX-License-Identifier: Apache-2.0 */
/*
 * big_recording FILE ROWS: a recording of so many rows, for benchmarks. 40 threads of 20 stages compute and wait in turns, for one of 50
 * servers or for another thread; a sample for nearly every wait; io and points.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/num.h"
#include "model/meta.h"
#include "recording/writer.h"

#define THREADS   40u
#define STAGES    20u
#define PEERS     50u
#define FUNCTIONS 400u
#define STACKS    1000u
#define TURN_NS   (50 * NS_PER_US)
#define RUN_NS    (10 * NS_PER_US)
#define START_NS  NS_PER_S
/* Of each turn a wait and nine tenths of a sample; of 50 turns an io row, of 100 a point. */
#define ROWS_A_TURN 1.93

static uint64_t name_of(struct sink *sink, const char *text, uint64_t number)
{
    char name[64];
    uint64_t id = 0;
    snprintf(name, sizeof name, "%s%" PRIu64, text, number);
    return sink_intern(sink, name, &id, NULL) ? 0 : id;
}

static int add_tracks(struct sink *sink, uint64_t end_ns)
{
    int status = 0;
    for (uint64_t i = 0; i <= THREADS && !status; i++) {
        struct row_track track = {.id = i + 1,
                                  .parent = i ? 1 : 0,
                                  .kind = i ? TRACK_THREAD : TRACK_PROCESS,
                                  .name = name_of(sink, "worker", 0),
                                  .pid = 1,
                                  .tid = i ? i : 1,
                                  .start_ns = START_NS,
                                  .end_ns = end_ns};
        struct row_span span = {.id = i,
                                .track = i + 1,
                                .name = name_of(sink, "stage-", i % STAGES),
                                .category = SPAN_PHASE,
                                .start_ns = START_NS,
                                .end_ns = end_ns};
        status = sink_append(sink, track, &track, NULL);
        if (!status && i)
            status = sink_append(sink, span, &span, NULL);
    }
    return status;
}

static int add_places(struct sink *sink)
{
    int status = 0;
    for (uint64_t i = 1; i <= PEERS && !status; i++) {
        struct row_peer peer = {.id = i,
                                .kind = PEER_SOCKET,
                                .name = name_of(sink, "10.0.0.1:", i),
                                .address = name_of(sink, "10.0.0.1:", i)};
        status = sink_append(sink, peer, &peer, NULL);
    }
    for (uint64_t i = 1; i <= FUNCTIONS && !status; i++) {
        struct row_frame frame = {.id = i, .function = name_of(sink, "function_", i)};
        status = sink_append(sink, frame, &frame, NULL);
    }
    for (uint64_t i = 1; i <= STACKS && !status; i++) {
        struct row_stack stack = {.id = i, .parent = i / 3, .frame = 1 + i * 7 % FUNCTIONS};
        status = sink_append(sink, stack, &stack, NULL);
    }
    struct row_series series = {.id = 1, .track = 1, .name = name_of(sink, "queue", 0), .unit = 0};
    return status ? status : sink_append(sink, series, &series, NULL);
}

static int add_turn(struct sink *sink, uint64_t thread, uint64_t turn)
{
    uint64_t from_ns = START_NS + turn * TURN_NS + thread * 100;
    struct row_wait wait = {.track = thread + 2,
                            .start_ns = from_ns + RUN_NS,
                            .end_ns = from_ns + TURN_NS,
                            .count = 1,
                            .reason = WAIT_NETWORK,
                            .peer = 1 + (thread * 7 + turn) % PEERS,
                            .waker_source = WAKER_NONE};
    if (turn % 4 == 3 && thread >= 5) {
        wait.reason = WAIT_LOCK;
        wait.peer = 0;
        wait.waker_track = thread - 5 + 2;
        wait.waker_source = WAKER_EXACT;
    }
    wait.blocked_ns = wait.end_ns - wait.start_ns;
    struct row_sample sample = {.time_ns = from_ns + RUN_NS / 2,
                                .track = thread + 2,
                                .stack = 1 + (turn * 31 + thread) % STACKS,
                                .weight = RUN_NS,
                                .kind = SAMPLE_CPU};
    struct row_io io = {.track = 1,
                        .peer = wait.peer,
                        .operation = IO_READ,
                        .start_ns = from_ns,
                        .end_ns = from_ns + TURN_NS,
                        .count = 3,
                        .bytes = 4096,
                        .time_ns = 1000};
    struct row_point point = {.series = 1, .time_ns = from_ns, .value = num_bits((double)(turn % 100))};
    int status = sink_append(sink, wait, &wait, NULL);
    if (!status && turn % 10)
        status = sink_append(sink, sample, &sample, NULL);
    if (!status && turn % 50 == 0 && wait.peer)
        status = sink_append(sink, io, &io, NULL);
    if (!status && turn % 100 == 0)
        status = sink_append(sink, point, &point, NULL);
    return status;
}

static int fill(struct sink *sink, uint64_t rows)
{
    uint64_t turns = num_u64((double)rows / ROWS_A_TURN / THREADS);
    uint64_t end_ns = START_NS + (turns + 2) * TURN_NS;
    char end[24];
    snprintf(end, sizeof end, "%" PRIu64, end_ns);
    int status = sink_meta(sink, META_START, "1000000000", NULL);
    if (!status)
        status = sink_meta(sink, META_END, end, NULL);
    if (!status)
        status = sink_meta(sink, META_CPU_COUNT, "16", NULL);
    if (!status)
        status = sink_meta(sink, META_ROOT_TRACK, "1", NULL);
    if (!status)
        status = sink_meta(sink, META_COMMAND, "[\"big\"]", NULL);
    if (!status)
        status = add_tracks(sink, end_ns);
    if (!status)
        status = add_places(sink);
    for (uint64_t turn = 0; turn < turns && !status; turn++)
        for (uint64_t thread = 0; thread < THREADS && !status; thread++)
            status = add_turn(sink, thread, turn);
    return status;
}

int main(int argc, char **argv)
{
    struct writer *writer = NULL;
    struct err err = {0};
    uint64_t rows;
    if (argc != 3 || num_parse_u64(argv[2], &rows)) {
        fprintf(stderr, "usage: big_recording FILE ROWS\n");
        return 2;
    }
    struct writer_options options = {.path = argv[1], .overwrite = true};
    int status = writer_create(&options, &writer, &err);
    if (!status)
        status = fill(writer_sink(writer), rows);
    if (!status)
        status = writer_seal(writer, &err);
    if (status)
        fprintf(stderr, "big_recording: %s\n", err.what);
    else
        printf("%" PRIu64 " rows\n", writer_row_count(writer));
    writer_destroy(writer);
    return status ? 1 : 0;
}
