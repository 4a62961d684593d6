/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace_event_write: the JSON of Chrome's tracing ("Trace Event Format", Google), as chrome://tracing, Perfetto's viewer and others read
 * it: microseconds since the run's start, one event a line.
 *
 * Spans are complete events (X) of their thread; those that cross another are async ones (b, e), because complete events must nest.
 * Waits are complete events of a row of their own below the thread, so that a wait may cross the end of a span. An arrow (s, f) goes from
 * who ended a wait to the wait; an arrow needs an event at its start: an X of one nanosecond in the waker's row of waits. Series are
 * counters (C).
 */
#include <stdlib.h>

#include "export/counter_scan.h"
#include "export/internal.h"
#include "export/span_lanes.h"
#include "export/wait_scan.h"

/* Rows that are no threads: over the numbers that a kernel gives, under those of tracks without one (cast.h). */
#define WAITS_ROW_FROM 1000000000u
#define US_DIGITS      3

struct trace_event {
    const struct cast *cast;
    struct byte_stream *stream;
    bool has_event;
    uint64_t arrow_count;
    uint64_t async_count;
    bool *has_waits;  /* by track */
    bool has_machine; /* a counter of no process */
};

static uint64_t waits_row(uint32_t track)
{
    return WAITS_ROW_FROM + track;
}

/* Opens an event; the caller closes it with "}". */
static void open_event(struct trace_event *trace, char phase, uint64_t pid, uint64_t tid)
{
    stream_text(trace->stream, trace->has_event ? ",\n" : "\n");
    trace->has_event = true;
    stream_printf(trace->stream, "{\"ph\":\"%c\",\"pid\":%llu,\"tid\":%llu", phase, (unsigned long long)pid,
                  (unsigned long long)tid);
}

static void put_time(struct trace_event *trace, const char *key, uint64_t ns)
{
    stream_printf(trace->stream, ",\"%s\":", key);
    stream_decimal(trace->stream, ns, US_DIGITS);
}

static void put_text(struct trace_event *trace, const char *key, const char *text)
{
    stream_printf(trace->stream, ",\"%s\":", key);
    stream_json(trace->stream, text);
}

static void write_name(struct trace_event *trace, const char *what, uint64_t pid, uint64_t tid,
                       const char *name)
{
    open_event(trace, 'M', pid, tid);
    put_text(trace, "name", what);
    stream_text(trace->stream, ",\"args\":{\"name\":");
    stream_json(trace->stream, name);
    stream_text(trace->stream, "}}");
}

static void write_order(struct trace_event *trace, uint64_t pid, uint64_t tid, uint64_t order)
{
    open_event(trace, 'M', pid, tid);
    stream_printf(trace->stream, ",\"name\":\"thread_sort_index\",\"args\":{\"sort_index\":%llu}}",
                  (unsigned long long)order);
}

static void write_names(struct trace_event *trace)
{
    const struct cast *cast = trace->cast;
    if (trace->has_machine)
        write_name(trace, "process_name", 0, 0, "machine");
    for (uint32_t i = 0; i < cast->tracks.count; i++) {
        const struct cast_track *track = &cast->tracks.items[i];
        if (!track->is_present)
            continue;
        if (track->process == i)
            write_name(trace, "process_name", track->pid, 0, cast_program(cast, i, track->end_ns));
        if (track->kind == TRACK_PROCESS)
            continue;
        write_name(trace, "thread_name", track->pid, track->tid,
                   track->name[0] ? track->name : track_kind_name(track->kind));
        write_order(trace, track->pid, track->tid, 2 * (uint64_t)i);
        if (trace->has_waits[i]) {
            struct str name = {0};
            str_printf(&name, "%s: waits", track->name);
            write_name(trace, "thread_name", track->pid, waits_row(i), str_text(&name));
            write_order(trace, track->pid, waits_row(i), 2 * (uint64_t)i + 1);
            str_free(&name);
        }
    }
}

static int write_spans(void *context, uint32_t track_index, struct track_row *rows, size_t count,
                       struct err *err)
{
    struct trace_event *trace = context;
    const struct cast_track *track = &trace->cast->tracks.items[track_index];
    size_t lane_count, cut_count;
    int status = span_lanes(rows, count, &lane_count, &cut_count, err);
    for (size_t i = 0; i < count && !status; i++) {
        const char *category = span_category_name(rows[i].reason),
                   *name = view_text(trace->cast->view, rows[i].stack);
        uint64_t start = cast_since(trace->cast, rows[i].time_ns);
        bool is_async = rows[i].count > 0;
        if (is_async)
            trace->async_count++;
        open_event(trace, is_async ? 'b' : 'X', track->pid, track->tid);
        put_text(trace, "name", name);
        put_text(trace, "cat", category);
        put_time(trace, "ts", start);
        if (!is_async) {
            put_time(trace, "dur", rows[i].length_ns);
            stream_text(trace->stream, "}");
        } else {
            stream_printf(trace->stream, ",\"id\":%llu}", (unsigned long long)trace->async_count);
            open_event(trace, 'e', track->pid, track->tid);
            put_text(trace, "name", name);
            put_text(trace, "cat", category);
            put_time(trace, "ts", start + rows[i].length_ns);
            stream_printf(trace->stream, ",\"id\":%llu}", (unsigned long long)trace->async_count);
        }
        status = stream_status(trace->stream, err);
    }
    return status;
}

