/* SPDX-License-Identifier: Apache-2.0 */
/*
 * perfetto_write: a Perfetto trace (perfetto.dev, protos/perfetto/trace; the numbers of fields are those of its files), one packet after
 * the other, in one sequence.
 *
 * Tracks are named once, by a TrackDescriptor; below a thread's own track, which has its spans, hang one for its waits and one for each
 * lane of spans that cross. Names are interned: the packet that first needs one brings it along. CPU samples are PerfSamples, whose
 * timebase_count is the thread's CPU time so far. Who ended a wait points to it by a flow. Series are counters.
 *
 * Times are CLOCK_MONOTONIC, given as the trace's own clock; a ClockSnapshot says what they are in real time.
 */
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/num.h"
#include "codec/protobuf_write.h"
#include "export/counter_scan.h"
#include "export/internal.h"
#include "export/span_lanes.h"
#include "export/wait_scan.h"
#include "model/meta.h"
#include "report/escape.h"

#define SEQUENCE    1
#define FLAG_BEGINS 1 /* SEQ_INCREMENTAL_STATE_CLEARED */
#define FLAG_NEEDS  2 /* SEQ_NEEDS_INCREMENTAL_STATE */

enum packet_field {
    PACKET_CLOCK_SNAPSHOT = 6,
    PACKET_TIMESTAMP = 8,
    PACKET_SEQUENCE = 10,
    PACKET_TRACK_EVENT = 11,
    PACKET_INTERNED = 12,
    PACKET_FLAGS = 13,
    PACKET_TRACK_DESCRIPTOR = 60,
    PACKET_PERF_SAMPLE = 66
};

enum event_field {
    EVENT_ANNOTATION = 4,
    EVENT_TYPE = 9,
    EVENT_NAME_IID = 10,
    EVENT_TRACK = 11,
    EVENT_CATEGORY = 22,
    EVENT_DOUBLE = 44,
    EVENT_FLOW = 47,
    EVENT_FLOW_END = 48
};

enum interned_field {
    INTERNED_NAME = 2,
    INTERNED_FUNCTION = 5,
    INTERNED_FRAME = 6,
    INTERNED_CALLSTACK = 7,
    INTERNED_BUILD_ID = 16,
    INTERNED_PATH = 17,
    INTERNED_SOURCE = 18,
    INTERNED_MAPPING = 19
};

enum event_type { TYPE_BEGIN = 1, TYPE_END = 2, TYPE_INSTANT = 3, TYPE_COUNTER = 4 };

/* Tracks of the trace by what they are for: a number behind the track's index. */
enum { TRACK_OF_ROW, TRACK_OF_WAITS, TRACK_OF_LANE, TRACK_KINDS = TRACK_OF_LANE + SPAN_LANES_MAX };
#define COUNTER_TRACKS ((uint64_t)1 << 48)

struct perfetto {
    const struct cast *cast;
    struct byte_stream *stream;
    struct intern names, functions, modules, sources;
    bool *known_stacks, *known_frames, *known_waits, *known_counters;
    uint64_t *cpu_ns; /* by track: so far */
    uint64_t flow_count;
    bool has_begun;
    struct str packet, event, interned, part; /* emptied by who uses them */
    bool failed;
};

static uint64_t uuid_of(uint32_t track, uint64_t kind)
{
    return ((uint64_t)track + 1) * TRACK_KINDS + kind;
}

/* Any bytes as text of a protobuf, which must be UTF-8. */
static void put_text(struct perfetto *perfetto, struct str *str, uint32_t field, const char *text)
{
    struct str plain = {0};
    escape_plain(&plain, text);
    protobuf_put_message(str, field, &plain);
    perfetto->failed |= plain.failed || str->failed;
    str_free(&plain);
}

/* The number of a text; what is new is added to the packet's interned data as {1: number, 2: text}. */
static uint64_t intern(struct perfetto *perfetto, struct intern *texts, enum interned_field field,
                       const char *text)
{
    uint64_t id = 0;
    bool is_new = false;
    if (intern_put(texts, text, strlen(text), &id, &is_new))
        perfetto->failed = true;
    if (is_new) {
        protobuf_put_number(&perfetto->part, 1, id);
        put_text(perfetto, &perfetto->part, 2, text);
        protobuf_put_message(&perfetto->interned, field, &perfetto->part);
    }
    return id;
}

