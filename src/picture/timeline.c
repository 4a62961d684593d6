/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "analyze/attribution.h"
#include "base/histogram.h"
#include "base/num.h"
#include "picture/picture.h"

#define STEP_MAX        4000
#define DEPTH_MAX       32
#define SPAWN_DEPTH_MAX 64

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

/* Intervals too short to be drawn gather until together they are not; then they are drawn as what most of them was. */
struct pen {
    struct timeline_track *track;
    struct timeline_interval *intervals;
    uint64_t resolution_ns;
    size_t room;
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
    if (count && (last->doing == next->doing || count == pen->room))
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

/* The running up to a wait, and that wait; of the last index the running up to the end, and false. */
static bool next_pair(const struct run *run, const struct run_track *from, size_t index, uint64_t *at,
                      struct timeline_interval ret_pair[2])
{
    const struct run_wait *wait = index < from->waits.count ? &from->waits.items[index] : NULL;
    uint64_t until = wait ? wait->start_ns : num_min(from->end_ns, run->end_ns);
    ret_pair[0] = (struct timeline_interval){
        .start_ns = *at - run->start_ns, .end_ns = num_max(until, *at) - run->start_ns, .doing = DOING_CPU};
    if (!wait)
        return false;
    *at = num_max(*at, num_min(wait->end_ns, run->end_ns));
    uint64_t start = num_max(num_min(wait->start_ns, run->end_ns), run->start_ns);
    bool mostly_runs =
        wait->count > 1 && (wait->blocked_ns + wait->runnable_ns) * 2 < wait->end_ns - wait->start_ns;
    ret_pair[1] = (struct timeline_interval){.start_ns = start - run->start_ns,
                                             .end_ns = num_max(*at, start) - run->start_ns,
                                             .doing = mostly_runs        ? DOING_CPU
                                                      : wait->blocked_ns ? wait->reason
                                                                         : WAIT_CPU_QUEUE,
                                             .label = run_peer_name(run, wait->peer)};
    return true;
}

/* Lengths by power of two. */
struct lengths {
    uint64_t count[HISTOGRAM_BUCKETS], sum_ns[HISTOGRAM_BUCKETS];
};

static void add_length(struct lengths *lengths, const struct timeline_interval *interval)
{
    if (interval->end_ns <= interval->start_ns)
        return;
    unsigned bucket = histogram_bucket(interval->end_ns - interval->start_ns);
    lengths->count[bucket]++;
    lengths->sum_ns[bucket] += interval->end_ns - interval->start_ns;
}

/* The power of two below which intervals must be drawn together, so that at most `room` boxes are left. Short ones make no more
 * boxes than fit into their time, and one more beside each long one. */
static uint64_t resolution_for(const struct lengths *lengths, size_t room)
{
    uint64_t short_count = 0, short_ns = 0, long_count = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        long_count += lengths->count[i];
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
        if (long_count + num_min(short_count, (short_ns >> i) + long_count + 1) <= room)
            return short_count ? (uint64_t)1 << i : 1;
        short_count += lengths->count[i];
        short_ns += lengths->sum_ns[i];
        long_count -= lengths->count[i];
    }
    return (uint64_t)1 << (HISTOGRAM_BUCKETS - 1);
}

static int fill_intervals(const struct run *run, uint32_t actor, size_t room, struct timeline_track *track,
                          struct arena *arena, uint64_t *resolution_ns)
{
    const struct run_track *from = &run->tracks.items[actor];
    struct lengths lengths = {0};
    struct timeline_interval pair[2];
    uint64_t at = num_max(from->start_ns, run->start_ns);
    for (size_t i = 0; i <= from->waits.count; i++) {
        bool waits = next_pair(run, from, i, &at, pair);
        add_length(&lengths, &pair[0]);
        if (waits)
            add_length(&lengths, &pair[1]);
    }
    room = num_min(from->waits.count * 2 + 2, room);
    struct timeline_interval *intervals = arena_alloc(arena, (room + 1) * sizeof *intervals);
    if (!intervals)
        return -1;
    struct pen pen = {.track = track,
                      .intervals = intervals,
                      .room = room,
                      .resolution_ns = resolution_for(&lengths, room)};
    at = num_max(from->start_ns, run->start_ns);
    for (size_t i = 0; i <= from->waits.count; i++) {
        bool waits = next_pair(run, from, i, &at, pair);
        put(&pen, pair[0]);
        if (waits)
            put(&pen, pair[1]);
    }
    draw_gathered(&pen);
    track->intervals = intervals;
    if (pen.resolution_ns > 1)
        *resolution_ns = num_max(*resolution_ns, pen.resolution_ns);
    return 0;
}

