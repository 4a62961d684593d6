/* SPDX-License-Identifier: Apache-2.0 */
#include "run/python_lock.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "model/meta.h"

#define GAP_NS           (200 * NS_PER_US) /* between getting a lock and asking for the GIL */
#define WAITER_COUNT_MIN 2
#define WAIT_COUNT_MIN   4
#define FOREIGN_RATIO_MAX                                                                                    \
    4 /* of so many ends of a wait one by who never waits: he may always have come first */
#define TOGETHER_RATIO_MAX                                                                                   \
    20 /* of the time in which any waits, so much with all of them waiting: looks are not exact */

/* What is known of a peer. */
struct lock_seen {
    uint32_t waiter_count;
    uint32_t own_count, other_count;     /* waits in the program's own Python code, elsewhere */
    uint32_t ended_count, foreign_count; /* by whom is known; by who never waits for it */
    uint64_t waited_ns, together_ns;     /* while any waits; while all do that wait for it ever */
};

struct seen {
    struct lock_seen *items; /* by peer */
    struct map waiters;      /* peer << 32 | track */
};

static bool is_named(const struct run *run, uint32_t peer, const char *name)
{
    return peer < run->peers.count && run->peers.items[peer].kind == PEER_LOCK &&
           run->peers.items[peer].name && strcmp(run->peers.items[peer].name, name) == 0;
}

/* What the innermost Python function is: 0 none, 1 the program's own, -1 of an installed package or the standard library. */
static int code_of(const struct run *run, uint32_t stack)
{
    for (size_t depth = 0; stack < run->stacks.count && depth < RUN_STACK_DEPTH_MAX; depth++) {
        uint32_t at = run->stacks.items[stack].frame;
        const struct run_frame *frame = at < run->frames.count ? &run->frames.items[at] : NULL;
        if (frame && frame->module && strcmp(frame->module, MODULE_NAME_PYTHON) == 0)
            return frame->file && frame->file[0] && frame->file[0] != '<' &&
                           !strstr(frame->file, "/lib/python") && !strstr(frame->file, "-packages/")
                       ? 1
                       : -1;
        stack = run->stacks.items[stack].parent;
    }
    return 0;
}

static uint64_t key_of(uint32_t peer, uint32_t track)
{
    return (uint64_t)peer << 32 | track;
}

static int note_waits(const struct run *run, uint32_t track, struct seen *seen)
{
    const struct run_track *waiter = &run->tracks.items[track];
    for (size_t i = 0; i < waiter->waits.count; i++) {
        const struct run_wait *wait = &waiter->waits.items[i];
        if (wait->reason != WAIT_LOCK || !wait->blocked_ns || !is_named(run, wait->peer, PEER_NAME_CONDITION))
            continue;
        struct lock_seen *lock = &seen->items[wait->peer];
        int code = code_of(run, wait->stack);
        lock->own_count += code > 0;
        lock->other_count += code < 0;
        if (code <= 0 || map_get(&seen->waiters, key_of(wait->peer, track)))
            continue;
        lock->waiter_count++;
        if (map_put(&seen->waiters, key_of(wait->peer, track), 1))
            return -1;
    }
    return 0;
}

static void note_ends(const struct run *run, uint32_t track, const struct seen *seen)
{
    const struct run_track *waiter = &run->tracks.items[track];
    for (size_t i = 0; i < waiter->waits.count; i++) {
        const struct run_wait *wait = &waiter->waits.items[i];
        if (wait->waker == RUN_NONE || wait->waker_source != WAKER_EXACT || wait->peer >= run->peers.count ||
            !seen->items[wait->peer].own_count)
            continue;
        seen->items[wait->peer].ended_count++;
        seen->items[wait->peer].foreign_count += !map_get(&seen->waiters, key_of(wait->peer, wait->waker));
    }
}

/* One more or less lives, or waits. */
struct turn {
    uint64_t time_ns;
    uint32_t peer;
    int32_t alive, waiting;
};

struct turns {
    VEC(struct turn) items;
};

static int span_add(struct turns *turns, const struct turn *from, uint64_t to_ns)
{
    struct turn to = {.time_ns = to_ns, .peer = from->peer, .alive = -from->alive, .waiting = -from->waiting};
    if (to_ns <= from->time_ns)
        return 0;
    return vec_push(&turns->items, *from) || vec_push(&turns->items, to) ? -1 : 0;
}