/* Sends `body` as field `field` of a packet, with the names that it is the first to need. */
static int send_packet(struct perfetto *perfetto, uint64_t time_ns, uint32_t field, struct str *body,
                       struct err *err)
{
    struct str *packet = &perfetto->packet;
    struct str framed = {0};
    if (time_ns)
        protobuf_put_number(packet, PACKET_TIMESTAMP, time_ns);
    protobuf_put_number(packet, PACKET_SEQUENCE, SEQUENCE);
    protobuf_put_number(packet, PACKET_FLAGS, perfetto->has_begun ? FLAG_NEEDS : FLAG_BEGINS | FLAG_NEEDS);
    perfetto->has_begun = true;
    if (perfetto->interned.length)
        protobuf_put_message(packet, PACKET_INTERNED, &perfetto->interned);
    protobuf_put_message(packet, field, body);
    perfetto->failed |= packet->failed;
    protobuf_put_message(&framed, 1, packet);
    stream_bytes(perfetto->stream, str_text(&framed), framed.length);
    bool failed = perfetto->failed || framed.failed;
    str_free(&framed);
    return failed ? err_memory(err) : stream_status(perfetto->stream, err);
}

static int write_clocks(struct perfetto *perfetto, struct err *err)
{
    static const unsigned clocks[] = {6, 3, 1}; /* BOOTTIME, the trace's own; MONOTONIC; REALTIME */
    const char *text = view_meta(perfetto->cast->view, META_STARTED_REALTIME);
    uint64_t realtime = 0;
    if (text && num_parse_u64(text, &realtime))
        realtime = 0;
    for (size_t i = 0; i < sizeof clocks / sizeof clocks[0]; i++) {
        if (clocks[i] == 1 && !realtime)
            continue;
        protobuf_put_number(&perfetto->part, 1, clocks[i]);
        protobuf_put_number(&perfetto->part, 2, clocks[i] == 1 ? realtime : perfetto->cast->start_ns);
        protobuf_put_message(&perfetto->event, 1, &perfetto->part);
    }
    return send_packet(perfetto, perfetto->cast->start_ns, PACKET_CLOCK_SNAPSHOT, &perfetto->event, err);
}

static int write_descriptor(struct perfetto *perfetto, uint64_t uuid, uint64_t parent, const char *name,
                            struct err *err)
{
    struct str *event = &perfetto->event; /* holds what else the descriptor has */
    protobuf_put_number(event, 1, uuid);
    if (parent)
        protobuf_put_number(event, 5, parent);
    if (name)
        put_text(perfetto, event, 2, name);
    return send_packet(perfetto, 0, PACKET_TRACK_DESCRIPTOR, event, err);
}

static int write_tracks(struct perfetto *perfetto, struct err *err)
{
    const struct cast *cast = perfetto->cast;
    int status = 0;
    for (uint32_t i = 0; i < cast->tracks.count && !status; i++) {
        const struct cast_track *track = &cast->tracks.items[i];
        if (!track->is_present)
            continue;
        protobuf_put_number(&perfetto->part, 1, track->pid);
        if (track->process == i) {
            put_text(perfetto, &perfetto->part, 6, cast_program(cast, i, track->end_ns));
            protobuf_put_message(&perfetto->event, 3, &perfetto->part);
            status = write_descriptor(perfetto, uuid_of(i, TRACK_OF_ROW), 0, NULL, err);
        } else {
            protobuf_put_number(&perfetto->part, 2, track->tid);
            put_text(perfetto, &perfetto->part, 5,
                     track->name[0] ? track->name : track_kind_name(track->kind));
            protobuf_put_message(&perfetto->event, 4, &perfetto->part);
            status = write_descriptor(perfetto, uuid_of(i, TRACK_OF_ROW),
                                      uuid_of(track->process, TRACK_OF_ROW), NULL, err);
        }
    }
    return status;
}

static void open_event(struct perfetto *perfetto, enum event_type type, uint64_t track)
{
    protobuf_put_number(&perfetto->event, EVENT_TYPE, type);
    protobuf_put_number(&perfetto->event, EVENT_TRACK, track);
}

static void put_name(struct perfetto *perfetto, const char *name, const char *category)
{
    uint64_t id = intern(perfetto, &perfetto->names, INTERNED_NAME, name);
    protobuf_put_number(&perfetto->event, EVENT_NAME_IID, id);
    protobuf_put_text(&perfetto->event, EVENT_CATEGORY, category);
}

static void put_annotation(struct perfetto *perfetto, const char *name, const char *text)
{
    protobuf_put_text(&perfetto->part, 10, name);
    put_text(perfetto, &perfetto->part, 6, text);
    protobuf_put_message(&perfetto->event, EVENT_ANNOTATION, &perfetto->part);
}

