/* SPDX-License-Identifier: Apache-2.0 */
#include "report/flame_data.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "base/num.h"
#include "base/vec.h"
#include "report/escape.h"
#include "report/phrases.h"

#define NAME_COLUMNS_MAX 200
#define VALUE_MAX        1e8 /* the root's value at most: digits that no eye needs are not written */
#define KIND_TEXT_MAX    64

struct kept {
    const struct flame_node *node;
    const struct flame_before *before;
    size_t parent;              /* index among the kept */
    uint64_t rest, before_rest; /* total less own and less the kept children */
    size_t first, count;        /* of its children in `order` */
};

struct writer {
    const struct flame_graph *graph;
    VEC(struct kept) kept;
    VEC(size_t) order; /* all but the root, by parent and name */
    struct intern strings;
    struct intern frames;
    uint64_t scale;
    size_t cut_count;
    struct str nodes;
};

static uint64_t width_of(const struct flame_graph *graph, size_t index)
{
    uint64_t before = graph->before ? graph->before[index].total_ns : 0;
    return graph->flame->nodes[index].total_ns + before;
}

static int compare_descending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x < y) - (x > y);
}

/* The width from which on nodes are kept, so that at most `keep_max` are. */
static int width_limit(const struct flame_graph *graph, size_t keep_max, uint64_t *ret_limit, struct err *err)
{
    size_t count = graph->flame->node_count;
    *ret_limit = 1;
    if (count <= keep_max)
        return 0;
    uint64_t *widths = malloc(count * sizeof *widths);
    if (!widths)
        return err_memory(err);
    for (size_t i = 0; i < count; i++)
        widths[i] = width_of(graph, i);
    qsort(widths, count, sizeof *widths, compare_descending);
    *ret_limit = widths[keep_max] + 1;
    free(widths);
    return 0;
}

static int keep_widest(struct writer *writer, size_t keep_max, struct err *err)
{
    const struct flame *flame = writer->graph->flame;
    uint64_t limit;
    size_t *place = malloc((flame->node_count + 1) * sizeof *place);
    int status = place ? width_limit(writer->graph, keep_max, &limit, err) : err_memory(err);
    for (size_t i = 0; i < flame->node_count && !status; i++) {
        const struct flame_node *node = &flame->nodes[i];
        const struct flame_before *before = writer->graph->before ? &writer->graph->before[i] : NULL;
        place[i] = SIZE_MAX;
        bool is_kept = i == 0 || (node->parent < i && place[node->parent] != SIZE_MAX &&
                                  width_of(writer->graph, i) >= limit);
        if (!is_kept) {
            writer->cut_count++;
            continue;
        }
        place[i] = writer->kept.count;
        struct kept kept = {.node = node,
                            .before = before,
                            .parent = i ? place[node->parent] : 0,
                            .rest = node->total_ns - num_min(node->self_ns, node->total_ns),
                            .before_rest =
                                before ? before->total_ns - num_min(before->self_ns, before->total_ns) : 0};
        if (vec_push(&writer->kept, kept))
            status = err_memory(err);
        struct kept *parent = i && !status ? &writer->kept.items[kept.parent] : NULL;
        if (parent) {
            parent->rest -= num_min(parent->rest, node->total_ns);
            parent->before_rest -= before ? num_min(parent->before_rest, before->total_ns) : 0;
            parent->count++;
        }
    }
    free(place);
    return status;
}

static int compare_order(const void *a, const void *b, void *context)
{
    const struct writer *writer = context;
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    const struct kept *left = &writer->kept.items[x], *right = &writer->kept.items[y];
    if (left->parent != right->parent)
        return left->parent < right->parent ? -1 : 1;
    int by_name = strcmp(left->node->name, right->node->name);
    return by_name ? by_name : (x > y) - (x < y);
}

static int sort_children(struct writer *writer, struct err *err)
{
    for (size_t i = 1; i < writer->kept.count; i++)
        if (vec_push(&writer->order, i))
            return err_memory(err);
    if (writer->order.count)
        qsort_r(writer->order.items, writer->order.count, sizeof *writer->order.items, compare_order, writer);
    for (size_t i = writer->order.count; i-- > 0;)
        writer->kept.items[writer->kept.items[writer->order.items[i]].parent].first = i;
    return 0;
}

static void kind_text(const struct flame_node *node, char text[KIND_TEXT_MAX])
{
    static const char *const names[FLAME_KIND_COUNT] = {
        [FLAME_CODE] = "code",       [FLAME_KERNEL] = "kernel",   [FLAME_INLINED] = "inlined",
        [FLAME_MANAGED] = "managed", [FLAME_PROGRAM] = "program", [FLAME_PEER] = "peer",
        [FLAME_WAKER] = "waker"};
    if (node->kind == FLAME_WAIT)
        snprintf(text, KIND_TEXT_MAX, "wait d-%s", doing_name(node->doing));
    else
        snprintf(text, KIND_TEXT_MAX, "%s",
                 (unsigned)node->kind < FLAME_KIND_COUNT ? names[node->kind] : "code");
}

/* The text's index in `strings`; UINT64_MAX when memory ran out. */
static uint64_t string_of(struct writer *writer, const char *text)
{
    struct str plain = {0};
    uint64_t id = 0;
    if (!text || !text[0])
        return 0;
    escape_plain_cut(&plain, text, NAME_COLUMNS_MAX, false);
    if (plain.failed || intern_put(&writer->strings, str_text(&plain), plain.length, &id, NULL))
        id = UINT64_MAX;
    str_free(&plain);
    return id;
}

