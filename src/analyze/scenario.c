/* SPDX-License-Identifier: Apache-2.0 */
#include "analyze/scenario.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/infer.h"
#include "base/clock.h"
#include "base/num.h"
#include "model/meta.h"

#define START_MS 1000u

static uint64_t at(uint64_t ms)
{
    return (START_MS + ms) * NS_PER_MS;
}

static uint64_t text(struct scenario *scenario, const char *string)
{
    uint64_t id;
    assert_int_equal(sink_intern(&scenario->data.sink, string, &id, NULL), 0);
    return id;
}

static void meta(struct scenario *scenario, const char *key, uint64_t value)
{
    char number[32];
    snprintf(number, sizeof number, "%llu", (unsigned long long)value);
    assert_int_equal(sink_meta(&scenario->data.sink, key, number, NULL), 0);
}

void scenario_init(struct scenario *scenario, uint64_t cpu_count, uint64_t wall_ms)
{
    memset(scenario, 0, sizeof *scenario);
    dataset_init(&scenario->data);
    meta(scenario, META_START, at(0));
    meta(scenario, META_END, at(wall_ms));
    meta(scenario, META_CPU_COUNT, cpu_count);
    meta(scenario, META_ROOT_TRACK, 1);
}

void scenario_deinit(struct scenario *scenario)
{
    path_deinit(&scenario->path);
    run_deinit(&scenario->run);
    dataset_deinit(&scenario->data);
}

static uint64_t add_track(struct scenario *scenario, struct row_track row)
{
    row.id = ++scenario->next_track;
    assert_int_equal(sink_append(&scenario->data.sink, track, &row, NULL), 0);
    return row.id;
}

static void add_spawn(struct scenario *scenario, uint64_t parent, uint64_t child, uint64_t start_ms)
{
    struct row_edge edge = {.from_track = parent,
                            .from_ns = at(start_ms),
                            .to_track = child,
                            .to_ns = at(start_ms),
                            .kind = EDGE_SPAWN,
                            .source = EDGE_RECORDED};
    if (parent)
        assert_int_equal(sink_append(&scenario->data.sink, edge, &edge, NULL), 0);
}

/* A process track stands right before its main thread's. */
uint64_t scenario_process(struct scenario *scenario, uint64_t parent, const char *name, uint64_t start_ms,
                          uint64_t end_ms)
{
    uint64_t pid = scenario->next_track + 100, name_id = text(scenario, name);
    struct row_track process = {.parent = parent ? parent - 1 : 0,
                                .kind = TRACK_PROCESS,
                                .name = name_id,
                                .pid = pid,
                                .tid = pid,
                                .start_ns = at(start_ms),
                                .end_ns = at(end_ms)};
    uint64_t process_id = add_track(scenario, process);
    process.parent = process_id;
    process.kind = TRACK_THREAD;
    uint64_t thread = add_track(scenario, process);
    struct row_span exec = {.id = ++scenario->next_span,
                            .track = process_id,
                            .name = name_id,
                            .category = SPAN_EXEC,
                            .start_ns = at(start_ms),
                            .end_ns = at(end_ms)};
    assert_int_equal(sink_append(&scenario->data.sink, span, &exec, NULL), 0);
    add_spawn(scenario, parent, thread, start_ms);
    return thread;
}

uint64_t scenario_thread(struct scenario *scenario, uint64_t creator, const char *name, uint64_t start_ms,
                         uint64_t end_ms)
{
    struct row_track thread = {.parent = creator - 1,
                               .kind = TRACK_THREAD,
                               .name = text(scenario, name),
                               .pid = creator - 2 + 100,
                               .tid = scenario->next_track + 1000,
                               .start_ns = at(start_ms),
                               .end_ns = at(end_ms)};
    uint64_t id = add_track(scenario, thread);
    add_spawn(scenario, creator, id, start_ms);
    return id;
}