static int send_event(struct perfetto *perfetto, uint64_t time_ns, struct err *err)
{
    return send_packet(perfetto, time_ns, PACKET_TRACK_EVENT, &perfetto->event, err);
}

static int write_end(struct perfetto *perfetto, uint64_t track, uint64_t time_ns, struct err *err)
{
    open_event(perfetto, TYPE_END, track);
    return send_event(perfetto, time_ns, err);
}

typedef VEC(uint64_t) open_ends;

static int close_spans(struct perfetto *perfetto, uint64_t track, open_ends *open, uint64_t until_ns,
                       struct err *err)
{
    int status = 0;
    for (; open->count && open->items[open->count - 1] <= until_ns && !status; open->count--)
        status = write_end(perfetto, track, open->items[open->count - 1], err);
    return status;
}

static int write_lane(struct perfetto *perfetto, uint64_t track, const struct track_row *rows, size_t count,
                      size_t lane, struct err *err)
{
    open_ends open = {0};
    int status = 0;
    for (size_t i = 0; i < count && !status; i++) {
        if (rows[i].count != lane)
            continue;
        status = close_spans(perfetto, track, &open, rows[i].time_ns, err);
        open_event(perfetto, TYPE_BEGIN, track);
        put_name(perfetto, view_text(perfetto->cast->view, rows[i].stack),
                 span_category_name(rows[i].reason));
        if (!status)
            status = send_event(perfetto, rows[i].time_ns, err);
        if (!status && vec_push(&open, rows[i].time_ns + rows[i].length_ns))
            status = err_memory(err);
    }
    if (!status)
        status = close_spans(perfetto, track, &open, UINT64_MAX, err);
    vec_free(&open);
    return status;
}

static int write_spans(void *context, uint32_t track, struct track_row *rows, size_t count, struct err *err)
{
    struct perfetto *perfetto = context;
    size_t lane_count = 0, cut_count;
    int status = span_lanes(rows, count, &lane_count, &cut_count, err);
    for (size_t lane = 0; lane < lane_count && !status; lane++) {
        uint64_t uuid = uuid_of(track, lane ? TRACK_OF_LANE + lane : TRACK_OF_ROW);
        if (lane)
            status = write_descriptor(perfetto, uuid, uuid_of(track, TRACK_OF_ROW), "spans that cross", err);
        if (!status)
            status = write_lane(perfetto, uuid, rows, count, lane, err);
    }
    return status;
}

/* The track of a track's waits, named when it is first used. */
static int waits_track(struct perfetto *perfetto, uint32_t track, uint64_t *ret_uuid, struct err *err)
{
    *ret_uuid = uuid_of(track, TRACK_OF_WAITS);
    if (perfetto->known_waits[track])
        return 0;
    perfetto->known_waits[track] = true;
    return write_descriptor(perfetto, *ret_uuid, uuid_of(track, TRACK_OF_ROW), "waits", err);
}

/* An instant of the waker that a flow begins at. */
static int write_waker(struct perfetto *perfetto, const struct foreign_wait *wait, struct err *err)
{
    uint64_t uuid;
    struct str name = {0};
    int status = waits_track(perfetto, wait->waker, &uuid, err);
    if (status)
        return status;
    str_append(&name, "wakes ");
    track_label(perfetto->cast, wait->track, &name);
    open_event(perfetto, TYPE_INSTANT, uuid);
    put_name(perfetto, str_text(&name), "wake");
    protobuf_put_fixed(&perfetto->event, EVENT_FLOW, ++perfetto->flow_count);
    str_free(&name);
    return send_event(perfetto, wait->woken_ns, err);
}

/* What follows a wait, where its flow ends: queueing for a CPU, or an instant. */
static int write_after(struct perfetto *perfetto, uint64_t track, const struct foreign_wait *wait,
                       bool has_flow, struct err *err)
{
    bool is_queued = wait->end_ns > wait->woken_ns;
    if (!is_queued && !has_flow)
        return 0;
    open_event(perfetto, is_queued ? TYPE_BEGIN : TYPE_INSTANT, track);
    put_name(perfetto, is_queued ? wait_reason_name(WAIT_CPU_QUEUE) : "woken", is_queued ? "wait" : "wake");
    if (has_flow)
        protobuf_put_fixed(&perfetto->event, EVENT_FLOW_END, perfetto->flow_count);
    int status = send_event(perfetto, wait->woken_ns, err);
    return status || !is_queued ? status : write_end(perfetto, track, wait->end_ns, err);
}

