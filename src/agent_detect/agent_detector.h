/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_detector: looks at a team of agents and claims causes; one file a cause, listed in agent_causes.c.
 *
 * A claim says what, where and why, and which effects its change would have on calls, on time and on order. What that is worth in
 * time and in money is not the detector's word: agent_rank.c replays the effects. Detectors are pure: they read the scene.
 */
#ifndef TOLL_AGENT_DETECT_AGENT_DETECTOR_H
#define TOLL_AGENT_DETECT_AGENT_DETECTOR_H

#include "model/finding.h"
#include "team/team.h"

/* What tokens cost with a model at the time of the call, in its mode; false when nobody knows. */
struct agent_prices {
    bool (*usd)(void *context, const struct team_call *call, const struct team_tokens *tokens,
                const char *model, double *ret_usd);
    void *context;
};

struct agent_scene {
    const struct team *team;
    const struct whatif *whatif;
    const struct agent_prices *prices; /* NULL: what needs a price of another kind is not claimed */
    struct arena *arena;               /* of the verdict */
};

#define AGENT_EVIDENCE_MAX 6

struct agent_claim {
    const char *cause;
    uint32_t agent, task; /* TEAM_NONE */
    const char *peer;     /* model or tool, NULL */
    const char *title, *fix, *change, *assumption;
    const char *evidence[AGENT_EVIDENCE_MAX];
    size_t evidence_count;
    enum effort effort;
    bool is_kept;     /* also when it gains nothing: it frees an agent, or quality is at stake */
    bool is_critical; /* by the cause's own threshold */
    bool is_trial;    /* whether the result is as good has to be tried: it ranks lower */
    struct team_effects effects;
};

struct agent_claims {
    VEC(struct agent_claim) items;
};

struct agent_cause {
    const char *cause;
    int (*detect)(const struct agent_scene *scene, struct agent_claims *claims, struct err *err);
};
extern const struct agent_cause agent_causes[];
extern const size_t agent_cause_count;

#define AGENT_DETECTOR(name)                                                                                 \
    int name(const struct agent_scene *scene, struct agent_claims *claims, struct err *err)

AGENT_DETECTOR(detect_agent_idle);
AGENT_DETECTOR(detect_agent_overload);
AGENT_DETECTOR(detect_agent_straggler);
AGENT_DETECTOR(detect_blocked_task);
AGENT_DETECTOR(detect_context_bloat);
AGENT_DETECTOR(detect_agent_false_parallelism);
AGENT_DETECTOR(detect_high_tokens);
AGENT_DETECTOR(detect_human_wait);
AGENT_DETECTOR(detect_model_oversized);
AGENT_DETECTOR(detect_phases);
AGENT_DETECTOR(detect_rate_limit);
AGENT_DETECTOR(detect_repeated_context);
AGENT_DETECTOR(detect_retry_storm);
AGENT_DETECTOR(detect_runaway_loop);
AGENT_DETECTOR(detect_serial_agents);
AGENT_DETECTOR(detect_slow_task);
AGENT_DETECTOR(detect_small_tasks);
AGENT_DETECTOR(detect_uncached_context);

/* --- what detectors share (agent_scene.c) --- */

/* What is kept in the case that saves least, in the expected one, in the one that saves most. */
struct keep {
    double least, expected, most;
};
#define KEEP_ALL ((struct keep){1, 1, 1})

/* Adds a claim, or frees it and fails. */
WARN_UNUSED int agent_claim_add(struct agent_claims *claims, struct agent_claim *claim, struct err *err);
void agent_claim_fact(const struct agent_scene *scene, struct agent_claim *claim, const char *format, ...)
    PRINTF_LIKE(3, 4);
const char *agent_text(const struct agent_scene *scene, const char *format, ...) PRINTF_LIKE(2, 3);
/* These return -1 when memory ran out. */
int claim_call(struct agent_claim *claim, size_t call, struct keep time, struct keep cost);
/* The same of what is read: of several such on one call the one that saves most counts. */
int claim_prompt(struct agent_claim *claim, size_t call, struct keep time, struct keep cost);
int claim_time(struct agent_claim *claim, uint32_t actor, uint64_t start_ns, uint64_t end_ns,
               struct keep time);
/* All calls and tools of an agent, or of one of its tasks (TEAM_NONE: all). */
int claim_work(const struct agent_scene *scene, struct agent_claim *claim, uint32_t agent, uint32_t task,
               struct keep time, struct keep cost);

/* "1.2 s", "857 ms" */
const char *agent_duration(const struct agent_scene *scene, uint64_t ns);
const char *agent_count(const struct agent_scene *scene, double amount);
/* The part of a call's cost, and of its time by the model's pace, that stays with other tokens. 1 where it is not known. */
double cost_kept(const struct agent_scene *scene, const struct team_call *call,
                 const struct team_tokens *tokens, const char *model);
double time_kept_reading(const struct team_pace *pace, const struct team_call *call, double tokens_less);

/* Agents of one parent that were there at the same time, for most of their lives; those of a group have its number. */
struct agent_groups {
    uint32_t *group_of; /* by agent; TEAM_NONE */
    uint32_t count;
};
int agent_groups_find(const struct agent_scene *scene, struct agent_groups *ret_groups);

/* Whether `above` started the agent, or one that did. */
bool agent_is_below(const struct team *team, uint32_t agent, uint32_t above);
/* The index of the first billed response of each task, SIZE_MAX for none; NULL when memory ran out. */
const size_t *agent_first_calls(const struct agent_scene *scene);

/* A model of the same maker at half the price or less, that the team uses or is offered; NULL when none is known. */
const char *agent_smaller_model(const struct agent_scene *scene, const char *model);
/* What stays of a call's time with another model, by that one's pace in this run; 1 when the run has no response of it. */
double agent_time_with_model(const struct team *team, const struct team_call *call, const char *model);

/* --- changes by hand (agent_change.c) --- */

/* Adds the effects of a change; *ret_is_of_agents false: it is one of any run's (speed:peer/…, remove:wait/…), for its replay. Also
 * what a finding proposed is taken, as the finding means it. ERR_USAGE for names that nothing has. */
WARN_UNUSED int agent_change_effects(const struct agent_scene *scene, const struct change *change,
                                     struct team_effects *effects, bool *ret_is_of_agents, struct err *err);

/* `workers:agent/NAME=3` of an agent that others queue for (agent_overload.c); *ret_count 0: none queues for it. */
WARN_UNUSED int agent_overload_change(const struct agent_scene *scene, const struct change *change,
                                      struct agent_claim *claim, size_t *ret_count, struct err *err);

/* --- ranking (agent_rank.c) --- */

struct agents_judgement {
    const struct finding *findings; /* best first */
    size_t finding_count;
    const struct agents_facts *facts;
};

/* Detects, replays, ranks; all in the arena. */
WARN_UNUSED int agents_judge(const struct agent_scene *scene, struct agents_judgement *ret_judgement,
                             struct err *err);

#endif
