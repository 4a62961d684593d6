/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page_timeline: the tracks over time, a lane each: the data that timeline.js draws, and a still picture for where no script runs.
 *
 * In the picture, time runs from 0 to PLOT_UNITS in an SVG that stretches to
 * the page's width; names and the axis are HTML beside and over it, so that text is never stretched.
 *
 * Its size is bounded: intervals shorter than `grain_ns` are drawn together, one box a grain, in the colour of what
 * they mostly were; shorter spans are left out; the page says so.
 */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "report/page.h"
#include "report/phrases.h"
#include "report/report_assets.h"
#include "report/timeline_data.h"
#include "report/units.h"

#define PLOT_UNITS      10000
#define BOXES_MAX       3000 /* about: shared among the tracks */
#define GRAINS_MIN      25
#define GRAINS_MAX      1000
#define STEPS_MAX       1500
#define SPAN_DEPTH_MAX  3
#define SPAN_TEXT_UNITS 350.0 /* narrower ones hold no text */
#define COMPACT_OVER    40
#define COMPACT_SPAN_PX 5
#define TICKS_MAX       8
#define MEMORY_PX       44

struct drawing {
    struct str *str;
    const struct verdict *verdict;
    const struct timeline *timeline;
    size_t track_count;
    uint64_t wall_ns;
    uint64_t grain_ns;
    unsigned lane_px, span_px, gap_px;
    unsigned top_px[PAGE_TRACKS_MAX]; /* of each track's lane */
    unsigned height_px;
    size_t merged_count;
    size_t span_hidden_count;
};

static double position(const struct drawing *drawing, uint64_t ns)
{
    return (double)num_min(ns, drawing->wall_ns) / (double)drawing->wall_ns * PLOT_UNITS;
}

static unsigned span_depth(const struct timeline_track *track)
{
    size_t depth = 0;

    for (size_t i = 0; i < track->span_count; i++)
        depth = num_max(depth, track->spans[i].depth + 1);
    return (unsigned)num_min(depth, SPAN_DEPTH_MAX);
}

static void lay_out(struct drawing *drawing)
{
    bool is_compact = drawing->track_count > COMPACT_OVER;
    unsigned at = 4;

    drawing->lane_px = is_compact ? 9 : 16;
    drawing->span_px = is_compact ? COMPACT_SPAN_PX : 17;
    drawing->gap_px = is_compact ? 5 : 11;
    for (size_t i = 0; i < drawing->track_count; i++) {
        at += span_depth(&drawing->timeline->tracks[i]) * drawing->span_px;
        drawing->top_px[i] = at;
        at += drawing->lane_px + drawing->gap_px;
    }
    drawing->height_px = at;
    uint64_t grains = num_min(num_max(BOXES_MAX / drawing->track_count, GRAINS_MIN), GRAINS_MAX);
    drawing->grain_ns = num_max(drawing->wall_ns / grains, 1);
}

static void write_box(const struct drawing *drawing, size_t track, const struct timeline_interval *interval,
                      size_t count)
{
    struct str title = {0};
    double left = position(drawing, interval->start_ns), right = position(drawing, interval->end_ns);

    if (count > 1)
        str_printf(&title, "%zu short ones, mostly ", count);
    str_append(&title, phrase_doing(interval->doing));
    if (interval->label && count == 1)
        str_printf(&title, ": %s", interval->label);
    str_printf(&title, "\n%s from %s on", unit_duration(interval->end_ns - interval->start_ns).text,
               unit_duration(interval->start_ns).text);
    str_printf(drawing->str, "<rect class=\"d-%s\" x=\"%.1f\" y=\"%u\" width=\"%.1f\" height=\"%u\"><title>",
               doing_name(interval->doing), left, drawing->top_px[track], fmax(right - left, 4),
               drawing->lane_px);
    page_text(drawing->str, str_text(&title));
    str_append(drawing->str, "</title></rect>\n");
    str_free(&title);
}

/* Short intervals of one grain, on their way to one box. */
struct heap {
    uint64_t grain;
    size_t count;
    struct timeline_interval first, covering;
    uint64_t ns[PAGE_DOING_COUNT];
};

