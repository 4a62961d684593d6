/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_tree: who is below whom in an export whose rows name their parents (observations, runs): read once for that, and once
 * more to tell. A row's agent is the nearest row above it that is an agent.
 */
#ifndef TOLL_AGENTS_EXPORT_TREE_H
#define TOLL_AGENTS_EXPORT_TREE_H

#include "agents/agent_events.h"
#include "base/arena.h"
#include "base/map.h"
#include "base/vec.h"

struct export_node {
    const char *id, *parent;
    const char *session; /* what the row itself says, or "" */
    bool is_agent;
};

struct export_tree {
    struct arena arena;
    struct intern ids;
    struct map places;
    VEC(struct export_node) nodes;
};

/* Copies the texts. Of an id that comes again the last row counts. */
WARN_UNUSED int export_tree_add(struct export_tree *tree, const struct export_node *node, struct err *err);
const struct export_node *export_tree_find(const struct export_tree *tree, const char *id);
/* The id of the nearest agent above the row (not the row itself); "". */
const char *export_tree_agent(const struct export_tree *tree, const char *id);
/* The session that the row or the nearest one above it names; "". */
const char *export_tree_session(const struct export_tree *tree, const char *id);
void export_tree_free(struct export_tree *tree);

#endif
