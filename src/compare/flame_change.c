/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flame_change: the differential flame graph, a standalone SVG without a script. A box is as wide as its function's time in
 * both sides together, so that what is gone and what is new are seen; its colour tells how its *own* time changed: red grew, blue
 * shrank, the more the deeper, and grey is within noise.
 */
#include <math.h>
#include <stdio.h>

#include "compare/compare_words.h"
#include "report/escape.h"
#include "report/flame_layout.h"
#include "report/units.h"

#define WIDTH_PX    1200
#define MARGIN_PX   12
#define ROW_PX      18
#define HEAD_PX     74
#define FOOT_PX     16
#define BOX_PX_MIN  0.3
#define LETTER_PX   6.7
#define LETTERS_MIN 3
#define DEEP_LOG    1.4 /* a change of 4 times has the deepest colour */
#define SHADES      4u

static const char style[] =
    "<style>\n"
    ".fc text { font: 11px system-ui, \"Noto Sans\", \"DejaVu Sans\", sans-serif; fill: #1d2329; }\n"
    ".fc .t { font-size: 17px; font-weight: 600; } .fc .n { fill: #57606a; } .fc .page { fill: #fbfaf8; }\n"
    ".fc g rect { stroke: #fbfaf8; stroke-width: .6; } .fc g:hover rect { stroke: #1d2329; stroke-width: "
    "1.2; }\n"
    ".fc g text { pointer-events: none; }\n"
    ".fc .s { fill: #dcdad5; }\n"
    ".fc .r1 { fill: #f6c1b5; } .fc .r2 { fill: #ef9a88; } .fc .r3 { fill: #e5705a; } .fc .r4 { fill: "
    "#d64a35; }\n"
    ".fc .b1 { fill: #bdd3f0; } .fc .b2 { fill: #94b8e8; } .fc .b3 { fill: #6799dc; } .fc .b4 { fill: "
    "#3f7cce; }\n"
    "@media (prefers-color-scheme: dark) {\n"
    ".fc text { fill: #e8eaed; } .fc .n { fill: #aeb6bf; } .fc .page { fill: #14171b; }\n"
    ".fc g rect { stroke: #14171b; } .fc g:hover rect { stroke: #e8eaed; }\n"
    ".fc .s { fill: #343a42; }\n"
    ".fc .r1 { fill: #6b332b; } .fc .r2 { fill: #8c3b2e; } .fc .r3 { fill: #b0432f; } .fc .r4 { fill: "
    "#d14f38; }\n"
    ".fc .b1 { fill: #2a4365; } .fc .b2 { fill: #2f568a; } .fc .b3 { fill: #356bb0; } .fc .b4 { fill: "
    "#3d80d6; }\n"
    "}\n</style>\n";

static void class_of(const struct flame_change *change, char text[8])
{
    if (!change->is_changed) {
        snprintf(text, 8, "s");
        return;
    }
    double depth = change->ratio > 0 && isfinite(change->ratio) ? fabs(log(change->ratio)) / DEEP_LOG : 1;
    unsigned shade = 1 + (unsigned)(depth * SHADES);
    snprintf(text, 8, "%c%u", change->ratio > 1 ? 'r' : 'b', (shade > SHADES ? SHADES : shade) % 10);
}

static uint64_t ns_of(double ns)
{
    return ns > 0 && ns < 1e18 ? (uint64_t)ns : 0;
}

/* "parse (work): itself 812 ms -> 1.62 s, 2.00x; with what it calls 1.2 s -> 2 s" */
static void box_label(struct str *str, const struct flame_change *change)
{
    str_append(str, change->name);
    if (change->module)
        str_printf(str, " (%s)", change->module);
    str_printf(str, ": itself %s -> %s", unit_duration(ns_of(change->self_a)).text,
               unit_duration(ns_of(change->self_b)).text);
    if (change->is_changed && change->ratio > 0 && isfinite(change->ratio))
        str_printf(str, ", %.2fx", change->ratio);
    if (!change->is_changed)
        str_append(str, ", within noise");
    str_printf(str, "; with what it calls %s -> %s", unit_duration(ns_of(change->total_a)).text,
               unit_duration(ns_of(change->total_b)).text);
}

