/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idle-worker: the workers of a pool get work, but are idle most of the time, because what hands it out is done in
 * sequence elsewhere. A pool in which one worker is busy is imbalance or cpu-single-thread.
 */
#include <stdlib.h>
#include <string.h>

#include "analyze/attribution.h"
#include "base/num.h"
#include "detect/detectors.h"

#define IDLE_RATIO_MIN 0.6
#define BUSY_RATIO_MAX 0.5  /* of any one worker */
#define WORK_RATIO_MIN 0.01 /* less is no pool that is fed */
#define PATH_RATIO_MIN 0.4
#define LIFE_RATIO_MIN 0.5
#define LATE_RATIO_MIN 0.1 /* of the work, in the second half of their lives */
#define INSIDE_RATIO   0.9

struct feeder {
    uint32_t actor;
    uint64_t path_ns;
};

/* Of the time that it was not kept waiting for a CPU, which others may be to blame for. */
static double busy_ratio(const struct sibling *member)
{
    uint64_t life_ns = member->end_ns - member->start_ns,
             queue_ns = num_min(member->queue_ns, member->busy_ns);
    return num_ratio(member->busy_ns - queue_ns, life_ns - num_min(queue_ns, life_ns));
}

static double mean_busy_ratio(const struct sibling_group *group)
{
    double sum = 0;
    for (size_t i = 0; i < group->members.count; i++)
        sum += busy_ratio(&group->members.items[i]);
    return sum / (double)group->members.count;
}

/* How long an actor is not waiting from `from_ns` on. */
static uint64_t running_since(const struct run_track *track, uint64_t from_ns, uint64_t end_ns)
{
    uint64_t running_ns = end_ns - from_ns;
    for (size_t i = run_waits_before(track, end_ns); i-- > 0;) {
        const struct run_wait *wait = &track->waits.items[i];
        if (wait->end_ns <= from_ns)
            break;
        uint64_t length_ns = num_min(wait->end_ns, end_ns) - num_max(wait->start_ns, from_ns);
        running_ns -= num_min(length_ns, running_ns);
    }
    return running_ns;
}

/* Helpers that only start and then stand by (multiprocessing's fork server and resource tracker) get no work at all. */
static bool gets_work(const struct scene *scene, const struct sibling_group *group)
{
    uint64_t late_ns = 0, all_ns = 0;
    for (size_t i = 0; i < group->members.count; i++) {
        const struct sibling *member = &group->members.items[i];
        const struct run_track *track = &scene->run->tracks.items[member->actor];
        late_ns +=
            running_since(track, member->start_ns + (member->end_ns - member->start_ns) / 2, member->end_ns);
        all_ns += running_since(track, member->start_ns, member->end_ns);
    }
    return num_ratio(late_ns, all_ns) >= LATE_RATIO_MIN;
}

static bool is_idle(const struct scene *scene, const struct sibling_group *group)
{
    for (size_t i = 0; i < group->members.count; i++)
        if (busy_ratio(&group->members.items[i]) > BUSY_RATIO_MAX)
            return false;
    double busy = mean_busy_ratio(group);
    return busy <= 1 - IDLE_RATIO_MIN && busy >= WORK_RATIO_MIN &&
           num_ratio(group->end_ns - group->start_ns, scene->wall_ns) >= LIFE_RATIO_MIN &&
           gets_work(scene, group);
}

/* Of the actors beside the workers, the one that the path goes through for longest, running or queueing for it. */
static int find_feeder(const struct scene *scene, const struct sibling_group *group,
                       struct feeder *ret_feeder, struct err *err)
{
    uint64_t *path_ns = calloc(scene->run->tracks.count + 1, sizeof *path_ns);
    if (!path_ns)
        return err_memory(err);
    struct feeder best = {.actor = RUN_NONE};
    for (size_t i = 0; i < scene->path->steps.count; i++) {
        const struct path_step *step = &scene->path->steps.items[i];
        if (step->actor != RUN_NONE && (step->doing == DOING_CPU || step->doing == WAIT_CPU_QUEUE))
            path_ns[step->actor] += step->end_ns - step->start_ns;
    }
    for (size_t i = 0; i < group->members.count; i++)
        path_ns[group->members.items[i].actor] = 0;
    for (uint32_t i = 0; i < scene->run->tracks.count; i++) {
        if (path_ns[i] > best.path_ns)
            best = (struct feeder){.actor = i, .path_ns = path_ns[i]};
    }
    free(path_ns);
    *ret_feeder = best;
    return 0;
}

