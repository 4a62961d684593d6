/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/huge_runs.h"

#include <stdio.h>

#include "base/clock.h"
#include "model/meta.h"

#define START_NS NS_PER_S
#define STEP_NS  (10 * NS_PER_US)

static uint64_t name_of(struct sink *sink, const char *text, uint64_t number)
{
    char name[64];
    uint64_t id = 0;
    snprintf(name, sizeof name, "%s%llu", text, (unsigned long long)number);
    return sink_intern(sink, number ? name : text, &id, NULL) ? 0 : id;
}

static int add_track(struct sink *sink, struct row_track row)
{
    if (!row.name)
        row.name = name_of(sink, "work", 0);
    if (!row.start_ns)
        row.start_ns = START_NS;
    return sink_append(sink, track, &row, NULL);
}

/* Process 1 of thread 2. */
static int add_root(struct sink *sink, uint64_t count)
{
    char end[24];
    snprintf(end, sizeof end, "%llu", (unsigned long long)(START_NS + (count + 2) * STEP_NS));
    struct row_track process = {.id = 1, .kind = TRACK_PROCESS, .pid = 1, .tid = 1};
    struct row_track thread = {.id = 2, .parent = 1, .kind = TRACK_THREAD, .pid = 1, .tid = 1};
    return sink_meta(sink, META_START, "1000000000", NULL) || sink_meta(sink, META_END, end, NULL) ||
           sink_meta(sink, META_CPU_COUNT, "2", NULL) || sink_meta(sink, META_ROOT_TRACK, "1", NULL) ||
           add_track(sink, process) || add_track(sink, thread);
}

static uint64_t step(uint64_t index)
{
    return START_NS + index * STEP_NS;
}

static int add_span(struct sink *sink, struct row_span row)
{
    return sink_append(sink, span, &row, NULL);
}

static int add_wait(struct sink *sink, struct row_wait row)
{
    row.count = 1;
    row.blocked_ns = row.end_ns - row.start_ns;
    return sink_append(sink, wait, &row, NULL);
}

/* Each process is made by the one before it, and waits for the one behind it. */
static int chain(struct sink *sink, uint64_t count)
{
    for (uint64_t i = 1; i < count / 3; i++) {
        struct row_track process = {.id = 2 * i + 1,
                                    .parent = 2 * i - 1,
                                    .kind = TRACK_PROCESS,
                                    .pid = i + 1,
                                    .tid = i + 1,
                                    .start_ns = step(i),
                                    .end_ns = step(2 * count / 3 - i)};
        struct row_track thread = process;
        thread.id++;
        thread.parent = process.id;
        thread.kind = TRACK_THREAD;
        struct row_wait wait = {
            .track = 2 * i, .start_ns = step(i) + 1, .end_ns = process.end_ns, .reason = WAIT_CHILD};
        if (add_track(sink, process) || add_track(sink, thread) || add_wait(sink, wait))
            return -1;
    }
    return 0;
}

/* One process makes all the others, one after another, each a program of its own name (or all of one). */
static int children(struct sink *sink, uint64_t count, bool own_names)
{
    for (uint64_t i = 1; i < count / 4; i++) {
        struct row_track process = {.id = 2 * i + 1,
                                    .parent = 1,
                                    .kind = TRACK_PROCESS,
                                    .pid = i + 1,
                                    .tid = i + 1,
                                    .start_ns = step(4 * i),
                                    .end_ns = step(4 * i + 3)};
        struct row_track thread = process;
        thread.id++;
        thread.parent = process.id;
        thread.kind = TRACK_THREAD;
        struct row_wait wait = {
            .track = 2, .start_ns = step(4 * i), .end_ns = step(4 * i + 3), .reason = WAIT_CHILD};
        struct row_span span = {.id = i,
                                .track = process.id,
                                .category = SPAN_EXEC,
                                .start_ns = process.start_ns,
                                .end_ns = process.end_ns,
                                .name = name_of(sink, "program", own_names ? i : 0)};
        if (add_track(sink, process) || add_track(sink, thread) || add_wait(sink, wait) ||
            add_span(sink, span))
            return -1;
    }
    return 0;
}

static int children_of_one_name(struct sink *sink, uint64_t count)
{
    return children(sink, count, false);
}

static int children_of_own_names(struct sink *sink, uint64_t count)
{
    return children(sink, count, true);
}

/* A process executes one program after another. */
static int images(struct sink *sink, uint64_t count)
{
    for (uint64_t i = 1; i < count / 2; i++) {
        struct row_span span = {.id = i,
                                .track = 1,
                                .category = SPAN_EXEC,
                                .start_ns = step(2 * i),
                                .end_ns = step(2 * i + 2),
                                .name = name_of(sink, "image", i % 100 + 1)};
        struct row_wait wait = {
            .track = 2, .start_ns = step(2 * i), .end_ns = step(2 * i + 1), .reason = WAIT_SLEEP};
        if (add_span(sink, span) || add_wait(sink, wait))
            return -1;
    }
    return 0;
}

