/* SPDX-License-Identifier: Apache-2.0 */
#include "report/flame_layout.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"

#define HUE_FIRST        10
#define HUE_FIRST_MEMORY 118 /* as the palette `mem` of FlameGraph is */
#define HUE_COUNT        34

struct ordered {
    const struct flame_node *node;
    size_t index;
};

/* By parent, then name: parents come before their children, so one pass places all. */
static int compare_ordered(const void *a, const void *b)
{
    const struct ordered *x = a, *y = b;

    if (x->node->parent != y->node->parent)
        return x->node->parent < y->node->parent ? -1 : 1;
    int by_name = strcmp(x->node->name, y->node->name);
    return by_name ? by_name : (x->index > y->index) - (x->index < y->index);
}

static void place(struct flame_layout *layout, size_t index, double *used, double width_min)
{
    struct flame_box *box = &layout->boxes.items[index];
    const struct flame_box *parent = &layout->boxes.items[box->node->parent];
    double root_ns = (double)layout->boxes.items[0].node->total_ns;
    double room = parent->width - *used;

    box->width = root_ns > 0 ? (double)box->node->total_ns / root_ns : 0;
    if (box->width > room)
        box->width = room > 0 ? room : 0;
    box->left = parent->left + *used;
    box->depth = parent->depth + 1;
    box->is_shown = parent->is_shown && box->width >= width_min && box->depth < FLAME_DEPTH_MAX;
    *used += box->width;
    if (!box->is_shown)
        layout->hidden_count++;
    else if (box->depth > layout->depth_max)
        layout->depth_max = box->depth;
}

int flame_layout_make(const struct flame *flame, double width_min, struct flame_layout *ret_layout,
                      struct err *err)
{
    struct flame_layout layout = {0};
    VEC(struct ordered) order = {0};
    double used = 0;
    double narrowest = flame->node_count ? width_min * (double)flame->nodes[0].total_ns : 0;

    for (size_t i = 0; i < flame->node_count; i++) {
        bool is_narrow = i > 0 && (double)flame->nodes[i].total_ns < narrowest;
        layout.hidden_count += is_narrow;
        if (vec_push(&layout.boxes, (struct flame_box){.node = &flame->nodes[i]}) ||
            (!is_narrow && vec_push(&order, (struct ordered){&flame->nodes[i], i}))) {
            vec_free(&layout.boxes);
            vec_free(&order);
            return err_memory(err);
        }
    }
    if (order.count) {
        qsort(order.items, order.count, sizeof *order.items, compare_ordered);
        layout.boxes.items[0].width = 1;
        layout.boxes.items[0].is_shown = flame->nodes[0].total_ns > 0;
    }
    for (size_t i = 0; i < order.count; i++) {
        if (i == 0 || order.items[i].node->parent != order.items[i - 1].node->parent)
            used = 0;
        if (order.items[i].index == 0)
            continue;
        if (order.items[i].node->parent < order.items[i].index)
            place(&layout, order.items[i].index, &used, width_min);
        else
            layout.hidden_count++;
    }
    vec_free(&order);
    *ret_layout = layout;
    return 0;
}

unsigned flame_hue(const struct flame *flame, const struct flame_node *node)
{
    const char *text = node->module ? node->module : "";
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 16777619u;
    return (flame->unit == FLAME_NS ? HUE_FIRST : HUE_FIRST_MEMORY) + hash % HUE_COUNT;
}

struct unit flame_amount(const struct flame *flame, uint64_t amount)
{
    struct unit unit;

    if (flame->unit == FLAME_BYTES)
        return unit_bytes(amount);
    if (flame->unit == FLAME_NS)
        return unit_duration(amount);
    snprintf(unit.text, sizeof unit.text, "%.24s allocation%s", unit_count((double)amount).text,
             amount == 1 ? "" : "s");
    return unit;
}

void flame_box_label(struct str *str, const struct flame *flame, const struct flame_node *node)
{
    str_append(str, node->name);
    if (node->module)
        str_printf(str, " (%s)", node->module);
    str_printf(str, ": %s, %s", flame_amount(flame, node->total_ns).text,
               unit_ratio(num_ratio(node->total_ns, flame->nodes[0].total_ns)).text);
    if (node->self_ns && node->self_ns != node->total_ns)
        str_printf(str, ", itself %s", flame_amount(flame, node->self_ns).text);
}