static void write_wait_arguments(struct trace_event *trace, const struct foreign_wait *wait)
{
    const struct cast *cast = trace->cast;
    stream_printf(trace->stream, ",\"args\":{\"tid\":%llu",
                  (unsigned long long)cast->tracks.items[wait->track].tid);
    if (wait->peer != CAST_NONE) {
        stream_text(trace->stream, ",\"peer\":");
        stream_json(trace->stream, cast->peers.items[wait->peer].label);
    }
    if (wait->stack != CAST_NONE) {
        stream_text(trace->stream, ",\"function\":");
        stream_json(trace->stream, cast_function(cast, cast->stacks.items[wait->stack].frame));
    }
    if (wait->count > 1)
        stream_printf(trace->stream, ",\"count\":%llu,\"blocked_ns\":%llu", (unsigned long long)wait->count,
                      (unsigned long long)wait->blocked_ns);
    stream_text(trace->stream, "}}");
}

static void write_wait_piece(struct trace_event *trace, uint32_t track, const char *reason, uint64_t start_ns,
                             uint64_t end_ns)
{
    open_event(trace, 'X', trace->cast->tracks.items[track].pid, waits_row(track));
    put_text(trace, "name", reason);
    put_text(trace, "cat", "wait");
    put_time(trace, "ts", cast_since(trace->cast, start_ns));
    put_time(trace, "dur", end_ns - start_ns);
    trace->has_waits[track] = true;
}

/* From the waker's row to the last nanosecond of what it ended. */
static void write_arrow(struct trace_event *trace, const struct foreign_wait *wait)
{
    const struct cast_track *from = &trace->cast->tracks.items[wait->waker],
                            *to = &trace->cast->tracks.items[wait->track];
    uint64_t time = cast_since(trace->cast, wait->woken_ns - 1);
    struct str name = {0};
    str_append(&name, "wakes ");
    track_label(trace->cast, wait->track, &name);
    trace->arrow_count++;
    write_wait_piece(trace, wait->waker, str_text(&name), wait->woken_ns - 1, wait->woken_ns);
    stream_text(trace->stream, "}");
    open_event(trace, 's', from->pid, waits_row(wait->waker));
    put_time(trace, "ts", time);
    stream_printf(trace->stream, ",\"name\":\"wake\",\"cat\":\"wake\",\"id\":%llu}",
                  (unsigned long long)trace->arrow_count);
    open_event(trace, 'f', to->pid, waits_row(wait->track));
    put_time(trace, "ts", time);
    stream_printf(trace->stream, ",\"name\":\"wake\",\"cat\":\"wake\",\"id\":%llu,\"bp\":\"e\"}",
                  (unsigned long long)trace->arrow_count);
    str_free(&name);
}

static int write_wait(void *context, const struct foreign_wait *wait, struct err *err)
{
    struct trace_event *trace = context;
    if (wait->woken_ns > wait->start_ns) {
        write_wait_piece(trace, wait->track, wait_reason_name(wait->reason), wait->start_ns, wait->woken_ns);
        write_wait_arguments(trace, wait);
        if (wait->waker != CAST_NONE)
            write_arrow(trace, wait);
    }
    if (wait->end_ns > wait->woken_ns) {
        write_wait_piece(trace, wait->track, wait_reason_name(WAIT_CPU_QUEUE), wait->woken_ns, wait->end_ns);
        stream_printf(trace->stream, ",\"args\":{\"tid\":%llu}}",
                      (unsigned long long)trace->cast->tracks.items[wait->track].tid);
    }
    return stream_status(trace->stream, err);
}

static int write_point(void *context, const struct foreign_point *point, struct err *err)
{
    struct trace_event *trace = context;
    bool is_machine = point->track == CAST_NONE;
    open_event(trace, 'C', is_machine ? 0 : trace->cast->tracks.items[point->track].pid, 0);
    put_text(trace, "name", point->name);
    put_time(trace, "ts", cast_since(trace->cast, point->time_ns));
    stream_text(trace->stream, ",\"args\":{");
    stream_json(trace->stream, point->unit[0] ? point->unit : "value");
    stream_printf(trace->stream, ":%.17g}}", point->value);
    trace->has_machine |= is_machine;
    return stream_status(trace->stream, err);
}

FOREIGN_WRITER(trace_event_write)
{
    const struct cast *cast = input->cast;
    struct trace_event trace = {
        .cast = cast, .stream = stream, .has_waits = calloc(cast->tracks.count + 1, sizeof(bool))};
    const struct track_rows_query spans = {.cast = cast, .kind = STACK_KIND_COUNT, .has_spans = true};
    if (!trace.has_waits)
        return err_memory(err);
    stream_text(stream, "{\"displayTimeUnit\":\"ns\",\"otherData\":{\"writer\":\"toll\",\"command\":");
    stream_json(stream, cast->command);
    stream_text(stream, "},\"traceEvents\":[");
    int status = track_rows_each(&spans, write_spans, &trace, err);
    if (!status && stack_kind_has_waits(input->kind))
        status = wait_scan(cast, write_wait, &trace, err);
    if (!status)
        status = counter_scan(cast, write_point, &trace, err);
    if (!status)
        write_names(&trace);
    stream_text(stream, "\n]}\n");
    free(trace.has_waits);
    return status;
}
