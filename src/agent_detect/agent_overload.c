/* SPDX-License-Identifier: Apache-2.0 */
/* agent-overload: one agent has the tasks, works nearly all the time, and most of the others stand idle or wait for it. */
#include "agent_detect/agent_detector.h"
#include "base/num.h"

#define AGENTS_MIN     3
#define TASKS_MIN      3
#define BUSY_RATIO_MIN 0.8
#define REST_RATIO_MAX 0.35

int detect_agent_overload(const struct agent_scene *scene, struct agent_claims *claims, struct err *err)
{
    const struct team *team = scene->team;
    int status = 0;
    for (uint32_t i = 0; i < team->agents.count && !status && team->agents.count >= AGENTS_MIN; i++) {
        const struct team_agent *agent = &team->agents.items[i];
        double busy = num_ratio(agent_busy_ns(agent), team->makespan_ns), rest = 0;
        for (size_t j = 0; j < team->agents.count; j++)
            rest += j == i ? 0 : num_ratio(agent_busy_ns(&team->agents.items[j]), team->makespan_ns);
        rest /= (double)(team->agents.count - 1);
        if (busy < BUSY_RATIO_MIN || rest > REST_RATIO_MAX || agent->task_count < TASKS_MIN)
            continue;
        struct agent_claim claim = {.cause = "agent-overload",
                                    .agent = i,
                                    .task = TEAM_NONE,
                                    .effort = EFFORT_MEDIUM,
                                    .assumption = "its tasks do not depend on each other",
                                    .fix = "give half of its tasks to another agent"};
        claim.title = agent_text(
            scene, "%s has more to do than it can: it works %.0f %% of the time, the others %.0f %%",
            agent->name, 100 * busy, 100 * rest);
        claim.change = agent_text(scene, "workers:agent/%s=2", agent->name);
        agent_claim_fact(scene, &claim, "%u of %zu tasks are its", agent->task_count, team->tasks.count);
        struct keep time = {0.75, 0.5, 0.5};
        if (claim_work(scene, &claim, i, TEAM_NONE, time, KEEP_ALL)) {
            vec_free(&claim.effects.items);
            return err_memory(err);
        }
        status = agent_claim_add(claims, &claim, err);
    }
    return status;
}
