/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "analyze/wait_place.h"
#include "base/clock.h"
#include "base/num.h"
#include "base/str.h"
#include "detect/detector.h"
#include "model/meta.h"
#include "run/exchange.h"

int claim_add(struct cause_claims *claims, const struct cause_claim *claim, struct err *err)
{
    return vec_push(&claims->items, *claim) ? err_memory(err) : 0;
}

void claim_evidence(const struct scene *scene, struct cause_claim *claim, const char *format, ...)
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

#define PARENT_HOPS_MAX 64

static bool is_forked_from(const struct run *run, uint32_t process, uint32_t of)
{
    for (size_t hops = 0; process != RUN_NONE && hops < PARENT_HOPS_MAX; hops++) {
        process = run->tracks.items[process].parent;
        if (process == of)
            return true;
    }
    return false;
}

/* A program that waits at a pipe for a thread of its own (as event loops are woken), or for a fork of itself, or the fork for it:
 * a pool of workers. */
static bool is_within_program(const struct run *run, const struct path_via *via)
{
    if (via->reason != WAIT_PIPE || via->waker == RUN_NONE || via->actor == RUN_NONE)
        return false;
    uint32_t a = run->tracks.items[via->actor].process, b = run->tracks.items[via->waker].process;
    if (a != RUN_NONE && a == b)
        return true;
    return a != RUN_NONE && b != RUN_NONE && (is_forked_from(run, a, b) || is_forked_from(run, b, a)) &&
           strcmp(run_process_name(run, via->actor, via->end_ns),
                  run_process_name(run, via->waker, via->end_ns)) == 0;
}

/* Who waits for a condition waits for what another does: of it lock-contention says nothing. */
static bool is_at_condition(const struct run *run, const struct path_via *via)
{
    return via->reason == WAIT_LOCK && via->peer != RUN_NONE &&
           strcmp(run->peers.items[via->peer].name, PEER_NAME_CONDITION) == 0;
}

