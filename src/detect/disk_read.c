/* SPDX-License-Identifier: Apache-2.0 */
/* disk-read: the path waits for data to come from a disk. */
#include "base/num.h"
#include "detect/detectors.h"

int detect_disk_read(const struct scene *scene, struct claims *claims, struct err *err)
{
    struct claim claim = {.cause = "disk-read", .change = "remove:wait/disk_read"};
    claim.critical_ns = scene_doing_ns(scene, WAIT_DISK_READ, &claim.where);
    if (num_ratio(claim.critical_ns, scene->wall_ns) < CLAIM_RATIO_MIN)
        return 0;
    claim.title =
        arena_printf(scene->arena, "%s waits for reads from the disk", scene_place(scene, &claim.where));
    claim_evidence(scene, &claim, "%s of the path is waiting for reads%s%s",
                   scene_duration(scene, claim.critical_ns), claim.where.path ? " of " : "",
                   claim.where.path ? claim.where.path : "");
    return claim_add(claims, &claim, err);
}
