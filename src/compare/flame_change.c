/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flame_change: the differential flame graph. A box is as wide as its function's time in both sides together, so that what is gone
 * and what is new are seen; its colour tells how its *own* time changed: red grew, blue shrank, the more the deeper, and grey is
 * within noise.
 */
#include <stdlib.h>

#include "compare/compare_words.h"
#include "compare/flame_pair.h"
#include "report/escape.h"
#include "report/flame_data.h"
#include "report/units.h"

static int shade_of(const struct flame_change *change)
{
    return change->is_changed ? flame_shade(change->ratio) : 0;
}

static uint64_t ns_of(double ns)
{
    return ns > 0 && ns < 1e18 ? (uint64_t)ns : 0;
}

struct pair {
    struct flame_node *nodes;
    struct flame_before *before;
    struct flame flame;
};

static void pair_free(struct pair *pair)
{
    free(pair->nodes);
    free(pair->before);
}

static int pair_make(const struct comparison *comparison, struct pair *ret_pair, struct err *err)
{
    size_t count = comparison->flame.count;
    struct pair pair = {calloc(count + 1, sizeof *pair.nodes), calloc(count + 1, sizeof *pair.before), {0}};
    if (!pair.nodes || !pair.before) {
        pair_free(&pair);
        return err_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        const struct flame_change *change = &comparison->flame.items[i];
        pair.nodes[i] = (struct flame_node){.name = change->name,
                                            .module = change->module,
                                            .parent = change->parent,
                                            .self_ns = ns_of(change->self_b),
                                            .total_ns = ns_of(change->total_b)};
        pair.before[i] =
            (struct flame_before){ns_of(change->self_a), ns_of(change->total_a), shade_of(change)};
    }
    pair.flame = (struct flame){.nodes = pair.nodes, .node_count = count};
    *ret_pair = pair;
    return 0;
}

static void write_note(const struct comparison *comparison, struct str *note)
{
    const struct flame_change *root = comparison->flame.count ? &comparison->flame.items[0] : NULL;
    if (!root || !(root->total_a + root->total_b > 0))
        str_append(note, "no CPU time was sampled");
    else
        str_printf(note,
                   "CPU time %s -> %s%s; a box is as wide as its time in A and B together, what it called "
                   "stands on it. Its own time: red grew, blue shrank, grey is within noise",
                   unit_duration(ns_of(root->total_a)).text, unit_duration(ns_of(root->total_b)).text,
                   comparison->is_rate ? " for each second" : "");
}

static int check_kind(const struct comparison *comparison, struct err *err)
{
    return comparison->is_recordings
               ? 0
               : err_set(err, ERR_INPUT, "could not draw a flame graph: only recordings have functions");
}

int compare_flame_write(const struct comparison *comparison, struct str *text, struct err *err)
{
    struct pair pair;
    struct str title = {0}, note = {0};
    int status = check_kind(comparison, err);
    if (!status)
        status = pair_make(comparison, &pair, err);
    if (status)
        return status;
    str_printf(&title, "%s  ->  %s", comparison->sides[0].title, comparison->sides[1].title);
    write_note(comparison, &note);
    status = flame_svg_write(text, &(struct flame_graph){&pair.flame, pair.before},
                             &(struct flame_svg){str_text(&title), str_text(&note)}, err);
    str_free(&title);
    str_free(&note);
    pair_free(&pair);
    return status;
}

int compare_flame_figure(const struct comparison *comparison, struct str *text, struct err *err)
{
    struct pair pair;
    struct str note = {0};
    int status = check_kind(comparison, err);
    if (!status)
        status = pair_make(comparison, &pair, err);
    if (status)
        return status;
    const struct flame_graph graph = {&pair.flame, pair.before};
    write_note(comparison, &note);
    str_append(text, "<p class=\"note\">");
    escape_markup(text, str_text(&note));
    str_append(text, ".</p>\n");
    if (!flame_is_empty(&graph)) {
        status = flame_figure_write(text, &graph, "CPU time, before and after", err);
        flame_assets_write(text);
    }
    str_free(&note);
    pair_free(&pair);
    return status;
}