static int stages(struct sink *sink, uint64_t count, uint64_t names)
{
    for (uint64_t i = 1; i < count / 2; i++) {
        struct row_span span = {.id = i,
                                .track = 2,
                                .category = SPAN_TASK,
                                .start_ns = step(2 * i),
                                .end_ns = step(2 * i + 2),
                                .name = name_of(sink, "stage", i % names + 1)};
        struct row_wait wait = {
            .track = 2, .start_ns = step(2 * i), .end_ns = step(2 * i + 1), .reason = WAIT_NETWORK};
        if (add_span(sink, span) || add_wait(sink, wait))
            return -1;
    }
    return 0;
}

static int stages_of_few_names(struct sink *sink, uint64_t count)
{
    return stages(sink, count, 4);
}

static int stages_of_own_names(struct sink *sink, uint64_t count)
{
    return stages(sink, count, UINT64_MAX - 1);
}

/* All begin at once; each ends before the one it is in. */
static int nested(struct sink *sink, uint64_t count)
{
    for (uint64_t i = 1; i < count; i++) {
        struct row_span span = {.id = i,
                                .parent = i - 1,
                                .track = 2,
                                .category = SPAN_TASK,
                                .start_ns = START_NS,
                                .end_ns = step(count + 1 - i),
                                .name = name_of(sink, "level", i % 300 + 1)};
        if (add_span(sink, span))
            return -1;
    }
    return 0;
}

/* Threads that queue for one lock, all at once and then in turn. */
static int convoy(struct sink *sink, uint64_t count)
{
    struct row_peer lock = {.id = 1,
                            .kind = PEER_LOCK,
                            .name = name_of(sink, PEER_NAME_LOCK, 0),
                            .address = name_of(sink, "1:0x5", 0)};
    if (sink_append(sink, peer, &lock, NULL))
        return -1;
    for (uint64_t i = 1; i < count / 3; i++) {
        struct row_track thread = {
            .id = i + 2, .parent = 1, .kind = TRACK_THREAD, .pid = 1, .tid = i + 10, .end_ns = step(count)};
        struct row_wait wait = {
            .track = thread.id, .start_ns = START_NS, .end_ns = step(3 * i), .reason = WAIT_LOCK, .peer = 1};
        if (add_track(sink, thread) || add_wait(sink, wait))
            return -1;
    }
    return 0;
}

/* Threads whose parents are each other: no process is above them. */
static int ring(struct sink *sink, uint64_t count)
{
    for (uint64_t i = 1; i < count; i++) {
        struct row_track thread = {.id = i + 2,
                                   .parent = i + 1 < count ? i + 3 : 3,
                                   .kind = TRACK_THREAD,
                                   .pid = 1,
                                   .tid = i + 10,
                                   .end_ns = step(count)};
        if (add_track(sink, thread))
            return -1;
    }
    return 0;
}

/* Threads that wait at the same time, each for the next. */
static int knots(struct sink *sink, uint64_t count)
{
    for (uint64_t i = 1; i < count / 3; i++) {
        struct row_track thread = {
            .id = i + 2, .parent = 1, .kind = TRACK_THREAD, .pid = 1, .tid = i + 10, .end_ns = step(count)};
        struct row_wait wait = {.track = thread.id,
                                .start_ns = START_NS,
                                .end_ns = step(2 * i),
                                .reason = WAIT_PIPE,
                                .waker_track = i + 3 < count / 3 + 2 ? i + 3 : 3,
                                .waker_source = WAKER_EXACT};
        struct row_wait root = {.track = 2,
                                .start_ns = step(2 * i),
                                .end_ns = step(2 * i + 1),
                                .reason = WAIT_PIPE,
                                .waker_track = thread.id,
                                .waker_source = WAKER_EXACT};
        if (add_track(sink, thread) || add_wait(sink, wait) || add_wait(sink, root))
            return -1;
    }
    return 0;
}

/* A peer for each wait. */
static int peers(struct sink *sink, uint64_t count)
{
    for (uint64_t i = 1; i < count / 2; i++) {
        struct row_peer peer = {.id = i,
                                .kind = PEER_SOCKET,
                                .address = name_of(sink, "127.0.0.1:", i),
                                .path = name_of(sink, "10.0.0.1:", i)};
        struct row_wait wait = {.track = 2,
                                .start_ns = step(2 * i),
                                .end_ns = step(2 * i + 1),
                                .reason = WAIT_NETWORK,
                                .peer = i};
        if (sink_append(sink, peer, &peer, NULL) || add_wait(sink, wait))
            return -1;
    }
    return 0;
}

