/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workflow: what a team of agents did, from the events of its sources into the model's tables.
 *
 * It is a struct agent_sink: sources tell it events in any order, and the same event more than once. It keeps them, and
 * workflow_write makes rows of them when all have been told:
 *
 *     an agent                      track of kind agent, its parent the agent that started it
 *     a task, a turn                span of category task
 *     a model's response            span of category llm with usage (tokens_*, cost_usd, context_bytes), and a wait of the
 *                                   agent for the peer of kind api that has the model's name (reason remote)
 *     a tool                        span of category tool, and a wait for the peer of kind process that has its name
 *     what overlaps in one agent    tracks of kind call, each with its span and its wait; the agent waits for the last
 *     start of an agent             edge spawn
 *     a tool that is an agent       the parent's wait for a child, with the child as its waker
 *     a human, a limit, a retry     waits: human, rate_limit
 *     declared dependencies         edges depends
 *     nothing, between two tasks    a wait: idle; within a task: the agent's own work (running)
 *
 * So the critical path walks from agent to agent by itself. The recording's clock starts one second before the first
 * event; META_STARTED_REALTIME is its anchor. Memory: all events are kept until they are written.
 */
#ifndef TOLL_WORKFLOW_WORKFLOW_H
#define TOLL_WORKFLOW_WORKFLOW_H

#include "agents/agent_events.h"
#include "model/view.h"

struct workflow;

/* What a response costs in dollars; false when nobody knows its price. */
struct workflow_price {
    bool (*usd)(void *context, const struct llm_call *call, double *ret_usd);
    void *context;
};

struct workflow_facts {
    uint64_t session_count, agent_count, call_count, tool_count;
    uint64_t repeated_count;  /* tellings of what had been told before: counted once */
    uint64_t partial_count;   /* responses whose true usage was never written */
    uint64_t unpriced_count;  /* responses of models without a price */
    uint64_t untimed_count;   /* events without any time: their usage counts, the path cannot see them */
    uint64_t malformed_count; /* pieces that could not be read */
    int64_t start_ns, end_ns; /* Unix */
};

/* NULL when memory ran out. */
struct workflow *workflow_create(void);
void workflow_destroy(struct workflow *workflow);
/* Lives as long as the workflow. */
struct agent_sink *workflow_sink(struct workflow *workflow);
/* For what is told from now on: the same id in two sessions is the same response (a fork's or a replay's), counted where it was
 * told first. */
void workflow_ids_are_global(struct workflow *workflow, bool are_global);
/* The first piece that could not be read: "FILE:LINE: why"; "" when all could. */
const char *workflow_malformed(const struct workflow *workflow);

/* Once, when all has been told. `price` may be NULL: then only what sources tell of costs is written. `name` is what was
 * imported, for the recording's command. ERR_INPUT when no event with a time was told. */
WARN_UNUSED int workflow_write(struct workflow *workflow, const char *name,
                               const struct workflow_price *price, struct sink *sink,
                               struct workflow_facts *ret_facts, struct err *err);

#endif
