/* SPDX-License-Identifier: Apache-2.0 */
#include "record/waits.h"

#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "record/tracks.h"

#define SLICE_GAP_NS 50000ull /* shorter gaps between two slices on one CPU are bridged */

void waits_init(struct waits *waits, struct emit *emit)
{
    *waits = (struct waits){.emit = emit};
}

void waits_deinit(struct waits *waits)
{
    map_free(&waits->by_image);
}

void waits_init_task(struct wait_state *state, uint64_t track, uint64_t start_ns)
{
    *state = (struct wait_state){.track = track, .end_ns = start_ns, .since_ns = start_ns, .preempted = true};
}

void waits_deinit_task(struct wait_state *state)
{
    vec_free(&state->held);
}

static size_t class_of(const struct wait_interval *interval)
{
    uint64_t mean_ns = interval->blocked_ns / num_max(interval->count, 1);
    size_t class = mean_ns ? 63 - (size_t)__builtin_clzll(mean_ns) : 0;
    return class < WAIT_CLASS_COUNT ? class : WAIT_CLASS_COUNT - 1;
}

static uint64_t image_key(const struct task *task, size_t class)
{
    const char *image = task->process->image;
    return map_hash_bytes(image, strlen(image)) ^ map_hash(class + 1);
}

static void learn(struct waits *waits, struct task *task, size_t class, const struct wait_reason_seen *seen)
{
    task->wait.by_class[class] = *seen;
    task->wait.last = *seen;
    if (map_put(&waits->by_image, image_key(task, class), (seen->peer << 8) | (uint64_t)seen->reason))
        return; /* without memory it is just not learnt */
}

/* From this thread's own waits: same length, then its neighbours, then any. */
static struct wait_reason_seen told_by_thread(const struct wait_state *state, size_t class)
{
    for (size_t distance = 0; distance < 4; distance++) {
        if (class >= distance && state->by_class[class - distance].known)
            return state->by_class[class - distance];
        if (class + distance < WAIT_CLASS_COUNT && state->by_class[class + distance].known)
            return state->by_class[class + distance];
    }
    return state->last;
}

static struct wait_reason_seen told_by_image(const struct waits *waits, const struct task *task, size_t class)
{
    static const int order[] = {0, 1, -1, 2, -2, 3, -3};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        int64_t near = (int64_t) class + order[i];
        const uint64_t *found = near < 0 ? NULL : map_get(&waits->by_image, image_key(task, (size_t)near));
        if (found)
            return (struct wait_reason_seen){
                .reason = (enum wait_reason)(*found & 0xff), .peer = *found >> 8, .known = true};
    }
    return (struct wait_reason_seen){0};
}

/* Waits too short for any look, of a process that has one end to talk to: most likely for that one. */
static struct wait_reason_seen told_by_socket(const struct task *task)
{
    if (task->process->socket_count != 1)
        return (struct wait_reason_seen){0};
    return (struct wait_reason_seen){
        .reason = WAIT_NETWORK, .peer = task->process->socket_peer, .known = true};
}

static void run_write(struct waits *waits, struct wait_state *state)
{
    if (state->run.count)
        emit_append(waits->emit, wait, &state->run);
    state->run.count = 0;
}

static bool run_takes(const struct row_wait *run, const struct wait_told *told)
{
    const struct wait_interval *interval = &told->interval;
    /* Waits for children that no wait names are waits for different ones. */
    bool alike = told->reason != WAIT_CHILD || told->peer;
    return alike && run->count && run->reason == (uint64_t)told->reason && run->peer == told->peer &&
           run->stack == told->stack && run->waker_track == told->waker_track &&
           run->waker_stack == told->waker_stack && run->waker_source == (uint64_t)told->waker_source &&
           interval->end_ns - run->start_ns <= WAIT_RUN_NS &&
           (run->end_ns - run->start_ns) / run->count < WAIT_SHORT_NS &&
           (interval->end_ns - interval->start_ns) / interval->count < WAIT_SHORT_NS;
}