static int write_wait(void *context, const struct foreign_wait *wait, struct err *err)
{
    struct perfetto *perfetto = context;
    const struct cast *cast = perfetto->cast;
    bool is_blocked = wait->woken_ns > wait->start_ns, has_flow = is_blocked && wait->waker != CAST_NONE;
    uint64_t track;
    int status = waits_track(perfetto, wait->track, &track, err);
    if (!status && is_blocked) {
        open_event(perfetto, TYPE_BEGIN, track);
        put_name(perfetto, wait_reason_name(wait->reason), "wait");
        if (wait->peer != CAST_NONE)
            put_annotation(perfetto, "peer", cast->peers.items[wait->peer].label);
        if (wait->stack != CAST_NONE)
            put_annotation(perfetto, "function", cast_function(cast, cast->stacks.items[wait->stack].frame));
        status = send_event(perfetto, wait->start_ns, err);
        if (!status)
            status = write_end(perfetto, track, wait->woken_ns, err);
    }
    if (!status && has_flow)
        status = write_waker(perfetto, wait, err);
    return status ? status : write_after(perfetto, track, wait, has_flow, err);
}

/* The number of a path, and with a new one its mapping, which has the same. Build-ids are bytes. */
static uint64_t intern_mapping(struct perfetto *perfetto, const char *module)
{
    uint8_t build_id[BUILD_ID_BYTES_MAX];
    size_t known = perfetto->modules.entries.count, size;
    uint64_t mapping = intern(perfetto, &perfetto->modules, INTERNED_PATH, module);
    if (perfetto->modules.entries.count == known)
        return mapping;
    size = cast_build_id_bytes(perfetto->cast, module, build_id);
    if (size) {
        protobuf_put_number(&perfetto->part, 1, mapping);
        protobuf_put_bytes(&perfetto->part, 2, (const char *)build_id, size);
        protobuf_put_message(&perfetto->interned, INTERNED_BUILD_ID, &perfetto->part);
    }
    protobuf_put_number(&perfetto->part, 1, mapping);
    if (size)
        protobuf_put_number(&perfetto->part, 2, mapping);
    protobuf_put_number(&perfetto->part, 5, INT64_MAX);
    protobuf_put_number(&perfetto->part, 7, mapping);
    protobuf_put_message(&perfetto->interned, INTERNED_MAPPING, &perfetto->part);
    return mapping;
}

static void intern_frame(struct perfetto *perfetto, uint32_t index)
{
    const struct cast_frame *frame = &perfetto->cast->frames.items[index];
    if (perfetto->known_frames[index])
        return;
    perfetto->known_frames[index] = true;
    uint64_t function =
        intern(perfetto, &perfetto->functions, INTERNED_FUNCTION, cast_function(perfetto->cast, index));
    uint64_t source = frame->file[0] ? intern(perfetto, &perfetto->sources, INTERNED_SOURCE, frame->file) : 0;
    uint64_t mapping = intern_mapping(perfetto, frame->module);
    protobuf_put_number(&perfetto->part, 1, (uint64_t)index + 1);
    protobuf_put_number(&perfetto->part, 2, function);
    protobuf_put_number(&perfetto->part, 3, mapping);
    protobuf_put_number(&perfetto->part, 4, frame->address);
    if (source) {
        protobuf_put_number(&perfetto->part, 5, source);
        protobuf_put_number(&perfetto->part, 6, frame->line);
    }
    protobuf_put_message(&perfetto->interned, INTERNED_FRAME, &perfetto->part);
}

/* The outermost frame comes first. */
static void intern_stack(struct perfetto *perfetto, uint32_t stack)
{
    uint32_t frames[CAST_DEPTH_MAX];
    if (perfetto->known_stacks[stack])
        return;
    perfetto->known_stacks[stack] = true;
    size_t depth = cast_chain(perfetto->cast, stack, frames);
    for (size_t i = 0; i < depth; i++)
        intern_frame(perfetto, frames[i]);
    protobuf_put_number(&perfetto->part, 1, (uint64_t)stack + 1);
    while (depth--)
        protobuf_put_number(&perfetto->part, 2, (uint64_t)frames[depth] + 1);
    protobuf_put_message(&perfetto->interned, INTERNED_CALLSTACK, &perfetto->part);
}

