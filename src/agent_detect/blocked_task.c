/* SPDX-License-Identifier: Apache-2.0 */
/* blocked-task: an agent stands still for another one that it did not start, before it does its own work. */
#include "agent_detect/agent_detector.h"
#include "base/num.h"

#define LIFE_RATIO_MIN 0.15
#define RUN_RATIO_MIN  0.05

/* The agent that a wait is for, when it is none that the waiter started itself. */
static uint32_t waited_for(const struct team *team, uint32_t waiter, const struct run_wait *wait)
{
    if (wait->waker == RUN_NONE || (wait->reason != WAIT_CHILD && wait->reason != WAIT_IDLE))
        return TEAM_NONE;
    uint32_t other = team->agent_of[wait->waker];
    return other == TEAM_NONE || other == waiter || agent_is_below(team, other, waiter) ? TEAM_NONE : other;
}

static int look_at(const struct agent_scene *scene, uint32_t index, struct agent_claims *claims,
                   struct err *err)
{
    const struct team *team = scene->team;
    const struct team_agent *agent = &team->agents.items[index];
    const struct run_track *track = &team->run->tracks.items[agent->track];
    struct agent_claim claim = {.cause = "blocked-task",
                                .agent = index,
                                .task = TEAM_NONE,
                                .effort = EFFORT_MEDIUM,
                                .assumption = "what it waits for is needed only at its end",
                                .fix = "let it begin with what does not depend on the other"};
    uint64_t waited = 0;
    uint32_t other = TEAM_NONE;
    int status = 0;
    for (size_t i = 0; i < track->waits.count && !status; i++) {
        const struct run_wait *wait = &track->waits.items[i];
        uint32_t on = waited_for(team, index, wait);
        bool has_work_left = wait->end_ns + agent_busy_ns(agent) / 5 < agent->end_ns;
        if (on == TEAM_NONE || !has_work_left)
            continue;
        other = on;
        waited += wait->end_ns - wait->start_ns;
        struct team_effect effect = {.kind = EFFECT_LATE,
                                     .actor = agent->track,
                                     .start_ns = wait->start_ns,
                                     .end_ns = wait->end_ns,
                                     .time_keep = {1, 1, 1},
                                     .cost_keep = {1, 1, 1}};
        status = effects_add(&claim.effects, effect);
    }
    uint64_t life = agent->end_ns - agent->start_ns;
    if (status || num_ratio(waited, life) < LIFE_RATIO_MIN ||
        num_ratio(waited, team->makespan_ns) < RUN_RATIO_MIN) {
        vec_free(&claim.effects.items);
        return status ? err_memory(err) : 0;
    }
    const char *name = team->agents.items[other].name;
    claim.peer = name;
    claim.title = agent_text(scene, "%s is blocked by %s for %.0f %% of its life", agent->name, name,
                             100 * num_ratio(waited, life));
    claim.change = agent_text(scene, "overlap:agent/%s", agent->name);
    agent_claim_fact(scene, &claim, "it stands still for %s of %s", agent_duration(scene, waited),
                     agent_duration(scene, life));
    return agent_claim_add(claims, &claim, err);
}

int detect_blocked_task(const struct agent_scene *scene, struct agent_claims *claims, struct err *err)
{
    int status = 0;
    for (uint32_t i = 0; i < scene->team->agents.count && !status; i++)
        status = look_at(scene, i, claims, err);
    return status;
}
