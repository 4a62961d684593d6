/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JDK Flight Recorder files: samples of what Java threads ran, and the collector's pauses as spans of the process. Waits that JFR
 * tells (parking, monitors, sockets) are counted and left out: they have thresholds, so what is not told is no work.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "ingest/internal.h"
#include "ingest/jfr_format.h"
#include "model/meta.h"

#define NS_PER_SECOND   1000000000ull
#define BASE_NS         NS_PER_SECOND /* the first chunk's start: times are to lie behind zero */
#define STACK_DEPTH_MAX 2048
#define DURATION_S_MAX  1000000000ull

/* What a collection says of its pauses. */
struct collection {
    uint64_t name, cause; /* ids of texts; 0: not told */
};

struct reading {
    struct tables *tables;
    struct ingest_notes *notes;
    struct jfr_chunk chunk;
    uint64_t first_ns; /* time of day of the first chunk */
    uint64_t pid;
    struct map thread_of, stack_of, frame_of; /* of this chunk: keys of its pools */
    struct map collection_of;                 /* number of a collection → index */
    VEC(struct collection) collections;
    struct str text;
    uint64_t sample_count, pause_count, other_count, broken_count, chunk_count;
    bool has_thread;
    uint32_t first_thread;
};

/* --- times --- */

static uint64_t span_ns(const struct reading *reading, uint64_t ticks)
{
    return (uint64_t)((unsigned __int128)ticks * NS_PER_SECOND / reading->chunk.ticks_per_s);
}

/* False: it makes no sense. */
static bool time_of(const struct reading *reading, const struct jfr_value *value, uint64_t *ret_ns)
{
    const struct jfr_chunk *chunk = &reading->chunk;
    if (value->kind != JFR_IS_NUMBER || value->number < chunk->start_ticks ||
        chunk->start_ns < reading->first_ns)
        return false;
    uint64_t since_ns = span_ns(reading, value->number - chunk->start_ticks);
    if (since_ns > DURATION_S_MAX * NS_PER_SECOND ||
        chunk->start_ns - reading->first_ns > DURATION_S_MAX * NS_PER_SECOND)
        return false;
    *ret_ns = BASE_NS + (chunk->start_ns - reading->first_ns) + since_ns;
    return true;
}

/* --- threads and stacks --- */

static int thread_make(struct reading *reading, const char *name, uint64_t tid, uint32_t *ret_thread,
                       struct err *err)
{
    struct tables_who who = {
        .pid = reading->pid ? reading->pid : 1, .tid = tid, .name = name, .name_length = strlen(name)};
    int status = tables_thread(reading->tables, &who, ret_thread, err);
    if (!status && !reading->has_thread) {
        reading->has_thread = true;
        reading->first_thread = *ret_thread;
    }
    return status;
}

static int thread_find(struct reading *reading, const struct jfr_value *value, uint32_t *ret_thread,
                       struct err *err)
{
    struct jfr_chunk *chunk = &reading->chunk;
    const uint64_t *known = map_get(&reading->thread_of, value->number);
    if (known) {
        *ret_thread = (uint32_t)*known;
        return 0;
    }
    struct jfr_value tid = jfr_part(chunk, value, "osThreadId"), name = jfr_part(chunk, value, "javaName");
    str_clear(&reading->text);
    jfr_text(chunk, &name, &reading->text);
    if (!str_text(&reading->text)[0]) {
        name = jfr_part(chunk, value, "osName");
        jfr_text(chunk, &name, &reading->text);
    }
    if (reading->text.failed)
        return err_memory(err);
    uint64_t number = tid.kind == JFR_IS_NUMBER && tid.number ? tid.number : value->number + 1;
    int status = thread_make(reading, str_text(&reading->text), number, ret_thread, err);
    if (!status && map_put(&reading->thread_of, value->number, *ret_thread))
        status = err_memory(err);
    return status;
}