/* A row of several waits does not tell when they were. */
static int note_waiting(const struct run *run, uint32_t track, const struct seen *seen, struct turns *turns)
{
    const struct run_track *waiter = &run->tracks.items[track];
    int status = 0;
    for (size_t i = 0; !status && i < waiter->waits.count; i++) {
        const struct run_wait *wait = &waiter->waits.items[i];
        struct turn turn = {.time_ns = wait->start_ns, .peer = wait->peer, .waiting = 1};
        if (wait->count == 1 && wait->peer < run->peers.count && !seen->items[wait->peer].ended_count &&
            map_get(&seen->waiters, key_of(wait->peer, track)))
            status = span_add(turns, &turn, wait->end_ns);
    }
    return status;
}

static int note_turns(const struct run *run, const struct seen *seen, struct turns *turns)
{
    int status = 0;
    for (size_t slot = 0; !status && slot < seen->waiters.capacity; slot++) {
        if (!seen->waiters.slots[slot].used)
            continue;
        uint32_t peer = (uint32_t)(seen->waiters.slots[slot].key >> 32);
        const struct run_track *waiter = &run->tracks.items[(uint32_t)seen->waiters.slots[slot].key];
        if (seen->items[peer].ended_count)
            continue;
        status = span_add(turns, &(struct turn){.time_ns = waiter->start_ns, .peer = peer, .alive = 1},
                          waiter->end_ns);
    }
    for (uint32_t i = 0; !status && i < run->tracks.count; i++)
        status = note_waiting(run, i, seen, turns);
    return status;
}

static int by_peer_and_time(const void *left, const void *right)
{
    const struct turn *a = left, *b = right;
    if (a->peer != b->peer)
        return a->peer < b->peer ? -1 : 1;
    return a->time_ns < b->time_ns ? -1 : a->time_ns > b->time_ns;
}

/* Of a lock that is waited for one has it: they never wait all at once. Who empties a queue does. */
static int note_together(const struct run *run, const struct seen *seen)
{
    struct turns turns = {0};
    int status = note_turns(run, seen, &turns);
    if (!status && turns.items.count)
        qsort(turns.items.items, turns.items.count, sizeof *turns.items.items, by_peer_and_time);
    int64_t alive = 0, waiting = 0;
    for (size_t i = 0; !status && i < turns.items.count; i++) {
        const struct turn *turn = &turns.items.items[i];
        alive += turn->alive;
        waiting += turn->waiting;
        if (i + 1 == turns.items.count || turn[1].peer != turn->peer || !waiting)
            continue;
        struct lock_seen *lock = &seen->items[turn->peer];
        lock->waited_ns += turn[1].time_ns - turn->time_ns;
        lock->together_ns += waiting >= alive ? turn[1].time_ns - turn->time_ns : 0;
    }
    vec_free(&turns.items);
    return status;
}

static bool is_lock(const struct lock_seen *lock)
{
    bool is_turned = lock->ended_count ? lock->foreign_count * FOREIGN_RATIO_MAX <= lock->ended_count
                                       : lock->waited_ns / TOGETHER_RATIO_MAX > lock->together_ns;
    return lock->waiter_count >= WAITER_COUNT_MIN && lock->own_count >= WAIT_COUNT_MIN &&
           lock->other_count == 0 && is_turned;
}

int python_lock_name(struct run *run, struct err *err)
{
    struct seen seen = {.items = calloc(run->peers.count + 1, sizeof *seen.items)};
    int status = seen.items ? 0 : -1;

    for (uint32_t i = 0; !status && i < run->tracks.count; i++)
        status = note_waits(run, i, &seen);
    for (uint32_t i = 0; !status && seen.waiters.count && i < run->tracks.count; i++)
        note_ends(run, i, &seen);
    if (!status && seen.waiters.count)
        status = note_together(run, &seen);
    for (uint32_t i = 0; !status && i < run->peers.count; i++)
        if (is_lock(&seen.items[i]))
            run->peers.items[i].name = PEER_NAME_LOCK;
    free(seen.items);
    map_free(&seen.waiters);
    return status ? err_memory(err) : 0;
}

bool python_lock_goes_on(const struct run *run, const struct run_wait *before, const struct run_wait *wait)
{
    return before->count == 1 && wait->count == 1 && before->blocked_ns >= wait->blocked_ns &&
           wait->blocked_ns && wait->waker != RUN_NONE && wait->waker == before->waker &&
           wait->start_ns - before->end_ns < GAP_NS && is_named(run, before->peer, PEER_NAME_LOCK) &&
           is_named(run, wait->peer, PEER_NAME_GIL);
}
