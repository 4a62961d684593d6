/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spin: threads use a CPU to wait for others. Blocking instead is worth what those others do with the CPUs; where there
 * are enough of them it only frees cores, and the finding says that.
 */
#include <stdlib.h>
#include <string.h>

#include "analyze/wait_place.h"
#include "base/num.h"
#include "detect/detectors.h"

#define SPIN_RATIO_MIN    0.05 /* of the wall time */
#define CORES_MIN         0.25 /* freeing fewer is nothing to tell */
#define FUNCTION_LOOK_MAX 64
#define FUNCTION_MAX      4 /* claims */

struct spinning {
    uint32_t frame;
    uint64_t spun_ns, covered_ns;
    size_t stretch_count, thread_count;
    uint32_t actor; /* one of those that spin */
    struct places awaited;
};

static bool same_function(const struct run *run, uint32_t a, uint32_t b)
{
    return a == b || (a != RUN_NONE && b != RUN_NONE &&
                      strcmp(run->frames.items[a].function, run->frames.items[b].function) == 0);
}

static int compare_start(const void *a, const void *b)
{
    const struct interval *x = a, *y = b;
    return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

static uint64_t covered_ns(struct interval *intervals, size_t count)
{
    uint64_t covered = 0, at = 0;
    if (count)
        qsort(intervals, count, sizeof *intervals, compare_start);
    for (size_t i = 0; i < count; i++) {
        uint64_t from = num_max(intervals[i].start_ns, at);
        covered += intervals[i].end_ns > from ? intervals[i].end_ns - from : 0;
        at = num_max(at, intervals[i].end_ns);
    }
    return covered;
}

/* What the one that was spun for was doing then. */
static void note_awaited(const struct run *run, const struct spin *spin, struct places *awaited)
{
    const struct run_track *track = &run->tracks.items[spin->waker];
    size_t sample = run_samples_before(track, spin->event_ns);
    struct where where = {0};
    place_actor(run, spin->waker, spin->event_ns, &where);
    if (sample && track->samples.items[sample - 1].time_ns >= spin->start_ns)
        attribute_function(run, track->samples.items[sample - 1].stack, &where);
    places_add(awaited, &where, spin->end_ns - spin->start_ns);
}

/* All that spins in the function of stretch number `first`. */
static int measure(const struct scene *scene, size_t first, struct spinning *ret_spinning, struct err *err)
{
    const struct spins *spins = &scene->whatif->spins;
    struct interval *intervals = malloc((spins->items.count + 1) * sizeof *intervals);
    struct spinning spinning = {.frame = spins->items.items[first].frame,
                                .actor = spins->items.items[first].actor};
    uint32_t last = RUN_NONE;
    if (!intervals)
        return err_memory(err);
    for (size_t i = first; i < spins->items.count; i++) {
        const struct spin *spin = &spins->items.items[i];
        if (!same_function(scene->run, spin->frame, spinning.frame))
            continue;
        intervals[spinning.stretch_count++] = (struct interval){spin->start_ns, spin->end_ns};
        spinning.spun_ns += spin->run_ns;
        spinning.thread_count += spin->actor != last;
        last = spin->actor;
        if (spin->waker != RUN_NONE)
            note_awaited(scene->run, spin, &spinning.awaited);
    }
    spinning.covered_ns = covered_ns(intervals, spinning.stretch_count);
    free(intervals);
    *ret_spinning = spinning;
    return 0;
}

static int claim_function(const struct scene *scene, const struct spinning *spinning,
                          struct cause_claims *claims, struct err *err)
{
    const struct run_frame *frame = &scene->run->frames.items[spinning->frame];
    double cores = num_ratio(spinning->spun_ns, scene->wall_ns);
    struct cause_claim claim = {
        .cause = "spin", .critical_ns = spinning->covered_ns, .is_kept = cores >= CORES_MIN};
    place_actor(scene->run, spinning->actor, scene->run->tracks.items[spinning->actor].end_ns, &claim.where);
    claim.where.function = frame->function;
    claim.where.file = frame->file && frame->file[0] ? frame->file : NULL;
    claim.where.line = claim.where.file ? frame->line : 0;
    claim.change = arena_printf(scene->arena, "set:function/%s=block", frame->function);
    const struct place_tally *awaited = places_heaviest(&spinning->awaited);
    claim.title = arena_printf(scene->arena, "%zu %s of %s burn CPU time in %s until another thread is done",
                               spinning->thread_count, spinning->thread_count == 1 ? "thread" : "threads",
                               claim.where.process, frame->function);
    claim.fix_without_gain = arena_printf(
        scene->arena, "sleep until it happens: the run takes as long, but %.1f cores are free", cores);
    claim_evidence(scene, &claim,
                   "%s of CPU time in %zu stretches are spent looking whether something changed",
                   scene_duration(scene, spinning->spun_ns), spinning->stretch_count);
    if (awaited)
        claim_evidence(scene, &claim, "mostly for %s", scene_place(scene, &awaited->where));
    claim_evidence(scene, &claim, "blocking instead frees %.1f cores on average", cores);
    return claim_add(claims, &claim, err);
}

/* The first stretch in each function, at most FUNCTION_LOOK_MAX of them. */
static size_t list_functions(const struct scene *scene, size_t *firsts)
{
    const struct spins *spins = &scene->whatif->spins;
    size_t count = 0;
    for (size_t i = 0; i < spins->items.count && count < FUNCTION_LOOK_MAX; i++) {
        bool known = spins->items.items[i].frame == RUN_NONE;
        for (size_t j = 0; j < count && !known; j++)
            known =
                same_function(scene->run, spins->items.items[firsts[j]].frame, spins->items.items[i].frame);
        if (!known)
            firsts[count++] = i;
    }
    return count;
}

int detect_spin(const struct scene *scene, struct cause_claims *claims, struct err *err)
{
    size_t firsts[FUNCTION_LOOK_MAX], claimed = 0;
    size_t count = list_functions(scene, firsts);
    for (size_t i = 0; i < count && claimed < FUNCTION_MAX; i++) {
        struct spinning spinning;
        int status = measure(scene, firsts[i], &spinning, err);
        if (status)
            return status;
        if (num_ratio(spinning.spun_ns, scene->wall_ns) < SPIN_RATIO_MIN)
            continue;
        status = claim_function(scene, &spinning, claims, err);
        if (status)
            return status;
        claimed++;
    }
    return 0;
}
