/* SPDX-License-Identifier: Apache-2.0 */
#include "heap_detect/gc_pauses.h"

#include <string.h>

#include "base/num.h"

/* Pauses of one track after the other, in time order, without overlap. */
struct pause_set {
    VEC(struct run_pause) items;
};

static int compare_pauses(const void *a, const void *b)
{
    const struct run_pause *x = a, *y = b;
    if (x->track != y->track)
        return x->track > y->track ? 1 : -1;
    return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

/* Clipped to the run; one inside another (a full collection that a young one begins with) counts once. */
static int set_fill(const struct run *run, struct pause_set *set)
{
    uint64_t end_ns = 0;

    for (size_t i = 0; i < run->pauses.count; i++) {
        struct run_pause pause = run->pauses.items[i];
        pause.start_ns = num_max(pause.start_ns, run->start_ns);
        pause.end_ns = num_min(pause.end_ns, run->end_ns);
        if (pause.end_ns > pause.start_ns && vec_push(&set->items, pause))
            return -1;
    }
    if (!set->items.count)
        return 0;
    qsort(set->items.items, set->items.count, sizeof *set->items.items, compare_pauses);
    for (size_t i = 0; i < set->items.count; i++) {
        struct run_pause *pause = &set->items.items[i];
        if (i == 0 || pause->track != pause[-1].track)
            end_ns = 0;
        pause->start_ns = num_max(pause->start_ns, end_ns);
        end_ns = pause->end_ns = num_max(pause->end_ns, end_ns);
    }
    return 0;
}

static struct gc_time *time_find(const struct gc_times *times, const char *process)
{
    for (size_t i = 0; i < times->items.count; i++)
        if (strcmp(times->items.items[i].process, process) == 0)
            return &times->items.items[i];
    return NULL;
}

const struct gc_time *gc_time_find(const struct gc_times *times, const char *process)
{
    const struct gc_time *time = process ? time_find(times, process) : NULL;
    return time && time->count ? time : NULL;
}

static void kind_add(struct gc_time *time, const struct run_pause *pause)
{
    uint64_t length_ns = pause->end_ns - pause->start_ns;
    size_t at = 0;

    while (at < time->kind_count && strcmp(time->kinds[at].name, pause->name) != 0)
        at++;
    bool is_beyond = at == GC_KIND_MAX;
    struct gc_kind *kind = &time->kinds[is_beyond ? GC_KIND_MAX - 1 : at];
    if (is_beyond) {
        kind->name = GC_KIND_OTHER;
    } else if (at == time->kind_count) {
        kind->name = pause->name;
        time->kind_count++;
    }
    kind->count++;
    kind->ns += length_ns;
    kind->longest_ns = num_max(kind->longest_ns, length_ns);
    time->first_ns = time->count++ ? num_min(time->first_ns, pause->start_ns) : pause->start_ns;
    time->ns += length_ns;
    time->longest_ns = num_max(time->longest_ns, length_ns);
}

static uint32_t process_of(const struct run *run, uint32_t track)
{
    uint32_t process = run->tracks.items[track].process;
    return process == RUN_NONE ? track : process;
}

/* Each program that paused, and what its processes say of themselves. */
static int programs_find(const struct run *run, struct gc_times *times)
{
    for (size_t i = 0; i < run->pauses.count; i++) {
        struct run_pause pause = run->pauses.items[i];
        const char *name = run_process_name(run, pause.track, pause.end_ns);
        struct gc_time *time = time_find(times, name);
        pause.start_ns = num_max(pause.start_ns, run->start_ns);
        pause.end_ns = num_min(pause.end_ns, run->end_ns);
        if (pause.end_ns <= pause.start_ns)
            continue;
        if (!time && vec_push(&times->items, (struct gc_time){.process = name, .source = ""}))
            return -1;
        time = time ? time : &times->items.items[times->items.count - 1];
        kind_add(time, &pause);
        const struct run_track *process = &run->tracks.items[process_of(run, pause.track)];
        if (process->gc_source)
            time->source = process->gc_source;
    }
    for (size_t i = 0; i < run->tracks.count; i++) {
        const struct run_track *track = &run->tracks.items[i];
        if (!track->gc_missed_count)
            continue;
        const char *name = run_process_name(run, (uint32_t)i, track->end_ns);
        struct gc_time *time = time_find(times, name);
        if (!time && vec_push(&times->items, (struct gc_time){.process = name, .source = ""}))
            return -1;
        time = time ? time : &times->items.items[times->items.count - 1];
        if (track->gc_source)
            time->source = track->gc_source;
        time->missed_count += track->gc_missed_count;
        time->missed_ns += track->gc_missed_ns;
    }
    return 0;
}

/* The first step that ends behind a moment. */
static size_t step_after(const struct path *path, uint64_t t)
{
    size_t low = 0, high = path->steps.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        bool is_before = path->steps.items[middle].end_ns <= t;
        low = is_before ? middle + 1 : low;
        high = is_before ? high : middle;
    }
    return low;
}

/* A thread's pause is the path's when the path is at that thread as it begins or ends: meanwhile it may be at those that help
 * the collector. That of a process always is, where the path is in it. */
static bool is_on_path(const struct run *run, const struct path *path, const struct run_pause *pause)
{
    size_t first = step_after(path, pause->start_ns), last = step_after(path, pause->end_ns - 1);
    return process_of(run, pause->track) == pause->track ||
           (first < path->steps.count && path->steps.items[first].actor == pause->track) ||
           (last < path->steps.count && path->steps.items[last].actor == pause->track);
}

static void pause_add(const struct run *run, const struct path *path, const struct run_pause *pause,
                      struct gc_time *time)
{
    uint32_t process = process_of(run, pause->track);

