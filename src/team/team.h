/* SPDX-License-Identifier: Apache-2.0 */
/*
 * team: the agents of a run, what each did and used, and what the run would have taken otherwise.
 *
 * An agent's life is a partition: its own work, a model's API, tools, and what it only waited for (another agent, a human, a
 * rate limit, work to be offered). An effect is a difference that a change makes to calls, to stretches of time, or to the
 * order of waits; effects are replayed together (analyze/replay.h), so that what two of them save is never counted twice.
 */
#ifndef TOLL_TEAM_TEAM_H
#define TOLL_TEAM_TEAM_H

#include "analyze/whatif_replay.h"

#define TEAM_NONE UINT32_MAX

enum team_doing {
    TEAM_OWN,
    TEAM_API,
    TEAM_TOOL,
    TEAM_AGENT,
    TEAM_HUMAN,
    TEAM_RATE_LIMIT,
    TEAM_IDLE,
    TEAM_UNKNOWN,
    TEAM_DOING_COUNT
};
/* "own", "api", "tool", "agent", "human", "rate_limit", "idle", "unknown" */
const char *team_doing_name(enum team_doing doing);

struct team_tokens {
    double input, output, cache_read, cache_write_5m, cache_write_1h, reasoning;
};

struct team_call {
    uint64_t start_ns, end_ns;
    uint32_t actor, agent, task;
    const char *model;
    struct team_tokens tokens;
    double output_high; /* of a partial one: at most so many; else tokens.output */
    double usd;
    double context_bytes; /* told, or 4 for each token of the prompt */
    uint32_t attempt;
    const char *tier; /* batch, priority, flex, fast; "" */
    bool is_priced, is_unbilled, is_error;
};

struct team_tool {
    uint64_t start_ns, end_ns;
    uint32_t actor, agent, task;
    const char *name, *text;
    double result_bytes;
    bool is_error;
};

struct team_task {
    const char *name;
    uint32_t agent;
    uint64_t start_ns, end_ns;
    uint64_t busy_ns; /* own work, API and tools */
    double tokens, usd;
    uint32_t call_count;
};

struct team_agent {
    const char *name, *kind, *title;
    uint32_t track, parent; /* parent: agent, TEAM_NONE */
    uint64_t start_ns, end_ns;
    uint64_t ns[TEAM_DOING_COUNT];
    struct team_tokens tokens;
    double usd;
    double context_tokens_max;
    uint32_t call_count, tool_count, task_count;
};

/* --- how long a model takes --- */

/* Seconds: base + read x (prompt not from the cache) + out x output, by least squares over the model's calls. */
struct team_pace {
    double base_s, read_s, out_s;
    bool
        is_known; /* six calls or more that differ; else only out_s is, from the sum of all. read_s 0: it is not seen to matter */
    bool knows_read; /* read_s is above chance */
    uint32_t call_count;
};
/* Each model's, in the order of its first response. */
struct team_paced {
    const char *model;
    struct team_pace pace;
};

struct team {
    struct arena arena;
    const struct run *run;
    VEC(struct team_agent) agents;
    VEC(struct team_call) calls; /* by start */
    VEC(struct team_tool) tools; /* by start */
    VEC(struct team_task) tasks; /* as written: agent for agent, by start */
    VEC(struct team_paced) paces;
    uint32_t *agent_of; /* by track index; TEAM_NONE */
    struct team_tokens tokens;
    double usd; /* the bill */
    uint64_t makespan_ns, busy_ns;
    uint32_t unpriced_count, partial_count;
};

/* Whether a run is one of agents. */
bool team_is(const struct run *run);
/* Texts point into the run's view, which must outlive it. */
WARN_UNUSED int team_load(const struct run *run, struct team *ret_team, struct err *err);
void team_deinit(struct team *team);

double tokens_prompt_of(const struct team_tokens *tokens);
double tokens_sum(const struct team_tokens *tokens);
static inline uint64_t agent_busy_ns(const struct team_agent *agent)
{
    return agent->ns[TEAM_OWN] + agent->ns[TEAM_API] + agent->ns[TEAM_TOOL];
}
/* task time / (makespan x agents) */
double team_efficiency(const struct team *team);
/* What an actor does in a wait; NULL: it runs. */
enum team_doing team_doing_at(const struct team *team, const struct run_wait *wait);

/* When the calls are loaded. -1 when memory ran out. */
int team_find_paces(struct team *team);
/* Of a model without responses: zero. */
struct team_pace team_pace_of(const struct team *team, const char *model);

/* --- effects --- */

enum team_case { CASE_LEAST, CASE_EXPECTED, CASE_MOST, CASE_COUNT };

enum team_effect_kind {
    EFFECT_CALL,  /* call `index`: its time and its cost, times what is kept of them */
    EFFECT_TIME,  /* of `actor`, [start_ns, end_ns): time spent there, times what is kept */
    EFFECT_APART, /* of `actor`, [start_ns, end_ns): children that it starts one by one are started at once */
    EFFECT_LATE,  /* of `actor`, [start_ns, end_ns): what it waits for there it waits for at its end */
    EFFECT_ALONE /* of `actor`, [start_ns, end_ns): what it waits for there takes time_keep of the wait, and no other's turn */
};

struct team_effect {
    enum team_effect_kind kind;
    uint32_t index;
    uint32_t actor;
    uint64_t start_ns, end_ns;
    double time_keep[CASE_COUNT], cost_keep[CASE_COUNT];
    /* Of a call: less of its prompt is read, or it is read for less. Of several such effects on one call the one that saves most
     * counts: what was cut away cannot be cached too. */
    bool is_of_prompt;
};

struct team_effects {
    VEC(struct team_effect) items;
};

/* -1 when memory ran out. */
int effects_add(struct team_effects *effects, struct team_effect effect);
/* What the run takes with the effects, in one case; calibrated: times the recorded over the replayed unchanged run. */
WARN_UNUSED int team_replay(const struct team *team, const struct whatif *whatif,
                            const struct team_effects *effects, enum team_case which, uint64_t *ret_wall_ns,
                            struct err *err);
/* The bill with the effects, in one case. */
double team_bill(const struct team *team, const struct team_effects *effects, enum team_case which);

#endif