static bool same_frame(const struct run *run, uint32_t stack, uint32_t frame)
{
    const char *function = run->frames.items[frame].function;
    for (uint32_t at = stack; at < run->stacks.count; at = run->stacks.items[at].parent) {
        uint32_t other = run->stacks.items[at].frame;
        if (other < run->frames.count && run->frames.items[other].function &&
            strcmp(run->frames.items[other].function, function) == 0)
            return true;
    }
    return false;
}

/* The innermost function that nearly all samples of the feeder are in; NULL when stacks do not tell. */
static const char *function_of(const struct scene *scene, uint32_t actor)
{
    const struct run *run = scene->run;
    const struct run_track *track = &run->tracks.items[actor];
    if (!track->samples.count)
        return NULL;
    uint32_t stack = track->samples.items[track->samples.count / 2].stack;
    for (uint32_t at = stack; at < run->stacks.count; at = run->stacks.items[at].parent) {
        uint32_t frame = run->stacks.items[at].frame;
        if (frame >= run->frames.count || !attribute_is_own(&run->frames.items[frame]))
            continue;
        size_t inside = 0;
        for (size_t i = 0; i < track->samples.count; i++)
            inside += same_frame(run, track->samples.items[i].stack, frame);
        if ((double)inside >= INSIDE_RATIO * (double)track->samples.count)
            return run->frames.items[frame].function;
    }
    return NULL;
}

static int claim_group(const struct scene *scene, const struct sibling_group *group,
                       const struct feeder *feeder, struct cause_claims *claims, struct err *err)
{
    const struct run_track *track = &scene->run->tracks.items[feeder->actor];
    struct cause_claim claim = {.cause = "idle-worker", .critical_ns = feeder->path_ns};
    const char *process = run_process_name(scene->run, feeder->actor, track->end_ns);
    const char *function = function_of(scene, feeder->actor);
    size_t count = group->members.count;
    claim.where.process = process;
    claim.where.stage = scene->run->has_spans ? NULL : process;
    claim.where.function = function;
    claim.change = function ? arena_printf(scene->arena, "workers:function/%s=%zu", function, count)
                            : arena_printf(scene->arena, "workers:process/%s=%zu", process, count);
    uint64_t life_ns = 0, queue_ns = 0;
    for (size_t i = 0; i < count; i++) {
        life_ns += group->members.items[i].end_ns - group->members.items[i].start_ns;
        queue_ns += num_min(group->members.items[i].queue_ns, group->members.items[i].busy_ns);
    }
    double idle = 1 - mean_busy_ratio(group);
    claim.title =
        arena_printf(scene->arena, "%zu %s are idle %.0f %% of their time: %s does not feed them fast enough",
                     count, scene_group_noun(scene, group), 100 * idle, function ? function : "one thread");
    claim_evidence(scene, &claim, "together they work for %s of the %s that they are there and have a CPU",
                   scene_duration(scene, group->busy_ns - queue_ns),
                   scene_duration(scene, life_ns - num_min(queue_ns, life_ns)));
    claim_evidence(scene, &claim, "%s of the path is one other thread, number %llu",
                   scene_duration(scene, feeder->path_ns), (unsigned long long)track->tid);
    return claim_add(claims, &claim, err);
}

int detect_idle_worker(const struct scene *scene, struct cause_claims *claims, struct err *err)
{
    const struct siblings *siblings = &scene->whatif->siblings;
    for (size_t i = 0; i < siblings->groups.count; i++) {
        const struct sibling_group *group = &siblings->groups.items[i];
        if (group->kind == SIBLING_SPAN || !siblings_is_pool(group) || !is_idle(scene, group))
            continue;
        struct feeder feeder = {.actor = RUN_NONE};
        int status = find_feeder(scene, group, &feeder, err);
        if (!status && num_ratio(feeder.path_ns, scene->wall_ns) >= PATH_RATIO_MIN)
            status = claim_group(scene, group, &feeder, claims, err);
        if (status)
            return status;
    }
    return 0;
}
