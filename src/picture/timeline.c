/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "analyze/attribution.h"
#include "base/num.h"
#include "picture/picture.h"

#define STEP_MAX  4000
#define SPAN_MAX  500
#define DEPTH_MAX 32

struct shown {
    uint32_t actor;
    uint64_t path_ns; /* on the critical path: these must be shown */
    uint64_t start_ns;
};

static int compare_importance(const void *a, const void *b)
{
    const struct shown *x = a, *y = b;
    if (x->path_ns != y->path_ns)
        return x->path_ns < y->path_ns ? 1 : -1;
    return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

static int compare_start(const void *a, const void *b)
{
    const struct shown *x = a, *y = b;
    if (x->start_ns != y->start_ns)
        return x->start_ns > y->start_ns ? 1 : -1;
    return (x->actor > y->actor) - (x->actor < y->actor);
}

static size_t depth_of(const struct run *run, uint32_t actor)
{
    size_t depth = 0;
    uint32_t at = run->tracks.items[actor].spawner;
    while (at != RUN_NONE && depth < DEPTH_MAX) {
        depth++;
        at = run->tracks.items[at].spawner;
    }
    return depth;
}

/* Intervals too short to be drawn gather until together they are not; then they are drawn as what most of them was. */
struct pen {
    struct timeline_track *track;
    struct timeline_interval *intervals;
    uint64_t resolution_ns;
    struct timeline_interval gathered;
    uint64_t gathered_ns[WAIT_REASON_COUNT + 1]; /* by doing, running last */
};

static size_t doing_index(int doing)
{
    return doing == DOING_CPU ? WAIT_REASON_COUNT : (size_t)doing;
}

static void draw(struct pen *pen, const struct timeline_interval *next)
{
    struct timeline_track *track = pen->track;
    size_t count = track->interval_count;
    struct timeline_interval *last = &pen->intervals[count ? count - 1 : 0];
    if (count && (last->doing == next->doing || count == TIMELINE_INTERVAL_MAX))
        last->end_ns = next->end_ns;
    else
        pen->intervals[track->interval_count++] = *next;
}

static void draw_gathered(struct pen *pen)
{
    struct timeline_interval *gathered = &pen->gathered;
    if (gathered->end_ns <= gathered->start_ns)
        return;
    size_t most = WAIT_REASON_COUNT;
    for (size_t i = 0; i <= WAIT_REASON_COUNT; i++)
        most = pen->gathered_ns[i] > pen->gathered_ns[most] ? i : most;
    gathered->doing = most == WAIT_REASON_COUNT ? DOING_CPU : (int)most;
    draw(pen, gathered);
    *gathered = (struct timeline_interval){.start_ns = gathered->end_ns, .end_ns = gathered->end_ns};
    memset(pen->gathered_ns, 0, sizeof pen->gathered_ns);
}

static void begin_gathering(struct pen *pen, const struct timeline_interval *first)
{
    draw_gathered(pen);
    pen->gathered = *first;
}

static void put(struct pen *pen, struct timeline_interval next)
{
    if (next.end_ns <= next.start_ns)
        return;
    uint64_t length = next.end_ns - next.start_ns;
    if (length >= pen->resolution_ns) {
        draw_gathered(pen);
        draw(pen, &next);
        return;
    }
    if (pen->gathered.end_ns != next.start_ns || pen->gathered.end_ns == pen->gathered.start_ns)
        begin_gathering(pen, &next);
    pen->gathered.end_ns = next.end_ns;
    pen->gathered_ns[doing_index(next.doing)] += length;
    if (pen->gathered.end_ns - pen->gathered.start_ns >= pen->resolution_ns)
        draw_gathered(pen);
}

static int fill_intervals(const struct run *run, uint32_t actor, struct timeline_track *track,
                          struct arena *arena)
{
    const struct run_track *from = &run->tracks.items[actor];
    size_t room = num_min(from->waits.count * 2 + 2, TIMELINE_INTERVAL_MAX + 1);
    struct timeline_interval *intervals = arena_alloc(arena, room * sizeof *intervals);
    if (!intervals)
        return -1;
    struct pen pen = {
        .track = track, .intervals = intervals, .resolution_ns = (run->end_ns - run->start_ns) / 2000 + 1};
    uint64_t at = num_max(from->start_ns, run->start_ns);
    for (size_t i = 0; i <= from->waits.count; i++) {
        const struct run_wait *wait = i < from->waits.count ? &from->waits.items[i] : NULL;
        uint64_t until = wait ? wait->start_ns : num_min(from->end_ns, run->end_ns);
        struct timeline_interval running = {
            .start_ns = at - run->start_ns, .end_ns = num_max(until, at) - run->start_ns, .doing = DOING_CPU};
        put(&pen, running);
        if (!wait)
            break;
        at = num_max(at, num_min(wait->end_ns, run->end_ns));
        uint64_t start = num_max(num_min(wait->start_ns, run->end_ns), run->start_ns);
        bool mostly_runs =
            wait->count > 1 && (wait->blocked_ns + wait->runnable_ns) * 2 < wait->end_ns - wait->start_ns;
        struct timeline_interval waiting = {.start_ns = start - run->start_ns,
                                            .end_ns = num_max(at, start) - run->start_ns,
                                            .doing = mostly_runs        ? DOING_CPU
                                                     : wait->blocked_ns ? wait->reason
                                                                        : WAIT_CPU_QUEUE,
                                            .label = attribute_peer(run, wait->peer)};
        put(&pen, waiting);
    }
    draw_gathered(&pen);
    track->intervals = intervals;
    return 0;
}

static int fill_spans(const struct run *run, uint32_t actor, struct timeline_track *track,
                      struct arena *arena)
{
    const struct run_track *from = &run->tracks.items[actor];
    size_t room = num_min(from->spans.count, SPAN_MAX);
    struct timeline_span *spans = arena_alloc(arena, (room + 1) * sizeof *spans);
    if (!spans)
        return -1;
    uint64_t ends[DEPTH_MAX];
    size_t depth = 0;
    for (size_t i = 0; i < from->spans.count && track->span_count < room; i++) {
        const struct run_span *span = &from->spans.items[i];
        if (span->exec || span->start_ns >= run->end_ns || span->end_ns <= run->start_ns)
            continue;
        while (depth && ends[depth - 1] <= span->start_ns)
            depth--;
        spans[track->span_count++] =
            (struct timeline_span){.start_ns = num_max(span->start_ns, run->start_ns) - run->start_ns,
                                   .end_ns = num_min(span->end_ns, run->end_ns) - run->start_ns,
                                   .name = run->stages.items[span->name].name,
                                   .depth = depth};
        if (depth < DEPTH_MAX)
            ends[depth++] = span->end_ns;
    }
    track->spans = spans;
    return 0;
}

static int fill_track(const struct run *run, uint32_t actor, struct timeline_track *track,
                      struct arena *arena)
{
    const struct run_track *from = &run->tracks.items[actor];
    const char *process = run_process_name(run, actor, from->end_ns);
    bool main_thread = from->process == RUN_NONE || run->tracks.items[from->process].pid == from->tid;
    bool named = from->name && from->name[0] && strcmp(from->name, process) != 0;
    track->name = main_thread || !named ? process : arena_printf(arena, "%s (%s)", process, from->name);
    if (!track->name)
        return -1;
    track->pid = from->pid;
    track->tid = from->tid;
    track->depth = depth_of(run, actor);
    track->start_ns = num_max(num_min(from->start_ns, run->end_ns), run->start_ns) - run->start_ns;
    track->end_ns = num_max(num_min(from->end_ns, run->end_ns), run->start_ns) - run->start_ns;
    return fill_intervals(run, actor, track, arena) || fill_spans(run, actor, track, arena) ? -1 : 0;
}

static int fill_steps(const struct run *run, const struct path *path, const uint32_t *row_of,
                      struct arena *arena, struct timeline *timeline)
{
    struct timeline_step *steps =
        arena_alloc(arena, (num_min(path->steps.count, STEP_MAX) + 1) * sizeof *steps);
    if (!steps)
        return -1;
    uint64_t resolution_ns = (run->end_ns - run->start_ns) / (STEP_MAX / 2) + 1;
    for (size_t i = 0; i < path->steps.count; i++) {
        const struct path_step *from = &path->steps.items[i];
        struct timeline_step step = {.start_ns = from->start_ns - run->start_ns,
                                     .end_ns = from->end_ns - run->start_ns,
                                     .track = from->actor == RUN_NONE || row_of[from->actor] == RUN_NONE
                                                  ? SIZE_MAX
                                                  : row_of[from->actor],
                                     .doing = from->doing};
        struct timeline_step *last = timeline->step_count ? &steps[timeline->step_count - 1] : NULL;
        bool merge =
            last && (timeline->step_count == STEP_MAX || step.end_ns - step.start_ns < resolution_ns ||
                     (last->track == step.track && last->doing == step.doing));
        if (merge)
            last->end_ns = step.end_ns;
        else
            steps[timeline->step_count++] = step;
    }
    timeline->steps = steps;
    return 0;
}

static struct shown *choose(const struct run *run, const struct path *path, size_t *ret_count,
                            size_t *ret_hidden)
{
    uint64_t *path_ns = calloc(run->tracks.count + 1, sizeof *path_ns);
    struct shown *shown = calloc(run->tracks.count + 1, sizeof *shown);
    size_t count = 0;
    for (size_t i = 0; path_ns && i < path->steps.count; i++) {
        if (path->steps.items[i].actor != RUN_NONE)
            path_ns[path->steps.items[i].actor] +=
                path->steps.items[i].end_ns - path->steps.items[i].start_ns;
    }
    for (uint32_t i = 0; path_ns && shown && i < run->tracks.count; i++) {
        const struct run_track *track = &run->tracks.items[i];
        if (track->actor && track->start_ns < run->end_ns && track->end_ns > run->start_ns)
            shown[count++] = (struct shown){.actor = i, .path_ns = path_ns[i], .start_ns = track->start_ns};
    }
    if (!path_ns) {
        free(shown);
        return NULL;
    }
    free(path_ns);
    if (!shown)
        return NULL;
    qsort(shown, count, sizeof *shown, compare_importance);
    *ret_hidden = count > TIMELINE_TRACK_MAX ? count - TIMELINE_TRACK_MAX : 0;
    *ret_count = count - *ret_hidden;
    qsort(shown, *ret_count, sizeof *shown, compare_start);
    return shown;
}

int picture_timeline(const struct run *run, const struct path *path, struct arena *arena,
                     struct timeline *ret_timeline, struct err *err)
{
    struct timeline timeline = {0};
    size_t count = 0;
    struct shown *shown = choose(run, path, &count, &timeline.track_hidden_count);
    struct timeline_track *tracks = arena_alloc(arena, (count + 1) * sizeof *tracks);
    uint32_t *row_of = arena_alloc(arena, (run->tracks.count + 1) * sizeof *row_of);
    int status = shown && tracks && row_of ? 0 : -1;
    if (!status)
        memset(row_of, 0xff, (run->tracks.count + 1) * sizeof *row_of);
    for (size_t i = 0; i < count && !status; i++) {
        row_of[shown[i].actor] = (uint32_t)i;
        status = fill_track(run, shown[i].actor, &tracks[i], arena);
    }
    free(shown);
    timeline.tracks = tracks;
    timeline.track_count = count;
    if (!status)
        status = fill_steps(run, path, row_of, arena, &timeline);
    if (status)
        return err_memory(err);
    *ret_timeline = timeline;
    return 0;
}
