/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pipe-backpressure: others wait at a pipe for the process that the path goes through. The culprit is that process,
 * whose own work is on the path under the pipe's via. Workers that a program forks (multiprocessing) and that give it
 * their results through pipes are the program itself: there its function is the culprit.
 */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/search.h"
#include "detect/detectors.h"

static bool under(const struct interval *waits, size_t count, const struct path_step *step)
{
    size_t at = search_first(i, count, waits[i].end_ns > step->start_ns);
    return at < count && waits[at].start_ns < step->end_ns;
}

static int add_step(const struct scene *scene, const struct path_step *step, struct map *totals,
                    struct intern *names, struct err *err)
{
    const char *name = run_process_name(scene->run, step->actor, step->end_ns);
    uint64_t id;
    if (intern_put(names, name, strlen(name), &id, NULL))
        return err_memory(err);
    uint64_t *total = map_get(totals, id);
    uint64_t ns = step->end_ns - step->start_ns;
    if (total)
        *total += ns;
    else if (map_put(totals, id, ns))
        return err_memory(err);
    return 0;
}

static int claim_process(const struct scene *scene, struct cause_claims *claims, const char *process,
                         uint64_t ns, struct err *err)
{
    struct cause_claim claim = {.cause = "pipe-backpressure", .critical_ns = ns};
    claim.where.process = arena_string(scene->arena, process);
    claim.where.stage = scene->run->has_spans ? NULL : claim.where.process;
    for (size_t i = 0; i < scene->attribution->entry_count; i++) {
        const struct path_entry *entry = &scene->attribution->entries[i];
        if (entry->doing == DOING_CPU && entry->where.process && strcmp(entry->where.process, process) == 0) {
            claim.where = entry->where;
            break;
        }
    }
    claim.change = arena_printf(scene->arena, "speed:process/%s=2", process);
    claim.max_change = arena_printf(scene->arena, "speed:process/%s=1000000", process);
    claim.title = arena_printf(scene->arena, "the other ends of its pipes wait for %s", process);
    claim_evidence(scene, &claim, "%s works for %s of the path while others wait at its pipes", process,
                   scene_duration(scene, ns));
    return claim_add(claims, &claim, err);
}

int detect_pipe_backpressure(const struct scene *scene, struct cause_claims *claims, struct err *err)
{
    struct map totals = {0};
    struct intern names = {0};
    size_t wait_count = 0;
    struct interval *waits = scene_cover(scene, WAIT_PIPE, &wait_count);
    int status = waits ? 0 : err_memory(err);
    for (size_t i = 0; i < scene->path->steps.count && !status; i++) {
        const struct path_step *step = &scene->path->steps.items[i];
        if (step->actor != RUN_NONE && step->doing == DOING_CPU && under(waits, wait_count, step))
            status = add_step(scene, step, &totals, &names, err);
    }
    uint64_t best = 0;
    for (uint64_t id = 1; id <= names.entries.count; id++) {
        if (!best || *map_get(&totals, id) > *map_get(&totals, best))
            best = id;
    }
    /* Only a process that carries a good part of the path holds the others up. */
    if (!status && best && num_ratio(*map_get(&totals, best), scene->wall_ns) > 0.25)
        status = claim_process(scene, claims, intern_text(&names, best), *map_get(&totals, best), err);
    free(waits);
    map_free(&totals);
    intern_free(&names);
    return status;
}
