/* SPDX-License-Identifier: Apache-2.0 */
#include "analyze/core_load.h"

#include <math.h>
#include <string.h>

#include "analyze/server_work.h"
#include "base/clock.h"
#include "base/num.h"
#include "base/search.h"

/* Threads that are told apart by their number; more are as many. */
#define CROWD_MAX 1024
/* What the machine's counters say weighs as much as so long a time of queueing, and as this part of the time in which nobody had to. */
#define COUNTERS_NS    (5.0 * NS_PER_MS)
#define COUNTERS_RATIO 0.1
/* Counters of the machine tick every 10 ms: over a shorter interval they say little. */
#define INTERVAL_NS_MIN (50 * NS_PER_MS)
/* Of the running, what is more than the cores could do, for it to be no rounding. */
#define EXCESS_RATIO_MIN 0.01
/* Threads of others that the queueing may tell of, beside those that the counters do. */
#define GUESSED_MAX       1.0
#define GUESSED_RATIO_MAX 2.0
/* As many threads as this part of the busy time saw, or more, are usual. */
#define USUAL_RATIO_MIN 0.05

bool core_load_takes_part(const struct run *run, uint32_t actor)
{
    const struct run_track *track = &run->tracks.items[actor];
    return track->present && track->actor && track->start_ns < run->end_ns && track->end_ns > run->start_ns;
}

/* Both halves of [begin, end) are in order; so is what they become. Which is next is a coin toss that the processor need not guess. */
static void merge_halves(const struct load_step *from, struct load_step *to, size_t begin, size_t middle,
                         size_t end)
{
    size_t left = begin, right = middle, at = begin;
    while (left < middle && right < end) {
        bool is_right = from[right].time_ns < from[left].time_ns;
        to[at++] = from[is_right ? right : left];
        right += is_right;
        left += !is_right;
    }
    if (left < middle)
        memcpy(to + at, from + left, (middle - left) * sizeof *to);
    if (right < end)
        memcpy(to + at, from + right, (end - right) * sizeof *to);
}

/* Each actor's steps are in order, and there are many steps and few actors: stretches in order are merged, two and two
 * (natural merge sort; D. Knuth, The Art of Computer Programming 3, 5.2.4). */
static int sort_steps(struct core_load *load)
{
    struct load_step *from = load->steps.items;
    size_t count = load->steps.count, kept;
    struct load_step *to = calloc(count + 1, sizeof *to);
    VEC(size_t) ends = {0};
    int status = to ? 0 : -1;
    for (size_t i = 1; i <= count && !status; i++)
        if (i == count || from[i].time_ns < from[i - 1].time_ns)
            status = vec_push(&ends, i);
    for (; !status && ends.count > 1; ends.count = kept) {
        kept = 0;
        for (size_t i = 0, begin = 0; i < ends.count; i += 2) {
            size_t end = ends.items[num_min(i + 1, ends.count - 1)];
            merge_halves(from, to, begin, ends.items[i], end);
            ends.items[kept++] = begin = end;
        }
        struct load_step *merged = to;
        to = from;
        from = merged;
    }
    if (!status) {
        load->steps.items = from;
        load->steps.capacity = num_max(count, 1);
    }
    vec_free(&ends);
    free(to);
    return status;
}

/* One thread's share of its time in [from, to) that it was runnable and running. */
static int add_stretch(struct core_load *load, uint64_t from, uint64_t to, double runnable, double running)
{
    struct load_step up = {.time_ns = from,
                           .runnable = (int32_t)(runnable * LOAD_UNIT),
                           .running = (int32_t)(running * LOAD_UNIT)};
    struct load_step down = {.time_ns = to, .runnable = -up.runnable, .running = -up.running};
    if (to <= from || (!up.runnable && !up.running))
        return 0;
    /* Where one stretch ends and the next begins, as most do, is one step. */
    struct load_step *last = load->steps.count ? &load->steps.items[load->steps.count - 1] : NULL;
    bool is_next = last && last->time_ns == from;
    if (is_next) {
        last->runnable += up.runnable;
        last->running += up.running;
    }
    return (!is_next && vec_push(&load->steps, up)) || vec_push(&load->steps, down) ? -1 : 0;
}

