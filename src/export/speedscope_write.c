/* SPDX-License-Identifier: Apache-2.0 */
/*
 * speedscope_write: speedscope's own file format (speedscope, src/lib/file-format-spec.ts): for each thread a sampled profile of its
 * stacks with their nanoseconds, and an evented one of its spans. A sampled profile has no clock: weights add up, in time order.
 *
 * Of allocations it is a profile for each program, of bytes or, of temporary ones, of how many.
 *
 * What is shared comes last, because frames of waits and spans are found on the way.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "export/internal.h"
#include "export/span_lanes.h"
#include "export/stack_sum.h"

#define SCHEMA "https://www.speedscope.app/file-format-schema.json"

struct speedscope {
    const struct foreign_input *input;
    struct byte_stream *stream;
    struct intern extra; /* frames that are no functions: index behind those */
    size_t profile_count;
    uint64_t weight_max;
    size_t profile_active; /* the one with most weight */
};

/* The index of a frame that is no function of the recording. */
static int extra_frame(struct speedscope *speedscope, const char *name, uint64_t *ret_index, struct err *err)
{
    uint64_t id;
    if (intern_put(&speedscope->extra, name, strlen(name), &id, NULL))
        return err_memory(err);
    *ret_index = speedscope->input->cast->frames.count + id - 1;
    return 0;
}

static void open_profile(struct speedscope *speedscope, const char *type, uint32_t track, uint64_t time_ns,
                         const char *suffix)
{
    const struct cast *cast = speedscope->input->cast;
    struct byte_stream *stream = speedscope->stream;
    struct str name = {0};
    str_printf(&name, "%s (pid %llu) ", cast_program(cast, track, time_ns),
               (unsigned long long)cast->tracks.items[track].pid);
    track_label(cast, track, &name);
    str_append(&name, suffix);
    stream_text(stream, speedscope->profile_count++ ? ",\n" : "\n");
    stream_printf(stream, "{\"type\":\"%s\",\"name\":", type);
    stream_json(stream, str_text(&name));
    bool is_time = cast_has_time(cast) || strcmp(type, "evented") == 0;
    stream_text(stream, is_time ? ",\"unit\":\"nanoseconds\"" : ",\"unit\":\"none\"");
    str_free(&name);
}

/* After its end value, which is the sum of its weights. */
static void close_profile(struct speedscope *speedscope, uint64_t sum)
{
    stream_text(speedscope->stream, "}");
    if (sum > speedscope->weight_max) {
        speedscope->weight_max = sum;
        speedscope->profile_active = speedscope->profile_count - 1;
    }
}

static int write_chain(struct speedscope *speedscope, const struct track_row *row, struct err *err)
{
    const struct cast *cast = speedscope->input->cast;
    uint32_t frames[CAST_DEPTH_MAX];
    size_t depth = cast_chain(cast, row->stack, frames);
    bool is_wait = row->kind != ROW_SAMPLE, has_any = depth > 0;
    uint64_t tail = 0;
    struct str name = {0};
    if (is_wait)
        cast_wait_frame(cast, row->reason, row->peer, &name);
    if (is_wait || !has_any) {
        int status = name.failed
                         ? err_memory(err)
                         : extra_frame(speedscope, is_wait ? str_text(&name) : cast_function(cast, CAST_NONE),
                                       &tail, err);
        str_free(&name);
        if (status)
            return status;
    }
    stream_text(speedscope->stream, "[");
    while (depth--) {
        stream_u64(speedscope->stream, frames[depth]);
        if (depth)
            stream_text(speedscope->stream, ",");
    }
    if (is_wait || !has_any) {
        stream_text(speedscope->stream, has_any ? "," : "");
        stream_u64(speedscope->stream, tail);
    }
    stream_text(speedscope->stream, "]");
    return 0;
}

/* In the unit of the file that it was imported from. */
static void put_weight(struct speedscope *speedscope, uint64_t weight)
{
    uint64_t scale = speedscope->input->cast->unit_scale;
    if (scale == 1 || weight % scale == 0)
        stream_u64(speedscope->stream, weight / scale);
    else
        stream_printf(speedscope->stream, "%.15g", (double)weight / (double)scale);
}

/* Rows without a span among them, equal neighbours as one. */
static size_t merge_samples(struct track_row *rows, size_t count, struct track_row *ret_rows)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct track_row *last = kept ? &ret_rows[kept - 1] : NULL;
        if (rows[i].kind == ROW_SPAN || !rows[i].length_ns)
            continue;
        if (last && last->kind == rows[i].kind && last->stack == rows[i].stack &&
            last->peer == rows[i].peer && last->reason == rows[i].reason)
            last->length_ns += rows[i].length_ns;
        else
            ret_rows[kept++] = rows[i];
    }
    return kept;
}

