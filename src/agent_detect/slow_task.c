/* SPDX-License-Identifier: Apache-2.0 */
/* slow-task: a task works for over twice the mean of all tasks; over three times is critical. */
#include "agent_detect/agent_detector.h"
#include "base/num.h"

#define TASKS_MIN     3
#define SLOW_FACTOR   2
#define FACTOR_SEVERE 3

static int claim_task(const struct agent_scene *scene, uint32_t index, double mean_ns, double others_ns,
                      struct agent_claims *claims, struct err *err)
{
    const struct team_task *task = &scene->team->tasks.items[index];
    double busy = (double)task->busy_ns, factor = busy / mean_ns;
    struct agent_claim claim = {.cause = "slow-task",
                                .agent = task->agent,
                                .task = index,
                                .is_critical = factor > FACTOR_SEVERE,
                                .effort = EFFORT_MEDIUM,
                                .assumption = "the task can be done in the time of the others",
                                .fix = "give it less to do, or split it"};
    claim.title = agent_text(scene, "task \"%s\" takes %.1f times the mean of all tasks", task->name, factor);
    claim.change = agent_text(scene, "speed:task/%s=%.1f", task->name, busy / others_ns);
    agent_claim_fact(scene, &claim, "it works for %s, the mean of %zu tasks is %s",
                     agent_duration(scene, task->busy_ns), scene->team->tasks.count,
                     agent_duration(scene, num_u64(mean_ns)));
    agent_claim_fact(scene, &claim, "%u responses, %s tokens", task->call_count,
                     agent_count(scene, task->tokens));
    struct keep time = {SLOW_FACTOR * mean_ns / busy, others_ns / busy, others_ns / busy};
    if (claim_work(scene, &claim, task->agent, index, time, KEEP_ALL)) {
        vec_free(&claim.effects.items);
        return err_memory(err);
    }
    return agent_claim_add(claims, &claim, err);
}

int detect_slow_task(const struct agent_scene *scene, struct agent_claims *claims, struct err *err)
{
    const struct team *team = scene->team;
    double sum = 0, count = (double)team->tasks.count;
    for (size_t i = 0; i < team->tasks.count; i++)
        sum += (double)team->tasks.items[i].busy_ns;
    for (uint32_t i = 0; i < team->tasks.count && count >= TASKS_MIN; i++) {
        double busy = (double)team->tasks.items[i].busy_ns, mean = sum / count;
        if (busy <= SLOW_FACTOR * mean)
            continue;
        int status = claim_task(scene, i, mean, (sum - busy) / (count - 1), claims, err);
        if (status)
            return status;
    }
    return 0;
}
