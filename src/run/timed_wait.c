/* SPDX-License-Identifier: Apache-2.0 */
#include "run/timed_wait.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/num.h"
#include "model/meta.h"

static bool is_condition(const struct run *run, uint32_t peer)
{
    return peer != RUN_NONE && run->peers.items[peer].kind == PEER_LOCK &&
           strcmp(run->peers.items[peer].name, PEER_NAME_CONDITION) == 0;
}

static bool has_run_out(const struct run_wait *wait)
{
    return wait->waker == RUN_NONE && wait->waker_source == WAKER_INTERRUPT;
}

/* Waiters of one condition sleep on two words of it in turn (glibc), four bytes apart. */
static uint64_t key_of(const struct run_peer *condition)
{
    const char *hex = strstr(condition->address, ":0x");
    size_t length = hex ? (size_t)(hex - condition->address) : strlen(condition->address);
    uint64_t word = hex ? strtoull(hex + 3, NULL, 16) & ~7ull : 0;

    return map_hash_bytes(condition->address, length) ^ map_hash(word);
}

/* Longest wait at each condition that ran out. */
static int limits_find(const struct run *run, struct map *limits)
{
    for (size_t i = 0; i < run->tracks.count; i++) {
        const struct run_track *track = &run->tracks.items[i];
        for (size_t j = 0; j < track->waits.count; j++) {
            const struct run_wait *wait = &track->waits.items[j];
            if (!is_condition(run, wait->peer) || !has_run_out(wait))
                continue;
            uint64_t key = key_of(&run->peers.items[wait->peer]);
            const uint64_t *known = map_get(limits, key);
            if (map_put(limits, key, num_max(known ? *known : 0, wait->blocked_ns)))
                return -1;
        }
    }
    return 0;
}

/* A timer's interrupt may be taken for the thread that it hit: who was woken just as the time was up was not signalled. */
#define TIMER_RATIO 16

static bool is_signalled(const struct run_wait *wait, uint64_t limit_ns)
{
    uint64_t blocked_ns = wait->blocked_ns / num_max(wait->count, 1);
    uint64_t apart_ns = blocked_ns > limit_ns ? blocked_ns - limit_ns : limit_ns - blocked_ns;
    return wait->waker_source == WAKER_EXACT && apart_ns > limit_ns / TIMER_RATIO;
}

static int signalled_find(const struct run *run, const struct map *limits, struct map *signalled)
{
    for (size_t i = 0; limits->count && i < run->tracks.count; i++) {
        const struct run_track *track = &run->tracks.items[i];
        for (size_t j = 0; j < track->waits.count; j++) {
            const struct run_wait *wait = &track->waits.items[j];
            if (wait->waker_source != WAKER_EXACT || !is_condition(run, wait->peer))
                continue;
            uint64_t key = key_of(&run->peers.items[wait->peer]);
            const uint64_t *limit_ns = map_get(limits, key);
            const uint64_t *known = map_get(signalled, key);
            uint64_t count = (known ? *known : 0) + wait->count;
            if (limit_ns && is_signalled(wait, *limit_ns) && map_put(signalled, key, count))
                return -1;
        }
    }
    return 0;
}

/* Who does something from time to time is told once to stop: that is no queue. */
#define SIGNAL_COUNT_MIN 2

static bool is_queue(const struct map *signalled, uint64_t key)
{
    const uint64_t *count = map_get(signalled, key);
    return count && *count >= SIGNAL_COUNT_MIN;
}

/* Between two looks, at most: what is done there is looking. */
#define LOOK_GAP_NS (200 * NS_PER_US)

/* Who looks up from time to time waits all the while, for who signals in the end. */
static void looks_join(const struct run *run, const struct map *signalled, struct run_track *track)
{
    size_t kept = 0, first = 0;
    uint64_t at = 0; /* of what has run out so far, from `first` on; 0 nothing */
    for (size_t i = 0; i < track->waits.count; i++) {
        struct run_wait wait = track->waits.items[i];
        bool is_look = wait.count == 1 && is_condition(run, wait.peer);
        uint64_t key = is_look ? key_of(&run->peers.items[wait.peer]) : 0;
        bool goes_on =
            is_look && key == at && kept && wait.start_ns - track->waits.items[kept - 1].end_ns < LOOK_GAP_NS;
        if (goes_on && wait.waker != RUN_NONE && wait.waker_source == WAKER_EXACT) {
            wait.start_ns = track->waits.items[first].start_ns;
            wait.blocked_ns = wait.end_ns - wait.start_ns - wait.runnable_ns;
            kept = first;
        }
        bool has_more = is_look && has_run_out(&wait) && is_queue(signalled, key);
        if (has_more && !goes_on)
            first = kept;
        at = has_more ? key : 0;
        track->waits.items[kept++] = wait;
    }
    track->waits.count = kept;
}

static bool has_both_ends(const struct run_peer *pipe, uint32_t process)
{
    bool reads = false, writes = false;
    for (size_t i = 0; i < pipe->readers.count; i++)
        reads = reads || pipe->readers.items[i] == process;
    for (size_t i = 0; i < pipe->writers.count; i++)
        writes = writes || pipe->writers.items[i] == process;
    return reads && writes;
}

static bool is_sleep(const struct run *run, const struct run_track *track, const struct run_wait *wait,
                     const struct map *signalled)
{
    if (!has_run_out(wait) || wait->peer == RUN_NONE)
        return false;
    const struct run_peer *peer = &run->peers.items[wait->peer];
    if (wait->reason == WAIT_LOCK && is_condition(run, wait->peer))
        return !is_queue(signalled, key_of(peer));
    return wait->reason == WAIT_PIPE && has_both_ends(peer, track->process) &&
           !run->tracks.items[track->process].accepts;
}

static void sleeps_name(const struct run *run, const struct map *signalled, struct run_track *track)
{
    for (size_t i = 0; i < track->waits.count; i++) {
        struct run_wait *wait = &track->waits.items[i];
        if (!is_sleep(run, track, wait, signalled))
            continue;
        wait->reason = WAIT_SLEEP;
        wait->peer = RUN_NONE;
    }
}

int timed_waits_name(struct run *run, struct err *err)
{
    struct map limits = {0}, signalled = {0};
    int status = limits_find(run, &limits);

    if (!status)
        status = signalled_find(run, &limits, &signalled);
    for (size_t i = 0; !status && i < run->tracks.count; i++) {
        if (signalled.count)
            looks_join(run, &signalled, &run->tracks.items[i]);
        sleeps_name(run, &signalled, &run->tracks.items[i]);
    }
    map_free(&limits);
    map_free(&signalled);
    return status ? err_memory(err) : 0;
}
