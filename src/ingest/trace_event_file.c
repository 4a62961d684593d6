/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace_event_file: the JSON of Chrome's tracing ("Trace Event Format", Google), an array of events or an object with `traceEvents`, as
 * browsers, node, compilers (-ftime-trace) and many others write it.
 *
 * Complete events (X), pairs (B, E) and async ones (b, e; S, F) become spans of their thread, counters (C) series, arrows (s, t, f) edges.
 * Waits that toll wrote become waits again. The end of the array may be missing, as of a program that was killed. Times are
 * microseconds; where they begin below a second they are moved behind it, as a recording's must be.
 *
 * Names of threads may stand anywhere: the file is walked twice (codec/json_scan.h), first for them and for the earliest time.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/num.h"
#include "base/vec.h"
#include "ingest/internal.h"
#include "ingest/json_file.h"

#define OPEN_MAX     4096u       /* events of one thread that are open at once */
#define US_MAX       1e15        /* 31 years */
#define MADE_UP_FROM 2000000000u /* numbers of threads that have a name instead */

struct event {
    const char *start; /* where it stands */
    char phase;
    struct json_slice name, category, arguments, id;
    struct json_slice pid, tid; /* raw */
    double ts, dur;
    bool has_ts;
};

struct open_event {
    uint64_t start_ns;
    uint64_t name; /* string id */
    uint64_t category;
    uint32_t thread;
};

/* A thread of the file. */
struct lane {
    uint64_t pid, tid;
    uint64_t name;   /* interned in names, 0: none */
    uint32_t thread; /* of the tables, UINT32_MAX until it is needed */
    VEC(struct open_event) open;
};

struct reading {
    const struct ingest_input *input;
    struct tables *tables;
    struct ingest_notes *notes;
    VEC(struct lane) lanes;
    struct map lane_of;            /* by hash of pid and tid */
    struct map process_of;         /* pid to its name in names */
    struct intern names;           /* of threads and processes */
    struct intern made_up;         /* tids and pids that are texts */
    VEC(struct open_event) begun;  /* async events and arrows */
    struct map begun_of;           /* by hash of what they are to index + 1 */
    struct map series_of, peer_of; /* by hash to row id */
    double ts_min;
    bool is_toll;
    struct str text;
    uint64_t last_ns;
    uint64_t cut_count, alone_count, part_count, instant_count, sample_count, other_count, series_count,
        peer_count;
};

typedef int event_fn(struct reading *reading, const struct event *event, struct err *err);

/* --- one event --- */

static bool take_event(struct json_scan *scan, struct event *ret_event)
{
    const struct json_slice none = {.bytes = "", .length = 0};
    struct event event = {.start = scan->at,
                          .name = none,
                          .category = none,
                          .arguments = none,
                          .id = none,
                          .pid = none,
                          .tid = none};
    struct json_slice key, text;
    if (!scan_object(scan))
        return false;
    while (scan_key(scan, &key)) {
        if (scan_is(&key, "ph"))
            event.phase = scan_text(scan, &text) && text.length == 1 ? *text.bytes : event.phase;
        else if (scan_is(&key, "name"))
            (void)(scan_text(scan, &text) && (event.name = text, true));
        else if (scan_is(&key, "cat"))
            (void)(scan_text(scan, &text) && (event.category = text, true));
        else if (scan_is(&key, "ts"))
            event.has_ts = scan_double(scan, &event.ts);
        else if (scan_is(&key, "dur"))
            (void)scan_double(scan, &event.dur);
        else if (scan_is(&key, "pid"))
            scan_raw(scan, &event.pid);
        else if (scan_is(&key, "tid"))
            scan_raw(scan, &event.tid);
        else if (scan_is(&key, "id") || scan_is(&key, "id2"))
            scan_raw(scan, &event.id);
        else if (scan_is(&key, "args"))
            scan_raw(scan, &event.arguments);
        else
            scan_skip(scan);
    }
    event.has_ts = event.has_ts && event.ts > -US_MAX && event.ts < US_MAX;
    event.dur = event.dur > 0 && event.dur < US_MAX ? event.dur : 0;
    *ret_event = event;
    return !scan->failed;
}

