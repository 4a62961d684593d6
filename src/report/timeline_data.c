/* SPDX-License-Identifier: Apache-2.0 */
#include "report/timeline_data.h"

#include <inttypes.h>

#include "base/map.h"
#include "base/num.h"
#include "report/escape.h"
#include "report/page.h"
#include "report/phrases.h"

#define NAME_COLUMNS_MAX 120
#define VALUE_MAX        1e8 /* the run's length at most */
#define MEMORY_MAX       1e5 /* the peak at most */

struct writer {
    struct str *str;
    struct intern strings;
    uint64_t scale, wall;
    bool failed;
};

static uint64_t scaled(const struct writer *writer, uint64_t ns)
{
    return num_min(ns / writer->scale, writer->wall);
}

/* The text's index in `strings`; 0 when there are too many. */
static uint64_t string_of(struct writer *writer, const char *text)
{
    struct str plain = {0};
    uint64_t id = 0;
    if (!text || !text[0])
        return 0;
    escape_plain_cut(&plain, text, NAME_COLUMNS_MAX, false);
    if (writer->strings.entries.count >= TIMELINE_STRINGS_MAX)
        id = intern_find(&writer->strings, str_text(&plain), plain.length);
    else if (plain.failed || intern_put(&writer->strings, str_text(&plain), plain.length, &id, NULL))
        writer->failed = true;
    str_free(&plain);
    return id;
}

static void write_intervals(struct writer *writer, const struct timeline_track *track)
{
    uint64_t last = 0;
    bool is_first = true;
    str_append(writer->str, "\"intervals\":[");
    for (size_t i = 0; i < track->interval_count; i++) {
        const struct timeline_interval *interval = &track->intervals[i];
        uint64_t start = num_max(scaled(writer, interval->start_ns), last);
        uint64_t end = num_max(scaled(writer, interval->end_ns), start);
        if (end == start)
            continue;
        str_printf(writer->str, "%s%" PRIu64 ",%" PRIu64 ",%zu,%" PRIu64, is_first ? "" : ",", start - last,
                   end - start, page_doing_index(interval->doing), string_of(writer, interval->label));
        last = end;
        is_first = false;
    }
    str_append(writer->str, "]");
}

static void write_spans(struct writer *writer, const struct timeline_track *track)
{
    uint64_t last = 0;
    str_append(writer->str, ",\"spans\":[");
    for (size_t i = 0; i < track->span_count; i++) {
        const struct timeline_span *span = &track->spans[i];
        uint64_t start = num_max(scaled(writer, span->start_ns), last);
        uint64_t end = num_max(scaled(writer, span->end_ns), start);
        str_printf(writer->str, "%s%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%zu", i ? "," : "", start - last,
                   end - start, string_of(writer, span->name), span->depth);
        last = start;
    }
    str_append(writer->str, "]");
}

static void write_track(struct writer *writer, const struct timeline_track *track, size_t index)
{
    long long parent = index && track->parent < index ? (long long)track->parent : -1;
    str_printf(writer->str,
               "%s{\"name\":%" PRIu64 ",\"pid\":%" PRIu64 ",\"tid\":%" PRIu64
               ",\"parent\":%lld,\"depth\":%zu,"
               "\"from\":%" PRIu64 ",\"to\":%" PRIu64 ",",
               index ? ",\n" : "", string_of(writer, track->name), track->pid, track->tid, parent,
               track->depth, scaled(writer, track->start_ns), scaled(writer, track->end_ns));
    write_intervals(writer, track);
    write_spans(writer, track);
    str_append(writer->str, "}");
}