static void flush_heap(struct drawing *drawing, size_t track, struct heap *heap)
{
    size_t most = 0;

    if (heap->count == 1)
        write_box(drawing, track, &heap->first, 1);
    if (heap->count > 1) {
        for (size_t i = 0; i < PAGE_DOING_COUNT; i++)
            most = heap->ns[i] > heap->ns[most] ? i : most;
        heap->covering.doing = (int)most - 1;
        write_box(drawing, track, &heap->covering, heap->count);
        drawing->merged_count += heap->count;
    }
    *heap = (struct heap){0};
}

static void pile(struct drawing *drawing, size_t track, struct heap *heap,
                 const struct timeline_interval *interval)
{
    uint64_t grain = interval->start_ns / drawing->grain_ns;

    if (heap->count && heap->grain != grain)
        flush_heap(drawing, track, heap);
    if (!heap->count) {
        heap->grain = grain;
        heap->first = heap->covering = *interval;
    }
    heap->count++;
    heap->covering.end_ns = num_max(heap->covering.end_ns, interval->end_ns);
    heap->ns[page_doing_index(interval->doing)] += interval->end_ns - interval->start_ns;
}

static void write_intervals(struct drawing *drawing, size_t index)
{
    const struct timeline_track *track = &drawing->timeline->tracks[index];
    struct heap heap = {0};

    double left = position(drawing, track->start_ns), right = position(drawing, track->end_ns);
    str_printf(drawing->str, "<rect class=\"lane\" x=\"%.1f\" y=\"%u\" width=\"%.1f\" height=\"%u\"/>\n",
               left, drawing->top_px[index], fmax(right - left, 4), drawing->lane_px);
    for (size_t i = 0; i < track->interval_count; i++) {
        const struct timeline_interval *interval = &track->intervals[i];
        if (interval->end_ns <= interval->start_ns || interval->start_ns >= drawing->wall_ns)
            continue;
        if (interval->end_ns - interval->start_ns < drawing->grain_ns) {
            pile(drawing, index, &heap, interval);
        } else {
            flush_heap(drawing, index, &heap);
            write_box(drawing, index, interval, 1);
        }
    }
    flush_heap(drawing, index, &heap);
}

/* Steps of one track follow each other as one strong line; a change of track is a fine vertical link. */
static void append_path(struct str *path, struct str *links, const struct drawing *drawing)
{
    const struct timeline *timeline = drawing->timeline;
    uint64_t shortest = timeline->step_count > STEPS_MAX ? drawing->wall_ns / STEPS_MAX : 0;
    size_t last = SIZE_MAX;
    double last_y = 0;

    for (size_t i = 0; i < timeline->step_count; i++) {
        const struct timeline_step *step = &timeline->steps[i];
        if (step->track >= drawing->track_count) {
            last = SIZE_MAX;
            continue;
        }
        if (step->track != last && step->end_ns - step->start_ns < shortest)
            continue;
        double x = position(drawing, step->start_ns);
        double y = drawing->top_px[step->track] + drawing->lane_px + drawing->gap_px / 3.0;
        if (step->track != last)
            str_printf(path, "M%.1f %.1f", x, y);
        if (last != SIZE_MAX && step->track != last)
            str_printf(links, "M%.1f %.1fV%.1f", x, last_y, y);
        bool goes_on = i + 1 < timeline->step_count && timeline->steps[i + 1].track == step->track;
        if (!goes_on)
            str_printf(path, "H%.1f", position(drawing, step->end_ns));
        last = step->track;
        last_y = y;
    }
}

static void write_path(const struct drawing *drawing)
{
    static const char *const classes[] = {"link", "halo", "critical"};
    struct str path = {0}, links = {0};

    append_path(&path, &links, drawing);
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        const struct str *line = i == 0 ? &links : &path;
        if (line->length)
            str_printf(drawing->str, "<path class=\"%s\" d=\"%s\"/>\n", classes[i], line->text);
    }
    str_free(&path);
    str_free(&links);
}

static bool is_drawn(const struct drawing *drawing, const struct timeline_span *span, unsigned depth_count)
{
    return span->depth < depth_count && span->end_ns >= span->start_ns + drawing->grain_ns * 2;
}

