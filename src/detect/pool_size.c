/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config of a pool: all its workers are busy, mostly waiting for the outside, and whoever gave them the work waits for
 * them: more workers would be under way at once. Idle workers are idle-worker; where the CPUs are short it is no matter
 * of the pool's size.
 */
#include "base/num.h"
#include "base/str.h"
#include "detect/detectors.h"

#define BUSY_RATIO_MIN    0.85
#define SERVICE_RATIO_MIN 0.5
#define LIFE_RATIO_MIN    0.5
#define QUEUE_RATIO_MIN   0.5
/* Proposed are at most so many times as many workers, each with so many waits left to do. */
#define GROWTH_MAX 8
#define SHARE_MIN  4

/* All have about the same to do, all the time, from the same beginning to about the same end. */
static bool all_busy(const struct scene *scene, const struct sibling_group *group)
{
    for (size_t i = 0; i < group->members.count; i++) {
        const struct sibling *member = &group->members.items[i];
        if (num_ratio(member->busy_ns, member->end_ns - member->start_ns) < BUSY_RATIO_MIN)
            return false;
        if (group->kind == SIBLING_THREAD &&
            num_ratio(member->end_ns - member->start_ns, group->end_ns - group->start_ns) < BUSY_RATIO_MIN)
            return false;
    }
    return num_ratio(group->end_ns - group->start_ns, scene->wall_ns) >= LIFE_RATIO_MIN;
}

/* Waiting for what is able to serve several at once, and how often. */
static uint64_t service_ns(const struct run *run, const struct sibling_group *group, uint64_t *ret_count)
{
    uint64_t ns = 0, count = 0;
    for (size_t i = 0; i < group->members.count; i++) {
        const struct run_track *track = &run->tracks.items[group->members.items[i].actor];
        for (size_t j = 0; j < track->waits.count; j++) {
            const struct run_wait *wait = &track->waits.items[j];
            bool served = wait->reason == WAIT_NETWORK || wait->reason == WAIT_REMOTE ||
                          wait->reason == WAIT_DNS || wait->reason == WAIT_IPC;
            if (!served || wait->waker != RUN_NONE)
                continue;
            ns += wait->blocked_ns;
            count += wait->count;
        }
    }
    if (ret_count)
        *ret_count = count;
    return ns;
}

/* How long their maker waited for others of the run while they worked. */
static uint64_t queued_ns(const struct run *run, const struct sibling_group *group)
{
    uint64_t ns = 0;
    const struct run_track *maker = &run->tracks.items[group->maker];
    for (size_t i = 0; i < maker->waits.count; i++) {
        const struct run_wait *wait = &maker->waits.items[i];
        uint64_t from = num_max(wait->start_ns, group->start_ns), to = num_min(wait->end_ns, group->end_ns);
        bool internal = wait->reason == WAIT_CHILD || siblings_is_internal(run, group->maker, wait);
        ns += to > from && internal && wait->blocked_ns ? to - from : 0;
    }
    return ns;
}

/* The smallest number that brings nine tenths of what any would; 0 when none brings anything. */
static int best_size(const struct scene *scene, const struct sibling_group *group, uint32_t *ret_size,
                     struct err *err)
{
    double factors[GROWTH_MAX] = {0}, best = 1;
    uint32_t sizes[GROWTH_MAX];
    size_t tried = 0;
    uint64_t count;
    (void)service_ns(scene->run, group, &count);
    for (uint64_t growth = 2; growth <= GROWTH_MAX && group->width * growth * SHARE_MIN <= count;
         growth *= 2) {
        struct str text = {0};
        struct whatif_result result;
        sizes[tried] = (uint32_t)(group->width * growth);
        str_printf(&text, "workers:%s=%u", scene_group_target(scene, group), sizes[tried]);
        int status = text.failed ? err_memory(err) : whatif_text(scene->whatif, text.text, &result, err);
        str_free(&text);
        if (status)
            return status;
        factors[tried++] = result.factor;
        best = result.factor > best ? result.factor : best;
    }
    *ret_size = 0;
    for (size_t i = 0; i < tried && best > 1.1 && !*ret_size; i++)
        *ret_size = factors[i] >= best * 0.9 ? sizes[i] : 0;
    return 0;
}

static int claim_group(const struct scene *scene, const struct sibling_group *group, uint32_t size,
                       struct cause_claims *claims, struct err *err)
{
    const struct sibling *busiest = &group->members.items[0];
    struct cause_claim claim = {.cause = "config"};
    claim.critical_ns = scene_path_of_ns(scene, group, group->members.count, group->start_ns, group->end_ns);
    scene_member_place(scene, busiest, busiest->start_ns, busiest->end_ns, &claim.where);
    claim.change = arena_printf(scene->arena, "workers:%s=%u", scene_group_target(scene, group), size);
    claim.title =
        arena_printf(scene->arena,
                     "all %u %s are busy all the time, mostly waiting for the outside: the pool is too small",
                     group->width, scene_group_noun(scene, group));
    claim.fix = arena_printf(scene->arena, "make the pool larger: %u found, %u proposed", group->width, size);
    claim_evidence(scene, &claim, "pool size: %u found, %u proposed", group->width, size);
    claim_evidence(scene, &claim, "they are busy for %s, of which %s are waiting for the other end",
                   scene_duration(scene, group->busy_ns),
                   scene_duration(scene, service_ns(scene->run, group, NULL)));
    claim_evidence(scene, &claim, "who gives them the work waits for them for %s",
                   scene_duration(scene, queued_ns(scene->run, group)));
    return claim_add(claims, &claim, err);
}

static bool is_full(const struct scene *scene, const struct sibling_group *group)
{
    if (group->kind == SIBLING_SPAN || group->maker == RUN_NONE || !all_busy(scene, group))
        return false;
    /* Threads are the pool; of programs there must be more than the pool holds, or there is nothing to wait. */
    bool queue = group->kind == SIBLING_THREAD ? siblings_is_pool(group)
                                               : group->members.count >= 2 * (size_t)group->width;
    return queue && num_ratio(service_ns(scene->run, group, NULL), group->busy_ns) >= SERVICE_RATIO_MIN &&
           num_ratio(queued_ns(scene->run, group), group->end_ns - group->start_ns) >= QUEUE_RATIO_MIN;
}

int detect_pool_size(const struct scene *scene, struct cause_claims *claims, struct err *err)
{
    const struct siblings *siblings = &scene->whatif->siblings;
    for (size_t i = 0; i < siblings->groups.count; i++) {
        const struct sibling_group *group = &siblings->groups.items[i];
        if (!is_full(scene, group))
            continue;
        uint32_t size = 0;
        int status = best_size(scene, group, &size, err);
        if (!status && size)
            status = claim_group(scene, group, size, claims, err);
        if (status)
            return status;
    }
    return 0;
}