uint64_t scenario_peer(struct scenario *scenario, uint64_t kind, const char *name, const char *address)
{
    struct row_peer row = {.id = ++scenario->next_peer,
                           .kind = kind,
                           .name = text(scenario, name),
                           .address = text(scenario, address)};
    assert_int_equal(sink_append(&scenario->data.sink, peer, &row, NULL), 0);
    return row.id;
}

void scenario_holds(struct scenario *scenario, uint64_t thread, uint64_t peer, uint64_t operation)
{
    struct row_io row = {.track = thread - 1, .peer = peer, .operation = operation};
    assert_int_equal(sink_append(&scenario->data.sink, io, &row, NULL), 0);
}

void scenario_wait(struct scenario *scenario, uint64_t thread, uint64_t start_ms, uint64_t end_ms,
                   uint64_t reason, uint64_t peer)
{
    struct row_wait row = {.track = thread,
                           .start_ns = at(start_ms),
                           .end_ns = at(end_ms),
                           .count = 1,
                           .blocked_ns = (end_ms - start_ms) * NS_PER_MS,
                           .reason = reason,
                           .peer = peer};
    assert_int_equal(sink_append(&scenario->data.sink, wait, &row, NULL), 0);
}

void scenario_child_wait(struct scenario *scenario, uint64_t thread, uint64_t start_ms, uint64_t end_ms,
                         uint64_t queued_ms)
{
    struct row_wait row = {.track = thread,
                           .start_ns = at(start_ms),
                           .end_ns = at(end_ms),
                           .count = 1,
                           .blocked_ns = (end_ms - start_ms - queued_ms) * NS_PER_MS,
                           .runnable_ns = queued_ms * NS_PER_MS,
                           .reason = WAIT_CHILD};
    assert_int_equal(sink_append(&scenario->data.sink, wait, &row, NULL), 0);
}

void scenario_queue(struct scenario *scenario, uint64_t thread, uint64_t start_ms, uint64_t end_ms)
{
    struct row_wait row = {.track = thread,
                           .start_ns = at(start_ms),
                           .end_ns = at(end_ms),
                           .count = 1,
                           .runnable_ns = (end_ms - start_ms) * NS_PER_MS,
                           .reason = WAIT_CPU_QUEUE};
    assert_int_equal(sink_append(&scenario->data.sink, wait, &row, NULL), 0);
}

void scenario_span(struct scenario *scenario, uint64_t thread, const char *name, uint64_t start_ms,
                   uint64_t end_ms)
{
    struct row_span row = {.id = ++scenario->next_span,
                           .track = thread,
                           .name = text(scenario, name),
                           .category = SPAN_PHASE,
                           .start_ns = at(start_ms),
                           .end_ns = at(end_ms)};
    assert_int_equal(sink_append(&scenario->data.sink, span, &row, NULL), 0);
}

void scenario_samples(struct scenario *scenario, uint64_t thread, const char *function, uint64_t start_ms,
                      uint64_t end_ms)
{
    uint64_t id = ++scenario->next_frame;
    struct row_frame frame = {
        .id = id, .function = text(scenario, function), .module = text(scenario, "/bin/program")};
    struct row_stack stack = {.id = id, .frame = id};
    assert_int_equal(sink_append(&scenario->data.sink, frame, &frame, NULL), 0);
    assert_int_equal(sink_append(&scenario->data.sink, stack, &stack, NULL), 0);
    scenario_stack_samples(scenario, thread, id, start_ms, end_ms);
}

uint64_t scenario_stack(struct scenario *scenario, const char *outer, const char *inner)
{
    const char *functions[] = {outer, inner};
    uint64_t parent = 0;
    for (size_t i = 0; i < 2; i++) {
        uint64_t id = ++scenario->next_frame;
        struct row_frame frame = {
            .id = id, .function = text(scenario, functions[i]), .module = text(scenario, "/bin/program")};
        struct row_stack stack = {.id = id, .parent = parent, .frame = id};
        assert_int_equal(sink_append(&scenario->data.sink, frame, &frame, NULL), 0);
        assert_int_equal(sink_append(&scenario->data.sink, stack, &stack, NULL), 0);
        parent = id;
    }
    return parent;
}

