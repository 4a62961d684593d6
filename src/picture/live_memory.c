/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all programs had allocated, over time: the sum of what each had, by the series of live bytes. A series ends with its
 * process, or where the next program that the process became begins its own.
 */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "model/meta.h"
#include "picture/picture.h"

/* How much the sum rises or falls, and when. */
struct step {
    uint64_t time_ns;
    double bytes;
};

struct steps {
    VEC(struct step) all; /* by time */
};

static bool is_memory(const struct run_series *series)
{
    return series->process != RUN_NONE && series->points.count && strcmp(series->name, SERIES_HEAP) == 0;
}

static uint64_t end_of(const struct run *run, const struct run_series *series)
{
    uint64_t end = num_min(run->tracks.items[series->process].end_ns, run->end_ns);
    uint64_t start = series->points.items[0].time_ns;
    for (size_t i = 0; i < run->series.count; i++) {
        const struct run_series *other = &run->series.items[i];
        if (other != series && other->process == series->process && is_memory(other) &&
            other->points.items[0].time_ns > start)
            end = num_min(end, other->points.items[0].time_ns);
    }
    return num_max(end, run->start_ns); /* nothing is seen of a series that ended before */
}

static int add_series(const struct run *run, const struct run_series *series, struct steps *steps)
{
    uint64_t end = end_of(run, series);
    double last = 0;
    for (size_t i = 0; i < series->points.count && series->points.items[i].time_ns < end; i++) {
        const struct run_point *point = &series->points.items[i];
        if (vec_push(&steps->all, (struct step){num_max(point->time_ns, run->start_ns), point->value - last}))
            return -1;
        last = point->value;
    }
    return vec_push(&steps->all, (struct step){end, -last});
}

static int compare_steps(const void *a, const void *b)
{
    const struct step *x = a, *y = b;
    return (x->time_ns > y->time_ns) - (x->time_ns < y->time_ns);
}

/* Of each bucket of time the most there was, and what there was at its end, are kept. */
static size_t cut_down(const struct run *run, const struct steps *steps, struct timeline_memory *ret_points)
{
    uint64_t bucket_ns = steps->all.count > TIMELINE_MEMORY_MAX
                             ? (run->end_ns - run->start_ns) / (TIMELINE_MEMORY_MAX / 2) + 1
                             : 1;
    uint64_t bucket = UINT64_MAX;
    double bytes = 0;
    size_t count = 0, first = 0; /* of the bucket */
    for (size_t i = 0; i < steps->all.count; i++) {
        bytes += steps->all.items[i].bytes;
        uint64_t at = steps->all.items[i].time_ns - run->start_ns;
        const struct timeline_memory point = {at, bytes > 0 ? num_u64(bytes) : 0};
        if (at / bucket_ns != bucket || count == 0) {
            bucket = at / bucket_ns;
            first = count;
            ret_points[count++] = point;
        } else if (count == first + 1 && point.bytes >= ret_points[first].bytes) {
            ret_points[first] = point;
        } else if (count == first + 1) {
            ret_points[count++] = point;
        } else if (point.bytes > ret_points[first].bytes) {
            ret_points[first] = point;
            count--;
        } else {
            ret_points[first + 1] = point;
        }
    }
    return count;
}

static uint64_t meta_number(const struct view *view, const char *key)
{
    uint64_t value;
    const char *text = view_meta(view, key);
    return text && !num_parse_u64(text, &value) ? value : 0;
}

int picture_memory(const struct run *run, struct arena *arena, struct timeline *timeline, struct err *err)
{
    struct steps steps = {0};
    int status = 0;
    for (size_t i = 0; i < run->series.count && !status; i++)
        if (is_memory(&run->series.items[i]))
            status = add_series(run, &run->series.items[i], &steps);
    struct timeline_memory *points =
        arena_alloc(arena, (num_min(steps.all.count, TIMELINE_MEMORY_MAX) + 3) * sizeof *points);
    status = status || !points ? err_memory(err) : 0;
    if (!status && steps.all.count) {
        qsort(steps.all.items, steps.all.count, sizeof *steps.all.items, compare_steps);
        timeline->memory_count = cut_down(run, &steps, points);
        timeline->memory = points;
        uint64_t peak_ns = meta_number(run->view, META_HEAP_PEAK);
        timeline->memory_peak =
            (struct timeline_memory){peak_ns > run->start_ns ? peak_ns - run->start_ns : 0,
                                     meta_number(run->view, META_HEAP_PEAK_BYTES)};
    }
    vec_free(&steps.all);
    return status;
}
