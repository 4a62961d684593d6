/* SPDX-License-Identifier: Apache-2.0 */
/*
 * speedscope_file: speedscope's own format (speedscope, src/lib/file-format-spec.ts), as it, py-spy, rbspy, toll and others write it.
 *
 * Each profile is a thread. A sampled one has stacks with weights, one behind the other from its start. An evented one says when
 * frames open and close: between two events the innermost open frame was at work, which makes a sample. Evented profiles of spans, as
 * toll writes them, become spans again.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/vec.h"
#include "ingest/internal.h"
#include "ingest/json_file.h"
#include "model/meta.h"

#define SCHEMA    "speedscope.app/file-format-schema.json"
#define DEPTH_MAX 4096u
#define TIME_MAX  1e18 /* 31 years */

struct profile {
    struct json_slice type, name, unit, samples, weights, events;
    double start;
};

struct open_frame {
    uint64_t frame; /* index of shared.frames */
    uint64_t stack; /* of it and all around it */
    uint64_t start_ns;
};

struct reading {
    const struct ingest_input *input;
    struct tables *tables;
    struct ingest_notes *notes;
    VEC(uint64_t) frames; /* of shared.frames */
    VEC(struct json_slice) names;
    VEC(struct open_frame) open;
    struct str text, file;
    bool is_toll;
    bool has_time, has_amount; /* profiles in units of time, and of something else */
    double factor;             /* of the profile: nanoseconds of one unit */
    uint64_t base_ns;
    uint64_t profile_count, unmatched_count, negative_count;
};

static int broken(const struct reading *reading, const struct json_scan *scan, const char *what,
                  struct err *err)
{
    return json_part_broken(reading->input, scan, what, err);
}

/* --- frames --- */

static int take_frame(struct reading *reading, struct json_scan *scan, struct err *err)
{
    struct json_slice key, name = {.bytes = ""}, file = {.bytes = ""}, value;
    struct tables_frame row = {0};
    uint64_t frame = 0;
    if (!scan_object(scan))
        return broken(reading, scan, "a frame is no object", err);
    while (scan_key(scan, &key)) {
        if (scan_is(&key, "name"))
            (void)scan_text(scan, &name);
        else if (scan_is(&key, "file"))
            (void)(scan_text(scan, &value) && (file = value, true));
        else if (scan_is(&key, "line"))
            (void)scan_u64(scan, &row.line);
        else
            scan_skip(scan);
    }
    json_part_text(&name, &reading->text);
    json_part_text(&file, &reading->file);
    row.function = str_text(&reading->text);
    row.file = reading->file.length ? str_text(&reading->file) : NULL;
    if (reading->text.failed || reading->file.failed)
        return err_memory(err);
    int status = tables_frame(reading->tables, &row, &frame, err);
    return status || !(vec_push(&reading->frames, frame) || vec_push(&reading->names, name))
               ? status
               : err_memory(err);
}

static int take_frames(struct reading *reading, struct err *err)
{
    const struct json_slice whole = json_part_whole(reading->input),
                            shared = json_part_find(&whole, "shared"),
                            frames = json_part_find(&shared, "frames");
    struct json_scan scan = json_part(&frames);
    int status = 0;
    if (!frames.length || !scan_array(&scan))
        return err_set(err, ERR_INPUT, "byte 0x0: there is no list shared.frames, or the file is cut short");
    while (!status && scan_item(&scan))
        status = take_frame(reading, &scan, err);
    return status || !scan.failed ? status
                                  : broken(reading, &scan, "shared.frames is no list of objects", err);
}

/* --- threads and times --- */

