/* SPDX-License-Identifier: Apache-2.0 */
#include "run/stage.h"

#include <string.h>

#include "base/num.h"
#include "base/search.h"
#include "base/str.h"

/* Deeper nesting is cut: the innermost spans are ignored. */
#define DEPTH_MAX 256

uint32_t run_stage_index(struct run *run, const char *name, bool process)
{
    struct str key = {0};
    str_printf(&key, "%c%s", process ? 'p' : 's', name);
    uint64_t id = 0;
    bool fresh = false;
    int status = key.failed ? -1 : intern_put(&run->stage_names, key.text, key.length, &id, &fresh);
    str_free(&key);
    if (status)
        return RUN_NONE;
    /* The interned text lives as long as the run. */
    struct run_stage stage = {.name = intern_text(&run->stage_names, id) + 1, .process = process};
    if (fresh && vec_push(&run->stages, stage))
        return RUN_NONE;
    return (uint32_t)(id - 1);
}

struct cutter {
    struct run_track *track;
    uint64_t cursor;
    uint32_t base;
    const struct run_span *open[DEPTH_MAX];
    size_t depth;
};

static int cut(struct cutter *cutter, uint64_t until)
{
    until = num_min(until, cutter->track->end_ns);
    if (until <= cutter->cursor)
        return 0;
    uint32_t stage = cutter->depth ? cutter->open[cutter->depth - 1]->name : cutter->base;
    struct run_piece *last =
        cutter->track->pieces.count ? &cutter->track->pieces.items[cutter->track->pieces.count - 1] : NULL;
    if (last && last->stage == stage && last->end_ns == cutter->cursor) {
        last->end_ns = until;
    } else {
        struct run_piece piece = {.start_ns = cutter->cursor, .end_ns = until, .stage = stage};
        if (vec_push(&cutter->track->pieces, piece))
            return -1;
    }
    cutter->cursor = until;
    return 0;
}

static int close_until(struct cutter *cutter, uint64_t t)
{
    while (cutter->depth && cutter->open[cutter->depth - 1]->end_ns <= t) {
        if (cut(cutter, cutter->open[cutter->depth - 1]->end_ns))
            return -1;
        cutter->depth--;
    }
    return 0;
}

static int cut_by_spans(struct cutter *cutter, const struct run_track *spans, bool exec)
{
    for (size_t i = 0; i < spans->spans.count; i++) {
        const struct run_span *span = &spans->spans.items[i];
        if (span->exec != exec || span->end_ns <= span->start_ns)
            continue;
        if (close_until(cutter, span->start_ns) || cut(cutter, span->start_ns))
            return -1;
        if (cutter->depth < DEPTH_MAX)
            cutter->open[cutter->depth++] = span;
    }
    return close_until(cutter, UINT64_MAX) || cut(cutter, UINT64_MAX) ? -1 : 0;
}

static bool has_named_span(const struct run_track *track)
{
    for (size_t i = 0; i < track->spans.count; i++) {
        if (!track->spans.items[i].exec)
            return true;
    }
    return false;
}

static int pieces_of(struct run *run, struct run_track *track)
{
    struct cutter cutter = {.track = track, .cursor = track->start_ns, .base = RUN_NONE};
    if (track->spawner != RUN_NONE)
        cutter.base = run_stage_at(run, track->spawner, track->spawn_ns);
    const struct run_track *process = track->process == RUN_NONE ? NULL : &run->tracks.items[track->process];
    if (!run->has_spans)
        return cut_by_spans(&cutter, process ? process : track, true);
    bool own = has_named_span(track) || !process || track->tid != process->pid;
    return cut_by_spans(&cutter, own ? track : process, false);
}

struct start_order {
    uint64_t start_ns;
    uint32_t index;
};

static int compare_starts(const void *a, const void *b)
{
    const struct start_order *x = a, *y = b;
    if (x->start_ns != y->start_ns)
        return x->start_ns > y->start_ns ? 1 : -1;
    return (x->index > y->index) - (x->index < y->index);
}