    if (pause->end_ns <= pause->start_ns || !is_on_path(run, path, pause))
        return;
    for (size_t i = step_after(path, pause->start_ns); i < path->steps.count; i++) {
        const struct path_step *step = &path->steps.items[i];
        if (step->start_ns >= pause->end_ns)
            break;
        if (step->actor == RUN_NONE || process_of(run, step->actor) != process)
            continue;
        uint64_t inside_ns = num_min(step->end_ns, pause->end_ns) - num_max(step->start_ns, pause->start_ns);
        time->pause_ns += inside_ns;
        time->pause_cpu_ns += step->doing == DOING_CPU ? inside_ns : 0;
    }
}

static void path_add(const struct run *run, const struct path *path, const struct pause_set *set,
                     struct gc_times *times)
{
    for (size_t i = 0; i < path->steps.count; i++) {
        const struct path_step *step = &path->steps.items[i];
        struct gc_time *time = step->actor == RUN_NONE
                                   ? NULL
                                   : time_find(times, run_process_name(run, step->actor, step->end_ns));
        if (!time)
            continue;
        time->path_ns += step->end_ns - step->start_ns;
        time->path_cpu_ns += step->doing == DOING_CPU ? step->end_ns - step->start_ns : 0;
    }
    for (size_t i = 0; i < set->items.count; i++) {
        const struct run_pause *pause = &set->items.items[i];
        struct gc_time *time = time_find(times, run_process_name(run, pause->track, pause->end_ns));
        if (time)
            pause_add(run, path, pause, time);
    }
    for (size_t i = 0; i < times->items.count; i++) { /* of several threads at once */
        struct gc_time *time = &times->items.items[i];
        time->pause_ns = num_min(time->pause_ns, time->path_ns);
        time->pause_cpu_ns = num_min(time->pause_cpu_ns, time->path_cpu_ns);
    }
}

static int compare_times(const void *a, const void *b)
{
    const struct gc_time *x = a, *y = b;
    return (x->pause_ns < y->pause_ns) - (x->pause_ns > y->pause_ns);
}

static int compare_kinds(const void *a, const void *b)
{
    const struct gc_kind *x = a, *y = b;
    return (x->ns < y->ns) - (x->ns > y->ns);
}

int gc_times_of(const struct run *run, const struct path *path, struct gc_times *ret_times, struct err *err)
{
    struct pause_set set = {0};
    struct gc_times times = {0};

    if (set_fill(run, &set) || programs_find(run, &times)) {
        vec_free(&set.items);
        gc_times_free(&times);
        return err_memory(err);
    }
    if (times.items.count) {
        path_add(run, path, &set, &times);
        qsort(times.items.items, times.items.count, sizeof *times.items.items, compare_times);
    }
    for (size_t i = 0; i < times.items.count; i++)
        qsort(times.items.items[i].kinds, times.items.items[i].kind_count, sizeof(struct gc_kind),
              compare_kinds);
    vec_free(&set.items);
    *ret_times = times;
    return 0;
}

void gc_times_free(struct gc_times *times)
{
    vec_free(&times->items);
}

uint64_t gc_with_missed(const struct gc_time *time, uint64_t ns, uint64_t most_ns)
{
    double scale = 1 + num_ratio(time->missed_ns, time->ns);
    return num_min(num_u64(scale * (double)ns), most_ns);
}

static int compare_entries(const void *a, const void *b)
{
    const struct gc_entry *x = a, *y = b;
    uint64_t left = x->ns + x->missed_ns, right = y->ns + y->missed_ns;
    return (left < right) - (left > right);
}

static int entry_make(const struct gc_time *time, struct arena *arena, struct gc_entry *ret_entry)
{
    struct gc_kind_entry *kinds = arena_alloc(arena, GC_KIND_MAX * sizeof *kinds);

    if (!kinds)
        return -1;
    for (size_t i = 0; i < time->kind_count; i++) {
        const struct gc_kind *kind = &time->kinds[i];
        kinds[i] = (struct gc_kind_entry){.name = arena_printf(arena, "%s", kind->name),
                                          .count = kind->count,
                                          .ns = kind->ns,
                                          .longest_ns = kind->longest_ns};
        if (!kinds[i].name)
            return -1;
    }
    *ret_entry = (struct gc_entry){.process = arena_printf(arena, "%s", time->process),
                                   .source = arena_printf(arena, "%s", time->source),
                                   .count = time->count,
                                   .ns = time->ns,
                                   .longest_ns = time->longest_ns,
                                   .critical_ns = gc_with_missed(time, time->pause_ns, time->path_ns),
                                   .missed_count = time->missed_count,
                                   .missed_ns = time->missed_ns,
                                   .kinds = kinds,
                                   .kind_count = time->kind_count};
    return ret_entry->process && ret_entry->source ? 0 : -1;
}

int gc_entries_of(const struct run *run, const struct path *path, struct arena *arena,
                  const struct gc_entry **ret_entries, size_t *ret_count, struct err *err)
{
    struct gc_times times = {0};
    int status = gc_times_of(run, path, &times, err);

    if (status)
        return status;
    size_t count = times.items.count;
    struct gc_entry *entries = arena_alloc(arena, (count + 1) * sizeof *entries);
    status = entries ? 0 : -1;
    for (size_t i = 0; i < count && !status; i++)
        status = entry_make(&times.items.items[i], arena, &entries[i]);
    gc_times_free(&times);
    if (status)
        return err_memory(err);
    if (count)
        qsort(entries, count, sizeof *entries, compare_entries);
    *ret_entries = entries;
    *ret_count = count;
    return 0;
}
