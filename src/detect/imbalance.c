/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imbalance: work is spread unevenly over workers that are there at the same time, and the path goes through those with
 * the most of it. One that alone has nearly all CPU time is cpu-single-thread, one long one among equals a straggler.
 */
#include "base/num.h"
#include "detect/detectors.h"

#define SKEW_MIN        1.25 /* the busiest over the mean */
#define SINGLE_RATIO    0.7
#define PATH_RATIO_MIN  0.1
#define EVIDENCE_MEMBER 6

/* As cpu-single-thread sees it: without the time in the queue for a CPU. */
static bool is_single(const struct scene *scene, const struct sibling_group *group)
{
    uint64_t most = 0, sum = 0;
    for (size_t i = 0; i < group->members.count; i++) {
        uint64_t run_ns = scene->run->tracks.items[group->members.items[i].actor].run_ns;
        most = num_max(most, run_ns);
        sum += run_ns;
    }
    return group->cpu_ns * 2 > group->busy_ns && num_ratio(most, sum) >= SINGLE_RATIO;
}

static int claim_group(const struct scene *scene, const struct sibling_group *group, double skew,
                       struct cause_claims *claims, struct err *err)
{
    const struct sibling *busiest = &group->members.items[0];
    uint64_t path_ns = scene_path_of_ns(scene, group, group->members.count, group->start_ns, group->end_ns);
    /* What the busiest have beyond the mean is what the path could be shorter by. */
    struct cause_claim claim = {.cause = "imbalance",
                                .critical_ns = num_u64((double)path_ns * (1 - 1 / skew))};
    if (num_ratio(claim.critical_ns, scene->wall_ns) < PATH_RATIO_MIN)
        return 0;
    scene_member_place(scene, busiest, busiest->start_ns, busiest->end_ns, &claim.where);
    claim.change = arena_printf(scene->arena, "set:%s=even", scene_group_target(scene, group));
    claim.title = arena_printf(scene->arena,
                               "the work is spread unevenly over %zu %s: the busiest has %.1f times the mean",
                               group->members.count, scene_group_noun(scene, group), skew);
    for (size_t i = 0; i < group->members.count && i < EVIDENCE_MEMBER; i++)
        claim_evidence(scene, &claim, "thread %llu is busy for %s",
                       (unsigned long long)scene->run->tracks.items[group->members.items[i].actor].tid,
                       scene_duration(scene, group->members.items[i].busy_ns));
    return claim_add(claims, &claim, err);
}

int detect_imbalance(const struct scene *scene, struct cause_claims *claims, struct err *err)
{
    const struct siblings *siblings = &scene->whatif->siblings;
    for (size_t i = 0; i < siblings->groups.count; i++) {
        const struct sibling_group *group = &siblings->groups.items[i];
        double mean = (double)group->busy_ns / (double)group->members.count;
        double skew = mean > 0 ? (double)group->members.items[0].busy_ns / mean : 0;
        if (group->kind == SIBLING_SPAN || !siblings_is_pool(group) || skew < SKEW_MIN ||
            is_single(scene, group) || siblings_one_is_long(group))
            continue;
        int status = claim_group(scene, group, skew, claims, err);
        if (status)
            return status;
    }
    return 0;
}