int stage_pieces(struct run *run, struct err *err)
{
    VEC(struct start_order) order = {0};
    int status = 0;
    for (uint32_t i = 0; i < run->tracks.count && !status; i++) {
        const struct run_track *track = &run->tracks.items[i];
        if (!track->present)
            continue;
        run->has_spans = run->has_spans || has_named_span(track);
        struct start_order entry = {.start_ns = track->start_ns, .index = i};
        if (track->actor)
            status = vec_push(&order, entry);
    }
    /* A spawner starts before what it spawns, so its pieces are there first. */
    if (order.count)
        qsort(order.items, order.count, sizeof *order.items, compare_starts);
    for (size_t i = 0; i < order.count && !status; i++)
        status = pieces_of(run, &run->tracks.items[order.items[i].index]);
    vec_free(&order);
    return status ? err_memory(err) : 0;
}

uint32_t run_stage_at(const struct run *run, uint32_t actor, uint64_t t)
{
    const struct run_track *track = &run->tracks.items[actor];
    size_t at = search_first(i, track->pieces.count, track->pieces.items[i].end_ns >= t);
    return at < track->pieces.count ? track->pieces.items[at].stage : RUN_NONE;
}

static bool is_image(const struct run_span *span)
{
    return span->exec && span->end_ns > span->start_ns;
}

/* The program a process ran just before t, before its first one that first one; NULL when it executed none. */
static const char *image_at(const struct run *run, const struct run_track *process, uint64_t t)
{
    size_t later = search_first(i, process->spans.count, process->spans.items[i].start_ns >= t);
    for (size_t i = later; i-- > 0;) {
        if (is_image(&process->spans.items[i]))
            return run->stages.items[process->spans.items[i].name].name;
    }
    for (size_t i = later; i < process->spans.count; i++) {
        if (is_image(&process->spans.items[i]))
            return run->stages.items[process->spans.items[i].name].name;
    }
    return NULL;
}

const char *run_process_name(const struct run *run, uint32_t index, uint64_t t)
{
    const char *name = NULL;
    /* A fork that has not executed anything is its parent's program: look upwards. */
    for (size_t hops = 0; index != RUN_NONE && !name && hops < DEPTH_MAX; hops++) {
        const struct run_track *track = &run->tracks.items[index];
        if (track->kind == TRACK_AGENT)
            return track->name;
        const struct run_track *process =
            track->process == RUN_NONE ? track : &run->tracks.items[track->process];
        name = image_at(run, process, t);
        t = process->start_ns;
        index = process->parent == index ? RUN_NONE : process->parent;
        if (!name && index == RUN_NONE)
            name = process->name;
    }
    return name ? name : "";
}

/* --- the table --- */

struct interval {
    uint32_t stage;
    uint64_t start_ns, end_ns;
};