static int add_wait(struct core_load *load, const struct run_wait *wait)
{
    double length = (double)(wait->end_ns - wait->start_ns);
    if (wait->count <= 1)
        return add_stretch(load, wait->end_ns - num_min(wait->runnable_ns, wait->end_ns - wait->start_ns),
                           wait->end_ns, 1, 0);
    double runnable = fmax(0, 1 - (double)wait->blocked_ns / length);
    double running = fmax(0, runnable - (double)wait->runnable_ns / length);
    return add_stretch(load, wait->start_ns, wait->end_ns, runnable, running);
}

static int add_track(struct core_load *load, const struct run_track *track)
{
    uint64_t at = track->start_ns;
    int status = 0;
    for (size_t i = 0; i < track->waits.count && !status; i++) {
        const struct run_wait *wait = &track->waits.items[i];
        if (wait->end_ns <= at)
            continue;
        status = add_stretch(load, at, wait->start_ns, 1, 1);
        if (!status)
            status = add_wait(load, wait);
        at = wait->end_ns;
    }
    return status ? status : add_stretch(load, at, track->end_ns, 1, 1);
}

double core_load_runnable_at(const struct core_load *load, uint64_t t)
{
    size_t behind = search_first(i, load->steps.count, load->steps.items[i].time_ns > t);
    return behind ? (double)load->steps.items[behind - 1].runnable / LOAD_UNIT : 0;
}

static double others_at(const struct run *run, size_t index, double cores)
{
    return fmin(server_work_others(run, index), cores * 0.9);
}

/* Others used no more than the run's own threads left them. Over a short run the machine's counters, which go in ticks, tell of more,
 * and take programs of the run that ended between two looks for others: how many times too much. */
static double others_excess(const struct run *run, double cores)
{
    double used = 0, own_ns = 0;
    for (size_t i = 1; i < run->outside.count; i++)
        used += others_at(run, i, cores) / (double)(run->outside.count - 1);
    for (uint32_t i = 0; i < run->tracks.count; i++)
        own_ns += core_load_takes_part(run, i) ? (double)run->tracks.items[i].run_ns : 0;
    double left = cores - own_ns / (double)(run->end_ns - run->start_ns);
    return used > left ? used / fmax(left, used * 0.01) : 1;
}

/* Others that used o of C cores beside n threads of ours had o n / (C - o) threads, when the cores were short. Of the
 * means over all such moments: a moment in which they used nearly all would stand for any number of threads. */
static double threads_of_use(const struct core_load *load, const struct run *run, double cores)
{
    double free_sum = 0, short_count = 0, short_used = 0, short_runnable = 0, count = 0;
    double excess = others_excess(run, cores);
    for (size_t i = 1; i < run->outside.count; i++) {
        if (run->outside.items[i].time_ns - run->outside.items[i - 1].time_ns < INTERVAL_NS_MIN)
            continue;
        count++;
        uint64_t middle = run->outside.items[i - 1].time_ns / 2 + run->outside.items[i].time_ns / 2;
        double runnable = core_load_runnable_at(load, middle);
        double used = others_at(run, i, cores) / excess;
        if (used + runnable > cores && used > 0) {
            short_count++;
            short_used += used;
            short_runnable += runnable;
        } else {
            free_sum += fmax(used, 0);
        }
    }
    if (count < 1)
        return 0;
    double crowd = short_count > 0 ? short_used * short_runnable / (cores - short_used / short_count) : 0;
    return (crowd / fmax(short_count, 1) + free_sum) / count;
}

/* Of the time in which more threads wanted a core than there are: how long how many did, and what they got of the cores. */
struct crowd {
    double ns[CROWD_MAX + 1];
    double short_ns, got_ns;
    double told_ns; /* what they got as it was recorded, be it more than the cores are */
};