/* "java.util.HashMap.put": the class's name has strokes in the file. */
static int frame_make(struct reading *reading, const struct jfr_value *method, uint64_t line,
                      uint64_t *ret_frame, struct err *err)
{
    struct jfr_chunk *chunk = &reading->chunk;
    struct jfr_value type = jfr_part(chunk, method, "type"), name = jfr_part(chunk, method, "name"),
                     type_name = jfr_part(chunk, &type, "name");
    struct str function = {0};
    str_clear(&reading->text);
    jfr_text(chunk, &type_name, &reading->text);
    for (const char *at = str_text(&reading->text); *at; at++)
        str_printf(&function, "%c", *at == '/' ? '.' : *at);
    str_append(&function, str_text(&function)[0] ? "." : "");
    jfr_text(chunk, &name, &function);
    struct tables_frame frame = {.function = str_text(&function)[0] ? str_text(&function) : "[unknown]",
                                 .line = line};
    int status = function.failed || reading->text.failed
                     ? err_memory(err)
                     : tables_frame(reading->tables, &frame, ret_frame, err);
    str_free(&function);
    return status;
}

static int frame_find(struct reading *reading, const struct jfr_value *frame, uint64_t *ret_frame,
                      struct err *err)
{
    struct jfr_value method = jfr_part(&reading->chunk, frame, "method"),
                     line = jfr_part(&reading->chunk, frame, "lineNumber");
    uint64_t number = line.kind == JFR_IS_NUMBER && line.number < UINT32_MAX ? line.number : 0;
    uint64_t key = map_hash(method.number) ^ number;
    const uint64_t *known = map_get(&reading->frame_of, key);
    if (known) {
        *ret_frame = *known;
        return 0;
    }
    int status = frame_make(reading, &method, number, ret_frame, err);
    if (!status && map_put(&reading->frame_of, key, *ret_frame))
        status = err_memory(err);
    return status;
}

/* A stack's frames stand innermost first. */
static int stack_make(struct reading *reading, const struct jfr_value *stack, uint64_t *ret_stack,
                      struct err *err)
{
    struct jfr_value frames = jfr_part(&reading->chunk, stack, "frames");
    size_t at;
    uint64_t count = num_min(jfr_array(&reading->chunk, &frames, &at), STACK_DEPTH_MAX), made = 0;
    uint64_t *ids = calloc(STACK_DEPTH_MAX, sizeof *ids);
    int status = ids ? 0 : err_memory(err);
    for (uint64_t i = 0; i < count && !status; i++) {
        struct jfr_value frame;
        if (!jfr_element(&reading->chunk, &frames, &at, &frame))
            break;
        status = frame_find(reading, &frame, &ids[made], err);
        made += !status;
    }
    uint64_t id = 0;
    for (uint64_t i = made; i > 0 && !status; i--)
        status = tables_stack(reading->tables, id, ids[i - 1], &id, err);
    free(ids);
    *ret_stack = id;
    return status;
}

static int stack_find(struct reading *reading, const struct jfr_value *value, uint64_t *ret_stack,
                      struct err *err)
{
    const uint64_t *known = map_get(&reading->stack_of, value->number);
    *ret_stack = known ? *known : 0;
    if (known || value->kind != JFR_IS_REFERENCE)
        return 0;
    int status = stack_make(reading, value, ret_stack, err);
    if (!status && map_put(&reading->stack_of, value->number, *ret_stack))
        status = err_memory(err);
    return status;
}

/* --- events --- */

struct event {
    uint32_t class_index;
    struct jfr_value values[JFR_FIELD_MAX];
};

static struct jfr_value named(const struct reading *reading, const struct event *event, const char *name)
{
    return jfr_value_named(&reading->chunk, event->class_index, event->values, name);
}

static int sample_take(struct reading *reading, const struct event *event, struct err *err)
{
    struct jfr_value time = named(reading, event, "startTime"),
                     thread = named(reading, event, "sampledThread"),
                     stack = named(reading, event, "stackTrace");
    struct tables_sample sample = {.weight = 1, .kind = SAMPLE_CPU};
    if (thread.kind != JFR_IS_REFERENCE || !time_of(reading, &time, &sample.time_ns)) {
        reading->broken_count++;
        return 0;
    }
    int status = thread_find(reading, &thread, &sample.thread, err);
    if (!status)
        status = stack_find(reading, &stack, &sample.stack, err);
    reading->sample_count++;
    return status ? status : tables_sample(reading->tables, &sample, err);
}

static int text_id(struct reading *reading, const struct jfr_value *value, uint64_t *ret_id, struct err *err)
{
    str_clear(&reading->text);
    jfr_text(&reading->chunk, value, &reading->text);
    if (reading->text.failed)
        return err_memory(err);
    return str_text(&reading->text)[0]
               ? sink_intern(tables_sink(reading->tables), str_text(&reading->text), ret_id, err)
               : 0;
}