static int compare_intervals(const void *a, const void *b)
{
    const struct interval *x = a, *y = b;
    if (x->stage != y->stage)
        return x->stage > y->stage ? 1 : -1;
    return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

static void add_calls(struct stage *stages, struct interval *intervals, size_t count)
{
    if (count)
        qsort(intervals, count, sizeof *intervals, compare_intervals);
    uint64_t covered_to = 0;
    for (size_t i = 0; i < count; i++) {
        struct stage *stage = &stages[intervals[i].stage];
        if (i == 0 || intervals[i - 1].stage != intervals[i].stage)
            covered_to = 0;
        stage->call_count++;
        stage->wall_ns += intervals[i].end_ns - intervals[i].start_ns;
        uint64_t from = num_max(intervals[i].start_ns, covered_to);
        if (intervals[i].end_ns > from)
            stage->covered_ns += intervals[i].end_ns - from;
        covered_to = num_max(covered_to, intervals[i].end_ns);
    }
}

static int count_calls(const struct run *run, struct stage *stages)
{
    VEC(struct interval) intervals = {0};
    int status = 0;
    for (size_t i = 0; i < run->tracks.count && !status; i++) {
        const struct run_track *track = &run->tracks.items[i];
        for (size_t j = 0; j < track->spans.count && !status; j++) {
            const struct run_span *span = &track->spans.items[j];
            struct interval interval = {.stage = span->name,
                                        .start_ns = num_max(span->start_ns, run->start_ns),
                                        .end_ns = num_min(span->end_ns, run->end_ns)};
            if (span->exec != run->has_spans && !span->borrowed && interval.end_ns > interval.start_ns)
                status = vec_push(&intervals, interval);
        }
    }
    if (!status)
        add_calls(stages, intervals.items, intervals.count);
    vec_free(&intervals);
    return status;
}

/* Splits a wait that lies in several pieces by the share of its length in each. */
static void add_piece(struct stage *stage, const struct run_track *track, const struct run_piece *piece,
                      size_t *wait_index)
{
    uint64_t waited = 0;
    while (*wait_index < track->waits.count && track->waits.items[*wait_index].end_ns <= piece->start_ns)
        (*wait_index)++;
    for (size_t i = *wait_index; i < track->waits.count && track->waits.items[i].start_ns < piece->end_ns;
         i++) {
        const struct run_wait *wait = &track->waits.items[i];
        uint64_t from = num_max(wait->start_ns, piece->start_ns), to = num_min(wait->end_ns, piece->end_ns);
        double share = num_ratio(to - from, wait->end_ns - wait->start_ns);
        uint64_t blocked = num_u64(share * (double)wait->blocked_ns);
        uint64_t queued = num_u64(share * (double)wait->runnable_ns);
        stage->wait_ns[wait->reason] += blocked;
        stage->wait_ns[WAIT_CPU_QUEUE] += queued;
        waited += blocked + queued;
    }
    uint64_t length = piece->end_ns - piece->start_ns;
    stage->cpu_ns += length > waited ? length - waited : 0;
}

static void add_work(const struct run *run, struct stage *stages)
{
    for (size_t i = 0; i < run->tracks.count; i++) {
        const struct run_track *track = &run->tracks.items[i];
        size_t wait_index = 0;
        for (size_t j = 0; track->actor && j < track->pieces.count; j++) {
            const struct run_piece *piece = &track->pieces.items[j];
            if (piece->stage == RUN_NONE)
                continue;
            add_piece(&stages[piece->stage], track, piece, &wait_index);
            if (track->process != RUN_NONE)
                stages[piece->stage].rss_bytes_max = num_max(stages[piece->stage].rss_bytes_max,
                                                             run->tracks.items[track->process].rss_bytes_max);
        }
    }
}

/* More kinds of usage in one stage than this are not shown. */
#define USAGE_KIND_MAX 16

static void add_amount(struct stage *stage, struct usage_entry *entries, const struct run_usage *usage)
{
    size_t at = 0;
    while (at < stage->usage_count && strcmp(entries[at].kind, usage->kind) != 0)
        at++;
    if (at == USAGE_KIND_MAX)
        return;
    if (at == stage->usage_count)
        entries[stage->usage_count++] = (struct usage_entry){.kind = usage->kind};
    entries[at].amount += usage->amount;
    stage->usage = entries;
}

static int add_usage(const struct run *run, struct arena *arena, struct stage *stages)
{
    if (!run->usage.count)
        return 0;
    struct usage_entry *entries = arena_alloc(arena, run->stages.count * USAGE_KIND_MAX * sizeof *entries);
    struct map stage_of = {0};
    int status = entries ? 0 : -1;
    for (size_t i = 0; i < run->tracks.count; i++) {
        for (size_t j = 0; j < run->tracks.items[i].spans.count && !status; j++)
            status = map_put(&stage_of, run->tracks.items[i].spans.items[j].id,
                             run->tracks.items[i].spans.items[j].name);
    }
    for (size_t i = 0; i < run->usage.count && !status; i++) {
        const uint64_t *index = map_get(&stage_of, run->usage.items[i].span);
        if (index)
            add_amount(&stages[*index], &entries[*index * USAGE_KIND_MAX], &run->usage.items[i]);
    }
    map_free(&stage_of);
    return status;
}

int stage_table(const struct run *run, struct arena *arena, struct stage **ret_stages, struct err *err)
{
    struct stage *stages = arena_alloc(arena, (run->stages.count + 1) * sizeof *stages);
    if (!stages)
        return err_memory(err);
    for (size_t i = 0; i < run->stages.count; i++)
        stages[i].name = run->stages.items[i].name;
    if (count_calls(run, stages))
        return err_memory(err);
    add_work(run, stages);
    if (add_usage(run, arena, stages))
        return err_memory(err);
    *ret_stages = stages;
    return 0;
}
