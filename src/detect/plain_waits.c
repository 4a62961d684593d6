/* SPDX-License-Identifier: Apache-2.0 */
/* disk-sync, disk-read, child-wait: the path waits for one thing of which there is no more to be known. */
#include "base/num.h"
#include "detect/detectors.h"

/* disk-sync: the path waits for fsync and its kin, call after call. */
int detect_disk_sync(const struct scene *scene, struct cause_claims *claims, struct err *err)
{
    struct cause_claim claim = {.cause = "disk-sync", .change = "remove:wait/disk_sync"};
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

/* disk-read: the path waits for data to come from a disk. */
int detect_disk_read(const struct scene *scene, struct cause_claims *claims, struct err *err)
{
    struct cause_claim claim = {.cause = "disk-read", .change = "remove:wait/disk_read"};
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

/* What lies between a child's end that was seen and its maker's going on is no wait for a child: the kernel takes the process down, and the
 * maker queues for a CPU, of which not every recorder tells. */
static uint64_t unseen_child_ns(const struct scene *scene)
{
    uint64_t ns = 0;
    for (size_t i = 0; i < scene->path->steps.count; i++) {
        const struct path_step *step = &scene->path->steps.items[i];
        if (step->doing != WAIT_CHILD || step->actor == RUN_NONE)
            continue;
        const struct run_wait *wait = run_wait_at(&scene->run->tracks.items[step->actor], step->end_ns, NULL);
        ns += wait && wait->waker != RUN_NONE ? 0 : step->end_ns - step->start_ns;
    }
    return ns;
}

/* child-wait: the path waits for a child process of which nothing more is known. */
int detect_child_wait(const struct scene *scene, struct cause_claims *claims, struct err *err)
{
    struct cause_claim claim = {
        .cause = "child-wait", .change = "speed:wait/child=2", .max_change = "remove:wait/child"};
    claim.critical_ns = num_min(scene_doing_ns(scene, WAIT_CHILD, &claim.where), unseen_child_ns(scene));
    if (num_ratio(claim.critical_ns, scene->wall_ns) < CLAIM_RATIO_MIN)
        return 0;
    claim.title = arena_printf(scene->arena, "%s waits for a child process that could not be seen",
                               scene_place(scene, &claim.where));
    claim_evidence(scene, &claim, "%s of the path is waiting for children",
                   scene_duration(scene, claim.critical_ns));
    return claim_add(claims, &claim, err);
}
