/* SPDX-License-Identifier: Apache-2.0 */
/* network-wait: the path waits for another machine or server; one claim per peer. */
#include <string.h>

#include "base/num.h"
#include "detect/detectors.h"

static bool is_network(int doing)
{
    return doing == WAIT_NETWORK || doing == WAIT_DNS || doing == WAIT_REMOTE;
}

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool seen_before(const struct scene *scene, size_t index)
{
    const struct path_entry *entries = scene->attribution->entries;
    for (size_t i = 0; i < index; i++) {
        if (is_network(entries[i].doing) && same(entries[i].where.peer, entries[index].where.peer))
            return true;
    }
    return false;
}

static int claim_peer(const struct scene *scene, struct cause_claims *claims, size_t index, struct err *err)
{
    const struct path_entry *entries = scene->attribution->entries;
    const char *peer = entries[index].where.peer;
    struct cause_claim claim = {.cause = "network-wait", .where = entries[index].where};
    for (size_t i = index; i < scene->attribution->entry_count; i++) {
        if (is_network(entries[i].doing) && same(entries[i].where.peer, peer))
            claim.critical_ns += entries[i].ns;
    }
    double ratio = num_ratio(claim.critical_ns, scene->wall_ns);
    if (ratio < CLAIM_RATIO_MIN)
        return 0;
    claim.change = peer ? arena_printf(scene->arena, "speed:peer/%s=2", peer) : "speed:wait/network=2";
    claim.max_change = peer ? arena_printf(scene->arena, "remove:peer/%s", peer) : "remove:wait/network";
    claim.title = arena_printf(scene->arena, "%s waits for %s over the network",
                               scene_place(scene, &claim.where), peer ? peer : "a peer");
    claim_evidence(scene, &claim, "%s of the path is waiting for %s",
                   scene_duration(scene, claim.critical_ns), peer ? peer : "the network");
    return claim_add(claims, &claim, err);
}

int detect_network_wait(const struct scene *scene, struct cause_claims *claims, struct err *err)
{
    size_t looked = num_min(scene->attribution->entry_count, ENTRY_LOOK_MAX);
    for (size_t i = 0; i < looked; i++) {
        if (!is_network(scene->attribution->entries[i].doing) || seen_before(scene, i))
            continue;
        int status = claim_peer(scene, claims, i, err);
        if (status)
            return status;
    }
    return 0;
}