static void wait_write(struct waits *waits, struct wait_state *state, const struct wait_told *told)
{
    const struct wait_interval *interval = &told->interval;
    struct row_wait *run = &state->run;

    if (run_takes(run, told)) {
        run->end_ns = interval->end_ns;
        run->count += interval->count;
        run->blocked_ns += interval->blocked_ns;
        run->runnable_ns += interval->runnable_ns;
        return;
    }
    run_write(waits, state);
    *run = (struct row_wait){.track = state->track,
                             .start_ns = interval->start_ns,
                             .end_ns = interval->end_ns,
                             .count = interval->count,
                             .blocked_ns = interval->blocked_ns,
                             .runnable_ns = interval->runnable_ns,
                             .reason = told->reason,
                             .peer = told->peer,
                             .stack = told->stack,
                             .waker_track = told->waker_track,
                             .waker_stack = told->waker_stack,
                             .waker_source = told->waker_source};
}

/* Time on the run queue that blocked waits have not got yet, shared evenly among those with room for it. */
static void delay_share(struct wait_state *state, uint64_t delay_ns)
{
    for (size_t pass = 0; pass < 4 && delay_ns; pass++) {
        uint64_t room_count = 0;
        for (size_t i = 0; i < state->held.count; i++)
            room_count += state->held.items[i].interval.blocked_ns > 0;
        uint64_t share_ns = room_count ? delay_ns / room_count : 0;
        for (size_t i = 0; i < state->held.count && share_ns; i++) {
            struct wait_interval *interval = &state->held.items[i].interval;
            uint64_t given_ns = num_min(share_ns, interval->blocked_ns);
            interval->blocked_ns -= given_ns;
            interval->runnable_ns += given_ns;
            delay_ns -= given_ns;
        }
    }
}

static void held_flush(struct waits *waits, struct task *task)
{
    struct wait_state *state = &task->wait;

    for (size_t i = 0; i < state->held.count; i++) {
        const struct wait_interval *interval = &state->held.items[i].interval;
        struct wait_reason_seen told = state->held.items[i].seen;
        if (!interval->blocked_ns) {
            told = (struct wait_reason_seen){.reason = WAIT_CPU_QUEUE, .known = true};
        } else if (told.known) {
            waits->seen_ns += interval->blocked_ns;
        } else {
            told = told_by_thread(state, class_of(interval));
            if (!told.known)
                told = told_by_image(waits, task, class_of(interval));
            if (!told.known)
                told = told_by_socket(task);
            *(told.known ? &waits->inferred_ns : &waits->unknown_ns) += interval->blocked_ns;
        }
        wait_write(waits, state,
                   &(struct wait_told){
                       .interval = *interval, .reason = told.reason, .peer = told.peer, .stack = told.stack});
    }
    state->held.count = 0;
}

void waits_queue(struct waits *waits, struct task *task, uint64_t queue_ns)
{
    struct wait_state *state = &task->wait;
    uint64_t delay_ns = queue_ns > state->queue_ns ? queue_ns - state->queue_ns : 0;

    for (size_t i = 0; i < state->held.count; i++)
        delay_ns -= num_min(delay_ns, state->held.items[i].interval.runnable_ns);
    if (state->has_queue)
        delay_share(state, delay_ns);
    state->queue_ns = queue_ns;
    state->has_queue = true;
    held_flush(waits, task);
}

/* Rows must not overlap, and one wait's parts must fill it: rounding and late clocks are cut off here. */
static bool interval_fit(const struct wait_state *state, struct wait_interval *interval)
{
    interval->start_ns = num_max(interval->start_ns, state->end_ns);
    if (interval->end_ns <= interval->start_ns || !interval->count)
        return false;
    uint64_t span = interval->end_ns - interval->start_ns;
    interval->runnable_ns = num_min(interval->runnable_ns, span);
    uint64_t rest = span - interval->runnable_ns;
    if (interval->count > 1)
        interval->blocked_ns = num_min(interval->blocked_ns, rest);
    else if (interval->blocked_ns)
        interval->blocked_ns = rest;
    else
        interval->runnable_ns = span;
    return true;
}

void waits_add(struct waits *waits, struct task *task, const struct wait_interval *given,
               const struct wait_reason_seen *seen)
{
    struct wait_state *state = &task->wait;
    struct wait_interval interval = *given;

    if (!interval_fit(state, &interval))
        return;
    state->end_ns = interval.end_ns;
    struct wait_held held = {.interval = interval};
    if (seen && seen->known && interval.blocked_ns) {
        held.seen = *seen;
        learn(waits, task, class_of(&interval), seen);
    }
    if (state->held.count >= WAIT_HELD_MAX) {
        held_flush(waits, task);
        state->has_queue = false;
    }
    if (vec_push(&state->held, held))
        return; /* out of memory: the wait shows as running */
    bool is_told = held.seen.known || state->last.known || !interval.blocked_ns;
    if (!waits->is_exact && is_told)
        held_flush(waits, task);
}

