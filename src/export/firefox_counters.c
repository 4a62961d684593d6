/* SPDX-License-Identifier: Apache-2.0 */
#include "export/firefox_counters.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/sort.h"
#include "export/counter_scan.h"
#include "model/meta.h"

#define MS_DIGITS 6

/* Of a series, in the order of its points. */
struct counter_point {
    uint64_t series;
    uint64_t time_ns;
    double value;
};

struct counter {
    const char *name, *unit; /* NULL: it has no point */
    uint32_t track;
};

struct counters {
    const struct cast *cast;
    const struct firefox_thread *threads;
    size_t thread_count;
    struct byte_stream *stream;
    VEC(struct counter) counters; /* by series */
    VEC(struct counter_point) points;
    bool has_counter;
};

static int take_point(void *context, const struct foreign_point *point, struct err *err)
{
    struct counters *counters = context;
    struct counter_point taken = {.series = point->series, .time_ns = point->time_ns, .value = point->value};
    while (counters->counters.count <= point->series)
        if (vec_push(&counters->counters, (struct counter){0}))
            return err_memory(err);
    counters->counters.items[point->series] =
        (struct counter){.name = point->name, .unit = point->unit, .track = point->track};
    return vec_push(&counters->points, taken) ? err_memory(err) : 0;
}

/* The thread that stands for a counter's process: its main one, else its first. The count when it has none. */
static size_t thread_of(const struct counters *counters, uint32_t track)
{
    size_t first = counters->thread_count;
    if (track == CAST_NONE)
        return 0;
    uint32_t process = counters->cast->tracks.items[track].process;
    for (size_t i = 0; i < counters->thread_count; i++) {
        if (counters->threads[i].process != process)
            continue;
        if (counters->threads[i].is_main)
            return i;
        first = first == counters->thread_count ? i : first;
    }
    return first;
}

static bool is_of(const struct counter *counter, const char *unit)
{
    return strcmp(counter->unit, unit) == 0;
}

/* What the viewer knows the kinds by; it draws CPU time where the name is "processCPU", and calls all memory "Memory": that is
 * the process's, not the machine's. */
static void put_kind(struct byte_stream *stream, const struct counter *counter)
{
    bool is_tree = strcmp(counter->name, SERIES_CPU_TREE) == 0;
    const char *category = "Other";
    if (is_of(counter, "bytes") && counter->track != CAST_NONE)
        category = "Memory";
    else if (is_of(counter, "cores"))
        category = "CPU";
    stream_text(stream, "\"name\":");
    stream_json(stream, is_tree ? "processCPU" : counter->name);
    stream_printf(stream, ",\"category\":\"%s\",\"description\":", category);
    struct str text = {0};
    str_printf(&text, "%s (%s)", counter->name, counter->unit[0] ? counter->unit : "a number");
    stream_json(stream, str_text(&text));
    str_free(&text);
}

/* Bytes and nanoseconds are whole. */
static void put_count(struct byte_stream *stream, const struct counter *counter,
                      const struct counter_point *points, size_t at)
{
    double before = at ? points[at - 1].value : 0;
    uint64_t since_ns =
        at && points[at].time_ns > points[at - 1].time_ns ? points[at].time_ns - points[at - 1].time_ns : 0;
    if (is_of(counter, "cores"))
        stream_printf(stream, "%.0f", points[at].value * (double)since_ns);
    else if (is_of(counter, "bytes"))
        stream_printf(stream, "%.0f", round(points[at].value) - round(before));
    else
        stream_printf(stream, "%.9g", points[at].value - before);
}

static void write_counter(struct counters *counters, const struct counter_point *points, size_t count)
{
    const struct counter *counter = &counters->counters.items[points[0].series];
    struct byte_stream *stream = counters->stream;
    size_t thread = thread_of(counters, counter->track);
    if (thread >= counters->thread_count)
        return;
    stream_text(stream, counters->has_counter ? ",\n{" : "\n{");
    counters->has_counter = true;
    put_kind(stream, counter);
    stream_printf(stream, ",\"pid\":\"%llu\",\"mainThreadIndex\":%zu,\"samples\":{\"time\":[",
                  (unsigned long long)counters->threads[thread].pid, thread);
    for (size_t i = 0; i < count; i++) {
        stream_text(stream, i ? "," : "");
        stream_decimal(stream, cast_since(counters->cast, points[i].time_ns), MS_DIGITS);
    }
    stream_text(stream, "],\"count\":[");
    for (size_t i = 0; i < count; i++) {
        stream_text(stream, i ? "," : "");
        put_count(stream, counter, points, i);
    }
    stream_printf(stream, "],\"length\":%zu}}", count);
}

int firefox_counters_write(const struct cast *cast, const struct firefox_thread *threads, size_t thread_count,
                           struct byte_stream *stream, struct err *err)
{
    struct counters counters = {
        .cast = cast, .threads = threads, .thread_count = thread_count, .stream = stream};
    int status = counter_scan(cast, take_point, &counters, err);
    const struct counter_point *points = counters.points.items;
    size_t count = counters.points.count;
    if (!status && count &&
        sort_by_u64(counters.points.items, count, sizeof *points, offsetof(struct counter_point, series)))
        status = err_memory(err);
    stream_text(stream, "\"counters\":[");
    for (size_t from = 0, to; from < count && !status; from = to) {
        for (to = from + 1; to < count && points[to].series == points[from].series; to++)
            ;
        write_counter(&counters, points + from, to - from);
    }
    stream_text(stream, "],\n");
    vec_free(&counters.counters);
    vec_free(&counters.points);
    return status ? status : stream_status(stream, err);
}