/* Spans too narrow for text, one name in a row: the name once, over all of them. */
struct span_row {
    const char *name;
    size_t count;
    uint64_t start_ns, end_ns;
};

static void flush_row(const struct drawing *drawing, struct span_row *row, unsigned top)
{
    double left = position(drawing, row->start_ns), right = position(drawing, row->end_ns);

    if (row->count > 1 && right - left > SPAN_TEXT_UNITS && drawing->span_px > COMPACT_SPAN_PX) {
        str_printf(drawing->str,
                   "<div class=\"span row\" style=\"left:%.2f%%;width:%.2f%%;top:%upx;height:%upx\">",
                   left * 100 / PLOT_UNITS, (right - left) * 100 / PLOT_UNITS, top, drawing->span_px - 2);
        page_text(drawing->str, row->name);
        str_printf(drawing->str, " &times; %zu</div>\n", row->count);
    }
    *row = (struct span_row){0};
}

static void write_span_row(const struct drawing *drawing, size_t index, unsigned depth, unsigned depth_count)
{
    const struct timeline_track *track = &drawing->timeline->tracks[index];
    unsigned top = drawing->top_px[index] - (depth_count - depth) * drawing->span_px;
    struct span_row row = {0};

    for (size_t i = 0; i < track->span_count; i++) {
        const struct timeline_span *span = &track->spans[i];
        if (span->depth != depth || !is_drawn(drawing, span, depth_count))
            continue;
        bool has_text = position(drawing, span->end_ns) - position(drawing, span->start_ns) > SPAN_TEXT_UNITS;
        if (row.count && (has_text || strcmp(row.name, span->name) != 0))
            flush_row(drawing, &row, top);
        if (has_text)
            continue;
        if (!row.count)
            row = (struct span_row){.name = span->name, .start_ns = span->start_ns};
        row.count++;
        row.end_ns = num_max(row.end_ns, span->end_ns);
    }
    flush_row(drawing, &row, top);
}

static void write_spans(struct drawing *drawing, size_t index)
{
    const struct timeline_track *track = &drawing->timeline->tracks[index];
    unsigned depth_count = span_depth(track);

    for (size_t i = 0; i < track->span_count; i++) {
        const struct timeline_span *span = &track->spans[i];
        if (!is_drawn(drawing, span, depth_count)) {
            drawing->span_hidden_count++;
            continue;
        }
        double left = position(drawing, span->start_ns), right = position(drawing, span->end_ns);
        unsigned top = drawing->top_px[index] - (depth_count - (unsigned)span->depth) * drawing->span_px;
        struct str title = {0};
        str_printf(&title, "%s: %s from %s on", span->name, unit_duration(span->end_ns - span->start_ns).text,
                   unit_duration(span->start_ns).text);
        str_printf(drawing->str,
                   "<div class=\"span\" style=\"left:%.2f%%;width:%.2f%%;top:%upx;height:%upx\"",
                   left * 100 / PLOT_UNITS, (right - left) * 100 / PLOT_UNITS, top, drawing->span_px - 2);
        page_title_attribute(drawing->str, str_text(&title));
        str_append(drawing->str, ">");
        if (drawing->span_px > COMPACT_SPAN_PX && right - left > SPAN_TEXT_UNITS)
            page_text(drawing->str, span->name);
        str_append(drawing->str, "</div>\n");
        str_free(&title);
    }
    for (unsigned depth = 0; depth < depth_count; depth++)
        write_span_row(drawing, index, depth, depth_count);
}

static void write_label(const struct drawing *drawing, size_t index)
{
    const struct timeline_track *track = &drawing->timeline->tracks[index];
    struct str title = {0};

    str_printf(&title, "%s, process %llu, thread %llu", track->name, (unsigned long long)track->pid,
               (unsigned long long)track->tid);
    str_printf(drawing->str, "<div style=\"top:%upx;height:%upx;padding-left:%upx\"", drawing->top_px[index],
               drawing->lane_px, (unsigned)num_min(track->depth, 6) * 12);
    page_title_attribute(drawing->str, str_text(&title));
    str_append(drawing->str, ">");
    page_element(drawing->str, "b", "", track->name);
    if (track->tid)
        str_printf(drawing->str, " <small>%llu</small>", (unsigned long long)track->tid);
    str_append(drawing->str, "</div>\n");
    str_free(&title);
}

