/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flame_layout: where each box of a flame graph lies. Boxes of one parent stand side by side in the order of their
 * names (bytewise), so two graphs of one program can be compared (B. Gregg, "The Flame Graph", CACM 59(6), 2016).
 */
#ifndef TOLL_REPORT_FLAME_LAYOUT_H
#define TOLL_REPORT_FLAME_LAYOUT_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/finding.h"
#include "report/units.h"

#define FLAME_DEPTH_MAX 200

struct flame_box {
    const struct flame_node *node;
    double left, width; /* parts of the root's width */
    unsigned depth;     /* the root's is 0 */
    bool is_shown;      /* wide enough, and so are its parents */
};

struct flame_layout {
    VEC(struct flame_box) boxes; /* by node index */
    unsigned depth_max;          /* of the shown ones */
    size_t hidden_count;
};

/* Boxes narrower than `width_min` are not shown; their room is at the end of their row of siblings. A node whose parent does not come before it is left out.
 * Free with vec_free(&layout->boxes). */
WARN_UNUSED int flame_layout_make(const struct flame *flame, double width_min,
                                  struct flame_layout *ret_layout, struct err *err);

/* The same hue for the same module: a warm one, 10 to 43 degrees; of memory a green one, 118 to 151. */
unsigned flame_hue(const struct flame *flame, const struct flame_node *node);

/* "1.5 s", "2.8 MB", "1,200 allocations": an amount in the graph's unit. */
struct unit flame_amount(const struct flame *flame, uint64_t amount);

/* "parse_row (market-data): 1.5 s, 43 %" */
void flame_box_label(struct str *str, const struct flame *flame, const struct flame_node *node);

#endif