/* The frame's index; UINT64_MAX when memory ran out. */
static uint64_t frame_of(struct writer *writer, const struct flame_node *node)
{
    char kind[KIND_TEXT_MAX];
    uint64_t id;
    kind_text(node, kind);
    const uint64_t key[4] = {string_of(writer, node->name), string_of(writer, node->module),
                             string_of(writer, node->file), string_of(writer, kind)};
    for (int i = 0; i < 4; i++)
        if (key[i] == UINT64_MAX)
            return UINT64_MAX;
    return intern_put(&writer->frames, (const char *)key, sizeof key, &id, NULL) ? UINT64_MAX : id - 1;
}

static uint64_t scaled(const struct writer *writer, uint64_t ns)
{
    return num_u64(round((double)ns / (double)writer->scale));
}

static int write_node(struct writer *writer, const struct kept *kept, size_t up, struct err *err)
{
    uint64_t frame = frame_of(writer, kept->node);
    if (frame == UINT64_MAX)
        return err_memory(err);
    str_printf(&writer->nodes, "%s%zu,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu32,
               writer->nodes.length ? "," : "", up, frame, scaled(writer, kept->node->self_ns),
               scaled(writer, kept->rest), kept->node->line);
    if (kept->before)
        str_printf(&writer->nodes, ",%" PRIu64 ",%" PRIu64 ",%d", scaled(writer, kept->before->self_ns),
                   scaled(writer, kept->before_rest), kept->before->change);
    return 0;
}

/* Where a walk stands in each row of siblings on its way. */
struct step {
    size_t next, end; /* in `order` */
};

static int write_nodes(struct writer *writer, struct err *err)
{
    VEC(struct step) way = {0};
    const struct kept *root = &writer->kept.items[0];
    size_t last_depth = 0;
    int status = write_node(writer, root, 0, err);
    if (!status && vec_push(&way, (struct step){root->first, root->first + root->count}))
        status = err_memory(err);
    while (!status && way.count) {
        struct step *step = &way.items[way.count - 1];
        if (step->next == step->end) {
            way.count--;
            continue;
        }
        const struct kept *kept = &writer->kept.items[writer->order.items[step->next++]];
        status = write_node(writer, kept, last_depth + 1 - way.count, err);
        last_depth = way.count;
        if (!status && vec_push(&way, (struct step){kept->first, kept->first + kept->count}))
            status = err_memory(err);
    }
    vec_free(&way);
    return status;
}

static void write_object(const struct writer *writer, struct str *str)
{
    static const char *const units[] = {
        [FLAME_NS] = "ns", [FLAME_BYTES] = "bytes", [FLAME_ALLOCATIONS] = "allocations"};
    str_printf(str, "{\"unit\":\"%s\",\"scale\":%" PRIu64 ",\"step\":%d,\n\"strings\":[\"\"",
               units[writer->graph->flame->unit], writer->scale, writer->graph->before ? 8 : 5);
    for (size_t i = 0; i < writer->strings.entries.count; i++) {
        str_append(str, ",\n\"");
        escape_script(str, writer->strings.entries.items[i].bytes);
        str_append(str, "\"");
    }
    str_append(str, "],\n\"frames\":[");
    for (size_t i = 0; i < writer->frames.entries.count; i++) {
        uint64_t key[4];
        memcpy(key, writer->frames.entries.items[i].bytes, sizeof key);
        str_printf(str, "%s%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64, i ? "," : "", key[0], key[1],
                   key[2], key[3]);
    }
    str_append(str, "],\n\"nodes\":[");
    str_append_bytes(str, str_text(&writer->nodes), writer->nodes.length);
    str_append(str, "]}\n");
}

static int write_kept(struct str *str, const struct flame_graph *graph, size_t keep_max,
                      size_t *ret_cut_count, struct err *err)
{
    struct writer writer = {.graph = graph, .scale = 1};
    while ((double)width_of(graph, 0) / (double)writer.scale > VALUE_MAX)
        writer.scale *= 10;
    int status = keep_widest(&writer, keep_max, err);
    if (!status)
        status = sort_children(&writer, err);
    if (!status)
        status = write_nodes(&writer, err);
    if (!status)
        write_object(&writer, str);
    *ret_cut_count = writer.cut_count;
    vec_free(&writer.kept);
    vec_free(&writer.order);
    intern_free(&writer.strings);
    intern_free(&writer.frames);
    status = !status && (str->failed || writer.nodes.failed) ? err_memory(err) : status;
    str_free(&writer.nodes);
    return status;
}

int flame_data_write(struct str *str, const struct flame_graph *graph, size_t *ret_cut_count, struct err *err)
{
    size_t length = str->length;
    size_t cut_count = 0;
    int status =
        graph->flame->node_count ? -1 : err_set(err, ERR_BUG, "could not write a flame graph: it is empty");
    for (size_t keep = FLAME_DATA_NODES_MAX; keep && graph->flame->node_count; keep /= 2) {
        status = write_kept(str, graph, keep, &cut_count, err);
        if (status || str->length - length <= FLAME_DATA_BYTES_MAX)
            break;
        str->length = length;
        str->text[length] = '\0';
    }
    if (!status)
        *ret_cut_count = cut_count;
    return status;
}
