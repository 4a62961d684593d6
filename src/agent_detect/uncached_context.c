/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uncached-context: an agent sends again what it sent before, and it is not read from a cache.
 *
 * What a request could have read from the cache is the prompt before it (of the same model, at most five minutes ago), as far as it
 * did not. Writing to the cache costs more than reading without one: the bill is made anew with that.
 */
#include <math.h>
#include <string.h>

#include "agent_detect/agent_detector.h"
#include "base/clock.h"

#define REUSE_MIN 50000 /* tokens of an agent */
#define LIFE_NS   (300 * NS_PER_S)
#define CACHE_MIN 1024 /* tokens: nothing shorter is cached */

/* The tokens as they would be with `reuse` read from the cache and the rest written to it. */
static struct team_tokens cached(const struct team_tokens *tokens, double reuse)
{
    struct team_tokens after = *tokens;
    double rest = tokens->input - reuse;
    after.cache_read += reuse;
    after.input = fmin(rest, 200);
    after.cache_write_5m += rest - after.input;
    return after;
}

static int claim_one(const struct agent_scene *scene, struct agent_claim *claim, size_t index, double reuse)
{
    const struct team_call *call = &scene->team->calls.items[index];
    struct team_pace pace = team_pace_of(scene->team, call->model);
    struct team_tokens all = cached(&call->tokens, reuse), half = cached(&call->tokens, reuse / 2);
    struct keep cost = {cost_kept(scene, call, &half, NULL), cost_kept(scene, call, &all, NULL),
                        cost_kept(scene, call, &all, NULL)};
    /* Read from a cache is not read for nothing. */
    struct keep time = {time_kept_reading(&pace, call, reuse / 2),
                        time_kept_reading(&pace, call, 0.95 * reuse), time_kept_reading(&pace, call, reuse)};
    return claim_call(claim, index, time, cost);
}

static int look_at(const struct agent_scene *scene, uint32_t agent, struct agent_claims *claims,
                   struct err *err)
{
    const struct team *team = scene->team;
    const struct team_call *before = NULL;
    struct agent_claim claim = {
        .cause = "uncached-context",
        .agent = agent,
        .task = TEAM_NONE,
        .effort = EFFORT_LOW,
        .fix = "mark the stable start of the prompt for the cache, and keep what changes behind it",
        .assumption = "each prompt begins with the one before it"};
    double sum = 0, read = 0;
    int status = 0;
    for (size_t i = 0; i < team->calls.count && !status; i++) {
        const struct team_call *call = &team->calls.items[i];
        if (call->agent != agent || call->is_unbilled)
            continue;
        /* A conversation grows: a shorter prompt is another one. */
        bool may_read = before && tokens_prompt_of(&call->tokens) >= tokens_prompt_of(&before->tokens) &&
                        strcmp(before->model, call->model) == 0 && call->start_ns <= before->end_ns + LIFE_NS;
        double could = may_read ? tokens_prompt_of(&before->tokens) - call->tokens.cache_read : 0;
        double reuse = fmin(fmax(could, 0), call->tokens.input);
        before = call;
        read += call->tokens.cache_read;
        if (reuse < CACHE_MIN)
            continue;
        sum += reuse;
        status = claim_one(scene, &claim, i, reuse);
    }
    if (status || sum < REUSE_MIN) {
        vec_free(&claim.effects.items);
        return status ? err_memory(err) : 0;
    }
    const char *name = team->agents.items[agent].name;
    double ratio = sum / (sum + read);
    claim.title =
        agent_text(scene, "%s sends %s tokens again that no cache holds", name, agent_count(scene, sum));
    claim.change = agent_text(scene, "cached:agent/%s=%.2f", name, ratio);
    agent_claim_fact(scene, &claim, "%.0f %% of what could be read from a cache is not", 100 * ratio);
    agent_claim_fact(scene, &claim, "%zu responses, each within five minutes of the one before",
                     claim.effects.items.count);
    return agent_claim_add(claims, &claim, err);
}

int detect_uncached_context(const struct agent_scene *scene, struct agent_claims *claims, struct err *err)
{
    int status = 0;
    for (uint32_t i = 0; i < scene->team->agents.count && !status; i++)
        status = look_at(scene, i, claims, err);
    return status;
}