/* A collection is written when it is over, behind its pauses: these come in a second round. */
static int collection_take(struct reading *reading, const struct event *event, struct err *err)
{
    struct jfr_value number = named(reading, event, "gcId"), name = named(reading, event, "name"),
                     cause = named(reading, event, "cause");
    struct collection collection = {0};
    if (number.kind != JFR_IS_NUMBER)
        return 0;
    int status = text_id(reading, &name, &collection.name, err);
    if (!status)
        status = text_id(reading, &cause, &collection.cause, err);
    if (!status && (map_put(&reading->collection_of, number.number, reading->collections.count) ||
                    vec_push(&reading->collections, collection)))
        status = err_memory(err);
    return status;
}

static int attribute(struct reading *reading, uint64_t span, const char *key, uint64_t value, struct err *err)
{
    struct row_attr row = {.owner_table = TABLE_SPAN, .owner = span, .value = value};
    struct sink *sink = tables_sink(reading->tables);
    if (!value)
        return 0;
    int status = sink_intern(sink, key, &row.key, err);
    return status ? status : sink_append(sink, attr, &row, err);
}

/* "GC Pause", "Pause Young", "Remark": what the span is called. */
static int pause_name(struct reading *reading, const struct jfr_value *name, uint64_t *ret_name,
                      struct err *err)
{
    struct str text = {0};
    str_clear(&reading->text);
    jfr_text(&reading->chunk, name, &reading->text);
    str_printf(&text, "gc: %s", str_text(&reading->text)[0] ? str_text(&reading->text) : "pause");
    int status = text.failed ? err_memory(err)
                             : sink_intern(tables_sink(reading->tables), str_text(&text), ret_name, err);
    str_free(&text);
    return status;
}

static int pause_take(struct reading *reading, const struct event *event, struct err *err)
{
    struct jfr_value time = named(reading, event, "startTime"), duration = named(reading, event, "duration"),
                     number = named(reading, event, "gcId"), name = named(reading, event, "name"),
                     thread = named(reading, event, "eventThread");
    struct row_span span = {.category = SPAN_GC};
    uint32_t on = 0;
    uint64_t id = 0;
    if (duration.kind != JFR_IS_NUMBER || !time_of(reading, &time, &span.start_ns) ||
        span_ns(reading, duration.number) > DURATION_S_MAX * NS_PER_SECOND) {
        reading->broken_count++;
        return 0;
    }
    span.end_ns = span.start_ns + num_max(span_ns(reading, duration.number), 1);
    int status = thread.kind == JFR_IS_REFERENCE ? thread_find(reading, &thread, &on, err)
                                                 : thread_make(reading, "java", 1, &on, err);
    if (!status)
        status = pause_name(reading, &name, &span.name, err);
    if (!status)
        status = tables_process_span(reading->tables, on, span, &id, err);
    const uint64_t *known =
        number.kind == JFR_IS_NUMBER ? map_get(&reading->collection_of, number.number) : NULL;
    reading->pause_count++;
    if (status || !known)
        return status;
    const struct collection *collection = &reading->collections.items[*known];
    status = attribute(reading, id, ATTR_GC_COLLECTOR, collection->name, err);
    return status ? status : attribute(reading, id, ATTR_GC_CAUSE, collection->cause, err);
}

static int about_take(struct reading *reading, const struct event *event, struct err *err)
{
    struct jfr_value pid = named(reading, event, "pid");
    (void)err;
    if (pid.kind == JFR_IS_NUMBER && !reading->pid && pid.number < UINT32_MAX)
        reading->pid = pid.number;
    return 0;
}

struct wanted {
    const char *class;
    int (*take)(struct reading *reading, const struct event *event, struct err *err);
    bool is_first; /* in the round before the others */
};

static const struct wanted wanted_events[] = {{"jdk.JVMInformation", about_take, true},
                                              {"jdk.GarbageCollection", collection_take, true},
                                              {"jdk.GCPhasePause", pause_take, false},
                                              {"jdk.ExecutionSample", sample_take, false}};
#define WANTED_COUNT (sizeof wanted_events / sizeof wanted_events[0])

