/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flamegraph_export: flame graphs as a standalone SVG and as a section of the page. Both hold the data, a script that draws it
 * (flame.js), and a still picture for where no script runs.
 */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "report/escape.h"
#include "report/flame_data.h"
#include "report/flame_layout.h"
#include "report/internal.h"
#include "report/page.h"
#include "report/phrases.h"
#include "report/report_assets.h"
#include "report/service_phrases.h"
#include "report/units.h"

#define WIDTH_PX    1200
#define MARGIN_PX   12
#define ROW_PX      18
#define HEAD_PX     56
#define FOOT_PX     16
#define BOX_PX_MIN  0.5
#define LETTER_PX   6.7 /* of 12 px sans-serif, on the wide side */
#define LETTERS_MIN 3
#define TITLE_MAX   110

static const char *const shrank[FLAME_SHADES + 1] = {"#dcdad5", "#bdd3f0", "#94b8e8", "#6799dc", "#3f7cce"};
static const char *const grew[FLAME_SHADES + 1] = {"#dcdad5", "#f6c1b5", "#ef9a88", "#e5705a", "#d64a35"};

/* --- the still picture --- */

static void write_fill(struct str *str, const struct flame *flame, const struct flame_node *node,
                       const struct flame_before *before)
{
    if (before) {
        unsigned shade = (unsigned)num_min((uint64_t)abs(before->change), FLAME_SHADES);
        const char *colour = before->change < 0 ? shrank[shade] : grew[shade];
        str_append(str, " class=\"fg-change fg-");
        if (shade)
            str_printf(str, "%c%u", before->change < 0 ? 'b' : 'r', shade);
        else
            str_append(str, "s");
        str_printf(str, "\" fill=\"%s\"", colour);
    } else if (node->kind == FLAME_WAIT) {
        str_printf(str, " class=\"fg-wait d-%s\" fill=\"#c9c4bb\"", doing_name(node->doing));
    } else if (node->kind == FLAME_PROGRAM || node->kind == FLAME_PEER || node->kind == FLAME_WAKER) {
        str_append(str, " class=\"fg-program\" fill=\"#dcdad5\"");
    } else {
        unsigned hue = flame_hue(flame, node);
        str_printf(str, " class=\"fg-code\" style=\"--h:%u\" fill=\"hsl(%u,78%%,80%%)\"", hue, hue);
    }
}

/* "parse (work): itself 812 ms -> 1.62 s, 2.00x; with what it calls 1.2 s -> 2 s" */
static void change_label(struct str *str, const struct flame *flame, const struct flame_node *node,
                         const struct flame_before *before)
{
    str_append(str, node->name);
    if (node->module)
        str_printf(str, " (%s)", node->module);
    str_printf(str, ": itself %s -> %s", flame_amount(flame, before->self_ns).text,
               flame_amount(flame, node->self_ns).text);
    if (!before->change)
        str_append(str, ", within noise");
    else if (before->self_ns && node->self_ns)
        str_printf(str, ", %.2fx", num_ratio(node->self_ns, before->self_ns));
    str_printf(str, "; with what it calls %s -> %s", flame_amount(flame, before->total_ns).text,
               flame_amount(flame, node->total_ns).text);
}

/* At most FLAME_STILL_MAX boxes. */
struct flame_still {
    unsigned left_px, width_px, top_px;
    bool is_icicle; /* callers stand above */
    unsigned ret_height_px;
    size_t ret_hidden_count;
};