struct interval *scene_cover(const struct scene *scene, enum wait_reason reason, size_t *ret_count)
{
    const struct path *path = scene->path;
    struct interval *intervals = malloc((path->vias.count + 1) * sizeof *intervals);
    size_t count = 0, kept = 0;
    for (size_t i = 0; intervals && i < path->vias.count; i++) {
        const struct path_via *via = &path->vias.items[i];
        if (via->reason == reason && !is_within_program(scene->run, via) && !is_at_condition(scene->run, via))
            intervals[count++] = (struct interval){via->start_ns, via->end_ns};
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

const char *scene_collector_part(const char *function)
{
    static const char *const exact[] = {"gc_collect_main",
                                        "gc_collect_generations",
                                        "gc_collect_with_callback",
                                        "_PyGC_CollectNoFail",
                                        "PyGC_Collect",
                                        "_Py_RunGC",
                                        "gc_start",
                                        "gc_marks_rest",
                                        "gc_sweep_step",
                                        "runtime.gcBgMarkWorker",
                                        "runtime.gcDrain",
                                        "runtime.gcStart",
                                        "runtime.gcAssistAlloc"};
    static const char *const parts[] = {"v8::internal::Heap::CollectGarbage",
                                        "v8::internal::Heap::PerformGarbageCollection",
                                        "v8::internal::Scavenger",
                                        "v8::internal::MarkCompactCollector",
                                        "v8::internal::ConcurrentMarking",
                                        "v8::internal::Sweeper",
                                        "cppgc::internal::Marker",
                                        "GCTaskThread::run",
                                        "G1CollectedHeap::collect",
                                        "G1YoungCollector",
                                        "ParallelScavengeHeap",
                                        "SerialHeap::collect",
                                        "WKS::gc_heap::",
                                        "SVR::gc_heap::"};

    for (size_t i = 0; function && i < sizeof exact / sizeof exact[0]; i++)
        if (strcmp(function, exact[i]) == 0)
            return exact[i];
    for (size_t i = 0; function && i < sizeof parts / sizeof parts[0]; i++)
        if (strstr(function, parts[i]))
            return parts[i];
    return NULL;
}

const char *scene_duration(const struct scene *scene, uint64_t ns)
{
    double value = (double)ns;
    const char *text;
    if (ns >= 7200 * NS_PER_S)
        text = arena_printf(scene->arena, "%.1f h", value / 3.6e12);
    else if (ns >= 600 * NS_PER_S)
        text = arena_printf(scene->arena, "%.0f min", value / 6e10);
    else if (ns >= 10 * NS_PER_S)
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

/* --- groups of siblings --- */

static uint64_t member_path_ns(const struct scene *scene, const struct sibling_group *group,
                               const struct sibling *member, uint64_t from_ns, uint64_t to_ns)
{
    uint32_t process = scene->run->tracks.items[member->actor].process;
    from_ns = num_max(from_ns, member->start_ns);
    to_ns = num_min(to_ns, member->end_ns);
    return group->kind == SIBLING_PROGRAM && process != RUN_NONE
               ? path_index_process_ns(scene->path_index, process, from_ns, to_ns)
               : path_index_actor_ns(scene->path_index, member->actor, from_ns, to_ns);
}

uint64_t scene_path_of_ns(const struct scene *scene, const struct sibling_group *group, size_t index,
                          uint64_t from_ns, uint64_t to_ns)
{
    size_t first = index < group->members.count ? index : 0;
    size_t last = index < group->members.count ? index + 1 : group->members.count;
    uint64_t ns = 0;
    for (size_t i = first; i < last; i++)
        ns += member_path_ns(scene, group, &group->members.items[i], from_ns, to_ns);
    return num_min(ns,
                   to_ns > from_ns ? to_ns - from_ns : 0); /* members of one actor may lie in each other */
}

void scene_member_place(const struct scene *scene, const struct sibling *member, uint64_t from_ns,
                        uint64_t to_ns, struct where *ret_where)
{
    const struct run *run = scene->run;
    const struct run_track *track = &run->tracks.items[member->actor];
    struct places places = {0};
    struct where where = {0};
    place_actor(run, member->actor, num_max(from_ns, num_min(to_ns, track->end_ns)), &where);
    for (size_t i = run_samples_before(track, from_ns); i < run_samples_before(track, to_ns); i++) {
        struct where at = where;
        attribute_function(run, track->samples.items[i].stack, &at);
        places_add(&places, &at, 1);
    }
    const struct place_tally *best = places_heaviest(&places);
    *ret_where = best ? best->where : where;
}

const char *scene_group_target(const struct scene *scene, const struct sibling_group *group)
{
    bool span = group->kind == SIBLING_SPAN;
    const char *text = arena_printf(scene->arena, "%s/%s", span ? "stage" : "process", group->name);
    return text ? text : "";
}

const char *scene_group_noun(const struct scene *scene, const struct sibling_group *group)
{
    static const char *const nouns[] = {
        [SIBLING_THREAD] = "threads", [SIBLING_PROGRAM] = "runs", [SIBLING_SPAN] = "calls"};
    const char *text = arena_printf(scene->arena, "%s of %s", nouns[group->kind], group->name);
    return text ? text : "";
}

/* --- flows --- */

#define BEST_VALUE_MAX   16
#define BEST_VALUE_RATIO 0.9

int scene_best_value(const struct scene *scene, const char *change, const uint32_t *values, size_t count,
                     uint32_t *ret_value, struct err *err)
{
    double factors[BEST_VALUE_MAX] = {0}, best = 0;
    count = num_min(count, BEST_VALUE_MAX);
    for (size_t i = 0; i < count; i++) {
        struct str text = {0};
        struct whatif_result result;
        str_printf(&text, "%s=%u", change, values[i]);
        int status = text.failed ? err_memory(err) : whatif_text(scene->whatif, text.text, &result, err);
        str_free(&text);
        if (status)
            return status;
        factors[i] = result.factor;
        best = result.factor > best ? result.factor : best;
    }
    for (size_t i = 0; i < count; i++) {
        if (factors[i] >= best * BEST_VALUE_RATIO) {
            *ret_value = values[i];
            break;
        }
    }
    return 0;
}

uint64_t scene_flow_ns(const struct scene *scene, const struct run_flow *flow, uint64_t cpu_ns,
                       struct where *ret_where)
{
    const struct run *run = scene->run;
    const struct run_track *process = &run->tracks.items[flow->process];
    const char *name = run_process_name(run, flow->process, process->end_ns);
    double share = num_ratio(cpu_ns, exchange_cpu_ns(run, flow->process));
    uint64_t ns = 0, computing_ns = 0;
    bool is_placed = false;
    *ret_where = (struct where){.process = name, .stage = run->has_spans ? NULL : name};
    for (size_t i = 0; i < scene->attribution->entry_count; i++) {
        const struct path_entry *entry = &scene->attribution->entries[i];
        if (!entry->where.process || strcmp(entry->where.process, name) != 0)
            continue;
        bool is_wait = flow->name && entry->where.peer && strcmp(entry->where.peer, flow->name) == 0 &&
                       entry->doing >= 0;
        if (!is_wait && entry->doing != DOING_CPU)
            continue;
        ns += is_wait ? entry->ns : 0;
        computing_ns += is_wait ? 0 : entry->ns;
        if (!is_placed)
            ret_where->stage = entry->where.stage;
        is_placed = true;
    }
    if (flow->peer != RUN_NONE) {
        bool is_file = run->peers.items[flow->peer].kind == PEER_FILE;
        *(is_file ? &ret_where->path : &ret_where->peer) = flow->name;
    }
    return ns + num_u64((double)computing_ns * (share < 1 ? share : 1));
}

#define CALLS_MIN 3

/* A program that only sleeps is not work to be done in parallel. */
static bool is_sleep(const struct stage *stage)
{
    uint64_t total = stage->cpu_ns;
    for (size_t i = 0; i < WAIT_REASON_COUNT; i++)
        total += stage->wait_ns[i];
    return stage->wait_ns[WAIT_SLEEP] * 10 > total * 8;
}

/* A declared dependency from one occurrence to the next ties them. */
static bool is_tied(const struct run *run, const struct loop *loop)
{
    size_t ties = 0;
    for (size_t i = 0; i < run->edges.count; i++) {
        const struct run_edge *edge = &run->edges.items[i];
        if (edge->kind != EDGE_DEPENDS && edge->kind != EDGE_DATA)
            continue;
        for (size_t j = 0; j + 1 < loop->occurrences.count; j++) {
            const struct occurrence *from = &loop->occurrences.items[j],
                                    *to = &loop->occurrences.items[j + 1];
            ties += edge->from_ns >= from->start_ns && edge->from_ns <= from->end_ns &&
                    edge->to_ns >= to->start_ns && edge->to_ns <= to->end_ns;
        }
    }
    return ties * 2 > loop->occurrences.count;
}

static bool is_serial(const struct loop *loop)
{
    return loop->occurrences.count >= CALLS_MIN && loop->driver_count * 2 <= loop->occurrences.count &&
           loop->covered_ns * 20 >= loop->busy_ns * 19;
}

bool scene_loop_is_serial(const struct scene *scene, uint32_t stage, const struct loop *loop)
{
    return is_serial(loop) && !is_tied(scene->run, loop) && !is_sleep(&scene->stages[stage]);
}
