/* SPDX-License-Identifier: Apache-2.0 */
#include "run/timed_wait.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "model/meta.h"

static bool is_condition(const struct run *run, uint32_t peer)
{
    return peer != RUN_NONE && run->peers.items[peer].kind == PEER_LOCK &&
           strcmp(run->peers.items[peer].name, PEER_NAME_CONDITION) == 0;
}

/* Waiters of one condition sleep on two words of it in turn (glibc), four bytes apart. */
static uint64_t key_of(const struct run_peer *condition)
{
    const char *hex = strstr(condition->address, ":0x");
    size_t length = hex ? (size_t)(hex - condition->address) : strlen(condition->address);
    uint64_t word = hex ? strtoull(hex + 3, NULL, 16) & ~7ull : 0;

    return map_hash_bytes(condition->address, length) ^ map_hash(word);
}

static int signalled_find(const struct run *run, struct map *signalled)
{
    for (size_t i = 0; i < run->tracks.count; i++) {
        const struct run_track *track = &run->tracks.items[i];
        uint32_t last = RUN_NONE;
        for (size_t j = 0; j < track->waits.count; j++) {
            const struct run_wait *wait = &track->waits.items[j];
            if (wait->waker_source != WAKER_EXACT || wait->peer == last || !is_condition(run, wait->peer))
                continue;
            last = wait->peer;
            if (map_put(signalled, key_of(&run->peers.items[last]), 1))
                return -1;
        }
    }
    return 0;
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
    if (wait->waker != RUN_NONE || wait->waker_source != WAKER_INTERRUPT || wait->peer == RUN_NONE)
        return false;
    const struct run_peer *peer = &run->peers.items[wait->peer];
    if (wait->reason == WAIT_LOCK && is_condition(run, wait->peer))
        return !map_get(signalled, key_of(peer));
    return wait->reason == WAIT_PIPE && has_both_ends(peer, track->process);
}

int timed_waits_name(struct run *run, struct err *err)
{
    struct map signalled = {0};
    int status = signalled_find(run, &signalled);

    for (size_t i = 0; !status && i < run->tracks.count; i++) {
        struct run_track *track = &run->tracks.items[i];
        for (size_t j = 0; j < track->waits.count; j++) {
            struct run_wait *wait = &track->waits.items[j];
            if (!is_sleep(run, track, wait, &signalled))
                continue;
            wait->reason = WAIT_SLEEP;
            wait->peer = RUN_NONE;
        }
    }
    map_free(&signalled);
    return status ? err_memory(err) : 0;
}
