/* SPDX-License-Identifier: Apache-2.0 */
/*
 * straggler: of siblings that are alike otherwise, one takes much longer, and the run waits for it when the others are
 * done. Work that is spread unevenly over all of them is imbalance.
 */
#include "base/num.h"
#include "detect/detectors.h"

#define TAIL_RATIO_MIN 0.08

static int claim_group(const struct scene *scene, const struct sibling_group *group,
                       struct cause_claims *claims, struct err *err)
{
    const struct sibling *longest = &group->members.items[0];
    uint64_t others_end = group->start_ns;
    for (size_t i = 1; i < group->members.count; i++)
        others_end = num_max(others_end, group->members.items[i].last_busy_ns);
    uint64_t tail_ns = scene_path_of_ns(scene, group, 0, others_end, longest->last_busy_ns);
    if (num_ratio(tail_ns, scene->wall_ns) < TAIL_RATIO_MIN ||
        tail_ns * 2 < longest->last_busy_ns - num_min(others_end, longest->last_busy_ns))
        return 0;
    struct cause_claim claim = {.cause = "straggler", .critical_ns = tail_ns};
    scene_member_place(scene, longest, others_end, longest->last_busy_ns, &claim.where);
    claim.change = arena_printf(scene->arena, "set:%s=median", scene_group_target(scene, group));
    uint64_t usual = siblings_usual_ns(group);
    claim.title = arena_printf(
        scene->arena, "one of %zu %s takes %.1f times as long as the others, which wait for it",
        group->members.count, scene_group_noun(scene, group), num_ratio(longest->busy_ns, usual));
    claim_evidence(scene, &claim, "one is busy for %s, half of the others for no more than %s",
                   scene_duration(scene, longest->busy_ns), scene_duration(scene, usual));
    claim_evidence(scene, &claim, "for %s of the path it is the only one left",
                   scene_duration(scene, tail_ns));
    return claim_add(claims, &claim, err);
}

int detect_straggler(const struct scene *scene, struct cause_claims *claims, struct err *err)
{
    const struct siblings *siblings = &scene->whatif->siblings;
    for (size_t i = 0; i < siblings->groups.count; i++) {
        const struct sibling_group *group = &siblings->groups.items[i];
        if (!siblings_one_is_long(group))
            continue;
        int status = claim_group(scene, group, claims, err);
        if (status)
            return status;
    }
    return 0;
}
