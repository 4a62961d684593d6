/* SPDX-License-Identifier: Apache-2.0 */
/* cpu-single-thread: one thread of a process works while its siblings wait and cores are free. */
#include <string.h>

#include "base/num.h"
#include "detect/detectors.h"

struct busiest {
    uint32_t actor;
    uint64_t run_ns, total_ns;
    size_t thread_count;  /* the program's own */
    size_t lasting_count; /* of them, that lived for a good part of the run */
};

static struct busiest busiest_of(const struct scene *scene, const struct run_track *process)
{
    struct busiest busiest = {.actor = RUN_NONE};
    for (size_t i = 0; i < process->actors.count; i++) {
        uint32_t index = process->actors.items[i];
        const struct run_track *track = &scene->run->tracks.items[index];
        if (track->is_helper)
            continue;
        busiest.total_ns += track->run_ns;
        busiest.thread_count++;
        busiest.lasting_count += (track->end_ns - track->start_ns) * 3 > scene->wall_ns;
        if (busiest.actor == RUN_NONE || track->run_ns > busiest.run_ns) {
            busiest.actor = index;
            busiest.run_ns = track->run_ns;
        }
    }
    return busiest;
}

static uint64_t on_path_ns(const struct scene *scene, uint32_t actor)
{
    uint64_t ns = 0;
    for (size_t i = 0; i < scene->path->steps.count; i++) {
        const struct path_step *step = &scene->path->steps.items[i];
        ns += step->actor == actor && step->doing == DOING_CPU ? step->end_ns - step->start_ns : 0;
    }
    return ns;
}

static int look_at(const struct scene *scene, struct cause_claims *claims, uint32_t process_index,
                   struct err *err)
{
    const struct run_track *process = &scene->run->tracks.items[process_index];
    struct busiest busiest = busiest_of(scene, process);
    if (busiest.lasting_count < 2 || busiest.run_ns * 10 < busiest.total_ns * 7)
        return 0;
    uint64_t ns = on_path_ns(scene, busiest.actor);
    if (num_ratio(ns, scene->wall_ns) < 0.3 || scene->run->cpu_count < 2)
        return 0;
    const char *name = run_process_name(scene->run, process_index, process->end_ns);
    struct cause_claim claim = {.cause = "cpu-single-thread", .critical_ns = ns};
    claim.where.process = name;
    claim.where.stage = scene->run->has_spans ? NULL : name;
    for (size_t i = 0; i < scene->attribution->entry_count; i++) {
        const struct path_entry *entry = &scene->attribution->entries[i];
        if (entry->doing == DOING_CPU && entry->where.process && strcmp(entry->where.process, name) == 0) {
            claim.where = entry->where;
            break;
        }
    }
    claim.change = arena_printf(scene->arena, "workers:process/%s=%u", name, scene->run->cpu_count);
    claim.title = arena_printf(scene->arena, "one thread of %s does all the work, %zu others wait", name,
                               busiest.thread_count - 1);
    claim_evidence(scene, &claim, "one thread ran for %s, all %zu together for %s",
                   scene_duration(scene, busiest.run_ns), busiest.thread_count,
                   scene_duration(scene, busiest.total_ns));
    return claim_add(claims, &claim, err);
}

int detect_cpu_single_thread(const struct scene *scene, struct cause_claims *claims, struct err *err)
{
    for (uint32_t i = 0; i < scene->run->tracks.count; i++) {
        const struct run_track *track = &scene->run->tracks.items[i];
        if (!track->present || track->kind != TRACK_PROCESS)
            continue;
        int status = look_at(scene, claims, i, err);
        if (status)
            return status;
    }
    return 0;
}