/* 1, 2 or 5 times a power of ten, so that there are at most TICKS_MAX ticks. */
static uint64_t tick_step(uint64_t wall_ns)
{
    uint64_t step = 1;

    while (wall_ns / step > TICKS_MAX) {
        if (wall_ns / (step * 2) <= TICKS_MAX)
            return step * 2;
        if (wall_ns / (step * 5) <= TICKS_MAX)
            return step * 5;
        step *= 10;
    }
    return step;
}

static void write_axis(const struct drawing *drawing)
{
    uint64_t step = tick_step(drawing->wall_ns);

    str_append(drawing->str, "<div class=\"axis\">");
    for (uint64_t at = 0; at <= drawing->wall_ns && at + step > at; at += step)
        str_printf(drawing->str, "<span style=\"left:%.2f%%\">%s</span>",
                   position(drawing, at) * 100 / PLOT_UNITS, unit_duration(at).text);
    str_append(drawing->str, "</div>\n");
}

static void write_grid(const struct drawing *drawing)
{
    uint64_t step = tick_step(drawing->wall_ns);

    for (uint64_t at = step; at < drawing->wall_ns && at + step > at; at += step)
        str_printf(drawing->str, "<path class=\"grid\" d=\"M%.1f 0V%u\"/>\n", position(drawing, at),
                   drawing->height_px);
}

/* What the data leaves out; and what only the still picture does, which goes when scripts run. */
static void write_notes(const struct drawing *drawing)
{
    const struct timeline *timeline = drawing->timeline;
    size_t hidden = timeline->track_count - drawing->track_count + timeline->track_hidden_count,
           span_count = 0;

    for (size_t i = 0; i < drawing->track_count; i++)
        span_count += timeline->tracks[i].span_hidden_count;
    str_append(drawing->str, "<p class=\"note\">");
    if (hidden)
        str_printf(drawing->str, "%zu more tracks are not shown. ", hidden);
    if (timeline->resolution_ns)
        str_printf(drawing->str, "Stretches of the busiest tracks are drawn together below %s. ",
                   unit_duration(timeline->resolution_ns).text);
    if (span_count)
        str_printf(drawing->str, "%s short spans are left out. ", unit_count((double)span_count).text);
    if (timeline->wake_hidden_count)
        str_printf(drawing->str, "%s wake-ups, of shorter waits first, are left out.",
                   unit_count((double)timeline->wake_hidden_count).text);
    str_append(drawing->str, "</p>\n");
}

static void write_still_notes(const struct drawing *drawing)
{
    if (!drawing->merged_count && !drawing->span_hidden_count)
        return;
    str_append(drawing->str, "<p class=\"note\">");
    if (drawing->merged_count)
        str_printf(drawing->str, "%s stretches shorter than %s are drawn together. ",
                   unit_count((double)drawing->merged_count).text, unit_duration(drawing->grain_ns).text);
    if (drawing->span_hidden_count)
        str_printf(drawing->str, "%s short or deep spans are not drawn.",
                   unit_count((double)drawing->span_hidden_count).text);
    str_append(drawing->str, "</p>\n");
}

static uint64_t most_memory(const struct timeline *timeline)
{
    uint64_t most = timeline->memory_peak.bytes;

    for (size_t i = 0; i < timeline->memory_count; i++)
        most = num_max(most, timeline->memory[i].bytes);
    return num_max(most, 1);
}