static int broken(const struct reading *reading, const struct json_scan *scan, const char *what,
                  struct err *err)
{
    return json_part_broken(reading->input, scan, what, err);
}

/* The array may end without its bracket, or in a comma. */
static bool is_end(const struct json_scan *scan)
{
    const char *at = scan->at;
    while (at < scan->end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    return at >= scan->end || *at == ']';
}

static int walk_array(struct reading *reading, struct json_scan *scan, event_fn *each, struct err *err)
{
    int status = 0;
    if (!scan_array(scan))
        return broken(reading, scan, "the events are no list", err);
    while (!status && scan_item(scan)) {
        struct json_slice raw;
        struct event event;
        scan_raw(scan, &raw);
        if (scan->failed) { /* its brackets do not close: the file ends within it */
            reading->cut_count++;
            return 0;
        }
        struct json_scan inner = json_part(&raw);
        if (!take_event(&inner, &event))
            return broken(reading, &inner, "it is no event", err);
        status = each(reading, &event, err);
    }
    if (!status && scan->failed && !is_end(scan))
        status = broken(reading, scan, "there is no comma between two events", err);
    return status;
}

static int walk(struct reading *reading, event_fn *each, struct err *err)
{
    const struct json_slice whole = json_part_whole(reading->input);
    struct json_scan scan = json_part(&whole), array = scan;
    struct json_slice key;
    if (scan_object(&scan)) {
        while (scan_key(&scan, &key)) {
            if (scan_is(&key, "traceEvents"))
                return walk_array(reading, &scan, each, err);
            scan_skip(&scan);
        }
        return broken(reading, &scan, "there is no list traceEvents", err);
    }
    return walk_array(reading, &array, each, err);
}

/* --- threads --- */

/* A number, or one made up for a text. */
static uint64_t number_of(struct reading *reading, const struct json_slice *raw)
{
    struct json_scan scan = json_part(raw);
    uint64_t number = 0, id = 0;
    if (!raw->length || (*raw->bytes != '"' && scan_u64(&scan, &number)))
        return number;
    if (intern_put(&reading->made_up, raw->bytes, raw->length, &id, NULL))
        reading->text.failed = true;
    return MADE_UP_FROM + id;
}

static int lane_find(struct reading *reading, const struct event *event, size_t *ret_lane, struct err *err)
{
    struct lane lane = {
        .pid = number_of(reading, &event->pid), .tid = number_of(reading, &event->tid), .thread = UINT32_MAX};
    uint64_t key = map_hash(map_hash(lane.pid) + lane.tid);
    const uint64_t *known = map_get(&reading->lane_of, key);
    if (known) {
        *ret_lane = (size_t)*known;
        return 0;
    }
    *ret_lane = reading->lanes.count;
    return map_put(&reading->lane_of, key, reading->lanes.count) || vec_push(&reading->lanes, lane)
               ? err_memory(err)
               : 0;
}

static int thread_find(struct reading *reading, const struct event *event, struct lane **ret_lane,
                       struct err *err)
{
    size_t index = 0;
    int status = lane_find(reading, event, &index, err);
    if (status)
        return status;
    struct lane *lane = &reading->lanes.items[index];
    *ret_lane = lane;
    if (lane->thread != UINT32_MAX)
        return 0;
    const uint64_t *process = map_get(&reading->process_of, lane->pid);
    const char *name = lane->name ? intern_text(&reading->names, lane->name)
                       : process  ? intern_text(&reading->names, *process)
                                  : "thread";
    struct tables_who who = {.pid = lane->pid, .tid = lane->tid, .name = name, .name_length = strlen(name)};
    who.tid = who.tid ? who.tid : who.pid ? who.pid : MADE_UP_FROM;
    status = tables_thread(reading->tables, &who, &lane->thread, err);
    if (!status && process && who.pid)
        status = tables_name_process(reading->tables, who.pid, intern_text(&reading->names, *process), err);
    return status;
}

/* The name in `args` of a metadata event. */
static int take_name(struct reading *reading, const struct event *event, struct err *err)
{
    const struct json_slice name = json_part_find(&event->arguments, "name");
    struct json_scan scan = json_part(&name);
    struct json_slice text;
    size_t lane = 0;
    uint64_t id;
    bool is_process = scan_is(&event->name, "process_name");
    if ((!is_process && !scan_is(&event->name, "thread_name")) || !name.length || !scan_text(&scan, &text))
        return 0;
    json_part_text(&text, &reading->text);
    if (reading->text.failed ||
        intern_put(&reading->names, str_text(&reading->text), reading->text.length, &id, NULL))
        return err_memory(err);
    if (is_process)
        return map_put(&reading->process_of, number_of(reading, &event->pid), id) ? err_memory(err) : 0;
    int status = lane_find(reading, event, &lane, err);
    if (!status)
        reading->lanes.items[lane].name = id;
    return status;
}

static int look(struct reading *reading, const struct event *event, struct err *err)
{
    if (event->phase == 'M')
        return take_name(reading, event, err);
    if (event->has_ts)
        reading->ts_min = fmin(reading->ts_min, event->ts);
    return 0;
}

/* --- rows --- */

static uint64_t ns_of(struct reading *reading, double us)
{
    double moved = reading->ts_min < 1e6 ? us - reading->ts_min + 1e6 : us;
    uint64_t ns = moved > 0 ? (uint64_t)llround(moved * 1e3) : 0;
    reading->last_ns = num_max(reading->last_ns, ns);
    return ns;
}

/* V8's pauses (node, browsers) are MinorGC and MajorGC; what is called V8.GC… lies within one, or is a step of marking. */
#define CATEGORY_PART SPAN_CATEGORY_COUNT

static uint64_t collector_category(const struct json_slice *name)
{
    static const char part[] = "V8.GC";
    if (scan_is(name, "MinorGC") || scan_is(name, "MajorGC"))
        return SPAN_GC;
    bool is_part = name->length >= strlen(part) && memcmp(name->bytes, part, strlen(part)) == 0;
    return is_part ? CATEGORY_PART : SPAN_PHASE;
}

static uint64_t category_of(const struct json_slice *category, const struct json_slice *name)
{
    for (uint64_t i = SPAN_PHASE; i < SPAN_CATEGORY_COUNT; i++)
        if (i != SPAN_EXEC && scan_is(category, span_category_name(i)))
            return i;
    return collector_category(name);
}

static int intern(struct reading *reading, const struct json_slice *text, uint64_t *ret_id, struct err *err)
{
    json_part_text(text, &reading->text);
    if (reading->text.failed)
        return err_memory(err);
    return sink_intern(tables_sink(reading->tables), str_text(&reading->text), ret_id, err);
}

static int add_span(struct reading *reading, const struct open_event *open, uint64_t end_ns, struct err *err)
{
    if (open->category == CATEGORY_PART) {
        reading->part_count++;
        return 0;
    }
    const struct row_span span = {.name = open->name,
                                  .category = open->category,
                                  .start_ns = open->start_ns,
                                  .end_ns = num_max(end_ns, open->start_ns)};
    return tables_span(reading->tables, open->thread, span, NULL, err);
}

static int open_of(struct reading *reading, const struct event *event, const struct lane *lane,
                   struct open_event *ret_open, struct err *err)
{
    *ret_open = (struct open_event){.start_ns = ns_of(reading, event->ts),
                                    .category = category_of(&event->category, &event->name),
                                    .thread = lane->thread};
    return intern(reading, &event->name, &ret_open->name, err);
}

static uint64_t text_hash(const struct json_slice *text, uint64_t seed)
{
    return map_hash(map_hash_bytes(text->bytes, text->length) + seed);
}

static int peer_find(struct reading *reading, const struct json_slice *raw, uint64_t *ret_peer,
                     struct err *err)
{
    struct json_scan scan = json_part(raw);
    struct json_slice text;
    struct row_peer row = {.kind = PEER_DEVICE};
    if (!raw->length || !scan_text(&scan, &text) || !text.length)
        return 0;
    uint64_t key = text_hash(&text, 0);
    const uint64_t *known = map_get(&reading->peer_of, key);
    if (known) {
        *ret_peer = *known;
        return 0;
    }
    int status = intern(reading, &text, &row.name, err);
    row.id = reading->peer_count + 1;
    if (!status)
        status = sink_append(tables_sink(reading->tables), peer, &row, err);
    if (!status && map_put(&reading->peer_of, key, row.id))
        status = err_memory(err);
    reading->peer_count++;
    *ret_peer = row.id;
    return status;
}

static bool number_in(const struct json_slice *part, const char *key, uint64_t *ret_number)
{
    const struct json_slice found = json_part_find(part, key);
    struct json_scan scan = json_part(&found);
    return found.length && scan_u64(&scan, ret_number);
}

/* A wait as toll writes it: its thread stands in `args`. False when it is something else. */
static int take_wait(struct reading *reading, const struct event *event, bool *ret_is_wait, struct err *err)
{
    const struct json_slice tid = json_part_find(&event->arguments, "tid"),
                            peer = json_part_find(&event->arguments, "peer");
    struct row_wait wait = {.count = 1};
    struct event of = *event;
    struct lane *lane;
    uint64_t reason = 0;
    *ret_is_wait = false;
    while (reason < WAIT_REASON_COUNT && !scan_is(&event->name, wait_reason_name(reason)))
        reason++;
    if (!reading->is_toll || !scan_is(&event->category, "wait") || !tid.length || reason == WAIT_REASON_COUNT)
        return 0;
    *ret_is_wait = true;
    of.tid = tid;
    wait.reason = reason;
    wait.start_ns = ns_of(reading, event->ts);
    wait.end_ns = ns_of(reading, event->ts + event->dur);
    uint64_t *length = reason == WAIT_CPU_QUEUE ? &wait.runnable_ns : &wait.blocked_ns;
    if (!number_in(&event->arguments, "count", &wait.count) ||
        !number_in(&event->arguments, "blocked_ns", length))
        *length = wait.end_ns - wait.start_ns;
    *length = num_min(*length, wait.end_ns - wait.start_ns);
    int status = thread_find(reading, &of, &lane, err);
    if (!status)
        status = peer_find(reading, &peer, &wait.peer, err);
    return status || wait.end_ns == wait.start_ns ? status
                                                  : tables_wait(reading->tables, lane->thread, wait, err);
}

static int take_complete(struct reading *reading, const struct event *event, struct err *err)
{
    struct lane *lane;
    struct open_event open;
    bool is_wait;
    int status = take_wait(reading, event, &is_wait, err);
    if (status || is_wait)
        return status;
    if (reading->is_toll && scan_is(&event->category, "wait")) { /* the foot of an arrow */
        reading->other_count++;
        return 0;
    }
    status = thread_find(reading, event, &lane, err);
    if (!status)
        status = open_of(reading, event, lane, &open, err);
    return status ? status : add_span(reading, &open, ns_of(reading, event->ts + event->dur), err);
}

static int take_begin(struct reading *reading, const struct event *event, struct err *err)
{
    struct lane *lane;
    struct open_event open;
    int status = thread_find(reading, event, &lane, err);
    if (!status)
        status = open_of(reading, event, lane, &open, err);
    if (status)
        return status;
    if (lane->open.count == OPEN_MAX) {
        reading->alone_count++;
        return 0;
    }
    return vec_push(&lane->open, open) ? err_memory(err) : 0;
}

static int take_end(struct reading *reading, const struct event *event, struct err *err)
{
    struct lane *lane;
    int status = thread_find(reading, event, &lane, err);
    if (status)
        return status;
    if (!lane->open.count) {
        reading->alone_count++;
        return 0;
    }
    struct open_event open = lane->open.items[--lane->open.count];
    return add_span(reading, &open, ns_of(reading, event->ts), err);
}

/* What ties the ends of an async event or an arrow together: kind, category, name, id. */
static uint64_t begun_key(const struct event *event, uint64_t kind)
{
    return text_hash(&event->id, text_hash(&event->category, text_hash(&event->name, kind)));
}

static int take_begun(struct reading *reading, const struct event *event, uint64_t kind, struct err *err)
{
    struct lane *lane;
    struct open_event open;
    int status = thread_find(reading, event, &lane, err);
    if (!status)
        status = open_of(reading, event, lane, &open, err);
    if (!status && (vec_push(&reading->begun, open) ||
                    map_put(&reading->begun_of, begun_key(event, kind), reading->begun.count)))
        status = err_memory(err);
    return status;
}

static struct open_event *begun_find(struct reading *reading, const struct event *event, uint64_t kind)
{
    const uint64_t *index = map_get(&reading->begun_of, begun_key(event, kind));
    if (!index)
        reading->alone_count++;
    return index ? &reading->begun.items[*index - 1] : NULL;
}

static int take_async_end(struct reading *reading, const struct event *event, struct err *err)
{
    struct open_event *open = begun_find(reading, event, 'b');
    if (!open)
        return 0;
    map_remove(&reading->begun_of, begun_key(event, 'b'));
    return add_span(reading, open, ns_of(reading, event->ts), err);
}

/* A step or the end of an arrow: an edge from where it was before. Toll's own arrows belong to waits. */
static int take_arrow(struct reading *reading, const struct event *event, struct err *err)
{
    struct open_event *from;
    struct lane *lane;
    if (reading->is_toll) {
        reading->other_count++;
        return 0;
    }
    from = begun_find(reading, event, 's');
    if (!from)
        return 0;
    int status = thread_find(reading, event, &lane, err);
    const struct row_edge edge = {.from_track = tables_track(reading->tables, from->thread),
                                  .from_ns = from->start_ns,
                                  .to_track = status ? 0 : tables_track(reading->tables, lane->thread),
                                  .to_ns = num_max(ns_of(reading, event->ts), from->start_ns),
                                  .kind = EDGE_MESSAGE,
                                  .source = EDGE_RECORDED};
    if (!status && edge.from_track != edge.to_track) {
        /* What it refers to has a row, though it may have nothing but arrows. */
        tables_life(reading->tables, from->thread, edge.from_ns, 0);
        tables_life(reading->tables, lane->thread, edge.to_ns, 0);
        status = sink_append(tables_sink(reading->tables), edge, &edge, err);
    }
    if (!status) {
        from->thread = lane->thread;
        from->start_ns = edge.to_ns;
    }
    return status;
}

/* Each number in `args` is a series of its own. */
static int add_point(struct reading *reading, const struct event *event, const struct json_slice *key,
                     double value, struct err *err)
{
    struct sink *sink = tables_sink(reading->tables);
    struct row_series series = {0};
    uint64_t hash = text_hash(key, text_hash(&event->name, number_of(reading, &event->pid)));
    const uint64_t *known = map_get(&reading->series_of, hash);
    struct row_point point = {
        .series = known ? *known : 0, .time_ns = ns_of(reading, event->ts), .value = num_bits(value)};
    int status = 0;
    if (!known) {
        series.id = point.series = ++reading->series_count;
        status = intern(reading, &event->name, &series.name, err);
        if (!status)
            status = intern(reading, key, &series.unit, err);
        if (!status)
            status = sink_append(sink, series, &series, err);
        if (!status && map_put(&reading->series_of, hash, series.id))
            status = err_memory(err);
    }
    return status ? status : sink_append(sink, point, &point, err);
}

static int take_counter(struct reading *reading, const struct event *event, struct err *err)
{
    struct json_scan scan = json_part(&event->arguments);
    struct json_slice key;
    double value;
    int status = 0;
    if (!event->arguments.length || !scan_object(&scan))
        return 0;
    while (!status && scan_key(&scan, &key))
        if (scan_double(&scan, &value))
            status = add_point(reading, event, &key, value, err);
    return status;
}

static int take(struct reading *reading, const struct event *event, struct err *err)
{
    if (event->phase == 'M')
        return 0;
    if (!event->has_ts) {
        reading->other_count++;
        return 0;
    }
    switch (event->phase) {
    case 'X': return take_complete(reading, event, err);
    case 'B': return take_begin(reading, event, err);
    case 'E': return take_end(reading, event, err);
    case 'b':
    case 'S': return take_begun(reading, event, 'b', err);
    case 'e':
    case 'F': return take_async_end(reading, event, err);
    case 's': return reading->is_toll ? 0 : take_begun(reading, event, 's', err);
    case 't':
    case 'f': return take_arrow(reading, event, err);
    case 'C': return take_counter(reading, event, err);
    case 'i':
    case 'I':
    case 'n':
    case 'R': reading->instant_count++; return 0;
    case 'P': reading->sample_count++; return 0;
    default: reading->other_count++; return 0;
    }
}

/* What was still open when the file ended, ends with it. */
static int close_open(struct reading *reading, struct err *err)
{
    int status = 0;
    for (size_t i = 0; i < reading->lanes.count; i++) {
        struct lane *lane = &reading->lanes.items[i];
        while (lane->open.count && !status) {
            reading->alone_count++;
            status = add_span(reading, &lane->open.items[--lane->open.count], reading->last_ns, err);
        }
    }
    return status;
}

static void tell(struct reading *reading)
{
    struct ingest_notes *notes = reading->notes;
    notes->about.clock = "the trace's own, in microseconds";
    if (reading->cut_count)
        ingest_remark(notes, "the trace ends within an event: its program may have been killed");
    ingest_left_out(notes, "instants", reading->instant_count);
    ingest_left_out(notes, "parts of collectors' work", reading->part_count);
    ingest_left_out(notes, "pieces of sampled profiles (--cpu-prof writes them as a file)",
                    reading->sample_count);
    ingest_left_out(notes, "ends without a beginning, or the reverse", reading->alone_count);
    ingest_left_out(notes, "events of other kinds", reading->other_count);
    ingest_left_out(notes, "events that are cut short", reading->cut_count);
}

static int trace_event_read(const struct ingest_input *input, const struct ingest_choice *choice,
                            struct tables *tables, struct ingest_notes *notes, struct err *err)
{
    struct reading reading = {.input = input, .tables = tables, .notes = notes, .ts_min = INFINITY};
    const struct json_slice whole = json_part_whole(input), other = json_part_find(&whole, "otherData"),
                            writer = json_part_find(&other, "writer");
    (void)choice;
    reading.is_toll = scan_is(&writer, "\"toll\"");
    int status = walk(&reading, look, err);
    reading.cut_count = 0;
    if (!status)
        status = walk(&reading, take, err);
    if (!status)
        status = close_open(&reading, err);
    if (!status)
        tell(&reading);
    for (size_t i = 0; i < reading.lanes.count; i++)
        vec_free(&reading.lanes.items[i].open);
    vec_free(&reading.lanes);
    vec_free(&reading.begun);
    map_free(&reading.lane_of);
    map_free(&reading.process_of);
    map_free(&reading.begun_of);
    map_free(&reading.series_of);
    map_free(&reading.peer_of);
    intern_free(&reading.names);
    intern_free(&reading.made_up);
    str_free(&reading.text);
    return status;
}

static bool trace_event_probe(const struct ingest_input *input)
{
    const struct json_slice whole = json_part_whole(input);
    struct json_scan scan = json_part(&whole);
    struct event event;
    if (json_file_is(input, "\"traceEvents\""))
        return true;
    return scan_array(&scan) && scan_item(&scan) && take_event(&scan, &event) && event.phase &&
           (event.has_ts || event.phase == 'M');
}

const struct ingest_reader ingest_trace_event = {
    .name = "trace-event",
    .about = "a trace in Chrome's format",
    .probe = trace_event_probe,
    .read = trace_event_read,
};
