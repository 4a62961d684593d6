/* SPDX-License-Identifier: Apache-2.0 */
#include "analyze/structure.h"

#include "base/num.h"

#define LIFT_MAX 8

static int compare_occurrences(const void *a, const void *b)
{
    const struct occurrence *x = a, *y = b;
    if (x->driver != y->driver)
        return x->driver > y->driver ? 1 : -1;
    return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

static int compare_starts(const void *a, const void *b)
{
    const struct occurrence *x = a, *y = b;
    return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

/* The actor of a process that was spawned by another process: its first thread. */
static uint32_t main_actor(const struct run *run, const struct run_track *process)
{
    for (size_t i = 0; i < process->actors.count; i++) {
        if (run->tracks.items[process->actors.items[i]].tid == process->pid)
            return process->actors.items[i];
    }
    return process->actors.count ? process->actors.items[0] : RUN_NONE;
}

static int add_spans(const struct run *run, uint32_t index, uint32_t stage, struct loop *loop)
{
    const struct run_track *track = &run->tracks.items[index];
    for (size_t i = 0; i < track->spans.count; i++) {
        const struct run_span *span = &track->spans.items[i];
        if (span->name != stage || span->end_ns <= span->start_ns)
            continue;
        struct occurrence occurrence = {.driver = index, .start_ns = span->start_ns, .end_ns = span->end_ns};
        if (span->exec) {
            uint32_t actor = main_actor(run, track);
            if (actor == RUN_NONE || run->tracks.items[actor].spawner == RUN_NONE)
                continue;
            occurrence.driver = run->tracks.items[actor].spawner;
            occurrence.start_ns = run->tracks.items[actor].spawn_ns;
            occurrence.end_ns = track->end_ns;
        } else if (track->kind == TRACK_PROCESS) {
            occurrence.driver = main_actor(run, track);
        }
        if (occurrence.driver != RUN_NONE && run->tracks.items[occurrence.driver].actor &&
            vec_push(&loop->occurrences, occurrence))
            return -1;
    }
    return 0;
}

static void sort(struct loop *loop)
{
    if (loop->occurrences.count)
        qsort(loop->occurrences.items, loop->occurrences.count, sizeof *loop->occurrences.items,
              compare_occurrences);
    loop->driver_count = 0;
    for (size_t i = 0; i < loop->occurrences.count; i++) {
        if (i == 0 || loop->occurrences.items[i].driver != loop->occurrences.items[i - 1].driver)
            loop->driver_count++;
    }
}

/* Its driver has no other occurrence and was spawned by someone else. */
static bool is_liftable(const struct run *run, const struct loop *loop, size_t index)
{
    const struct occurrence *at = &loop->occurrences.items[index];
    const struct run_track *driver = &run->tracks.items[at->driver];
    if (driver->spawner == RUN_NONE || driver->spawner == at->driver)
        return false;
    return (index == 0 || at[-1].driver != at->driver) &&
           (index + 1 == loop->occurrences.count || at[1].driver != at->driver);
}

/*
 * Where drivers have one occurrence each, they are the occurrences of who spawned them. Others that are a small part
 * of the time (the same program called once before the loop) are no part of the loop.
 */
static bool lift(const struct run *run, struct loop *loop)
{
    size_t liftable_count = 0;
    uint64_t liftable_ns = 0, total_ns = 0;
    for (size_t i = 0; i < loop->occurrences.count; i++) {
        uint64_t length_ns = loop->occurrences.items[i].end_ns - loop->occurrences.items[i].start_ns;
        bool liftable = is_liftable(run, loop, i);
        total_ns += length_ns;
        liftable_ns += liftable ? length_ns : 0;
        liftable_count += liftable;
    }
    if (liftable_count < 2 || liftable_ns < total_ns - total_ns / 10)
        return false;
    struct loop lifted = {0};
    for (size_t i = 0; i < loop->occurrences.count; i++) {
        if (!is_liftable(run, loop, i))
            continue;
        const struct run_track *driver = &run->tracks.items[loop->occurrences.items[i].driver];
        struct occurrence occurrence = {
            .driver = driver->spawner, .start_ns = driver->spawn_ns, .end_ns = driver->end_ns};
        if (vec_push(&lifted.occurrences, occurrence)) {
            loop_deinit(&lifted);
            return false;
        }
    }
    loop_deinit(loop);
    *loop = lifted;
    sort(loop);
    return true;
}

static int measure(struct loop *loop)
{
    VEC(struct occurrence) by_start = {0};
    for (size_t i = 0; i < loop->occurrences.count; i++) {
        if (vec_push(&by_start, loop->occurrences.items[i]))
            return -1;
    }
    if (by_start.count)
        qsort(by_start.items, by_start.count, sizeof *by_start.items, compare_starts);
    uint64_t covered_to = 0;
    for (size_t i = 0; i < by_start.count; i++) {
        const struct occurrence *at = &by_start.items[i];
        loop->busy_ns += at->end_ns - at->start_ns;
        uint64_t from = num_max(at->start_ns, covered_to);
        loop->covered_ns += at->end_ns > from ? at->end_ns - from : 0;
        covered_to = num_max(covered_to, at->end_ns);
        uint32_t open = 1;
        for (size_t j = i; j-- > 0 && i - j < 256;)
            open += by_start.items[j].end_ns > at->start_ns;
        loop->width = open > loop->width ? open : loop->width;
    }
    vec_free(&by_start);
    return 0;
}

int loop_find(const struct run *run, uint32_t stage, struct loop *ret_loop, struct err *err)
{
    struct loop loop = {0};
    int status = 0;
    for (uint32_t i = 0; i < run->tracks.count && !status; i++) {
        /* A logical track's spans count on the threads that carried it, where the copies stand. */
        if (run->tracks.items[i].present &&
            (run->tracks.items[i].actor || run->tracks.items[i].kind == TRACK_PROCESS))
            status = add_spans(run, i, stage, &loop);
    }
    if (!status) {
        sort(&loop);
        for (int i = 0; i < LIFT_MAX && lift(run, &loop); i++) {
        }
        status = measure(&loop);
    }
    if (status) {
        loop_deinit(&loop);
        return err_memory(err);
    }
    *ret_loop = loop;
    return 0;
}

void loop_deinit(struct loop *loop)
{
    vec_free(&loop->occurrences);
    *loop = (struct loop){0};
}

static bool piece_name_seen(const struct run_track *driver, uint32_t stage, uint64_t from, uint64_t to)
{
    for (size_t i = 0; i < driver->pieces.count; i++) {
        const struct run_piece *piece = &driver->pieces.items[i];
        if (piece->end_ns > from && piece->start_ns < to && piece->stage == stage)
            return true;
    }
    return false;
}

/* Spans: up to the last piece in a row whose stage earlier iterations had too. */
static uint64_t tail_by_spans(const struct run *run, const struct occurrence *first,
                              const struct occurrence *last)
{
    const struct run_track *driver = &run->tracks.items[last->driver];
    uint64_t end = last->end_ns;
    for (size_t i = 0; i < driver->pieces.count; i++) {
        const struct run_piece *piece = &driver->pieces.items[i];
        if (piece->start_ns < last->end_ns)
            continue;
        if (piece->stage == RUN_NONE)
            continue;
        if (!piece_name_seen(driver, piece->stage, first->start_ns, last->start_ns))
            break;
        end = piece->end_ns;
    }
    return end;
}

static const char *first_program(const struct run *run, const struct run_track *child)
{
    return run_process_name(run, child->process, child->end_ns);
}

/* Programs: up to the last child in a row whose program earlier iterations had too. */
static uint64_t tail_by_children(const struct run *run, const struct occurrence *first,
                                 const struct occurrence *last)
{
    uint64_t end = last->end_ns, limit = UINT64_MAX;
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < run->tracks.count; i++) {
            const struct run_track *child = &run->tracks.items[i];
            if (!child->actor || child->spawner != last->driver || child->spawn_ns < last->start_ns)
                continue;
            bool seen = false;
            for (uint32_t j = 0; j < run->tracks.count && !seen; j++) {
                const struct run_track *other = &run->tracks.items[j];
                seen = other->actor && other->spawner == last->driver && other->spawn_ns >= first->start_ns &&
                       other->spawn_ns < last->start_ns &&
                       first_program(run, other) == first_program(run, child);
            }
            if (pass == 0 && !seen)
                limit = num_min(limit, child->spawn_ns);
            if (pass == 1 && seen && child->spawn_ns < limit)
                end = num_max(end, child->end_ns);
        }
    }
    return num_min(end, limit);
}

uint64_t loop_tail_end(const struct run *run, const struct loop *loop, size_t first, size_t last)
{
    const struct occurrence *from = &loop->occurrences.items[first], *to = &loop->occurrences.items[last];
    if (first == last)
        return to->end_ns;
    uint64_t end = run->has_spans ? tail_by_spans(run, from, to) : to->end_ns;
    return num_max(end, tail_by_children(run, from, to));
}