/* What all programs had allocated, as one area over the lanes. */
static void write_memory(const struct drawing *drawing)
{
    const struct timeline *timeline = drawing->timeline;
    double scale = MEMORY_PX / (double)most_memory(timeline);

    if (!timeline->memory_count)
        return;
    str_printf(drawing->str,
               "<div class=\"tracks\"><div class=\"labels\" style=\"height:%dpx\"><div style=\"top:12px\">"
               "<b>Memory</b> <small>%s</small></div></div><div class=\"plot\" style=\"height:%dpx\">\n"
               "<svg viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"memory "
               "allocated, over time\"><path class=\"live\" d=\"M0 %d",
               MEMORY_PX, unit_bytes(most_memory(timeline)).text, MEMORY_PX, PLOT_UNITS, MEMORY_PX,
               MEMORY_PX);
    for (size_t i = 0; i < timeline->memory_count; i++)
        str_printf(drawing->str, "H%.1fV%.1f", position(drawing, timeline->memory[i].time_ns),
                   MEMORY_PX - (double)timeline->memory[i].bytes * scale);
    str_printf(drawing->str, "H%dV%dZ\"/>", PLOT_UNITS, MEMORY_PX);
    if (timeline->memory_peak.bytes)
        str_printf(drawing->str,
                   "<path class=\"live-peak\" d=\"M%.1f %.1fV%d\"><title>%s at most</title></path>",
                   position(drawing, timeline->memory_peak.time_ns),
                   MEMORY_PX - (double)timeline->memory_peak.bytes * scale, MEMORY_PX,
                   unit_bytes(timeline->memory_peak.bytes).text);
    str_append(drawing->str, "</svg></div></div>\n");
}

static void write_plot(struct drawing *drawing)
{
    struct str *str = drawing->str;

    str_append(str, "<div class=\"tl-still\">");
    write_memory(drawing);
    str_printf(str,
               "<div class=\"scroll%s\"><div class=\"tracks\"><div class=\"labels\" "
               "style=\"height:%upx\">\n",
               drawing->track_count > COMPACT_OVER ? " compact" : "", drawing->height_px);
    for (size_t i = 0; i < drawing->track_count; i++)
        write_label(drawing, i);
    str_printf(str,
               "</div><div class=\"plot\" style=\"height:%upx\">\n<svg viewBox=\"0 0 %d %u\" "
               "preserveAspectRatio=\"none\" "
               "role=\"img\" aria-label=\"timeline of the tracks\">\n",
               drawing->height_px, PLOT_UNITS, drawing->height_px);
    write_grid(drawing);
    for (size_t i = 0; i < drawing->track_count; i++)
        write_intervals(drawing, i);
    write_path(drawing);
    str_append(str, "</svg>\n");
    for (size_t i = 0; i < drawing->track_count; i++)
        write_spans(drawing, i);
    str_append(str, "</div></div></div>\n<div class=\"tracks axis-row\"><div class=\"labels\"></div>");
    write_axis(drawing);
    str_append(str, "</div>\n");
    write_still_notes(drawing);
    str_append(str, "</div>\n");
}

static void mark_used(const struct drawing *drawing, bool *ret_used)
{
    for (size_t i = 0; i < drawing->track_count; i++)
        for (size_t j = 0; j < drawing->timeline->tracks[i].interval_count; j++)
            ret_used[page_doing_index(drawing->timeline->tracks[i].intervals[j].doing)] = true;
}

int page_timeline(struct str *str, const struct verdict *verdict, struct err *err)
{
    bool is_used[PAGE_DOING_COUNT] = {false};
    struct drawing drawing = {.str = str,
                              .verdict = verdict,
                              .timeline = &verdict->timeline,
                              .track_count = num_min(verdict->timeline.track_count, PAGE_TRACKS_MAX),
                              .wall_ns = verdict->run.wall_ns};

    if (!drawing.track_count || !drawing.wall_ns)
        return 0;
    lay_out(&drawing);
    str_append(
        str,
        "<section id=\"timeline\"><h2>Timeline</h2>\n<p class=\"note\">A lane is a thread or a process; a "
        "pale box over it is a named stage. <span class=\"path-key\"></span> The strong line is the critical "
        "path: what the end of the run was waiting for at each moment.<span class=\"js\"> Fine arrows lead "
        "from "
        "who ended a wait to who went on.</span></p>\n");
    mark_used(&drawing, is_used);
    page_legend(str, is_used);
    str_append(str, "<style>\n");
    str_append(str, timeline_css);
    str_append(str, "</style>\n<div class=\"timeline\">\n");
    write_plot(&drawing);
    str_append(str, "<script type=\"application/json\">");
    int status = timeline_data_write(str, drawing.timeline, drawing.wall_ns, err);
    str_append(str, "</script>\n</div>\n");
    write_notes(&drawing);
    str_append(str, "<script>");
    str_append(str, timeline_js);
    str_append(str, "</script>\n</section>\n");
    return status;
}