void scenario_stack_samples(struct scenario *scenario, uint64_t thread, uint64_t stack, uint64_t start_ms,
                            uint64_t end_ms)
{
    for (uint64_t ms = start_ms; ms < end_ms; ms++) {
        struct row_sample row = {
            .time_ns = at(ms) + 1, .track = thread, .stack = stack, .weight = NS_PER_MS, .kind = SAMPLE_CPU};
        assert_int_equal(sink_append(&scenario->data.sink, sample, &row, NULL), 0);
    }
}

void scenario_woken(struct scenario *scenario, const struct scenario_wake *wake)
{
    uint64_t length_ms = wake->end_ms - wake->start_ms;
    struct row_wait row = {.track = wake->thread,
                           .start_ns = at(wake->start_ms),
                           .end_ns = at(wake->end_ms),
                           .count = wake->count ? wake->count : 1,
                           .blocked_ns = (length_ms - wake->queued_ms) * NS_PER_MS,
                           .runnable_ns = wake->queued_ms * NS_PER_MS,
                           .reason = wake->reason,
                           .peer = wake->peer,
                           .stack = wake->stack,
                           .waker_track = wake->waker,
                           .waker_stack = wake->waker_stack,
                           .waker_source = wake->source};
    if (wake->count > 1)
        row.blocked_ns /= 2;
    assert_int_equal(sink_append(&scenario->data.sink, wait, &row, NULL), 0);
}

void scenario_walk(struct scenario *scenario)
{
    struct err err = {0};
    if (run_load(&scenario->data.view, &scenario->run, &err) || infer_wakers(&scenario->run, &err) ||
        path_walk(&scenario->run, &scenario->path, &err))
        fail_msg("%s", err.what);
    uint64_t sum = 0, last = scenario->run.start_ns;
    for (size_t i = 0; i < scenario->path.steps.count; i++) {
        const struct path_step *step = &scenario->path.steps.items[i];
        assert_int_equal(step->start_ns, last);
        last = step->end_ns;
        sum += step->end_ns - step->start_ns;
    }
    assert_int_equal(sum, scenario->run.end_ns - scenario->run.start_ns);
    path_merge_vias(&scenario->run, &scenario->path);
}

uint64_t scenario_doing_ms(const struct scenario *scenario, const char *process, int doing)
{
    uint64_t ns = 0;
    for (size_t i = 0; i < scenario->path.steps.count; i++) {
        const struct path_step *step = &scenario->path.steps.items[i];
        bool is_there =
            step->actor != RUN_NONE &&
            (!process || strcmp(run_process_name(&scenario->run, step->actor, step->end_ns), process) == 0);
        ns += is_there && step->doing == doing ? step->end_ns - step->start_ns : 0;
    }
    return ns / NS_PER_MS;
}

uint64_t scenario_via_ms(const struct scenario *scenario, uint64_t reason)
{
    uint64_t ns = 0;
    for (size_t i = 0; i < scenario->path.vias.count; i++) {
        const struct path_via *via = &scenario->path.vias.items[i];
        ns += via->reason == reason ? via->end_ns - via->start_ns : 0;
    }
    return ns / NS_PER_MS;
}

