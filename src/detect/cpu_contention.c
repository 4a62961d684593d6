/* SPDX-License-Identifier: Apache-2.0 */
/* cpu-contention: the path stands in the queue for a CPU that other threads use. */
#include "base/num.h"
#include "detect/detectors.h"

/* From this share of the cores on it is the run that crowds them. */
#define HELD_BY_RUN_MIN 0.25

struct change_point {
    uint64_t time_ns;
    double step; /* threads */
};

static int compare_points(const void *a, const void *b)
{
    const struct change_point *x = a, *y = b;
    if (x->time_ns != y->time_ns)
        return x->time_ns > y->time_ns ? 1 : -1;
    return (x->step > y->step) - (x->step < y->step);
}

struct change_points {
    VEC(struct change_point) items;
};

static int add(struct change_points *points, uint64_t start_ns, uint64_t end_ns, double step)
{
    struct change_point from = {start_ns, step}, to = {end_ns, -step};

    if (end_ns <= start_ns || step == 0)
        return 0;
    return vec_push(&points->items, from) || vec_push(&points->items, to) ? -1 : 0;
}

/* What a wait takes off the thread's presence. A row of many waits is spread evenly over its time. */
static int add_wait(struct change_points *points, const struct run_wait *wait, bool queueing)
{
    uint64_t out_ns = wait->blocked_ns + (queueing ? 0 : wait->runnable_ns);

    if (wait->count > 1)
        return add(points, wait->start_ns, wait->end_ns,
                   -num_ratio(out_ns, wait->end_ns - num_min(wait->start_ns, wait->end_ns)));
    return add(points, wait->start_ns, queueing ? wait->end_ns - wait->runnable_ns : wait->end_ns, -1);
}

/* When threads of the run begin and cease to be runnable or, without `queueing`, to be on a CPU. */
static int gather(const struct scene *scene, bool queueing, struct change_points *points)
{
    for (size_t i = 0; i < scene->run->tracks.count; i++) {
        const struct run_track *track = &scene->run->tracks.items[i];
        if (track->actor && add(points, track->start_ns, track->end_ns, 1))
            return -1;
        for (size_t j = 0; track->actor && j < track->waits.count; j++)
            if (add_wait(points, &track->waits.items[j], queueing))
                return -1;
    }
    if (points->items.count)
        qsort(points->items.items, points->items.count, sizeof *points->items.items, compare_points);
    return 0;
}

/* The mean number of the run's threads that ran or queued while they were more than the cores; 0 when never. */
static uint64_t cores_wanted(const struct scene *scene)
{
    struct change_points points = {0};
    int status = gather(scene, true, &points);
    double weighted = 0, time = 0;
    double runnable = 0;
    for (size_t i = 0; !status && i + 1 < points.items.count; i++) {
        runnable += points.items.items[i].step;
        double length = (double)(points.items.items[i + 1].time_ns - points.items.items[i].time_ns);
        if (runnable > (double)scene->run->cpu_count + 0.01) {
            weighted += runnable * length;
            time += length;
        }
    }
    vec_free(&points.items);
    return time > 0 ? num_u64(weighted / time + 0.5) : 0;
}

struct window {
    uint64_t start_ns, end_ns;
};

struct windows {
    VEC(struct window) items; /* one behind the other */
};

/* When the path queued for a CPU, and `around_ns` before and after. */
static int queue_windows(const struct scene *scene, uint64_t around_ns, struct windows *windows)
{
    for (size_t i = 0; i < scene->path->steps.count; i++) {
        const struct path_step *step = &scene->path->steps.items[i];
        struct window *last = windows->items.count ? &windows->items.items[windows->items.count - 1] : NULL;
        struct window window = {step->start_ns - num_min(around_ns, step->start_ns),
                                step->end_ns + around_ns};
        if (step->doing != WAIT_CPU_QUEUE)
            continue;
        if (last && window.start_ns <= last->end_ns)
            last->end_ns = num_max(last->end_ns, window.end_ns);
        else if (vec_push(&windows->items, window))
            return -1;
    }
    return 0;
}

/* What the points add up to within the windows: threads times ns. */
static double presence_within(const struct change_points *points, const struct windows *windows)
{
    double sum = 0, present = 0;
    size_t point = 0;

    for (size_t i = 0; i < windows->items.count; i++) {
        uint64_t at = windows->items.items[i].start_ns, end_ns = windows->items.items[i].end_ns;
        while (at < end_ns) {
            for (; point < points->items.count && points->items.items[point].time_ns <= at; point++)
                present += points->items.items[point].step;
            uint64_t next =
                point < points->items.count ? num_min(points->items.items[point].time_ns, end_ns) : end_ns;
            sum += present * (double)(next - at);
            at = next;
        }
    }
    return sum;
}

static uint64_t path_cpu_within(const struct scene *scene, const struct windows *windows)
{
    uint64_t sum_ns = 0;
    size_t window = 0;

    for (size_t i = 0; i < scene->path->steps.count; i++) {
        const struct path_step *step = &scene->path->steps.items[i];
        while (window < windows->items.count && windows->items.items[window].end_ns <= step->start_ns)
            window++;
        for (size_t j = window; step->doing == DOING_CPU && j < windows->items.count; j++) {
            uint64_t start_ns = num_max(windows->items.items[j].start_ns, step->start_ns);
            uint64_t end_ns = num_min(windows->items.items[j].end_ns, step->end_ns);
            if (windows->items.items[j].start_ns >= step->end_ns)
                break;
            sum_ns += end_ns > start_ns ? end_ns - start_ns : 0;
        }
    }
    return sum_ns;
}

/*
 * Of the cores while the path queued for one, the share that the run's other threads were on. Where waits were
 * looked at from time to time, each look's queueing lies at the same end of its time on every thread, so that all
 * seem to queue at once; then the time between the queueing counts too, but for what the path itself ran then.
 */
static double held_by_run(const struct scene *scene)
{
    struct change_points points = {0};
    struct windows windows = {0};
    double held = 0;
    uint64_t length_ns = 0;

    if (!gather(scene, false, &points) &&
        !queue_windows(scene, 2 * scene->run->boundary_error_ns, &windows)) {
        for (size_t i = 0; i < windows.items.count; i++)
            length_ns += windows.items.items[i].end_ns - windows.items.items[i].start_ns;
        held = presence_within(&points, &windows) - (double)path_cpu_within(scene, &windows);
    }
    vec_free(&points.items);
    vec_free(&windows.items);
    return length_ns ? held / (double)length_ns / (double)scene->run->cpu_count : 0;
}

int detect_cpu_contention(const struct scene *scene, struct cause_claims *claims, struct err *err)
{
    struct cause_claim claim = {.cause = "cpu-contention"};
    claim.critical_ns = scene_doing_ns(scene, WAIT_CPU_QUEUE, &claim.where);
    if (num_ratio(claim.critical_ns, scene->wall_ns) < 0.1)
        return 0;
    uint64_t own = cores_wanted(scene);
    double others = scene->whatif->program.background_threads;
    /* Threads that woke up together behind others' load are many for a moment too, but they hold nothing. */
    bool crowded = own > scene->run->cpu_count && held_by_run(scene) >= HELD_BY_RUN_MIN;
    uint64_t wanted = (crowded ? own : scene->run->cpu_count) + num_u64(others + 0.99);
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