/* Sleeps, while others end. */
static int polls(struct sink *sink, uint64_t count)
{
    for (uint64_t i = 1; i < count / 2; i++) {
        struct row_track thread = {
            .id = i + 2, .parent = 1, .kind = TRACK_THREAD, .pid = 1, .tid = i + 10, .end_ns = step(2 * i)};
        struct row_wait wait = {
            .track = 2, .start_ns = step(2 * i), .end_ns = step(2 * i + 1), .reason = WAIT_SLEEP};
        if (add_track(sink, thread) || add_wait(sink, wait))
            return -1;
    }
    return 0;
}

/* Sleeps of one length with next to nothing between them, while others end that were there from the start. */
static int polls_of_one_length(struct sink *sink, uint64_t count)
{
    for (uint64_t i = 1; i < count / 2; i++) {
        struct row_track thread = {
            .id = i + 2, .parent = 1, .kind = TRACK_THREAD, .pid = 1, .tid = i + 10, .end_ns = step(2 * i)};
        struct row_wait wait = {
            .track = 2, .start_ns = step(2 * i), .end_ns = step(2 * i + 2) - 1000, .reason = WAIT_SLEEP};
        if (add_track(sink, thread) || add_wait(sink, wait))
            return -1;
    }
    return 0;
}

/* Servers on the same machine, and points of each. */
static int servers(struct sink *sink, uint64_t count)
{
    for (uint64_t i = 1; i < count / 3; i++) {
        struct row_series series = {.id = i,
                                    .name = i == 1 ? name_of(sink, SERIES_CPU_OUTSIDE, 0)
                                                   : name_of(sink, SERIES_CPU_SERVER "s", i)};
        struct row_point point = {
            .series = i % 2 ? 1 : i, .time_ns = step(3 * i), .value = 0x3ff0000000000000};
        struct row_wait wait = {
            .track = 2, .start_ns = step(3 * i), .end_ns = step(3 * i + 1), .reason = WAIT_NETWORK};
        if (sink_append(sink, series, &series, NULL) || sink_append(sink, point, &point, NULL) ||
            add_wait(sink, wait))
            return -1;
    }
    return 0;
}

/* A function for each sample, in stacks as deep as they may be. */
static int functions(struct sink *sink, uint64_t count)
{
    for (uint64_t i = 1; i < count / 3; i++) {
        struct row_frame frame = {.id = i, .function = name_of(sink, "function", i)};
        struct row_stack stack = {.id = i, .parent = i - 1, .frame = i};
        struct row_sample sample = {
            .time_ns = step(3 * i), .track = 2, .stack = i, .weight = STEP_NS, .kind = SAMPLE_CPU};
        if (sink_append(sink, frame, &frame, NULL) || sink_append(sink, stack, &stack, NULL) ||
            sink_append(sink, sample, &sample, NULL))
            return -1;
    }
    return 0;
}

/* A pipe that all processes hold, and all wait for. */
static int holders(struct sink *sink, uint64_t count)
{
    struct row_peer pipe = {.id = 1, .kind = PEER_PIPE, .address = name_of(sink, "pipe:[1]", 0)};
    if (sink_append(sink, peer, &pipe, NULL))
        return -1;
    for (uint64_t i = 1; i < count / 4; i++) {
        struct row_track process = {.id = 2 * i + 1,
                                    .parent = 1,
                                    .kind = TRACK_PROCESS,
                                    .pid = i + 1,
                                    .tid = i + 1,
                                    .end_ns = step(count)};
        struct row_track thread = process;
        thread.id++;
        thread.parent = process.id;
        thread.kind = TRACK_THREAD;
        struct row_io io = {.track = process.id, .peer = 1, .operation = i % 2 ? IO_READ : IO_WRITE};
        struct row_wait wait = {.track = thread.id,
                                .start_ns = step(i),
                                .end_ns = step(3 * i + 1),
                                .reason = WAIT_PIPE,
                                .peer = 1};
        if (add_track(sink, process) || add_track(sink, thread) || sink_append(sink, io, &io, NULL) ||
            add_wait(sink, wait))
            return -1;
    }
    return 0;
}

const struct huge_run huge_runs[] = {
    {"a chain of processes", chain},
    {"children of one program", children_of_one_name},
    {"children of many programs", children_of_own_names},
    {"a process of many images", images},
    {"stages of few names", stages_of_few_names},
    {"stages of many names", stages_of_own_names},
    {"spans in spans", nested},
    {"threads that queue for a lock", convoy},
    {"threads that are each other's parents", ring},
    {"threads that wake each other", knots},
    {"peers", peers},
    {"sleeps while threads end", polls},
    {"sleeps of one length while threads end", polls_of_one_length},
    {"servers", servers},
    {"functions in deep stacks", functions},
    {"a pipe that all hold", holders},
};
const size_t huge_run_count = sizeof huge_runs / sizeof huge_runs[0];

int huge_run_fill(const struct huge_run *run, struct dataset *dataset, uint64_t count)
{
    return add_root(&dataset->sink, count) || run->fill(&dataset->sink, count) ? -1 : 0;
}
