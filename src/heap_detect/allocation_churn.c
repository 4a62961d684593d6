/* SPDX-License-Identifier: Apache-2.0 */
/*
 * allocation-churn: a function spends much of its time in the allocator: it makes blocks and drops them again. The share comes
 * from CPU samples whose stack is in the allocator, called by that function; the change replays the function without that
 * share. Where allocations were recorded (--heap), the claim tells how many they were and how many only temporary.
 */
#include <string.h>

#include "analyze/attribution.h"
#include "base/clock.h"
#include "base/num.h"
#include "heap_detect/heap_detectors.h"
#include "heap_detect/heap_sites.h"
#include "heap_detect/path_samples.h"

#define CHURN_RATIO_MIN 0.08 /* of the path */
#define SHARE_MAX       0.98 /* of a function: what calls the allocator does something itself */
#define CLAIMS_MAX      3

/* How often this function asked for memory, over all its stacks. */
static void count_sites(const struct scene *scene, const struct heap_sites *sites,
                        const struct inside_time *time, uint64_t *ret_count, uint64_t *ret_bytes,
                        uint64_t *ret_temporary)
{
    *ret_count = *ret_bytes = *ret_temporary = 0;
    for (size_t i = 0; i < sites->items.count; i++) {
        const struct heap_site *site = &sites->items.items[i];
        struct where where = {0};
        if (site->is_pages || site->stack == RUN_NONE || strcmp(site->program, time->where.process) != 0)
            continue;
        attribute_function(scene->run, site->stack, &where);
        if (!where.function || strcmp(where.function, time->where.function) != 0)
            continue;
        *ret_count += site->count - site->pages_count;
        *ret_bytes += site->bytes;
        *ret_temporary += site->temporary_count;
    }
}

static int claim_time(const struct scene *scene, struct cause_claims *claims, const struct heap_sites *sites,
                      const struct inside_time *time, struct err *err)
{
    double share = num_ratio(time->inside_ns, time->ns);
    double factor = 1 / (1 - (share < SHARE_MAX ? share : SHARE_MAX));
    const char *place = scene_place(scene, &time->where);
    struct cause_claim claim = {
        .cause = "allocation-churn", .where = time->where, .critical_ns = time->inside_ns};
    uint64_t count, bytes, temporary;

    claim.change = arena_printf(scene->arena, "speed:function/%s=%.4g", time->where.function, factor);
    claim.title =
        arena_printf(scene->arena, "%s spends %.0f %% of its time making blocks of memory and dropping them",
                     place, 100 * share);
    claim_evidence(scene, &claim, "%s of the path is inside the allocator (%s), called by %s",
                   scene_duration(scene, time->inside_ns), time->inner, time->where.function);
    count_sites(scene, sites, time, &count, &bytes, &temporary);
    if (count)
        claim_evidence(
            scene, &claim, "%llu allocations, %llu bytes, in %s: %.0f a second; %.0f %% were only temporary",
            (unsigned long long)count, (unsigned long long)bytes, scene_duration(scene, scene->wall_ns),
            (double)count * (double)NS_PER_S / (double)num_max(scene->wall_ns, 1),
            100 * num_ratio(temporary, count));
    else if (!sites->image_count)
        claim_evidence(scene, &claim, "how many they are is not known: toll run --heap counts them");
    return claim_add(claims, &claim, err);
}

int detect_allocation_churn(const struct scene *scene, struct cause_claims *claims, struct err *err)
{
    struct inside_times times = {0};
    struct heap_sites sites = {0};
    size_t claimed = 0;
    int status = inside_times_of(scene, stack_in_allocator, true, &times, err);

    if (!status)
        status = heap_sites_load(scene->run, &sites, err);
    for (size_t i = 0; i < times.items.count && !status && claimed < CLAIMS_MAX; i++) {
        const struct inside_time *time = &times.items.items[i];
        if (num_ratio(time->inside_ns, scene->wall_ns) < CHURN_RATIO_MIN)
            break;
        if (!time->where.function)
            continue;
        status = claim_time(scene, claims, &sites, time, err);
        claimed++;
    }
    inside_times_free(&times);
    heap_sites_free(&sites);
    return status;
}
