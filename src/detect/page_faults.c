/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page-faults: CPU time goes into first touches of memory. Seen by the number of minor faults and the system time
 * they cost (a fault takes about 0.25 to 2 us), and by waits for pages.
 */
#include "base/clock.h"
#include "base/num.h"
#include "detect/detectors.h"

#define FAULT_NS_MIN   250u
#define FAULT_RATE_MIN 20000.0 /* a second of CPU time */

static const struct run_track *faultiest(const struct scene *scene)
{
    const struct run_track *best = NULL;
    for (size_t i = 0; i < scene->run->tracks.count; i++) {
        const struct run_track *track = &scene->run->tracks.items[i];
        if (track->present && track->kind == TRACK_PROCESS &&
            (!best || track->fault_minor_count > best->fault_minor_count))
            best = track;
    }
    return best;
}

int detect_page_faults(const struct scene *scene, struct cause_claims *claims, struct err *err)
{
    const struct run_track *process = faultiest(scene);
    struct cause_claim claim = {.cause = "page-faults", .change = "remove:wait/page_fault"};
    uint64_t waited = scene_doing_ns(scene, WAIT_PAGE_FAULT, &claim.where);
    uint64_t cpu_ns = process ? process->cpu_user_ns + process->cpu_system_ns : 0;
    double per_s = cpu_ns ? (double)process->fault_minor_count * 1e9 / (double)cpu_ns : 0;
    bool many = process && per_s > FAULT_RATE_MIN &&
                process->fault_minor_count * FAULT_NS_MIN > cpu_ns / 50 &&
                process->cpu_system_ns * 5 > cpu_ns;
    uint64_t faulted = many ? process->cpu_system_ns : 0;
    claim.critical_ns = waited + faulted;
    if (num_ratio(claim.critical_ns, scene->wall_ns) < 0.05)
        return 0;
    if (many) {
        claim.where = (struct where){0};
        const char *name =
            run_process_name(scene->run, (uint32_t)(process - scene->run->tracks.items), process->end_ns);
        claim.where.process = name;
        claim.where.stage = scene->run->has_spans ? NULL : name;
        for (size_t i = 0; i < scene->attribution->entry_count; i++) {
            const struct path_entry *entry = &scene->attribution->entries[i];
            if (entry->doing == DOING_CPU && entry->where.process == name) {
                claim.where = entry->where;
                break;
            }
        }
    }
    claim.title = arena_printf(scene->arena, "%s spends its time getting fresh memory from the kernel",
                               scene_place(scene, &claim.where));
    if (many)
        claim_evidence(scene, &claim, "%llu page faults, %.0f in each second of CPU time, %s in the kernel",
                       (unsigned long long)process->fault_minor_count, per_s, scene_duration(scene, faulted));
    if (waited)
        claim_evidence(scene, &claim, "%s of the path is waiting for pages", scene_duration(scene, waited));
    return claim_add(claims, &claim, err);
}
