/* SPDX-License-Identifier: Apache-2.0 */
/* child-wait: the path waits for a child process of which nothing more is known. */
#include "base/num.h"
#include "detect/detectors.h"

int detect_child_wait(const struct scene *scene, struct claims *claims, struct err *err)
{
    struct claim claim = {
        .cause = "child-wait", .change = "speed:wait/child=2", .max_change = "remove:wait/child"};
    claim.critical_ns = scene_doing_ns(scene, WAIT_CHILD, &claim.where);
    if (num_ratio(claim.critical_ns, scene->wall_ns) < CLAIM_RATIO_MIN)
        return 0;
    claim.title = arena_printf(scene->arena, "%s waits for a child process that could not be seen",
                               scene_place(scene, &claim.where));
    claim_evidence(scene, &claim, "%s of the path is waiting for children",
                   scene_duration(scene, claim.critical_ns));
    return claim_add(claims, &claim, err);
}