void waits_tell(struct waits *waits, struct task *task, const struct wait_told *given)
{
    struct wait_state *state = &task->wait;
    struct wait_told told = *given;

    if (!interval_fit(state, &told.interval))
        return;
    held_flush(waits, task);
    state->end_ns = told.interval.end_ns;
    if (!told.interval.blocked_ns)
        told.reason = WAIT_CPU_QUEUE;
    *(told.reason == WAIT_UNKNOWN ? &waits->unknown_ns : &waits->seen_ns) += told.interval.blocked_ns;
    wait_write(waits, state, &told);
}

static void slice_write(struct waits *waits, struct wait_state *state)
{
    if (state->slice.end_ns)
        emit_append(waits->emit, slice, &state->slice);
    state->slice.end_ns = 0;
}

static void slice_add(struct waits *waits, struct wait_state *state, uint64_t end_ns)
{
    struct row_slice *slice = &state->slice;

    if (slice->end_ns && slice->cpu == state->cpu && state->since_ns - slice->end_ns < SLICE_GAP_NS &&
        end_ns - slice->start_ns <= WAIT_RUN_NS) {
        slice->end_ns = end_ns;
        return;
    }
    slice_write(waits, state);
    *slice = (struct row_slice){
        .track = state->track, .cpu = state->cpu, .start_ns = state->since_ns, .end_ns = end_ns};
}

void waits_switch_out(struct waits *waits, struct task *task, uint64_t time_ns, bool preempted)
{
    struct wait_state *state = &task->wait;

    if (!state->on_cpu)
        return; /* told twice, or the switch in was lost */
    if (time_ns > state->since_ns) {
        slice_add(waits, state, time_ns);
        state->run_ns += time_ns - state->since_ns;
        task->process->cpu_ns += time_ns - state->since_ns;
    }
    state->on_cpu = false;
    state->preempted = preempted;
    state->since_ns = time_ns;
    if (state->seen_ns < time_ns)
        state->seen.known = false;
}

static void wait_close(struct waits *waits, struct task *task, uint64_t time_ns)
{
    struct wait_state *state = &task->wait;
    struct wait_interval interval = {.start_ns = state->since_ns, .end_ns = time_ns, .count = 1};

    if (state->preempted)
        interval.runnable_ns = time_ns - state->since_ns;
    else
        interval.blocked_ns = time_ns - state->since_ns;
    bool seen = state->seen.known && state->seen_ns >= state->since_ns && state->seen_ns <= time_ns;
    if (!seen)
        waits->unseen_ns += interval.blocked_ns;
    waits_add(waits, task, &interval, seen ? &state->seen : NULL);
}

void waits_switch_in(struct waits *waits, struct task *task, uint64_t time_ns, uint64_t cpu)
{
    struct wait_state *state = &task->wait;

    if (state->on_cpu)
        return;
    if (time_ns > state->since_ns)
        wait_close(waits, task, time_ns);
    state->on_cpu = true;
    state->since_ns = time_ns;
    state->cpu = cpu;
    if (state->seen_ns <= time_ns)
        state->seen.known = false;
}

void waits_observe(struct wait_state *state, uint64_t time_ns, const struct wait_reason_seen *seen)
{
    state->seen = *seen;
    state->seen.known = true;
    state->seen_ns = time_ns;
}

void waits_checkpoint(struct waits *waits, struct task *task, uint64_t time_ns)
{
    struct wait_state *state = &task->wait;

    if (state->on_cpu || state->preempted || !state->seen.known || time_ns < state->since_ns + NS_PER_S / 2)
        return;
    wait_close(waits, task, time_ns);
    state->since_ns = time_ns;
    state->seen_ns = time_ns;
    held_flush(waits, task);
    run_write(waits, state);
}

void waits_close(struct waits *waits, struct task *task, uint64_t time_ns)
{
    struct wait_state *state = &task->wait;

    if (state->on_cpu || time_ns <= state->since_ns)
        return;
    wait_close(waits, task, time_ns);
    state->since_ns = time_ns;
}

void waits_end(struct waits *waits, struct task *task, uint64_t time_ns)
{
    struct wait_state *state = &task->wait;

    if (state->on_cpu)
        waits_switch_out(waits, task, time_ns, false);
    held_flush(waits, task);
    run_write(waits, state);
    slice_write(waits, state);
}