static void write_box(struct str *str, const struct flame_graph *graph, const struct flame_still *still,
                      const struct flame_box *box)
{
    const struct flame *flame = graph->flame;
    size_t index = (size_t)(box->node - flame->nodes);
    double x = still->left_px + box->left * still->width_px, width = box->width * still->width_px;
    unsigned row = still->is_icicle ? box->depth : still->ret_height_px / ROW_PX - 1 - box->depth;
    unsigned y = still->top_px + row * ROW_PX;
    size_t letters = width > 2 * LETTER_PX ? (size_t)((width - LETTER_PX) / LETTER_PX) : 0;
    struct str label = {0}, cut = {0}, name = {0};

    if (graph->before)
        change_label(&label, flame, box->node, &graph->before[index]);
    else
        flame_box_label(&label, flame, box->node);
    escape_plain_cut(&cut, str_text(&label), PAGE_TEXT_MAX, false);
    str_append(str, "<g><title>");
    escape_markup(str, str_text(&cut));
    str_printf(str, "</title><rect x=\"%.1f\" y=\"%u\" width=\"%.1f\" height=\"%d\" rx=\"2\"", x, y, width,
               ROW_PX - 1);
    write_fill(str, flame, box->node, graph->before ? &graph->before[index] : NULL);
    str_append(str, "/>");
    if (letters >= LETTERS_MIN) {
        escape_plain_cut(&name, box->node->name, letters, false);
        str_printf(str, "<text x=\"%.1f\" y=\"%u\">", x + 4, y + ROW_PX - 5);
        escape_markup(str, str_text(&name));
        str_append(str, "</text>");
    }
    str_append(str, "</g>\n");
    str_free(&label);
    str_free(&cut);
    str_free(&name);
}

