/* SPDX-License-Identifier: Apache-2.0 */
/* high-tokens: a task uses over twice the mean of all tasks. */
#include "agent_detect/agent_detector.h"

#define TASKS_MIN   3
#define TOKENS_MIN  20000
#define HIGH_FACTOR 2

static int claim_calls(const struct agent_scene *scene, struct agent_claim *claim, struct keep keep)
{
    const struct team *team = scene->team;
    int status = 0;
    for (size_t i = 0; i < team->calls.count && !status; i++) {
        const struct team_call *call = &team->calls.items[i];
        if (call->task != claim->task)
            continue;
        struct team_pace pace = team_pace_of(team, call->model);
        double read = tokens_prompt_of(&call->tokens) - call->tokens.cache_read;
        struct keep time = {time_kept_reading(&pace, call, read * (1 - keep.least)),
                            time_kept_reading(&pace, call, read * (1 - keep.expected)),
                            time_kept_reading(&pace, call, read * (1 - keep.most))};
        status = claim_prompt(claim, i, time, keep);
    }
    return status;
}

static int claim_task(const struct agent_scene *scene, uint32_t index, double mean, double others,
                      struct agent_claims *claims, struct err *err)
{
    const struct team_task *task = &scene->team->tasks.items[index];
    struct agent_claim claim = {.cause = "high-tokens",
                                .agent = task->agent,
                                .task = index,
                                .effort = EFFORT_MEDIUM,
                                .assumption = "it needs to read no more than the others",
                                .fix = "give it the parts that it needs, not all"};
    claim.title = agent_text(scene, "task \"%s\" uses %.1f times the tokens of a mean task", task->name,
                             task->tokens / mean);
    claim.change = agent_text(scene, "set:task/%s=mean", task->name);
    agent_claim_fact(scene, &claim, "%s tokens, the mean of %zu tasks is %s",
                     agent_count(scene, task->tokens), scene->team->tasks.count, agent_count(scene, mean));
    if (task->usd > 0)
        agent_claim_fact(scene, &claim, "$%.3f of the bill of $%.3f", task->usd, scene->team->usd);
    struct keep keep = {HIGH_FACTOR * mean / task->tokens, others / task->tokens, others / task->tokens};
    if (claim_calls(scene, &claim, keep)) {
        vec_free(&claim.effects.items);
        return err_memory(err);
    }
    return agent_claim_add(claims, &claim, err);
}

int detect_high_tokens(const struct agent_scene *scene, struct agent_claims *claims, struct err *err)
{
    const struct team *team = scene->team;
    double sum = 0, count = (double)team->tasks.count;
    int status = 0;
    for (size_t i = 0; i < team->tasks.count; i++)
        sum += team->tasks.items[i].tokens;
    for (uint32_t i = 0; i < team->tasks.count && count >= TASKS_MIN && !status; i++) {
        double tokens = team->tasks.items[i].tokens;
        if (tokens > HIGH_FACTOR * sum / count && tokens >= TOKENS_MIN)
            status = claim_task(scene, i, sum / count, (sum - tokens) / (count - 1), claims, err);
    }
    return status;
}