/* "app (pid 12) worker (tid 13)", as toll names them, tells a process and a thread; any other name is a thread's. */
static int find_thread(struct reading *reading, const char *name, uint32_t *ret_thread, struct err *err)
{
    const char *pid = strstr(name, " (pid "), *tid = strstr(name, " (tid ");
    unsigned long long process_id = 0, thread_id = 0;
    const char *behind = pid ? strchr(pid, ')') : NULL;
    bool is_told = reading->is_toll && behind && sscanf(pid, " (pid %llu)", &process_id) == 1 && process_id;
    struct tables_who who = {.tid = ++reading->profile_count, .name = name, .name_length = strlen(name)};
    if (is_told && tid && tid > behind && sscanf(tid, " (tid %llu)", &thread_id) == 1) {
        const char *thread_name = behind + 1 + (behind[1] == ' ');
        who = (struct tables_who){.pid = process_id,
                                  .tid = thread_id,
                                  .name = thread_name,
                                  .name_length = tid > thread_name ? (size_t)(tid - thread_name) : 0};
    }
    int status = tables_thread(reading->tables, &who, ret_thread, err);
    if (!status && who.pid) {
        struct str process = {0};
        str_append_bytes(&process, name, (size_t)(pid - name));
        status = process.failed ? err_memory(err)
                                : tables_name_process(reading->tables, process_id, str_text(&process), err);
        str_free(&process);
    }
    return status;
}

/* Nanoseconds of one unit; 1 of what is no time. */
static double factor_of(const struct json_slice *unit, bool *ret_is_time)
{
    static const struct {
        const char *name;
        double factor;
    } units[] = {{"nanoseconds", 1}, {"microseconds", 1e3}, {"milliseconds", 1e6}, {"seconds", 1e9}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (scan_is(unit, units[i].name)) {
            *ret_is_time = true;
            return units[i].factor;
        }
    }
    *ret_is_time = false;
    return 1;
}

static uint64_t time_of(const struct reading *reading, double value)
{
    double ns = value * reading->factor;
    return reading->base_ns + (ns > 0 && ns < TIME_MAX ? (uint64_t)llround(ns) : 0);
}

static int add_sample(struct reading *reading, uint32_t thread, uint64_t stack, uint64_t start_ns,
                      uint64_t end_ns, struct err *err)
{
    const struct tables_sample sample = {.thread = thread,
                                         .time_ns = end_ns,
                                         .stack = stack,
                                         .weight = end_ns - start_ns,
                                         .kind = SAMPLE_CPU,
                                         .covers_ns = end_ns - start_ns};
    return end_ns > start_ns ? tables_sample(reading->tables, &sample, err) : 0;
}

/* --- sampled --- */

static int take_stack(struct reading *reading, struct json_scan *scan, uint64_t *ret_stack, struct err *err)
{
    uint64_t stack = 0, index;
    size_t depth = 0;
    int status = 0;
    if (!scan_array(scan))
        return broken(reading, scan, "a sample is no list of frames", err);
    while (!status && scan_item(scan)) {
        if (!scan_u64(scan, &index) || index >= reading->frames.count)
            return broken(reading, scan, "a sample has a frame that is not in shared.frames", err);
        if (depth++ < DEPTH_MAX)
            status = tables_stack(reading->tables, stack, reading->frames.items[index], &stack, err);
    }
    *ret_stack = stack;
    return status;
}

static int take_sampled(struct reading *reading, const struct profile *profile, uint32_t thread,
                        struct err *err)
{
    struct json_scan samples = json_part(&profile->samples), weights = json_part(&profile->weights);
    double at = profile->start, weight;
    int status = 0;
    if (!scan_array(&samples) || !scan_array(&weights))
        return broken(reading, &samples, "a sampled profile has no samples or no weights", err);
    while (!status && scan_item(&samples)) {
        uint64_t stack = 0;
        status = take_stack(reading, &samples, &stack, err);
        if (status)
            break;
        if (!scan_item(&weights) || !scan_double(&weights, &weight))
            return broken(reading, &samples, "a profile has more samples than weights", err);
        if (!(weight >= 0)) {
            reading->negative_count++;
            continue;
        }
        uint64_t start = time_of(reading, at);
        at += weight;
        status = add_sample(reading, thread, stack, start, time_of(reading, at), err);
    }
    return status || !samples.failed ? status : broken(reading, &samples, "samples is no list", err);
}

/* --- evented --- */