static int compare_widths(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* Of the shown boxes the widest FLAME_STILL_MAX stay: no box is wider than its parent, so these stay too. */
static int show_widest(struct flame_layout *layout, struct err *err)
{
    double *widths = malloc((layout->boxes.count + 1) * sizeof *widths);
    size_t count = 0;
    if (!widths)
        return err_memory(err);
    for (size_t i = 0; i < layout->boxes.count; i++)
        if (layout->boxes.items[i].is_shown)
            widths[count++] = layout->boxes.items[i].width;
    qsort(widths, count, sizeof *widths, compare_widths);
    double limit = count > FLAME_STILL_MAX ? widths[FLAME_STILL_MAX] : -1;
    free(widths);
    layout->depth_max = 0;
    for (size_t i = 0; i < layout->boxes.count; i++) {
        struct flame_box *box = &layout->boxes.items[i];
        if (box->is_shown && box->width <= limit) {
            box->is_shown = false;
            layout->hidden_count++;
        }
        if (box->is_shown && box->depth > layout->depth_max)
            layout->depth_max = box->depth;
    }
    return 0;
}

/* A difference is as wide as both its sides together. */
static int still_layout(const struct flame_graph *graph, struct flame_node **ret_nodes,
                        struct flame_layout *ret_layout, struct err *err)
{
    size_t count = graph->flame->node_count;
    struct flame flame = *graph->flame;
    struct flame_node *nodes = graph->before ? malloc((count + 1) * sizeof *nodes) : NULL;
    if (graph->before && !nodes)
        return err_memory(err);
    for (size_t i = 0; nodes && i < count; i++) {
        nodes[i] = flame.nodes[i];
        nodes[i].total_ns += graph->before[i].total_ns;
    }
    flame.nodes = nodes ? nodes : flame.nodes;
    int status = flame_layout_make(&flame, BOX_PX_MIN / WIDTH_PX, ret_layout, err);
    for (size_t i = 0; !status && i < ret_layout->boxes.count; i++)
        ret_layout->boxes.items[i].node = &graph->flame->nodes[i];
    *ret_nodes = nodes;
    return status;
}

static int flame_still_write(struct str *str, const struct flame_graph *graph, struct flame_still *still,
                             struct err *err)
{
    struct flame_layout layout = {0};
    struct flame_node *nodes = NULL;
    int status = still_layout(graph, &nodes, &layout, err);
    if (!status)
        status = show_widest(&layout, err);
    still->ret_height_px = (layout.depth_max + 1) * ROW_PX;
    still->ret_hidden_count = layout.hidden_count;
    for (size_t i = 0; i < layout.boxes.count && !status; i++)
        if (layout.boxes.items[i].is_shown)
            write_box(str, graph, still, &layout.boxes.items[i]);
    vec_free(&layout.boxes);
    free(nodes);
    return status;
}

/* --- the document --- */

bool flame_is_empty(const struct flame_graph *graph)
{
    const struct flame *flame = graph->flame;
    return !flame->node_count ||
           flame->nodes[0].total_ns + (graph->before ? graph->before[0].total_ns : 0) == 0;
}

static void write_frame(struct str *str, const struct flame_svg *svg, const char *note, unsigned height)
{
    struct str cut = {0};

    escape_plain_cut(&cut, svg->title, TITLE_MAX, false);
    str_printf(str,
               "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" "
               "class=\"flamegraph\" viewBox=\"0 0 %d %u\" width=\"%d\" height=\"%u\" data-title=\"",
               WIDTH_PX, height, WIDTH_PX, height);
    escape_markup(str, str_text(&cut));
    str_append(str, "\" data-note=\"");
    escape_markup(str, note);
    str_append(str, "\">\n<style>\n");
    str_append(str, tokens_css);
    str_append(str, flame_css);
    str_printf(str,
               "</style>\n<g class=\"fg-still\">\n<rect class=\"fg-page\" width=\"%d\" height=\"%u\" "
               "fill=\"#fbfaf8\"/>\n<text class=\"fg-title\" x=\"%d\" y=\"26\">",
               WIDTH_PX, height, MARGIN_PX);
    escape_markup(str, str_text(&cut));
    str_printf(str, "</text>\n<text class=\"fg-note\" x=\"%d\" y=\"44\">", MARGIN_PX);
    escape_markup(str, note);
    str_append(str, "</text>\n");
    str_free(&cut);
}

int flame_svg_write(struct str *str, const struct flame_graph *graph, const struct flame_svg *svg,
                    struct err *err)
{
    struct flame_still still = {
        .left_px = MARGIN_PX, .width_px = WIDTH_PX - 2 * MARGIN_PX, .top_px = HEAD_PX};
    struct str boxes = {0}, data = {0}, note = {0};
    size_t cut_count = 0;
    int status = flame_is_empty(graph) ? 0 : flame_still_write(&boxes, graph, &still, err);
    if (!status && !flame_is_empty(graph))
        status = flame_data_write(&data, graph, &cut_count, err);
    str_append(&note, svg->note);
    if (cut_count)
        str_printf(&note, "; %s narrow boxes are left out", unit_count((double)cut_count).text);
    write_frame(str, svg, str_text(&note), HEAD_PX + still.ret_height_px + FOOT_PX);
    str_append_bytes(str, str_text(&boxes), boxes.length);
    str_append(str, "</g>\n");
    if (data.length) {
        str_append(str, "<script type=\"application/json\">");
        str_append_bytes(str, str_text(&data), data.length);
        str_append(str, "</script>\n<script><![CDATA[\n");
        str_append(str, flame_js);
        str_append(str, "]]></script>\n");
    }
    str_append(str, "</svg>\n");
    status = !status && (boxes.failed || data.failed || note.failed) ? err_memory(err) : status;
    str_free(&boxes);
    str_free(&data);
    str_free(&note);
    return status;
}

static const struct flame *flame_of(const struct verdict *verdict, enum stack_kind kind)
{
    if (stack_kind_is_heap(kind))
        return &verdict->flame_heap[stack_kind_heap_index(kind)];
    return kind == STACKS_OFF_CPU ? &verdict->flame_waits : &verdict->flame;
}

/* What the width of the root is, behind its amount. */
static const char *whole_of(enum stack_kind kind)
{
    static const char *const wholes[STACK_KIND_COUNT] = {
        [STACKS_CPU] = " of CPU time",
        [STACKS_OFF_CPU] = " waited, by all threads",
        [STACKS_ALLOC] = " allocated in all",
        [STACKS_PEAK] = " allocated at the run's peak",
        [STACKS_LEAK] = " never freed before the program ended",
        [STACKS_TEMPORARY] = " that were temporary: freed before their thread made another one"};
    return wholes[kind];
}

static const char *nothing_of(enum stack_kind kind)
{
    static const char *const nothings[STACK_KIND_COUNT] = {
        [STACKS_CPU] = "no CPU time was sampled",
        [STACKS_OFF_CPU] = "no wait was recorded",
        [STACKS_ALLOC] = "nothing was allocated",
        [STACKS_PEAK] = "nothing was allocated",
        [STACKS_LEAK] = "everything was freed before its program ended",
        [STACKS_TEMPORARY] = "no allocation was temporary"};
    return nothings[kind];
}

static void write_note(struct str *note, const struct verdict *verdict, const struct flame_graph *graph,
                       enum stack_kind kind)
{
    if (flame_is_empty(graph)) {
        str_append(note, nothing_of(kind));
        return;
    }
    str_append(note, flame_amount(graph->flame, graph->flame->nodes[0].total_ns).text);
    str_append(note, whole_of(kind));
    if (stack_kind_is_heap(kind) && strcmp(verdict->run.recorder_heap, "sampled") == 0)
        str_append(note, " (estimated from samples)");
    str_append(note, kind == STACKS_OFF_CPU
                         ? "; on the code that waited stand the reason, the other end and who ended the wait"
                         : "; a box is a function, what it called stands on it");
}

EXPORT_FUNCTION(flamegraph_export_write)
{
    const struct flame_graph graph = {.flame = flame_of(verdict, options->kind)};
    struct str title = {0}, note = {0};

    phrase_subject(&title, verdict);
    write_note(&note, verdict, &graph, options->kind);
    const struct flame_svg svg = {title.length ? str_text(&title) : "a run", str_text(&note)};
    int status = flame_svg_write(ret_text, &graph, &svg, err);
    str_free(&title);
    str_free(&note);
    return status;
}

/* --- the section of the page --- */

int flame_figure_write(struct str *str, const struct flame_graph *graph, const char *title, struct err *err)
{
    struct flame_still still = {.width_px = WIDTH_PX, .is_icicle = true};
    struct str boxes = {0};
    size_t cut_count = 0;
    int status = flame_still_write(&boxes, graph, &still, err);

    if (status)
        goto out;
    str_printf(str, "<figure class=\"flamegraph\" data-title=\"%s\"><figcaption>%s</figcaption>\n", title,
               title);
    str_printf(str,
               "<svg class=\"fg-still\" viewBox=\"0 0 %d %u\" role=\"img\" aria-label=\"flame graph\">\n",
               WIDTH_PX, still.ret_height_px);
    str_append_bytes(str, str_text(&boxes), boxes.length);
    str_append(str, "</svg>\n<script type=\"application/json\">");
    status = flame_data_write(str, graph, &cut_count, err);
    str_append(str, "</script>\n");
    if (cut_count)
        str_printf(str, "<p class=\"note\">%s narrow boxes are left out.</p>\n",
                   unit_count((double)cut_count).text);
    str_append(str, "</figure>\n");
out:
    str->failed = str->failed || boxes.failed;
    str_free(&boxes);
    return status;
}

void flame_assets_write(struct str *str)
{
    str_append(str, "<style>\n");
    str_append(str, flame_css);
    str_append(str, "</style>\n<script>");
    str_append(str, flame_js);
    str_append(str, "</script>\n");
}

int page_flame(struct str *str, const struct verdict *verdict, struct err *err)
{
    const struct {
        const char *title;
        const struct flame *flame;
    } graphs[] = {{"On a CPU", &verdict->flame},
                  {"Waiting", &verdict->flame_waits},
                  {"Memory at its peak", flame_of(verdict, STACKS_PEAK)},
                  {"Never freed", flame_of(verdict, STACKS_LEAK)},
                  {"Allocated", flame_of(verdict, STACKS_ALLOC)},
                  {"Temporary", flame_of(verdict, STACKS_TEMPORARY)}};
    bool has_any = false;
    int status = 0;

    for (size_t i = 0; i < sizeof graphs / sizeof graphs[0] && !status; i++) {
        const struct flame_graph graph = {.flame = graphs[i].flame};
        struct str title = {0};
        if (flame_is_empty(&graph))
            continue;
        if (!has_any)
            str_append(
                str, "<section id=\"flame\"><h2>Function by function</h2>\n<p class=\"note\">A box is a "
                     "function, as wide as its time, or its memory; below it stands what it called. Under a "
                     "wait stand the other end and who ended it.<span class=\"js\"> Click a box to widen it, "
                     "the top one to go back.</span></p>\n<div class=\"flamegraphs\">\n");
        has_any = true;
        str_printf(&title, "%s: %s", graphs[i].title,
                   flame_amount(graph.flame, graph.flame->nodes[0].total_ns).text);
        status = flame_figure_write(str, &graph, str_text(&title), err);
        str_free(&title);
    }
    if (!has_any || status)
        return status;
    str_append(str, "</div>\n</section>\n");
    flame_assets_write(str);
    return 0;
}
