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

/* What is known of a peer. */
struct lock_seen {
    uint32_t waiter_count;
    uint32_t own_count, other_count;     /* waits in the program's own Python code, elsewhere */
    uint32_t ended_count, foreign_count; /* by whom is known; by who never waits for it */
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

static bool is_lock(const struct lock_seen *lock)
{
    return lock->waiter_count >= WAITER_COUNT_MIN && lock->own_count >= WAIT_COUNT_MIN &&
           lock->other_count == 0 && lock->foreign_count * FOREIGN_RATIO_MAX <= lock->ended_count;
}

int python_lock_name(struct run *run, struct err *err)
{
    struct seen seen = {.items = calloc(run->peers.count + 1, sizeof *seen.items)};
    int status = seen.items ? 0 : -1;

    for (uint32_t i = 0; !status && i < run->tracks.count; i++)
        status = note_waits(run, i, &seen);
    for (uint32_t i = 0; !status && seen.waiters.count && i < run->tracks.count; i++)
        note_ends(run, i, &seen);
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
