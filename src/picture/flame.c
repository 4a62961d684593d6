/* SPDX-License-Identifier: Apache-2.0 */
/* The CPU samples of all tracks as one tree: program, then its frames from the outermost to the innermost. */
#include "base/num.h"
#include "picture/picture.h"

#define STACK_DEPTH_MAX 256
#define NODE_MAX        20000

/* Where the last samples of a stack went: most stacks are sampled again and again. */
struct known {
    const char *program;
    size_t node;
};

struct tree {
    VEC(struct flame_node) nodes;
    struct map children; /* (parent, name, module) to index */
    struct known *known; /* by stack */
};

static size_t child_of(struct tree *tree, size_t parent, const char *name, const char *module)
{
    uint64_t key = map_hash((uint64_t)(uintptr_t)name) ^ map_hash(parent * 2 + 1);
    const uint64_t *found = map_get(&tree->children, key);
    if (found)
        return (size_t)*found;
    if (tree->nodes.count >= NODE_MAX)
        return parent;
    struct flame_node node = {.name = name, .module = module, .parent = parent};
    if (vec_push(&tree->nodes, node) || map_put(&tree->children, key, tree->nodes.count - 1))
        return SIZE_MAX;
    return tree->nodes.count - 1;
}

static size_t node_of(const struct run *run, struct tree *tree, const char *program, uint32_t stack)
{
    uint32_t frames[STACK_DEPTH_MAX];
    size_t depth = 0;
    for (uint32_t at = stack; at != RUN_NONE && at < run->stacks.count && depth < STACK_DEPTH_MAX;
         at = run->stacks.items[at].parent)
        frames[depth++] = run->stacks.items[at].frame;
    size_t node = child_of(tree, 0, program, NULL);
    while (depth-- && node != SIZE_MAX) {
        if (frames[depth] >= run->frames.count)
            continue;
        const struct run_frame *frame = &run->frames.items[frames[depth]];
        node = child_of(tree, node, frame->function && frame->function[0] ? frame->function : "[unknown]",
                        frame->module);
    }
    return node;
}

/* Names are interned in the view, so equal names have equal addresses. */
static int add_sample(const struct run *run, struct tree *tree, uint32_t actor,
                      const struct run_sample *sample)
{
    const char *program = run_process_name(run, actor, sample->time_ns);
    struct known none = {0}, *known = sample->stack < run->stacks.count ? &tree->known[sample->stack] : &none;
    if (known->program != program)
        *known = (struct known){program, node_of(run, tree, program, sample->stack)};
    if (known->node == SIZE_MAX)
        return -1;
    tree->nodes.items[known->node].self_ns += sample->weight;
    return 0;
}

int picture_flame(const struct run *run, struct arena *arena, struct flame *ret_flame, struct err *err)
{
    struct tree tree = {.known = calloc(run->stacks.count + 1, sizeof *tree.known)};
    struct flame_node root = {.name = "all"};
    int status = tree.known ? vec_push(&tree.nodes, root) : -1;
    for (uint32_t i = 0; i < run->tracks.count && !status; i++) {
        for (size_t j = 0; j < run->tracks.items[i].samples.count && !status; j++)
            status = add_sample(run, &tree, i, &run->tracks.items[i].samples.items[j]);
    }
    /* Children stand behind their parents: one pass from the back adds up the totals. */
    for (size_t i = tree.nodes.count; i-- > 0 && !status;) {
        tree.nodes.items[i].total_ns += tree.nodes.items[i].self_ns;
        if (i)
            tree.nodes.items[tree.nodes.items[i].parent].total_ns += tree.nodes.items[i].total_ns;
    }
    struct flame_node *nodes = status ? NULL : arena_alloc(arena, (tree.nodes.count + 1) * sizeof *nodes);
    for (size_t i = 0; nodes && i < tree.nodes.count; i++)
        nodes[i] = tree.nodes.items[i];
    *ret_flame = (struct flame){.nodes = nodes, .node_count = nodes ? tree.nodes.count : 0};
    vec_free(&tree.nodes);
    map_free(&tree.children);
    free(tree.known);
    return nodes ? 0 : err_memory(err);
}