static int round_take(struct reading *reading, const uint32_t *classes, bool is_first, struct err *err)
{
    struct event event = {0};
    struct jfr_event next;
    size_t at = JFR_FIRST_EVENT;
    int status = 0;
    while (!status && jfr_event_next(&reading->chunk, &at, &next)) {
        size_t i = 0;
        while (i < WANTED_COUNT && classes[i] != next.class_index)
            i++;
        reading->other_count += i == WANTED_COUNT && is_first;
        if (i == WANTED_COUNT || wanted_events[i].is_first != is_first)
            continue;
        event.class_index = next.class_index;
        if (!jfr_event_fields(&reading->chunk, &next, event.values))
            reading->broken_count++;
        else
            status = wanted_events[i].take(reading, &event, err);
    }
    return status;
}

static void maps_clear(struct reading *reading)
{
    map_free(&reading->thread_of);
    map_free(&reading->stack_of);
    map_free(&reading->frame_of);
}

/* One chunk after the other, each with pools and classes of its own. */
static int chunk_take(struct reading *reading, struct err *err)
{
    uint32_t classes[WANTED_COUNT];
    for (size_t i = 0; i < WANTED_COUNT; i++)
        classes[i] = jfr_class_find(&reading->chunk, wanted_events[i].class);
    if (!reading->chunk_count++)
        reading->first_ns = reading->chunk.start_ns;
    int status = round_take(reading, classes, true, err);
    if (!status)
        status = round_take(reading, classes, false, err);
    maps_clear(reading);
    return status;
}

static int chunk_failed(const struct reading *reading, enum jfr_result result, size_t at, struct err *err)
{
    if (result == JFR_CUT && reading->chunk_count)
        return 0; /* what was told before stands */
    return err_set(err, ERR_INPUT, "byte %#zx: %s", at,
                   result == JFR_CUT ? "the chunk is not complete: its program was killed, or still runs "
                                       "(jcmd PID JFR.dump)"
                   : result == JFR_OTHER_VERSION ? "a chunk of another version than 2"
                   : result == JFR_NO_CHUNK      ? "no chunk of a flight recording begins here"
                                                 : "the chunk's metadata or pools make no sense");
}

static void tell(struct reading *reading)
{
    struct ingest_notes *notes = reading->notes;
    notes->about.unit = "samples";
    notes->about.event = "jdk.ExecutionSample";
    notes->about.clock = "the JVM's own";
    notes->about.realtime_less_ns = reading->first_ns > BASE_NS ? reading->first_ns - BASE_NS : 0;
    ingest_left_out(notes, "events of other kinds", reading->other_count);
    ingest_left_out(notes, "events that make no sense", reading->broken_count);
    ingest_remark(notes,
                  "samples are of threads that run Java code: native code and the JVM's own is not in them");
}

static int jfr_read(const struct ingest_input *input, const struct ingest_choice *choice,
                    struct tables *tables, struct ingest_notes *notes, struct err *err)
{
    struct reading reading = {.tables = tables, .notes = notes};
    size_t at = 0;
    int status = 0;
    (void)choice;
    while (!status && at < input->length) {
        enum jfr_result result =
            jfr_chunk_read((const uint8_t *)input->bytes + at, input->length - at, &reading.chunk);
        if (result == JFR_OK)
            status = chunk_take(&reading, err);
        else
            status = chunk_failed(&reading, result, at, err);
        if (result == JFR_CUT && !status)
            ingest_left_out(notes, "chunks that are not complete", 1);
        at = result == JFR_OK ? at + reading.chunk.length : input->length;
        jfr_chunk_free(&reading.chunk);
    }
    if (!status)
        status = tables_name_process(tables, reading.pid ? reading.pid : 1, "java", err);
    if (!status)
        tell(&reading);
    maps_clear(&reading);
    map_free(&reading.collection_of);
    vec_free(&reading.collections);
    str_free(&reading.text);
    return status;
}

static bool jfr_probe(const struct ingest_input *input)
{
    return input->length >= JFR_FIRST_EVENT && memcmp(input->bytes, "FLR", 4) == 0;
}

const struct ingest_reader ingest_jfr = {
    .name = "jfr",
    .about = "a recording of JDK Flight Recorder",
    .probe = jfr_probe,
    .read = jfr_read,
};