static double got_beside(const struct crowd *crowd, double cores, double others)
{
    double got = 0;
    for (size_t n = (size_t)cores + 1; n <= CROWD_MAX; n++)
        got += crowd->ns[n] * fmin((double)n, (double)n * cores / ((double)n + others));
    return got;
}

/* n of our threads beside m of others' get n C / (n + m) of C cores (processor sharing, which the replay does). So many others that ours
 * get what they got: whatever the scheduler's priorities and groups are, others count by what they took. */
static double threads_of_queueing(const struct crowd *crowd, double cores, double got_ns)
{
    double low = 0, high = CROWD_MAX;
    if (got_beside(crowd, cores, 0) <= got_ns)
        return 0;
    for (int i = 0; i < 50; i++) {
        double middle = (low + high) / 2;
        if (got_beside(crowd, cores, middle) > got_ns)
            low = middle;
        else
            high = middle;
    }
    return high;
}

/* By how many were runnable: for how long. */
static double measure_steps(const struct core_load *load, double cores, struct crowd *crowd)
{
    double busy_ns = 0;
    const struct load_step *steps = load->steps.items;
    for (size_t i = 0; i + 1 < load->steps.count; i++) {
        double length = (double)(steps[i + 1].time_ns - steps[i].time_ns);
        double runnable = (double)steps[i].runnable / LOAD_UNIT;
        if (runnable * LOAD_UNIT < 1)
            continue;
        double count = fmax(1, fmin(round(runnable), CROWD_MAX));
        crowd->ns[(size_t)count] += length;
        busy_ns += length;
        if (count <= cores)
            continue;
        crowd->short_ns += length;
        double running = fmax(0, (double)steps[i].running / LOAD_UNIT);
        crowd->got_ns += length * fmin(cores, running);
        crowd->told_ns += length * running;
    }
    return busy_ns;
}

/* What is usual loses nothing to others that was not recorded with it. */
static double usual_runnable(const struct crowd *crowd, double cores, double busy_ns)
{
    double seen_ns = 0;
    size_t count = CROWD_MAX;
    for (; count > 1 && seen_ns + crowd->ns[count] < busy_ns * USUAL_RATIO_MIN; count--)
        seen_ns += crowd->ns[count];
    return fmin((double)count, cores);
}

static void measure(const struct run *run, double cores, struct core_load *load, struct crowd *crowd)
{
    double busy_ns = measure_steps(load, cores, crowd);
    double of_use = threads_of_use(load, run, cores);
    double of_queueing =
        threads_of_queueing(crowd, cores, load->squeezed_ns.count ? crowd->got_ns : crowd->told_ns);
    /* What more queued than others used is a recorder's guess, or a scheduler that left a core idle. */
    double told = threads_of_queueing(crowd, cores, crowd->told_ns);
    double most = of_use * GUESSED_RATIO_MAX + GUESSED_MAX;
    if (told > most)
        of_queueing *= most / told;
    /* Servers that work for the run have their part of the queueing, and are replayed apart. */
    if (run->servers.count)
        of_queueing = fmin(of_use, of_queueing);
    load->usual_runnable = usual_runnable(crowd, cores, busy_ns);
    double weight = COUNTERS_NS + COUNTERS_RATIO * (busy_ns - crowd->short_ns);
    load->background_threads = (of_queueing * crowd->short_ns + of_use * weight) / (crowd->short_ns + weight);
}

/* The first step behind t, looked for in strides that double: `from` is that of an earlier moment, mostly a little before. */
static size_t step_behind(const struct core_load *load, size_t from, uint64_t t)
{
    const struct load_step *steps = load->steps.items;
    size_t stride = 1;
    for (; from + stride < load->steps.count && steps[from + stride].time_ns <= t; stride *= 2)
        from += stride;
    size_t count = num_min(from + stride, load->steps.count) - from;
    return from + search_first(i, count, steps[from + i].time_ns > t);
}

