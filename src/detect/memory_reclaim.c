/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory-reclaim: there is too little memory (in the machine or in the run's control group), so the kernel frees pages
 * on the program's time, and gets them back when they are needed again: waits of that kind, CPU time seen in the
 * search, and pages that are waited for while the kernel tells of stalls for memory.
 */
#include <stdlib.h>

#include "analyze/attribution.h"
#include "base/num.h"
#include "detect/detectors.h"

#define SEEN_RATIO_MIN 0.01

/* Of the CPU time of who the path goes through, the part in the search for memory: as of all its samples, since a row of many waits
 * does not tell when it ran. */
static int searching_ns(const struct scene *scene, uint64_t *ret_ns, struct err *err)
{
    const struct run *run = scene->run;
    uint64_t *cpu_ns = calloc(run->tracks.count + 1, sizeof *cpu_ns);
    if (!cpu_ns)
        return err_memory(err);
    for (size_t i = 0; i < scene->path->steps.count; i++) {
        const struct path_step *step = &scene->path->steps.items[i];
        if (step->actor != RUN_NONE && step->doing == DOING_CPU)
            cpu_ns[step->actor] += step->end_ns - step->start_ns;
    }
    *ret_ns = 0;
    for (size_t i = 0; i < run->tracks.count; i++)
        if (cpu_ns[i])
            *ret_ns += num_u64((double)cpu_ns[i] * attribute_reclaim_ratio(run, &run->tracks.items[i]));
    free(cpu_ns);
    return 0;
}

static void find_place(const struct scene *scene, const struct where *waiting, struct cause_claim *claim)
{
    claim->where = *waiting;
    for (size_t i = 0; i < scene->attribution->entry_count; i++) {
        const struct path_entry *entry = &scene->attribution->entries[i];
        bool same = !waiting->process || entry->where.process == waiting->process;
        if (entry->doing == DOING_CPU && same) {
            claim->where = entry->where;
            return;
        }
    }
}

int detect_memory_reclaim(const struct scene *scene, struct cause_claims *claims, struct err *err)
{
    struct cause_claim claim = {.cause = "memory-reclaim", .change = "remove:wait/reclaim"};
    struct where waiting = {0}, faulting = {0};
    uint64_t waited = scene_doing_ns(scene, WAIT_RECLAIM, &waiting);
    uint64_t faulted = scene_doing_ns(scene, WAIT_PAGE_FAULT, &faulting);
    uint64_t searched = 0;
    if (searching_ns(scene, &searched, err))
        return -1;
    double stalled = run_stalled_ratio(scene->run);
    claim.critical_ns = waited + searched + faulted;
    bool seen = num_ratio(waited + searched, scene->wall_ns) >= SEEN_RATIO_MIN;
    if ((!seen && stalled < RUN_STALLED_MIN) ||
        num_ratio(claim.critical_ns, scene->wall_ns) < CLAIM_RATIO_MIN)
        return 0;
    find_place(scene, waited ? &waiting : &faulting, &claim);
    claim.title = arena_printf(scene->arena, "%s waits while the kernel frees memory for it",
                               scene_place(scene, &claim.where));
    if (waited)
        claim_evidence(scene, &claim, "%s of the path is waiting for memory to be freed",
                       scene_duration(scene, waited));
    if (searched)
        claim_evidence(scene, &claim, "%s of the path is the kernel's search for memory to free",
                       scene_duration(scene, searched));
    if (faulted)
        claim_evidence(scene, &claim, "%s of the path is waiting for pages", scene_duration(scene, faulted));
    if (stalled > 0.01)
        claim_evidence(scene, &claim,
                       "the kernel tells of stalls for memory in %.0f %% of the time (pressure)",
                       100 * stalled);
    return claim_add(claims, &claim, err);
}