static int add_span(struct reading *reading, uint32_t thread, const struct open_frame *open, uint64_t end_ns,
                    struct err *err)
{
    struct row_span span = {.category = SPAN_PHASE, .start_ns = open->start_ns, .end_ns = end_ns};
    json_part_text(&reading->names.items[open->frame], &reading->text);
    int status = sink_intern(tables_sink(reading->tables), str_text(&reading->text), &span.name, err);
    return status ? status : tables_span(reading->tables, thread, span, NULL, err);
}

struct event {
    bool is_open;
    uint64_t frame;
    double at;
};

static int take_event(struct reading *reading, struct json_scan *scan, struct event *ret_event,
                      struct err *err)
{
    struct json_slice key, type = {.bytes = ""};
    struct event event = {.frame = UINT64_MAX};
    if (!scan_object(scan))
        return broken(reading, scan, "an event is no object", err);
    while (scan_key(scan, &key)) {
        if (scan_is(&key, "type"))
            (void)scan_text(scan, &type);
        else if (scan_is(&key, "frame"))
            (void)scan_u64(scan, &event.frame);
        else if (scan_is(&key, "at"))
            (void)scan_double(scan, &event.at);
        else
            scan_skip(scan);
    }
    event.is_open = scan_is(&type, "O");
    if (scan->failed || event.frame >= reading->frames.count || !(event.is_open || scan_is(&type, "C")))
        return broken(reading, scan, "an event has no type O or C, or a frame that is not in shared.frames",
                      err);
    *ret_event = event;
    return 0;
}

/* Closes the frame and what is open inside it; an end without a beginning is counted. */
static int close_frame(struct reading *reading, uint32_t thread, const struct event *event, uint64_t time_ns,
                       bool is_span, struct err *err)
{
    size_t depth = reading->open.count;
    int status = 0;
    while (depth && reading->open.items[depth - 1].frame != event->frame)
        depth--;
    reading->unmatched_count += depth == 0;
    while (depth && reading->open.count >= depth && !status) {
        const struct open_frame open = reading->open.items[--reading->open.count];
        status = is_span ? add_span(reading, thread, &open, time_ns, err) : 0;
    }
    return status;
}

static int open_frame(struct reading *reading, const struct event *event, uint64_t time_ns, struct err *err)
{
    uint64_t around = reading->open.count ? reading->open.items[reading->open.count - 1].stack : 0;
    struct open_frame open = {.frame = event->frame, .start_ns = time_ns};
    int status = tables_stack(reading->tables, around, reading->frames.items[event->frame], &open.stack, err);
    if (reading->open.count == DEPTH_MAX)
        return err_set(err, ERR_INPUT, "over %u frames are open at once", DEPTH_MAX);
    return status || !vec_push(&reading->open, open) ? status : err_memory(err);
}

static int take_evented(struct reading *reading, const struct profile *profile, uint32_t thread, bool is_span,
                        struct err *err)
{
    struct json_scan scan = json_part(&profile->events);
    uint64_t before_ns = time_of(reading, profile->start);
    int status = 0;
    if (!scan_array(&scan))
        return broken(reading, &scan, "an evented profile has no events", err);
    reading->open.count = 0;
    while (!status && scan_item(&scan)) {
        struct event event = {0};
        status = take_event(reading, &scan, &event, err);
        if (status)
            break;
        uint64_t time_ns = num_max(time_of(reading, event.at), before_ns);
        if (reading->open.count && !is_span)
            status = add_sample(reading, thread, reading->open.items[reading->open.count - 1].stack,
                                before_ns, time_ns, err);
        if (!status)
            status = event.is_open ? open_frame(reading, &event, time_ns, err)
                                   : close_frame(reading, thread, &event, time_ns, is_span, err);
        before_ns = time_ns;
    }
    reading->unmatched_count += reading->open.count;
    return status || !scan.failed ? status : broken(reading, &scan, "events is no list", err);
}

/* --- profiles --- */