/* A named stretch of a row: a span of the actor's, or a pause of its collector. */
struct named {
    uint64_t start_ns, end_ns;
    const char *name;
};

struct named_list {
    VEC(struct named) items;
};

static int named_add(const struct run *run, struct named_list *list, const struct named *named)
{
    bool is_shown = named->start_ns < run->end_ns && named->end_ns > run->start_ns;
    return is_shown ? vec_push(&list->items, *named) : 0;
}

/* Pauses that stop all threads of a process stand on its main thread. */
static bool is_pause_of(const struct run *run, uint32_t actor, const struct run_pause *pause)
{
    const struct run_track *track = &run->tracks.items[actor];
    return pause->track == actor || (pause->track == track->process && track->tid == track->pid);
}

static int compare_named(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    if (x->start_ns != y->start_ns)
        return x->start_ns > y->start_ns ? 1 : -1;
    return (x->end_ns < y->end_ns) - (x->end_ns > y->end_ns);
}

static int named_of(const struct run *run, uint32_t actor, struct named_list *list)
{
    const struct run_track *from = &run->tracks.items[actor];
    int status = 0;
    size_t span_count;
    for (size_t i = 0; i < from->spans.count && !status; i++) {
        const struct run_span *span = &from->spans.items[i];
        if (!span->exec)
            status = named_add(
                run, list, &(struct named){span->start_ns, span->end_ns, run->stages.items[span->name].name});
    }
    span_count = list->items.count;
    for (size_t i = 0; i < run->pauses.count && !status; i++) {
        const struct run_pause *pause = &run->pauses.items[i];
        if (is_pause_of(run, actor, pause))
            status = named_add(run, list, &(struct named){pause->start_ns, pause->end_ns, pause->name});
    }
    if (list->items.count > span_count)
        qsort(list->items.items, list->items.count, sizeof *list->items.items, compare_named);
    return status;
}

static unsigned named_bucket(const struct named *named)
{
    return histogram_bucket(named->end_ns - num_min(named->start_ns, named->end_ns));
}

/* Which power of two a span must reach, so that at most `room` do. */
static unsigned span_limit(const struct named_list *list, size_t room, struct timeline_track *track,
                           size_t *ret_kept)
{
    struct histogram lengths = {0};
    unsigned limit = HISTOGRAM_BUCKETS;
    for (size_t i = 0; i < list->items.count; i++)
        lengths.count[named_bucket(&list->items.items[i])]++;
    *ret_kept = 0;
    while (limit > 0 && *ret_kept + lengths.count[limit - 1] <= room)
        *ret_kept += lengths.count[--limit];
    track->span_hidden_count = histogram_total(&lengths) - *ret_kept;
    return limit;
}

static int fill_spans(const struct run *run, uint32_t actor, size_t room, struct timeline_track *track,
                      struct arena *arena)
{
    struct named_list list = {0};
    size_t kept = 0;
    int status = named_of(run, actor, &list);
    unsigned limit = span_limit(&list, room, track, &kept);
    struct timeline_span *spans = status ? NULL : arena_alloc(arena, (kept + 1) * sizeof *spans);
    uint64_t ends[DEPTH_MAX];
    size_t depth = 0;
    for (size_t i = 0; spans && i < list.items.count; i++) {
        const struct named *named = &list.items.items[i];
        while (depth && ends[depth - 1] <= named->start_ns)
            depth--;
        if (named_bucket(named) >= limit)
            spans[track->span_count++] =
                (struct timeline_span){.start_ns = num_max(named->start_ns, run->start_ns) - run->start_ns,
                                       .end_ns = num_min(named->end_ns, run->end_ns) - run->start_ns,
                                       .name = named->name,
                                       .depth = depth};
        if (depth < DEPTH_MAX)
            ends[depth++] = named->end_ns;
    }
    track->spans = spans;
    vec_free(&list.items);
    return spans ? 0 : -1;
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
    track->start_ns = num_max(num_min(from->start_ns, run->end_ns), run->start_ns) - run->start_ns;
    track->end_ns = num_max(num_min(from->end_ns, run->end_ns), run->start_ns) - run->start_ns;
    return 0;
}

