/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of workflow share: events as they are kept, and the life of each agent as stretches. */
#ifndef TOLL_WORKFLOW_INTERNAL_H
#define TOLL_WORKFLOW_INTERNAL_H

#include "base/map.h"
#include "base/vec.h"
#include "workflow/workflow.h"

#define FLOW_NONE UINT32_MAX

enum flow_kind { FLOW_CALL, FLOW_TOOL, FLOW_WAIT };

/* Something that an agent did, or waited for, over a time; `index` counts in the list of its kind. */
struct flow_item {
    int64_t start_ns, end_ns;
    uint32_t index;
    enum flow_kind kind;
};

/* A piece of an agent's life. FLOW_STRETCH_…: what the agent did. */
enum flow_stretch_kind {
    FLOW_STRETCH_ITEM,  /* its one item, inline */
    FLOW_STRETCH_PART,  /* a part of one of several items that overlap: it is not its end that ends this */
    FLOW_STRETCH_TRACK, /* waits for an item on a track of its own to end */
    FLOW_STRETCH_AGENT, /* waits for another agent to end; `agent` */
    FLOW_STRETCH_IDLE   /* nothing is known, between two tasks */
};

struct flow_stretch {
    int64_t start_ns, end_ns;
    enum flow_stretch_kind kind;
    struct flow_item item; /* of the first three */
    uint32_t agent;        /* who ends it, FLOW_NONE */
};

struct flow_task {
    int64_t start_ns, end_ns;
    const char *name;
    uint64_t span; /* id, once it was written */
};

struct flow_agent {
    const char *session, *id; /* id "" is the session's main one */
    const char *parent_id, *kind, *title, *spawn_id;
    int64_t start_ns, end_ns;
    uint32_t parent;  /* index, FLOW_NONE */
    uint32_t spawner; /* index of the tool call that started it, FLOW_NONE */
    char *name;       /* unique */
    uint64_t track;
    VEC(struct flow_item) items; /* by start */
    VEC(struct flow_stretch) stretches;
    VEC(struct flow_item) beside; /* items that have tracks of their own */
    VEC(struct flow_task) tasks;
};

struct kept_call {
    struct llm_call call; /* its texts are interned */
    uint32_t agent;
};

struct kept_tool {
    struct tool_call call;
    uint32_t agent;
    uint32_t child; /* agent, FLOW_NONE */
};

struct kept_wait {
    struct agent_wait wait;
    uint32_t agent;
    uint32_t on; /* agent, FLOW_NONE */
};

struct workflow {
    struct agent_sink sink; /* first */
    struct intern texts;
    struct map agent_index, call_index, tool_index; /* by the interned identity */
    VEC(struct flow_agent) agents;
    VEC(struct kept_call) calls;
    VEC(struct kept_tool) tools;
    VEC(struct kept_wait) waits;
    VEC(struct agent_link) links;
    struct workflow_facts facts;
    bool ids_are_global;
    char malformed[512];
};

/* Index of an agent, added when new; FLOW_NONE when memory ran out. */
uint32_t flow_agent_of(struct workflow *workflow, const char *session, const char *id);
/* Index of an agent that is known, FLOW_NONE. */
uint32_t flow_agent_find(const struct workflow *workflow, const char *session, const char *id);
/* The text as it is kept; NULL when memory ran out. */
const char *flow_text(struct workflow *workflow, const char *text);

/* Parents, names, items and stretches of all agents. -1 when memory ran out. */
int flow_arrange(struct workflow *workflow);
/* Of one agent whose items are in order: its stretches, what stands beside it, its tasks. */
int flow_stretches(struct workflow *workflow, struct flow_agent *agent);
int flow_tasks(struct workflow *workflow, struct flow_agent *agent);

#endif