static int take_profile(struct reading *reading, struct json_scan *scan, struct err *err)
{
    struct profile profile = {.type = {.bytes = ""}, .name = {.bytes = ""}, .unit = {.bytes = ""}};
    struct json_slice key;
    bool is_time;
    uint32_t thread = 0;
    profile.samples = profile.weights = profile.events = profile.type;
    if (!scan_object(scan))
        return broken(reading, scan, "a profile is no object", err);
    while (scan_key(scan, &key)) {
        if (scan_is(&key, "type"))
            (void)scan_text(scan, &profile.type);
        else if (scan_is(&key, "name"))
            (void)scan_text(scan, &profile.name);
        else if (scan_is(&key, "unit"))
            (void)scan_text(scan, &profile.unit);
        else if (scan_is(&key, "startValue"))
            (void)scan_double(scan, &profile.start);
        else if (scan_is(&key, "samples"))
            scan_raw(scan, &profile.samples);
        else if (scan_is(&key, "weights"))
            scan_raw(scan, &profile.weights);
        else if (scan_is(&key, "events"))
            scan_raw(scan, &profile.events);
        else
            scan_skip(scan);
    }
    if (scan->failed)
        return broken(reading, scan, "a profile is cut short", err);
    reading->factor = factor_of(&profile.unit, &is_time);
    reading->has_time |= is_time;
    reading->has_amount |= !is_time;
    json_part_text(&profile.name, &reading->text);
    bool is_span = reading->is_toll && strstr(str_text(&reading->text), ": spans");
    int status = find_thread(reading, str_text(&reading->text), &thread, err);
    if (status)
        return status;
    return scan_is(&profile.type, "sampled") ? take_sampled(reading, &profile, thread, err)
           : scan_is(&profile.type, "evented")
               ? take_evented(reading, &profile, thread, is_span, err)
               : broken(reading, scan, "a profile is neither sampled nor evented", err);
}

static void tell(struct reading *reading)
{
    struct tables_about *about = &reading->notes->about;
    about->unit = reading->has_time ? "ns" : SAMPLE_UNIT_COUNT;
    about->clock = "the profile's own, from its start";
    ingest_remark(reading->notes,
                  "the file's stacks have weights: those of a thread stand one behind the other");
    if (reading->has_time && reading->has_amount)
        ingest_remark(reading->notes,
                      "some profiles are not in units of time: their weights are taken for nanoseconds");
    ingest_left_out(reading->notes, "samples with weights below 0", reading->negative_count);
    ingest_left_out(reading->notes, "events that open or close alone", reading->unmatched_count);
}

static int speedscope_read(const struct ingest_input *input, const struct ingest_choice *choice,
                           struct tables *tables, struct ingest_notes *notes, struct err *err)
{
    struct reading reading = {.input = input, .tables = tables, .notes = notes, .base_ns = NS_PER_S};
    const struct json_slice whole = json_part_whole(input), profiles = json_part_find(&whole, "profiles"),
                            exporter = json_part_find(&whole, "exporter");
    struct json_scan scan = json_part(&profiles);
    (void)choice;
    reading.is_toll = scan_is(&exporter, "\"toll\"");
    int status = take_frames(&reading, err);
    if (!status && (!profiles.length || !scan_array(&scan)))
        status = err_set(err, ERR_INPUT, "byte 0x0: there is no list of profiles, or the file is cut short");
    while (!status && scan_item(&scan))
        status = take_profile(&reading, &scan, err);
    if (!status && scan.failed)
        status = broken(&reading, &scan, "profiles is no list of objects", err);
    if (!status)
        tell(&reading);
    vec_free(&reading.frames);
    vec_free(&reading.names);
    vec_free(&reading.open);
    str_free(&reading.text);
    str_free(&reading.file);
    return status;
}

static bool speedscope_probe(const struct ingest_input *input)
{
    const struct json_slice whole = json_part_whole(input);
    /* Others tell of it too: a transcript of who works on such files. */
    return json_file_is(input, SCHEMA) && json_part_find(&whole, "$schema").length;
}

const struct ingest_reader ingest_speedscope = {
    .name = "speedscope",
    .about = "a speedscope profile",
    .probe = speedscope_probe,
    .read = speedscope_read,
};