/* Up to a moment; the step behind it. */
static double squeezed_before(const struct core_load *load, size_t behind, uint64_t t)
{
    if (!behind)
        return 0;
    const struct load_step *step = &load->steps.items[behind - 1];
    if (behind == load->steps.count)
        return load->squeezed_ns.items[behind - 1];
    double part = num_ratio(t - step->time_ns, step[1].time_ns - step->time_ns);
    return load->squeezed_ns.items[behind - 1] * (1 - part) + load->squeezed_ns.items[behind] * part;
}

double core_load_squeezed_ns(const struct core_load *load, uint64_t from, uint64_t to, size_t *step)
{
    if (!load->squeezed_ns.count || to <= from)
        return 0;
    size_t first = step_behind(load, *step, from);
    *step = step_behind(load, first, to);
    return squeezed_before(load, *step, to) - squeezed_before(load, first, from);
}

/* Looks tell how long a thread ran and not exactly when: where more threads wanted a core than there are, no more than all cores were
 * used on average, or not all queueing is told. Where too many seem to run at one place and too few at another, only what is too much
 * of all together is taken from the former. */
static int squeeze(struct core_load *load, double cores)
{
    double told_ns = 0, short_ns = 0, over_ns = 0, squeezed_ns = 0;
    const struct load_step *steps = load->steps.items;
    for (size_t i = 0; i + 1 < load->steps.count; i++) {
        double length = (double)(steps[i + 1].time_ns - steps[i].time_ns);
        if (steps[i].runnable <= cores * LOAD_UNIT)
            continue;
        short_ns += length;
        double running = fmax(0, (double)steps[i].running / LOAD_UNIT);
        told_ns += length * running;
        over_ns += length * fmax(0, running - cores);
    }
    if (told_ns <= short_ns * cores * (1 + EXCESS_RATIO_MIN))
        return 0;
    double part = (told_ns - short_ns * cores) / over_ns;
    if (vec_reserve(&load->squeezed_ns, load->steps.count))
        return -1;
    for (size_t i = 0; i < load->steps.count; i++) {
        load->squeezed_ns.items[i] = squeezed_ns;
        double running = (double)steps[i].running / LOAD_UNIT;
        if (running > cores && i + 1 < load->steps.count)
            squeezed_ns += part * (double)(steps[i + 1].time_ns - steps[i].time_ns) * (1 - cores / running);
    }
    load->squeezed_ns.count = load->steps.count;
    return 0;
}

/* From what each step adds to how many there are; of more threads than fit, as many as do. */
static void sum_up(struct core_load *load)
{
    int64_t runnable = 0, running = 0;
    for (size_t i = 0; i < load->steps.count; i++) {
        struct load_step *step = &load->steps.items[i];
        runnable += step->runnable;
        running += step->running;
        step->runnable = runnable < INT32_MAX ? (int32_t)runnable : INT32_MAX;
        step->running = running < INT32_MAX ? (int32_t)running : INT32_MAX;
    }
}

int core_load_measure(const struct run *run, double core_count, struct core_load *load)
{
    struct crowd *crowd = calloc(1, sizeof *crowd);
    int status = crowd ? 0 : -1;
    *load = (struct core_load){0};
    for (uint32_t i = 0; i < run->tracks.count && !status; i++)
        if (core_load_takes_part(run, i))
            status = add_track(load, &run->tracks.items[i]);
    if (!status && load->steps.count)
        status = sort_steps(load);
    if (!status)
        sum_up(load);
    /* What is more than an unknown number of cores says nothing. */
    if (!status && run->knows_cpu_count)
        status = squeeze(load, core_count);
    if (!status)
        measure(run, core_count, load, crowd);
    free(crowd);
    return status;
}

void core_load_deinit(struct core_load *load)
{
    vec_free(&load->steps);
    vec_free(&load->squeezed_ns);
}