static int write_samples(struct speedscope *speedscope, uint32_t track, const struct track_row *rows,
                         size_t count, struct err *err)
{
    struct byte_stream *stream = speedscope->stream;
    uint64_t sum = 0;
    if (!count)
        return 0;
    open_profile(speedscope, "sampled", track, rows[0].time_ns, "");
    stream_text(stream, ",\"samples\":[");
    for (size_t i = 0; i < count; i++) {
        stream_text(stream, i ? "," : "");
        int status = write_chain(speedscope, &rows[i], err);
        if (status || (status = stream_status(stream, err)))
            return status;
    }
    stream_text(stream, "],\"weights\":[");
    for (size_t i = 0; i < count; i++) {
        stream_text(stream, i ? "," : "");
        put_weight(speedscope, rows[i].length_ns);
        sum += rows[i].length_ns;
    }
    stream_text(stream, "],\"startValue\":0,\"endValue\":");
    put_weight(speedscope, sum);
    close_profile(speedscope, sum);
    return 0;
}

struct open_span {
    uint64_t end_ns, frame;
};

typedef VEC(struct open_span) open_spans;

static void write_event(struct speedscope *speedscope, char type, uint64_t time_ns, uint64_t frame,
                        bool is_first)
{
    stream_printf(speedscope->stream, "%s{\"type\":\"%c\",\"frame\":%llu,\"at\":%llu}", is_first ? "" : ",",
                  type, (unsigned long long)frame,
                  (unsigned long long)cast_since(speedscope->input->cast, time_ns));
}

static void close_spans(struct speedscope *speedscope, open_spans *open, uint64_t until_ns)
{
    for (; open->count && open->items[open->count - 1].end_ns <= until_ns; open->count--)
        write_event(speedscope, 'C', open->items[open->count - 1].end_ns, open->items[open->count - 1].frame,
                    false);
}

static int write_lane(struct speedscope *speedscope, const struct track_row *rows, size_t count, size_t lane,
                      struct err *err)
{
    open_spans open = {0};
    bool is_first = true;
    int status = 0;
    for (size_t i = 0; i < count && !status; i++) {
        uint64_t frame = 0;
        if (rows[i].kind != ROW_SPAN || rows[i].count != lane)
            continue;
        close_spans(speedscope, &open, rows[i].time_ns);
        status =
            extra_frame(speedscope, view_text(speedscope->input->cast->view, rows[i].stack), &frame, err);
        write_event(speedscope, 'O', rows[i].time_ns, frame, is_first);
        is_first = false;
        const struct open_span span = {rows[i].time_ns + rows[i].length_ns, frame};
        if (!status && vec_push(&open, span))
            status = err_memory(err);
    }
    close_spans(speedscope, &open, UINT64_MAX);
    vec_free(&open);
    return status ? status : stream_status(speedscope->stream, err);
}

static int write_spans(struct speedscope *speedscope, uint32_t track, struct track_row *rows, size_t count,
                       struct err *err)
{
    const struct cast *cast = speedscope->input->cast;
    size_t lane_count = 0, cut_count;
    int status = span_lanes(rows, count, &lane_count, &cut_count, err);
    for (size_t lane = 0; lane < lane_count && !status; lane++) {
        char suffix[48] = ": spans";
        uint64_t first = UINT64_MAX, last = 0;
        for (size_t i = 0; i < count; i++) {
            if (rows[i].kind != ROW_SPAN || rows[i].count != lane)
                continue;
            first = rows[i].time_ns < first ? rows[i].time_ns : first;
            last = rows[i].time_ns + rows[i].length_ns > last ? rows[i].time_ns + rows[i].length_ns : last;
        }
        if (lane)
            snprintf(suffix, sizeof suffix, ": spans that cross, %zu", lane + 1);
        open_profile(speedscope, "evented", track, first, suffix);
        stream_printf(speedscope->stream, ",\"startValue\":%llu,\"endValue\":%llu,\"events\":[",
                      (unsigned long long)cast_since(cast, first),
                      (unsigned long long)cast_since(cast, last));
        status = write_lane(speedscope, rows, count, lane, err);
        stream_text(speedscope->stream, "]}");
    }
    return status;
}

static int write_track(void *context, uint32_t track, struct track_row *rows, size_t count, struct err *err)
{
    struct speedscope *speedscope = context;
    int status = write_spans(speedscope, track, rows, count, err);
    /* In place: what is kept never stands behind what is read. */
    size_t kept = merge_samples(rows, count, rows);
    return status ? status : write_samples(speedscope, track, rows, kept, err);
}

