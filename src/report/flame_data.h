/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flame_data: a flame graph as flame.js reads it, and as boxes that need no script.
 *
 * Both are bounded, whatever was recorded: the narrowest nodes are left out, and what they took is kept as the `rest` of the node
 * that called them, so that everything still adds up.
 *
 * The data is one JSON object that may stand in a <script> of HTML or XML:
 *   unit     "ns", "bytes", "allocations"
 *   scale    units in a value of 1
 *   strings  texts; the first is ""
 *   frames   4 numbers each, indexes of strings: name, module, file, kind (a class of flame.css, without "fg-")
 *   step     how many numbers a node has: 5, of a difference 8
 *   nodes    in the order of a walk, children by name: how many levels up from the last node its parent lies (0: the last node is
 *            its parent), frame, own value, rest, line; of a difference also own value and rest before, and the change, -4 to 4
 */
#ifndef TOLL_REPORT_FLAME_DATA_H
#define TOLL_REPORT_FLAME_DATA_H

#include "base/err.h"
#include "base/str.h"
#include "model/finding.h"

#define FLAME_DATA_NODES_MAX 12000
#define FLAME_DATA_BYTES_MAX 600000
#define FLAME_STILL_MAX      800
#define FLAME_SHADES         4

/* Of a difference, by node: what it was before. Widths are then those of both sides together. */
struct flame_before {
    uint64_t self_ns, total_ns;
    int change; /* of its own time: -FLAME_SHADES to FLAME_SHADES; 0 within noise */
};

struct flame_graph {
    const struct flame *flame;
    const struct flame_before *before; /* NULL: no difference */
};

/* *ret_cut_count: nodes that were left out. */
WARN_UNUSED int flame_data_write(struct str *str, const struct flame_graph *graph, size_t *ret_cut_count,
                                 struct err *err);

/* A whole SVG document, which is interactive where scripts run. Empty graphs are told in `note`. */
struct flame_svg {
    const char *title;
    const char *note; /* what a box is, and of how much time */
};
WARN_UNUSED int flame_svg_write(struct str *str, const struct flame_graph *graph, const struct flame_svg *svg,
                                struct err *err);

/* The same as a figure of a page (at most FLAME_STILL_MAX boxes of it need no script); `title` is ours. Pages end with the assets: the
 * style and the script of all figures before them, which the page's policy must allow, as it must have the colours of tokens_css
 * (report_assets.h). */
WARN_UNUSED int flame_figure_write(struct str *str, const struct flame_graph *graph, const char *title,
                                   struct err *err);
void flame_assets_write(struct str *str);
bool flame_is_empty(const struct flame_graph *graph);

#endif
