/* SPDX-License-Identifier: Apache-2.0 */
/* lock-contention: threads wait for a lock while its holder is on the path; found through via. */
#include <string.h>

#include "base/num.h"
#include "detect/detectors.h"
#include "model/meta.h"

static uint64_t waiters_of(const struct run *run, const char *address)
{
    uint64_t most = 0;
    for (size_t i = 0; i < run->peers.count; i++) {
        const struct run_peer *peer = &run->peers.items[i];
        if (peer->kind == PEER_LOCK && peer->address && strcmp(peer->address, address) == 0)
            most = num_max(most, peer->waiters.count);
    }
    return most;
}

static bool is_condition(const struct run *run, const char *address)
{
    for (size_t i = 0; i < run->peers.count; i++) {
        const struct run_peer *peer = &run->peers.items[i];
        if (peer->kind == PEER_LOCK && peer->address && strcmp(peer->address, address) == 0)
            return strcmp(peer->name, PEER_NAME_CONDITION) == 0;
    }
    return false;
}

int detect_lock_contention(const struct scene *scene, struct claims *claims, struct err *err)
{
    for (size_t i = 0; i < scene->attribution->via_count; i++) {
        const struct via_entry *via = &scene->attribution->vias[i];
        const char *lock = via->where.peer;
        if (via->reason != WAIT_LOCK || !lock || via->ratio < CLAIM_RATIO_MIN ||
            is_condition(scene->run, lock))
            continue;
        struct claim claim = {.cause = "lock-contention", .where = via->where, .critical_ns = via->ns};
        /* What the holder did with it. */
        struct where holder = {0};
        (void)scene_doing_ns(
            scene, scene_doing_under_ns(scene, WAIT_SLEEP, WAIT_LOCK) > via->ns / 2 ? WAIT_SLEEP : DOING_CPU,
            &holder);
        claim.where.process = holder.process;
        claim.where.stage = holder.stage;
        claim.where.function = holder.function;
        claim.change = arena_printf(scene->arena, "remove:lock/%s", lock);
        claim.title = arena_printf(scene->arena, "%llu threads of %s queue for one lock",
                                   (unsigned long long)waiters_of(scene->run, lock),
                                   holder.process ? holder.process : "the run");
        claim_evidence(scene, &claim, "for %s of the path threads wait for lock %s",
                       scene_duration(scene, via->ns), lock);
        int status = claim_add(claims, &claim, err);
        if (status)
            return status;
    }
    return 0;
}
