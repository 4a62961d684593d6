/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/flame_pair.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/num.h"
#include "base/vec.h"
#include "report/flame_data.h"
#include "report/flame_layout.h"

#define DEEP_LOG   1.4  /* a change of 4 times has the deepest colour */
#define SAME_RATIO 0.01 /* less is no change, whatever is known */
#define COUNT_RATIO                                                                                          \
    0.25 /* of a count that is estimated: its error depends on the sizes, which it does not tell */
#define DEVIATIONS 2

int flame_shade(double ratio)
{
    double depth = ratio > 0 && isfinite(ratio) ? fabs(log(ratio)) / DEEP_LOG : 1;
    int shade = depth >= 1 ? FLAME_SHADES : 1 + (int)(depth * FLAME_SHADES);
    return ratio > 1 ? shade : -shade;
}

/* Nodes of both sides; children follow their parents. */
struct merge {
    VEC(struct flame_node) nodes;
    VEC(struct flame_before) before;
    struct intern places; /* parent, name and kind to index + 1 */
};

static int place_of(struct merge *merge, const struct flame_node *node, size_t parent, size_t *ret_index)
{
    struct str key = {0};
    uint64_t id = 0;
    bool is_new = false;
    str_append_bytes(&key, (const char *)&parent, sizeof parent);
    str_printf(&key, "%d %s", (int)node->kind, node->name);
    int status = key.failed || intern_put(&merge->places, str_text(&key), key.length, &id, &is_new) ? -1 : 0;
    str_free(&key);
    if (status)
        return -1;
    *ret_index = (size_t)id - 1;
    if (!is_new)
        return 0;
    struct flame_node merged = *node;
    merged.parent = parent;
    merged.self_ns = merged.total_ns = 0;
    return vec_push(&merge->nodes, merged) || vec_push(&merge->before, (struct flame_before){0}) ? -1 : 0;
}

static int add_side(struct merge *merge, const struct flame *flame, bool is_before)
{
    size_t *places = malloc((flame->node_count + 1) * sizeof *places);
    int status = places ? 0 : -1;
    for (size_t i = 0; i < flame->node_count && !status; i++) {
        const struct flame_node *node = &flame->nodes[i];
        status = place_of(merge, node, i ? places[node->parent] : 0, &places[i]);
        if (status)
            break;
        if (is_before) {
            merge->before.items[places[i]].self_ns += node->self_ns;
            merge->before.items[places[i]].total_ns += node->total_ns;
        } else {
            merge->nodes.items[places[i]].self_ns += node->self_ns;
            merge->nodes.items[places[i]].total_ns += node->total_ns;
        }
    }
    free(places);
    return status;
}

/* How far the difference of two estimates may be from that of what they estimate. */
static double error_of(const struct flame_pair *pair, double before, double after)
{
    double rate = (double)num_max(pair->before.rate_bytes, pair->after.rate_bytes);
    if (rate > 0 && pair->after.flame->unit == FLAME_BYTES)
        return DEVIATIONS * sqrt(rate * (before + after));
    return rate > 0 ? COUNT_RATIO * fmax(before, after) : 0;
}

static void judge(const struct flame_pair *pair, struct merge *merge)
{
    for (size_t i = 0; i < merge->before.count; i++) {
        double before = (double)merge->before.items[i].self_ns, after = (double)merge->nodes.items[i].self_ns;
        double difference = fabs(after - before);
        if (difference > SAME_RATIO * fmax(before, after) && difference > error_of(pair, before, after))
            merge->before.items[i].change = flame_shade(before > 0 ? after / before : INFINITY);
    }
}

static void write_note(const struct flame_pair *pair, const struct flame_graph *graph, struct str *note)
{
    const struct flame *flame = graph->flame;
    if (flame_is_empty(graph) || !graph->before) {
        str_append(note, "there is nothing of it in either");
        return;
    }
    str_printf(note, "%s -> ", flame_amount(flame, graph->before[0].total_ns).text);
    str_printf(
        note,
        "%s%s; a box is as wide as both together, what it called stands on it. Its own: red grew, blue "
        "shrank, grey is %s",
        flame_amount(flame, flame->nodes[0].total_ns).text, pair->what,
        pair->before.rate_bytes || pair->after.rate_bytes ? "within the error of sampling" : "the same");
}

int flame_pair_write(const struct flame_pair *pair, struct str *text, struct err *err)
{
    struct merge merge = {0};
    struct str title = {0}, note = {0};
    int status = add_side(&merge, pair->before.flame, true) || add_side(&merge, pair->after.flame, false)
                     ? err_memory(err)
                     : 0;
    if (!status)
        judge(pair, &merge);
    const struct flame flame = {merge.nodes.items, merge.nodes.count, pair->after.flame->unit};
    const struct flame_graph graph = {&flame, merge.before.items};
    str_printf(&title, "%s  ->  %s", pair->before.title, pair->after.title);
    if (!status) {
        write_note(pair, &graph, &note);
        status = flame_svg_write(text, &graph, &(struct flame_svg){str_text(&title), str_text(&note)}, err);
    }
    str_free(&title);
    str_free(&note);
    vec_free(&merge.nodes);
    vec_free(&merge.before);
    intern_free(&merge.places);
    return status;
}
