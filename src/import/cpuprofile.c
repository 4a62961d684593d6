/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpuprofile: what V8's sampling profiler writes (Chrome DevTools Protocol, Profiler.Profile): nodes of a call tree, the node of each
 * sample and the microseconds since the one before.
 */
#include <string.h>

#include "base/map.h"
#include "base/num.h"
#include "codec/json.h"
#include "import/internal.h"

#define NODES_MAX 4000000u

struct node {
    size_t function;
    size_t parent; /* SIZE_MAX: the root */
    double self_ns;
    bool is_idle, is_root;
};

struct tree {
    VEC(struct node) nodes;
    struct map index_of_id;
};

/* NULL when there is no node of that id. */
static struct node *node_of(const struct tree *tree, uint64_t id)
{
    const uint64_t *index = map_get(&tree->index_of_id, id);
    return index && tree->nodes.items && *index < tree->nodes.count ? &tree->nodes.items[*index] : NULL;
}

static int node_add(struct profile *profile, struct tree *tree, const struct json_value *value)
{
    const char *name = "", *file = "";
    double line = -1;
    uint64_t id;
    if (!json_find_count(value, "id", &id) || tree->nodes.count >= NODES_MAX) {
        profile->lost_count++;
        return 0;
    }
    (void)json_find_text(value, "callFrame.functionName", &name);
    (void)json_find_text(value, "callFrame.url", &file);
    (void)json_find_number(value, "callFrame.lineNumber", &line);
    if (strncmp(file, "file://", 7) == 0)
        file += 7;
    struct node node = {
        .parent = SIZE_MAX, .is_root = strcmp(name, "(root)") == 0, .is_idle = strcmp(name, "(idle)") == 0};
    /* Lines count from 0 there. */
    node.function = profile_function(profile, *name ? name : "(anonymous)", file,
                                     line >= 0 && *file ? num_u64(line) + 1 : 0);
    if (node.function == SIZE_MAX || map_put(&tree->index_of_id, id, tree->nodes.count))
        return -1;
    return vec_push(&tree->nodes, node);
}

static void parent_set(const struct tree *tree, struct node *node, const struct node *parent)
{
    if (node && parent && node != parent)
        node->parent = (size_t)(parent - tree->nodes.items);
}

static void parents_set(const struct json_value *nodes, struct tree *tree)
{
    for (size_t i = 0; i < json_count(nodes); i++) {
        const struct json_value *value = json_item(nodes, i);
        const struct json_value *children = json_find_array(value, "children");
        uint64_t id, other;
        if (!json_find_count(value, "id", &id))
            continue;
        for (size_t k = 0; k < json_count(children); k++)
            if (json_find_count(json_item(children, k), NULL, &other))
                parent_set(tree, node_of(tree, other), node_of(tree, id));
        if (json_find_count(value, "parent", &other))
            parent_set(tree, node_of(tree, id), node_of(tree, other));
    }
}

static void samples_add(const struct json_value *root, struct profile *profile, struct tree *tree)
{
    const struct json_value *samples = json_find_array(root, "samples");
    const struct json_value *deltas = json_find_array(root, "timeDeltas");
    for (size_t i = 0; i < json_count(samples); i++) {
        uint64_t id;
        double us = 0;
        struct node *node = json_find_count(json_item(samples, i), NULL, &id) ? node_of(tree, id) : NULL;
        (void)json_find_number(json_item(deltas, i), NULL, &us);
        if (!node || us < 0 || us > 1e12)
            profile->lost_count++;
        else
            node->self_ns += us * 1e3;
    }
}

static int stacks_add(struct profile *profile, const struct tree *tree)
{
    for (size_t i = 0; i < tree->nodes.count; i++) {
        size_t chain[PROFILE_DEPTH_MAX], count = 0, at = i;
        /* Idle time is no time of the program. A ring of parents ends at the depth's limit. */
        if (tree->nodes.items[i].self_ns <= 0 || tree->nodes.items[i].is_idle)
            continue;
        for (; at != SIZE_MAX && count < PROFILE_DEPTH_MAX; at = tree->nodes.items[at].parent)
            if (!tree->nodes.items[at].is_root)
                chain[count++] = tree->nodes.items[at].function;
        profile->cut_count += at != SIZE_MAX;
        if (profile_stack(profile, chain, count, tree->nodes.items[i].self_ns))
            return -1;
    }
    return 0;
}

bool cpuprofile_recognise(const struct import_bytes *bytes)
{
    return import_begins(bytes, "{") && import_holds(bytes, "\"nodes\"") &&
           import_holds(bytes, "\"callFrame\"");
}

int cpuprofile_read(const struct import_bytes *bytes, struct profile *profile, struct err *err)
{
    struct json_value *root = NULL;
    struct tree tree = {0};
    int status = json_read_text(bytes->bytes, bytes->length, bytes->name, &root, err);
    if (status)
        return status;
    profile->source = "node --cpu-prof";
    profile->measures = "time on the main thread";
    profile->unit = PROFILE_NS;
    const struct json_value *nodes = json_find_array(root, "nodes");
    for (size_t i = 0; i < json_count(nodes) && !status; i++)
        status = node_add(profile, &tree, json_item(nodes, i));
    if (!nodes) {
        status = import_not(bytes, ".cpuprofile file", "it has no nodes", err);
    } else if (!status) {
        parents_set(nodes, &tree);
        samples_add(root, profile, &tree);
        status = stacks_add(profile, &tree) ? err_memory(err) : 0;
    } else {
        status = err_memory(err);
    }
    vec_free(&tree.nodes);
    map_free(&tree.index_of_id);
    json_free(root);
    return status;
}