/* Steps too short to be drawn, together as what and where most of them was. */
struct stride {
    struct timeline_step step;
    uint64_t doing_ns[WAIT_REASON_COUNT + 1]; /* running last */
    uint64_t votes; /* how much more time its track had than all others (Boyer and Moore's majority vote) */
};

static void emit_step(struct timeline *timeline, struct timeline_step *steps,
                      const struct timeline_step *step)
{
    struct timeline_step *last = timeline->step_count ? &steps[timeline->step_count - 1] : NULL;
    if (step->end_ns <= step->start_ns)
        return;
    if (last && last->track == step->track && last->doing == step->doing && last->end_ns == step->start_ns)
        last->end_ns = step->end_ns;
    else
        steps[timeline->step_count++] = *step;
}

static void emit_stride(struct timeline *timeline, struct timeline_step *steps, struct stride *stride)
{
    size_t most = WAIT_REASON_COUNT;
    for (size_t i = 0; i <= WAIT_REASON_COUNT; i++)
        most = stride->doing_ns[i] > stride->doing_ns[most] ? i : most;
    stride->step.doing = most == WAIT_REASON_COUNT ? DOING_CPU : (int)most;
    emit_step(timeline, steps, &stride->step);
    *stride = (struct stride){0};
}

static void add_to_stride(struct stride *stride, const struct timeline_step *step)
{
    uint64_t length = step->end_ns - step->start_ns;
    if (stride->step.end_ns == 0)
        stride->step = *step;
    stride->step.end_ns = step->end_ns;
    stride->doing_ns[doing_index(step->doing)] += length;
    if (stride->step.track == step->track) {
        stride->votes += length;
    } else if (stride->votes >= length) {
        stride->votes -= length;
    } else {
        stride->step.track = step->track;
        stride->votes = length - stride->votes;
    }
}

/* With a resolution of four parts in STEP_MAX there are at most a quarter of STEP_MAX long steps, and beside them and between them two
 * quarters of strides. */