static void write_steps(struct writer *writer, const struct timeline *timeline)
{
    uint64_t last = 0;
    str_append(writer->str, "],\n\"steps\":[");
    for (size_t i = 0; i < timeline->step_count; i++) {
        const struct timeline_step *step = &timeline->steps[i];
        uint64_t start = num_max(scaled(writer, step->start_ns), last);
        uint64_t end = num_max(scaled(writer, step->end_ns), start);
        size_t track =
            step->track < timeline->track_count && step->track < PAGE_TRACKS_MAX ? step->track + 1 : 0;
        str_printf(writer->str, "%s%" PRIu64 ",%" PRIu64 ",%zu,%zu", i ? "," : "", start - last, end - start,
                   track, page_doing_index(step->doing));
        last = end;
    }
}

static void write_wakes(struct writer *writer, const struct timeline *timeline, size_t track_count)
{
    uint64_t last = 0;
    bool is_first = true;
    str_append(writer->str, "],\n\"wakes\":[");
    for (size_t i = 0; i < timeline->wake_count; i++) {
        const struct timeline_wake *wake = &timeline->wakes[i];
        if (wake->from >= track_count || wake->to >= track_count)
            continue;
        uint64_t to = num_max(scaled(writer, wake->to_ns), last);
        uint64_t from = num_min(scaled(writer, wake->from_ns), to);
        str_printf(writer->str, "%s%" PRIu64 ",%" PRIu64 ",%zu,%zu", is_first ? "" : ",", to - last,
                   to - from, wake->from, wake->to);
        last = to;
        is_first = false;
    }
}

static void write_memory(struct writer *writer, const struct timeline *timeline)
{
    uint64_t last = 0, scale = 1, most = timeline->memory_peak.bytes;
    for (size_t i = 0; i < timeline->memory_count; i++)
        most = num_max(most, timeline->memory[i].bytes);
    while ((double)most / (double)scale > MEMORY_MAX)
        scale *= 10;
    str_printf(writer->str, "],\n\"memory_scale\":%" PRIu64 ",\"memory\":[", scale);
    for (size_t i = 0; i < timeline->memory_count; i++) {
        uint64_t at = num_max(scaled(writer, timeline->memory[i].time_ns), last);
        str_printf(writer->str, "%s%" PRIu64 ",%" PRIu64, i ? "," : "", at - last,
                   timeline->memory[i].bytes / scale);
        last = at;
    }
    if (timeline->memory_peak.bytes)
        str_printf(writer->str, "],\n\"peak\":[%" PRIu64 ",%" PRIu64 "]",
                   scaled(writer, timeline->memory_peak.time_ns), timeline->memory_peak.bytes / scale);
    else
        str_append(writer->str, "],\n\"peak\":null");
}

int timeline_data_write(struct str *str, const struct timeline *timeline, uint64_t wall_ns, struct err *err)
{
    struct writer writer = {.str = str, .scale = 1};
    size_t track_count = num_min(timeline->track_count, PAGE_TRACKS_MAX);
    while ((double)wall_ns / (double)writer.scale > VALUE_MAX)
        writer.scale *= 10;
    writer.wall = wall_ns / writer.scale;
    str_printf(str, "{\"wall\":%" PRIu64 ",\"scale\":%" PRIu64 ",\n\"doings\":[", writer.wall, writer.scale);
    for (int doing = DOING_CPU; doing < WAIT_REASON_COUNT; doing++) {
        str_printf(str, "%s[\"d-%s\",\"", doing == DOING_CPU ? "" : ",", doing_name(doing));
        escape_script(str, phrase_doing_short(doing));
        str_append(str, "\"]");
    }
    str_append(str, "],\n\"tracks\":[");
    for (size_t i = 0; i < track_count; i++)
        write_track(&writer, &timeline->tracks[i], i);
    write_steps(&writer, timeline);
    write_wakes(&writer, timeline, track_count);
    write_memory(&writer, timeline);
    str_append(str, ",\n\"strings\":[\"\"");
    for (size_t i = 0; i < writer.strings.entries.count; i++) {
        str_append(str, ",\n\"");
        escape_script(str, writer.strings.entries.items[i].bytes);
        str_append(str, "\"");
    }
    str_append(str, "]}\n");
    intern_free(&writer.strings);
    return writer.failed || str->failed ? err_memory(err) : 0;
}
