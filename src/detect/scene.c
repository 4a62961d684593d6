/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "detect/detector.h"

int claim_add(struct claims *claims, const struct claim *claim, struct err *err)
{
    return vec_push(&claims->items, *claim) ? err_memory(err) : 0;
}

void claim_evidence(const struct scene *scene, struct claim *claim, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const char *copy = claim->evidence_count < EVIDENCE_MAX ? arena_string(scene->arena, text) : NULL;
    if (copy)
        claim->evidence[claim->evidence_count++] = copy;
}

uint64_t scene_doing_ns(const struct scene *scene, int doing, struct where *ret_top)
{
    uint64_t ns = 0;
    bool first = true;
    for (size_t i = 0; i < scene->attribution->entry_count; i++) {
        const struct path_entry *entry = &scene->attribution->entries[i];
        if (entry->doing != doing)
            continue;
        if (first && ret_top)
            *ret_top = entry->where;
        first = false;
        ns += entry->ns;
    }
    return ns;
}

static int compare_intervals(const void *a, const void *b)
{
    const struct interval *x = a, *y = b;
    return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

struct interval *scene_cover(const struct scene *scene, enum wait_reason reason, size_t *ret_count)
{
    const struct path *path = scene->path;
    struct interval *intervals = malloc((path->vias.count + 1) * sizeof *intervals);
    size_t count = 0, kept = 0;
    for (size_t i = 0; intervals && i < path->vias.count; i++) {
        if (path->vias.items[i].reason == reason)
            intervals[count++] = (struct interval){path->vias.items[i].start_ns, path->vias.items[i].end_ns};
    }
    if (count)
        qsort(intervals, count, sizeof *intervals, compare_intervals);
    for (size_t i = 0; i < count; i++) {
        if (kept && intervals[i].start_ns <= intervals[kept - 1].end_ns)
            intervals[kept - 1].end_ns = num_max(intervals[kept - 1].end_ns, intervals[i].end_ns);
        else
            intervals[kept++] = intervals[i];
    }
    *ret_count = kept;
    return intervals;
}

uint64_t scene_doing_under_ns(const struct scene *scene, int doing, enum wait_reason under)
{
    size_t count = 0, at = 0;
    struct interval *intervals = scene_cover(scene, under, &count);
    uint64_t ns = 0;
    for (size_t i = 0; i < scene->path->steps.count && count; i++) {
        const struct path_step *step = &scene->path->steps.items[i];
        while (at < count && intervals[at].end_ns <= step->start_ns)
            at++;
        for (size_t j = at; j < count && intervals[j].start_ns < step->end_ns && step->doing == doing; j++)
            ns += num_min(intervals[j].end_ns, step->end_ns) - num_max(intervals[j].start_ns, step->start_ns);
    }
    free(intervals);
    return ns;
}

const char *scene_duration(const struct scene *scene, uint64_t ns)
{
    double value = (double)ns;
    const char *text;
    if (ns >= 10 * NS_PER_S)
        text = arena_printf(scene->arena, "%.1f s", value / 1e9);
    else if (ns >= NS_PER_S)
        text = arena_printf(scene->arena, "%.2f s", value / 1e9);
    else if (ns >= NS_PER_MS)
        text = arena_printf(scene->arena, "%.*f ms", ns >= 10 * NS_PER_MS ? 0 : 1, value / 1e6);
    else
        text = arena_printf(scene->arena, "%.*f us", ns >= 10 * NS_PER_US ? 0 : 1, value / 1e3);
    return text ? text : "";
}

const char *scene_place(const struct scene *scene, const struct where *where)
{
    const char *outer = where->stage ? where->stage : where->process;
    const char *text = NULL;
    if (where->function && outer)
        text = arena_printf(scene->arena, "%s in %s", where->function, outer);
    else if (where->function || outer)
        text = where->function ? where->function : outer;
    return text ? text : "the run";
}

uint32_t scene_stage(const struct scene *scene, const char *name)
{
    for (uint32_t i = 0; name && i < scene->run->stages.count; i++) {
        const struct run_stage *stage = &scene->run->stages.items[i];
        if (stage->process != scene->run->has_spans && strcmp(stage->name, name) == 0)
            return i;
    }
    return RUN_NONE;
}

const char *scene_target(const struct scene *scene, const struct where *where)
{
    if (where->stage && scene->run->has_spans)
        return arena_printf(scene->arena, "stage/%s", where->stage);
    return where->process ? arena_printf(scene->arena, "process/%s", where->process) : NULL;
}