static int fill_steps(const struct run *run, const struct path *path, const uint32_t *row_of,
                      struct arena *arena, struct timeline *timeline)
{
    size_t count = path->steps.count;
    struct timeline_step *steps = arena_alloc(arena, (num_min(count, STEP_MAX) + 1) * sizeof *steps);
    uint64_t resolution_ns = count > STEP_MAX ? (run->end_ns - run->start_ns) / (STEP_MAX / 4) + 1 : 0;
    struct stride stride = {0};
    if (!steps)
        return -1;
    for (size_t i = 0; i < count; i++) {
        const struct path_step *from = &path->steps.items[i];
        bool is_shown = from->actor != RUN_NONE && row_of[from->actor] != RUN_NONE;
        struct timeline_step step = {.start_ns = from->start_ns - run->start_ns,
                                     .end_ns = from->end_ns - run->start_ns,
                                     .track = is_shown ? row_of[from->actor] : SIZE_MAX,
                                     .doing = from->doing};
        bool is_short = step.end_ns - step.start_ns < resolution_ns;
        if (!is_short || stride.step.end_ns - stride.step.start_ns >= resolution_ns)
            emit_stride(timeline, steps, &stride);
        if (is_short)
            add_to_stride(&stride, &step);
        else
            emit_step(timeline, steps, &step);
    }
    emit_stride(timeline, steps, &stride);
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

/* --- order --- */

/* Rows as a forest: lists of children by index, in the order of their starts. */
struct forest {
    size_t *first, *next, *parent; /* SIZE_MAX: none */
    size_t root;
};

static size_t shown_parent(const struct run *run, uint32_t actor, const uint32_t *row_of)
{
    uint32_t at = run->tracks.items[actor].spawner;
    for (size_t i = 0; i < SPAWN_DEPTH_MAX && at != RUN_NONE; i++) {
        if (row_of[at] != RUN_NONE)
            return row_of[at];
        at = run->tracks.items[at].spawner;
    }
    return SIZE_MAX;
}

/* `shown` is in the order of starts, so a parent comes before its children; one that does not is none. */
static void plant(const struct run *run, const struct shown *shown, size_t count, uint32_t *row_of,
                  struct forest *forest)
{
    forest->root = SIZE_MAX;
    for (size_t i = 0; i < count; i++) {
        row_of[shown[i].actor] = (uint32_t)i;
        forest->first[i] = SIZE_MAX;
    }
    for (size_t i = count; i-- > 0;) {
        size_t parent = shown_parent(run, shown[i].actor, row_of);
        forest->parent[i] = parent != SIZE_MAX && parent < i ? parent : SIZE_MAX;
        size_t *head = forest->parent[i] == SIZE_MAX ? &forest->root : &forest->first[forest->parent[i]];
        forest->next[i] = *head;
        *head = i;
    }
}

/* The one behind a whole subtree; *depth as its own. */
static size_t behind(const struct forest *forest, size_t at, size_t *depth)
{
    while (at != SIZE_MAX && forest->next[at] == SIZE_MAX) {
        at = forest->parent[at];
        *depth -= *depth > 0;
    }
    return at == SIZE_MAX ? SIZE_MAX : forest->next[at];
}

/* Fills row_of, the tracks' depths and parents, and the actors by row. */
static int order_by_tree(const struct run *run, const struct shown *shown, size_t count, uint32_t *row_of,
                         struct timeline_track *tracks, uint32_t *ret_actors)
{
    size_t *memory = calloc(count * 4 + 1, sizeof *memory), row = 0, depth = 0;
    if (!memory)
        return -1;
    struct forest forest = {memory, memory + count, memory + 2 * count, SIZE_MAX};
    size_t *rows = memory + 3 * count;
    plant(run, shown, count, row_of, &forest);
    for (size_t at = forest.root; at != SIZE_MAX; row++) {
        size_t parent = forest.parent[at];
        rows[at] = row;
        tracks[row].depth = depth;
        tracks[row].parent = parent == SIZE_MAX ? SIZE_MAX : rows[parent];
        ret_actors[row] = shown[at].actor;
        bool goes_in = forest.first[at] != SIZE_MAX;
        depth += goes_in;
        at = goes_in ? forest.first[at] : behind(&forest, at, &depth);
    }
    for (size_t i = 0; i < row; i++)
        row_of[ret_actors[i]] = (uint32_t)i;
    free(memory);
    return 0;
}

/* --- wake-ups --- */

static bool is_wake(const struct run *run, const uint32_t *row_of, const struct run_wait *wait)
{
    return wait->waker != RUN_NONE && row_of[wait->waker] != RUN_NONE &&
           wait->waker_source != WAKER_INTERRUPT && wait->count == 1 && wait->blocked_ns &&
           wait->end_ns <= run->end_ns && wait->event_ns >= run->start_ns && wait->event_ns <= wait->end_ns;
}

static int compare_wakes(const void *a, const void *b)
{
    const struct timeline_wake *x = a, *y = b;
    if (x->to_ns != y->to_ns)
        return x->to_ns > y->to_ns ? 1 : -1;
    return (x->to > y->to) - (x->to < y->to);
}

/* Waits of a power of two and up are all taken; of the next power, where all would be too many, one in `stride`. */
struct wake_choice {
    unsigned limit;
    uint64_t stride, seen;
    uint64_t room;
};

static void choose_wakes(const struct histogram *lengths, struct wake_choice *ret_choice)
{
    struct wake_choice choice = {.limit = HISTOGRAM_BUCKETS};
    while (choice.limit > 0 && choice.room + lengths->count[choice.limit - 1] <= TIMELINE_WAKE_MAX)
        choice.room += lengths->count[--choice.limit];
    uint64_t spare = TIMELINE_WAKE_MAX - choice.room;
    if (choice.limit && spare)
        choice.stride = (lengths->count[choice.limit - 1] + spare - 1) / spare;
    choice.room = TIMELINE_WAKE_MAX;
    *ret_choice = choice;
}

static bool is_chosen(struct wake_choice *choice, const struct run_wait *wait)
{
    unsigned bucket = histogram_bucket(wait->blocked_ns);
    bool is_next = choice->stride && bucket + 1 == choice->limit;
    return bucket >= choice->limit || (is_next && choice->seen++ % choice->stride == 0);
}

static void add_wakes(const struct run *run, uint32_t actor, const uint32_t *row_of,
                      struct wake_choice *choice, struct timeline_wake *wakes, size_t *count)
{
    const struct run_track *track = &run->tracks.items[actor];
    for (size_t i = 0; i < track->waits.count && *count < choice->room; i++) {
        const struct run_wait *wait = &track->waits.items[i];
        if (!is_wake(run, row_of, wait) || !is_chosen(choice, wait))
            continue;
        wakes[(*count)++] = (struct timeline_wake){.from_ns = wait->event_ns - run->start_ns,
                                                   .to_ns = wait->end_ns - run->start_ns,
                                                   .from = row_of[wait->waker],
                                                   .to = row_of[actor]};
    }
}

/* Those that ended the longest waits. */
static int fill_wakes(const struct run *run, const uint32_t *actors, const uint32_t *row_of,
                      struct arena *arena, struct timeline *timeline)
{
    struct histogram lengths = {0};
    struct wake_choice choice;
    for (size_t i = 0; i < timeline->track_count; i++) {
        const struct run_track *track = &run->tracks.items[actors[i]];
        for (size_t j = 0; j < track->waits.count; j++)
            if (is_wake(run, row_of, &track->waits.items[j]))
                histogram_add(&lengths, track->waits.items[j].blocked_ns, 1);
    }
    choose_wakes(&lengths, &choice);
    struct timeline_wake *wakes =
        arena_alloc(arena, (num_min(histogram_total(&lengths), TIMELINE_WAKE_MAX) + 1) * sizeof *wakes);
    if (!wakes)
        return -1;
    for (size_t i = 0; i < timeline->track_count; i++)
        add_wakes(run, actors[i], row_of, &choice, wakes, &timeline->wake_count);
    if (timeline->wake_count)
        qsort(wakes, timeline->wake_count, sizeof *wakes, compare_wakes);
    timeline->wakes = wakes;
    timeline->wake_hidden_count = histogram_total(&lengths) - timeline->wake_count;
    return 0;
}

static int fill_tracks(const struct run *run, const uint32_t *actors, struct timeline_track *tracks,
                       struct arena *arena, struct timeline *timeline)
{
    size_t count = timeline->track_count ? timeline->track_count : 1;
    size_t room = TIMELINE_INTERVAL_MAX / count, span_room = TIMELINE_SPAN_MAX / count;
    for (size_t i = 0; i < timeline->track_count; i++)
        if (fill_track(run, actors[i], &tracks[i], arena) ||
            fill_spans(run, actors[i], span_room, &tracks[i], arena) ||
            fill_intervals(run, actors[i], room, &tracks[i], arena, &timeline->resolution_ns))
            return -1;
    return 0;
}

int picture_timeline(const struct run *run, const struct path *path, struct arena *arena,
                     struct timeline *ret_timeline, struct err *err)
{
    struct timeline timeline = {0};
    size_t count = 0;
    struct shown *shown = choose(run, path, &count, &timeline.track_hidden_count);
    struct timeline_track *tracks = arena_alloc(arena, (count + 1) * sizeof *tracks);
    uint32_t *row_of = arena_alloc(arena, (run->tracks.count + 1) * sizeof *row_of);
    uint32_t *actors = arena_alloc(arena, (count + 1) * sizeof *actors);
    int status = shown && tracks && row_of && actors ? 0 : -1;
    if (!status) {
        memset(row_of, 0xff, (run->tracks.count + 1) * sizeof *row_of);
        status = order_by_tree(run, shown, count, row_of, tracks, actors);
    }
    free(shown);
    timeline.tracks = tracks;
    timeline.track_count = status ? 0 : count;
    if (!status)
        status = fill_tracks(run, actors, tracks, arena, &timeline);
    if (!status)
        status = fill_steps(run, path, row_of, arena, &timeline);
    if (!status)
        status = fill_wakes(run, actors, row_of, arena, &timeline);
    if (status)
        return err_memory(err);
    *ret_timeline = timeline;
    return 0;
}