static void write_box(struct str *str, const struct flame_change *change, const struct flame_box *box,
                      unsigned base_px)
{
    const double inner = WIDTH_PX - 2 * MARGIN_PX;
    double x = MARGIN_PX + box->left * inner, width = box->width * inner;
    unsigned y = base_px - box->depth * ROW_PX;
    struct str text = {0};
    char class[8];
    class_of(change, class);
    box_label(&text, change);
    str_append(str, "<g><title>");
    escape_markup(str, str_text(&text));
    str_printf(str, "</title><rect class=\"%s\" x=\"%.2f\" y=\"%u\" width=\"%.2f\" height=\"%d\" rx=\"2\"/>",
               class, x, y, width, ROW_PX - 1);
    size_t letters = width > 2 * LETTER_PX ? (size_t)((width - LETTER_PX) / LETTER_PX) : 0;
    if (letters >= LETTERS_MIN) {
        struct str name = {0};
        escape_plain_cut(&name, change->name, letters, false);
        str_printf(str, "<text x=\"%.2f\" y=\"%u\">", x + 4, y + ROW_PX - 5);
        escape_markup(str, str_text(&name));
        str_append(str, "</text>");
        str_free(&name);
    }
    str_append(str, "</g>\n");
    str_free(&text);
}

static void write_head(struct str *str, const struct comparison *comparison, unsigned height)
{
    struct str title = {0}, cut = {0};
    const struct flame_change *root = comparison->flame.count ? &comparison->flame.items[0] : NULL;
    str_printf(str,
               "<svg class=\"fc\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %u\" width=\"%d\" "
               "height=\"%u\" "
               "role=\"img\" aria-label=\"differential flame graph\">\n%s"
               "<rect class=\"page\" width=\"%d\" height=\"%u\"/>\n<text class=\"t\" x=\"%d\" y=\"26\">",
               WIDTH_PX, height, WIDTH_PX, height, style, WIDTH_PX, height, MARGIN_PX);
    str_printf(&title, "%s  ->  %s", comparison->sides[0].title, comparison->sides[1].title);
    escape_plain_cut(&cut, str_text(&title), 110, false);
    escape_markup(str, str_text(&cut));
    str_printf(str, "</text>\n<text class=\"n\" x=\"%d\" y=\"44\">", MARGIN_PX);
    if (!root || !(root->total_a + root->total_b > 0))
        str_append(str, "no CPU time was sampled");
    else
        str_printf(str,
                   "CPU time %s -> %s%s; a box is as wide as its time in A and B together, what it called "
                   "stands on it",
                   unit_duration(ns_of(root->total_a)).text, unit_duration(ns_of(root->total_b)).text,
                   comparison->is_rate ? " for each second" : "");
    str_append(str, "</text>\n");
    str_printf(str,
               "<g><rect class=\"r3\" x=\"%d\" y=\"53\" width=\"12\" height=\"12\"/><text x=\"%d\" "
               "y=\"63\">its own time "
               "grew</text><rect class=\"b3\" x=\"%d\" y=\"53\" width=\"12\" height=\"12\"/><text x=\"%d\" "
               "y=\"63\">shrank"
               "</text><rect class=\"s\" x=\"%d\" y=\"53\" width=\"12\" height=\"12\"/><text x=\"%d\" "
               "y=\"63\">within "
               "noise</text></g>\n",
               MARGIN_PX, MARGIN_PX + 18, MARGIN_PX + 130, MARGIN_PX + 148, MARGIN_PX + 210, MARGIN_PX + 228);
    str_free(&title);
    str_free(&cut);
}

static int layout_make(const struct comparison *comparison, struct flame_node **ret_nodes,
                       struct flame_layout *ret_layout, struct err *err)
{
    size_t count = comparison->flame.count;
    struct flame_node *nodes = calloc(count + 1, sizeof *nodes);
    if (!nodes)
        return err_memory(err);
    for (size_t i = 0; i < count; i++) {
        const struct flame_change *change = &comparison->flame.items[i];
        nodes[i] = (struct flame_node){.name = change->name,
                                       .module = change->module,
                                       .parent = change->parent,
                                       .self_ns = ns_of(change->self_a + change->self_b),
                                       .total_ns = ns_of(change->total_a + change->total_b)};
    }
    struct flame flame = {nodes, count};
    int status = flame_layout_make(&flame, BOX_PX_MIN / WIDTH_PX, ret_layout, err);
    if (status)
        free(nodes);
    else
        *ret_nodes = nodes;
    return status;
}

int compare_flame_write(const struct comparison *comparison, struct str *text, struct err *err)
{
    struct flame_layout layout = {0};
    struct flame_node *nodes = NULL;
    if (!comparison->is_recordings)
        return err_set(err, ERR_INPUT, "could not draw a flame graph: only recordings have functions");
    int status = layout_make(comparison, &nodes, &layout, err);
    if (status)
        return status;
    unsigned base = HEAD_PX + layout.depth_max * ROW_PX;
    write_head(text, comparison, base + ROW_PX + FOOT_PX);
    for (size_t i = 0; i < layout.boxes.count; i++)
        if (layout.boxes.items[i].is_shown)
            write_box(text, &comparison->flame.items[i], &layout.boxes.items[i], base);
    str_append(text, "</svg>\n");
    vec_free(&layout.boxes);
    free(nodes);
    return text->failed ? err_memory(err) : 0;
}