static int write_samples(void *context, const struct batch *batch, struct err *err)
{
    struct perfetto *perfetto = context;
    const struct cast *cast = perfetto->cast;
    int status = 0;
    for (size_t i = 0; i < batch->row_count && !status; i++) {
        uint32_t track = cast_track(cast, batch->columns[COLUMN(sample, track)][i]);
        uint32_t stack = cast_stack(cast, batch->columns[COLUMN(sample, stack)][i]);
        if (track == CAST_NONE || batch->columns[COLUMN(sample, kind)][i] != SAMPLE_CPU)
            continue;
        perfetto->cpu_ns[track] += batch->columns[COLUMN(sample, weight)][i];
        protobuf_put_number(&perfetto->event, 2, cast->tracks.items[track].pid);
        protobuf_put_number(&perfetto->event, 3, cast->tracks.items[track].tid);
        if (stack != CAST_NONE) {
            intern_stack(perfetto, stack);
            protobuf_put_number(&perfetto->event, 4, (uint64_t)stack + 1);
        }
        protobuf_put_number(&perfetto->event, 6, perfetto->cpu_ns[track]);
        status = send_packet(perfetto, batch->columns[COLUMN(sample, time_ns)][i], PACKET_PERF_SAMPLE,
                             &perfetto->event, err);
    }
    return status;
}

static int write_point(void *context, const struct foreign_point *point, struct err *err)
{
    struct perfetto *perfetto = context;
    uint64_t uuid = COUNTER_TRACKS + point->series;
    int status = 0;
    if (!perfetto->known_counters[point->series]) {
        perfetto->known_counters[point->series] = true;
        if (strcmp(point->unit, "bytes") == 0)
            protobuf_put_number(&perfetto->part, 3, 3); /* UNIT_SIZE_BYTES */
        else
            put_text(perfetto, &perfetto->part, 6, point->unit);
        protobuf_put_message(&perfetto->event, 8, &perfetto->part);
        status = write_descriptor(perfetto, uuid,
                                  point->track == CAST_NONE ? 0 : uuid_of(point->track, TRACK_OF_ROW),
                                  point->name, err);
    }
    if (status)
        return status;
    open_event(perfetto, TYPE_COUNTER, uuid);
    protobuf_put_double(&perfetto->event, EVENT_DOUBLE, point->value);
    return send_event(perfetto, point->time_ns, err);
}

static int write_all(struct perfetto *perfetto, enum stack_kind kind, struct err *err)
{
    const struct cast *cast = perfetto->cast;
    const struct track_rows_query spans = {.cast = cast, .kind = STACK_KIND_COUNT, .has_spans = true};
    int status = write_clocks(perfetto, err);
    if (!status)
        status = write_tracks(perfetto, err);
    if (!status)
        status = track_rows_each(&spans, write_spans, perfetto, err);
    if (!status && stack_kind_has_waits(kind))
        status = wait_scan(cast, write_wait, perfetto, err);
    if (!status && stack_kind_has_cpu(kind))
        status = view_scan_all(cast->view, TABLE_SAMPLE, write_samples, perfetto, err);
    return status ? status : counter_scan(cast, write_point, perfetto, err);
}

FOREIGN_WRITER(perfetto_write)
{
    const struct cast *cast = input->cast;
    const struct view *view = cast->view;
    struct perfetto perfetto = {
        .cast = cast,
        .stream = stream,
        .known_stacks = calloc(cast->stacks.count + 1, sizeof(bool)),
        .known_frames = calloc(cast->frames.count + 1, sizeof(bool)),
        .known_waits = calloc(cast->tracks.count + 1, sizeof(bool)),
        .known_counters = calloc((size_t)view->row_count(view, TABLE_SERIES) + 1, sizeof(bool)),
        .cpu_ns = calloc(cast->tracks.count + 1, sizeof(uint64_t)),
    };
    bool has_room = perfetto.known_stacks && perfetto.known_frames && perfetto.known_waits &&
                    perfetto.known_counters && perfetto.cpu_ns;
    int status = has_room ? write_all(&perfetto, input->kind, err) : err_memory(err);
    free(perfetto.known_stacks);
    free(perfetto.known_frames);
    free(perfetto.known_waits);
    free(perfetto.known_counters);
    free(perfetto.cpu_ns);
    intern_free(&perfetto.names);
    intern_free(&perfetto.functions);
    intern_free(&perfetto.modules);
    intern_free(&perfetto.sources);
    str_free(&perfetto.packet);
    str_free(&perfetto.event);
    str_free(&perfetto.interned);
    str_free(&perfetto.part);
    return status;
}
