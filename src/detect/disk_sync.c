/* SPDX-License-Identifier: Apache-2.0 */
/* disk-sync: the path waits for fsync and its kin, call after call. */
#include "base/num.h"
#include "detect/detectors.h"

int detect_disk_sync(const struct scene *scene, struct claims *claims, struct err *err)
{
    struct claim claim = {.cause = "disk-sync", .change = "remove:wait/disk_sync"};
    claim.critical_ns = scene_doing_ns(scene, WAIT_DISK_SYNC, &claim.where);
    if (num_ratio(claim.critical_ns, scene->wall_ns) < CLAIM_RATIO_MIN)
        return 0;
    uint64_t count = 0;
    for (size_t i = 0; i < scene->run->tracks.count; i++) {
        const struct run_track *track = &scene->run->tracks.items[i];
        for (size_t j = 0; j < track->waits.count; j++)
            count += track->waits.items[j].reason == WAIT_DISK_SYNC ? track->waits.items[j].count : 0;
    }
    claim.title = arena_printf(scene->arena, "%s waits for the disk to confirm its writes",
                               scene_place(scene, &claim.where));
    claim_evidence(scene, &claim, "%s of the path is in sync calls, about %llu of them",
                   scene_duration(scene, claim.critical_ns), (unsigned long long)count);
    return claim_add(claims, &claim, err);
}