void scenario_convoy(struct scenario *scenario)
{
    scenario_init(scenario, 2, 402);
    uint64_t root = scenario_process(scenario, 0, "convoy", 0, 402);
    uint64_t lock = scenario_peer(scenario, PEER_LOCK, PEER_NAME_LOCK, "100:0x1000");
    uint64_t threads[4];
    for (uint64_t i = 0; i < 4; i++)
        threads[i] = scenario_thread(scenario, root, "worker", 0, 371 + i * 10);
    for (uint64_t i = 1; i < 4; i++)
        scenario_wait(scenario, threads[i], 0, i * 10, WAIT_LOCK, lock);
    for (uint64_t slot = 0; slot < 40; slot++) {
        uint64_t t = threads[slot % 4];
        scenario_wait(scenario, t, slot * 10, slot * 10 + 10, WAIT_SLEEP, 0);
        if (slot < 36)
            scenario_wait(scenario, t, slot * 10 + 10, slot * 10 + 40, WAIT_LOCK, lock);
    }
    uint64_t joined = scenario_peer(scenario, PEER_PROCESS, "thread", "1005");
    scenario_wait(scenario, root, 1, 401, WAIT_CHILD, joined);
}

void scenario_contention(struct scenario *scenario)
{
    scenario_init(scenario, 1, 200);
    uint64_t root = scenario_process(scenario, 0, "victim", 0, 200);
    uint64_t hog = scenario_process(scenario, root, "hog", 0, 200);
    for (uint64_t ms = 0; ms < 200; ms += 10) {
        scenario_queue(scenario, root, ms, ms + 5);
        scenario_queue(scenario, hog, ms + 5, ms + 10);
    }
}

void scenario_io(struct scenario *scenario, const struct scenario_io *io)
{
    struct row_io row = {.track = io->thread - 1,
                         .peer = io->peer,
                         .operation = io->operation,
                         .start_ns = at(0),
                         .end_ns = at(1000),
                         .count = io->count,
                         .bytes = io->bytes,
                         .time_ns = io->time_ns,
                         .size_histogram = io->sizes ? text(scenario, io->sizes) : 0};
    assert_int_equal(sink_append(&scenario->data.sink, io, &row, NULL), 0);
}

void scenario_attr(struct scenario *scenario, uint64_t thread, const char *key, uint64_t value)
{
    char number[32];
    snprintf(number, sizeof number, "%llu", (unsigned long long)value);
    struct row_attr owner = {.owner_table = TABLE_TRACK, .owner = thread - 1};
    assert_int_equal(sink_attr(&scenario->data.sink, &owner, key, number, NULL), 0);
}

void scenario_points(struct scenario *scenario, uint64_t id, const struct scenario_series *series)
{
    for (uint64_t ms = series->start_ms; ms <= series->end_ms; ms += 10) {
        double part = num_ratio(ms - series->start_ms, series->end_ms - series->start_ms);
        struct row_point row = {.series = id,
                                .time_ns = at(ms),
                                .value = num_bits(series->low + (series->high - series->low) * part)};
        assert_int_equal(sink_append(&scenario->data.sink, point, &row, NULL), 0);
    }
}

uint64_t scenario_series(struct scenario *scenario, const struct scenario_series *series)
{
    struct row_series row = {.id = ++scenario->next_series,
                             .track = series->thread ? series->thread - 1 : 0,
                             .name = text(scenario, series->name),
                             .unit = text(scenario, series->unit)};
    assert_int_equal(sink_append(&scenario->data.sink, series, &row, NULL), 0);
    scenario_points(scenario, row.id, series);
    return row.id;
}

void scenario_waits(struct scenario *scenario, const struct row_wait *row_ms)
{
    struct row_wait row = *row_ms;
    row.start_ns = at(row_ms->start_ns);
    row.end_ns = at(row_ms->end_ns);
    row.blocked_ns = row_ms->blocked_ns * NS_PER_MS;
    assert_int_equal(sink_append(&scenario->data.sink, wait, &row, NULL), 0);
}

uint64_t scenario_connection(struct scenario *scenario, const char *address, const char *local)
{
    struct row_peer row = {.id = ++scenario->next_peer,
                           .kind = PEER_SOCKET,
                           .address = text(scenario, address),
                           .path = text(scenario, local)};
    assert_int_equal(sink_append(&scenario->data.sink, peer, &row, NULL), 0);
    return row.id;
}
