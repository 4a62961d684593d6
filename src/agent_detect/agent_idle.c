/* SPDX-License-Identifier: Apache-2.0 */
/* agent-idle: an agent is there and has nothing to do for over a minute; from half of the workflow on that is a warning. */
#include "agent_detect/agent_detector.h"
#include "base/clock.h"
#include "base/num.h"

#define IDLE_MIN_NS    (60 * NS_PER_S)
#define IDLE_RATIO_MIN 0.5

int detect_agent_idle(const struct agent_scene *scene, struct agent_claims *claims, struct err *err)
{
    const struct team *team = scene->team;
    int status = 0;
    for (uint32_t i = 0; i < team->agents.count && !status; i++) {
        const struct team_agent *agent = &team->agents.items[i];
        uint64_t idle = agent->ns[TEAM_IDLE];
        double ratio = num_ratio(idle, team->makespan_ns);
        if (idle <= IDLE_MIN_NS && ratio < IDLE_RATIO_MIN)
            continue;
        struct agent_claim claim = {
            .cause = "agent-idle",
            .agent = i,
            .task = TEAM_NONE,
            .effort = EFFORT_LOW,
            .is_kept = true,
            .is_critical = ratio >= IDLE_RATIO_MIN,
            .fix = "start it when there is work for it, or give it work to do until then"};
        claim.title = agent_text(scene, "%s is idle for %s, %.0f %% of the workflow", agent->name,
                                 agent_duration(scene, idle), 100 * ratio);
        agent_claim_fact(scene, &claim, "it works for %s of the %s that it is there",
                         agent_duration(scene, agent_busy_ns(agent)),
                         agent_duration(scene, agent->end_ns - agent->start_ns));
        status = agent_claim_add(claims, &claim, err);
    }
    return status;
}
