/* SPDX-License-Identifier: Apache-2.0 */
#include "agents/export_tree.h"

#include <string.h>

#define DEPTH_MAX 1000u

int export_tree_add(struct export_tree *tree, const struct export_node *node, struct err *err)
{
    struct export_node kept = {.id = arena_string(&tree->arena, node->id),
                               .parent = arena_string(&tree->arena, node->parent),
                               .session = arena_string(&tree->arena, node->session),
                               .is_agent = node->is_agent};
    uint64_t number;
    if (!*node->id)
        return 0;
    if (!kept.id || !kept.parent || !kept.session ||
        intern_put(&tree->ids, node->id, strlen(node->id), &number, NULL) ||
        map_put(&tree->places, number, tree->nodes.count) || vec_push(&tree->nodes, kept))
        return err_memory(err);
    return 0;
}

const struct export_node *export_tree_find(const struct export_tree *tree, const char *id)
{
    uint64_t number = *id ? intern_find(&tree->ids, id, strlen(id)) : 0;
    const uint64_t *place = number ? map_get(&tree->places, number) : NULL;
    return place ? &tree->nodes.items[*place] : NULL;
}

const char *export_tree_agent(const struct export_tree *tree, const char *id)
{
    const struct export_node *node = export_tree_find(tree, id);
    for (unsigned i = 0; node && i < DEPTH_MAX; i++) {
        node = export_tree_find(tree, node->parent);
        if (node && node->is_agent)
            return node->id;
    }
    return "";
}

const char *export_tree_session(const struct export_tree *tree, const char *id)
{
    const struct export_node *node = export_tree_find(tree, id);
    for (unsigned i = 0; node && i < DEPTH_MAX; i++) {
        if (*node->session)
            return node->session;
        node = export_tree_find(tree, node->parent);
    }
    return "";
}

void export_tree_free(struct export_tree *tree)
{
    vec_free(&tree->nodes);
    map_free(&tree->places);
    intern_free(&tree->ids);
    arena_free(&tree->arena);
}
