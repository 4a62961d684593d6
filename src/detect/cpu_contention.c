/* SPDX-License-Identifier: Apache-2.0 */
/* cpu-contention: the path stands in the queue for a CPU that other threads use. */
#include "base/num.h"
#include "detect/detectors.h"

struct change_point {
    uint64_t time_ns;
    int step;
};

static int compare_points(const void *a, const void *b)
{
    const struct change_point *x = a, *y = b;
    if (x->time_ns != y->time_ns)
        return x->time_ns > y->time_ns ? 1 : -1;
    return x->step - y->step;
}

/* The mean number of the run's threads that ran or queued while they were more than the cores; 0 when never. */
static uint64_t cores_wanted(const struct scene *scene)
{
    VEC(struct change_point) points = {0};
    int status = 0;
    for (size_t i = 0; i < scene->run->tracks.count && !status; i++) {
        const struct run_track *track = &scene->run->tracks.items[i];
        uint64_t at = track->start_ns;
        for (size_t j = 0; track->actor && j <= track->waits.count && !status; j++) {
            bool last = j == track->waits.count;
            const struct run_wait *wait = last ? NULL : &track->waits.items[j];
            if (!last && wait->blocked_ns == 0)
                continue;
            struct change_point up = {at, 1}, down = {last ? track->end_ns : wait->start_ns, -1};
            if (down.time_ns > up.time_ns)
                status = vec_push(&points, up) || vec_push(&points, down);
            at = last ? at : wait->end_ns - wait->runnable_ns;
        }
    }
    if (points.count)
        qsort(points.items, points.count, sizeof *points.items, compare_points);
    double weighted = 0, time = 0;
    int runnable = 0;
    for (size_t i = 0; i + 1 < points.count; i++) {
        runnable += points.items[i].step;
        double length = (double)(points.items[i + 1].time_ns - points.items[i].time_ns);
        if (runnable > (int)scene->run->cpu_count) {
            weighted += runnable * length;
            time += length;
        }
    }
    vec_free(&points);
    return time > 0 ? num_u64(weighted / time + 0.5) : 0;
}

int detect_cpu_contention(const struct scene *scene, struct claims *claims, struct err *err)
{
    struct claim claim = {.cause = "cpu-contention"};
    claim.critical_ns = scene_doing_ns(scene, WAIT_CPU_QUEUE, &claim.where);
    if (num_ratio(claim.critical_ns, scene->wall_ns) < 0.1)
        return 0;
    uint64_t own = cores_wanted(scene);
    double others = scene->whatif->program.background_threads;
    bool crowded = own > scene->run->cpu_count;
    uint64_t wanted = num_max(own, scene->run->cpu_count) + num_u64(others + 0.99);
    claim.change = arena_printf(scene->arena, "cores:run=%llu", (unsigned long long)wanted);
    claim.max_change = "remove:wait/cpu_queue";
    const char *holder = crowded && claim.where.process ? claim.where.process : "other programs";
    claim.title = arena_printf(scene->arena, "the run queues for its %u cores, held by %s",
                               scene->run->cpu_count, holder);
    claim.is_outside = !crowded;
    if (!crowded)
        claim.fix = "stop what else uses this machine, or give the run cores of its own";
    claim_evidence(scene, &claim, "%s of the path is standing in the queue for a CPU",
                   scene_duration(scene, claim.critical_ns));
    if (crowded)
        claim_evidence(scene, &claim, "about %llu of its threads were runnable at once on %u cores",
                       (unsigned long long)own, scene->run->cpu_count);
    if (others >= 0.5)
        claim_evidence(scene, &claim, "about %.0f threads of other programs competed for them", others);
    return claim_add(claims, &claim, err);
}