static void write_frame(struct byte_stream *stream, const char *name, const struct cast_frame *frame,
                        bool is_first)
{
    stream_text(stream, is_first ? "\n{\"name\":" : ",\n{\"name\":");
    stream_json(stream, name);
    if (frame && frame->function && (frame->file[0] || frame->module[0])) {
        stream_text(stream, ",\"file\":");
        stream_json(stream, frame->file[0] ? frame->file : frame->module);
        if (frame->file[0] && frame->line)
            stream_printf(stream, ",\"line\":%u", (unsigned)frame->line);
    }
    stream_text(stream, "}");
}

/* --- allocations --- */

static void open_allocations(struct speedscope *speedscope, const struct stack_entry *entry)
{
    const struct cast *cast = speedscope->input->cast;
    struct str name = {0};
    str_printf(&name, "%s (pid %llu): %s", entry->program,
               (unsigned long long)cast->tracks.items[entry->track].pid,
               stack_kind_name(speedscope->input->kind));
    stream_text(speedscope->stream, speedscope->profile_count++ ? ",\n{\"type\":\"sampled\",\"name\":"
                                                                : "\n{\"type\":\"sampled\",\"name\":");
    stream_json(speedscope->stream, str_text(&name));
    stream_printf(speedscope->stream, ",\"unit\":\"%s\",\"samples\":[",
                  speedscope->input->kind == STACKS_TEMPORARY ? "none" : "bytes");
    str_free(&name);
}

static int compare_programs(const void *a, const void *b)
{
    const struct stack_entry *x = a, *y = b;
    if (x->track != y->track)
        return x->track < y->track ? -1 : 1;
    int by_name = strcmp(x->program, y->program);
    return by_name ? by_name : (x->stack > y->stack) - (x->stack < y->stack);
}

/* Entries of one process and program. */
static int write_program(struct speedscope *speedscope, const struct stack_entry *entries, size_t count,
                         struct err *err)
{
    struct byte_stream *stream = speedscope->stream;
    uint64_t total = 0;
    open_allocations(speedscope, entries);
    for (size_t i = 0; i < count; i++) {
        const struct track_row row = {.kind = ROW_SAMPLE, .stack = entries[i].stack, .peer = CAST_NONE};
        stream_text(stream, i ? "," : "");
        int status = write_chain(speedscope, &row, err);
        if (status || (status = stream_status(stream, err)))
            return status;
    }
    stream_text(stream, "],\"weights\":[");
    for (size_t i = 0; i < count; i++) {
        stream_text(stream, i ? "," : "");
        stream_u64(stream, entries[i].ns);
        total += entries[i].ns;
    }
    stream_text(stream, "],\"startValue\":0,\"endValue\":");
    stream_u64(stream, total);
    close_profile(speedscope, total);
    return 0;
}

static int write_allocations(struct speedscope *speedscope, struct err *err)
{
    struct stack_sum sum;
    int status =
        stack_sum_make(speedscope->input->cast, speedscope->input->kind, STACK_SUM_BY_TRACK, &sum, err);
    if (status)
        return status;
    struct stack_entry *entries = sum.entries.items;
    size_t count = sum.entries.count;
    if (count)
        qsort(entries, count, sizeof *entries, compare_programs);
    for (size_t from = 0, to; from < count && !status; from = to) {
        to = from + 1;
        while (to < count && entries[to].track == entries[from].track &&
               strcmp(entries[to].program, entries[from].program) == 0)
            to++;
        status = write_program(speedscope, entries + from, to - from, err);
    }
    stack_sum_free(&sum);
    return status;
}

FOREIGN_WRITER(speedscope_write)
{
    const struct cast *cast = input->cast;
    struct speedscope speedscope = {.input = input, .stream = stream};
    const struct track_rows_query query = {.cast = cast, .kind = input->kind, .has_spans = true};
    stream_text(stream, "{\"$schema\":\"" SCHEMA "\",\"exporter\":\"toll\",\"name\":");
    stream_json(stream, cast->command[0] ? cast->command : input->title ? input->title : "");
    stream_text(stream, ",\"profiles\":[");
    int status = stack_kind_is_heap(input->kind) ? write_allocations(&speedscope, err)
                                                 : track_rows_each(&query, write_track, &speedscope, err);
    stream_printf(stream, "],\n\"activeProfileIndex\":%zu,\"shared\":{\"frames\":[",
                  speedscope.profile_active);
    for (size_t i = 0; i < cast->frames.count; i++)
        write_frame(stream, cast_function(cast, (uint32_t)i), &cast->frames.items[i], i == 0);
    for (size_t i = 0; i < speedscope.extra.entries.count; i++)
        write_frame(stream, speedscope.extra.entries.items[i].bytes, NULL, i + cast->frames.count == 0);
    stream_text(stream, "\n]}}\n");
    intern_free(&speedscope.extra);
    return status;
}
