/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uncached-context: an agent sends again what it sent before, and it is not read from a cache.
 *
 * What a request could have read from the cache is the prompt before it (of the same model, within the cache's life), as far as it
 * did not. Writing to the cache costs more than reading without one: the bill is made anew with that, for the first prompt too. A cache
 * lives for five minutes, or for an hour at a higher price: the one that saves more is proposed.
 */
#include <math.h>
#include <string.h>

#include "agent_detect/agent_detector.h"
#include "base/clock.h"

#define REUSE_MIN 50000 /* tokens of an agent: over so many */
#define CACHE_MIN 1024  /* tokens: nothing shorter is cached */
#define TAIL      200   /* tokens at a prompt's end that are not written */

struct life {
    uint64_t ns;
    bool is_hour;
    const char *words, *fix;
};
static const struct life lives[] = {
    {300 * NS_PER_S, false, "five minutes",
     "mark the stable start of the prompt for the cache, and keep what changes behind it"},
    {3600 * NS_PER_S, true, "an hour",
     "mark the stable start of the prompt for the cache of an hour, and keep what changes behind it"},
};

/* What an agent could have read, with a cache of one life. */
struct plan {
    struct agent_claim claim;
    double reuse, read; /* tokens that could be read, and that were */
    double usd;         /* saved */
    double owed; /* for prompts that are written to the cache: the next ones that are read pay for it */
};

/* The tokens as they would be with `reuse` read from the cache and the rest written to it. */
static struct team_tokens cached(const struct team_tokens *tokens, double reuse, const struct life *life)
{
    struct team_tokens after = *tokens;
    double rest = tokens->input - reuse;
    after.cache_read += reuse;
    after.input = fmin(rest, TAIL);
    *(life->is_hour ? &after.cache_write_1h : &after.cache_write_5m) += rest - after.input;
    return after;
}

/* What it costs more to write a prompt to the cache than to send it, in dollars. */
static double to_write(const struct agent_scene *scene, const struct team_call *call, const struct life *life)
{
    struct team_tokens written = cached(&call->tokens, 0, life);
    double usd;
    if (!scene->prices || !call->is_priced ||
        !scene->prices->usd(scene->prices->context, call, &written, call->model, &usd))
        return 0;
    return fmax(usd - call->usd, 0);
}

/* What stays of the cost, with as much of what is owed as it saves. */
static double kept_paying(const struct team_call *call, double kept, double owed)
{
    return call->usd > 0 ? fmin(kept + owed / call->usd, 1) : kept;
}

static int claim_one(const struct agent_scene *scene, struct plan *plan, size_t index, double reuse,
                     const struct life *life)
{
    const struct team_call *call = &scene->team->calls.items[index];
    struct team_pace pace = team_pace_of(scene->team, call->model);
    struct team_tokens all = cached(&call->tokens, reuse, life),
                       half = cached(&call->tokens, reuse / 2, life);
    double kept = cost_kept(scene, call, &all, NULL), less = cost_kept(scene, call, &half, NULL);
    double expected = kept_paying(call, kept, plan->owed);
    struct keep cost = {kept_paying(call, less, plan->owed), expected, expected};
    /* Read from a cache is not read for nothing. */
    struct keep time = {time_kept_reading(&pace, call, reuse / 2),
                        time_kept_reading(&pace, call, 0.95 * reuse), time_kept_reading(&pace, call, reuse)};
    plan->owed -= call->usd * (expected - kept);
    plan->usd += call->usd * (1 - expected);
    return claim_prompt(&plan->claim, index, time, cost);
}

/* -1 when memory ran out. */
static int make_plan(const struct agent_scene *scene, uint32_t agent, const struct life *life,
                     struct plan *plan)
{
    const struct team *team = scene->team;
    const struct team_call *before = NULL;
    bool is_written = false; /* the prompt before, by this plan */
    for (size_t i = 0; i < team->calls.count; i++) {
        const struct team_call *call = &team->calls.items[i];
        if (call->agent != agent || call->is_unbilled)
            continue;
        /* A conversation grows: a shorter prompt is another one. */
        bool may_read = before && tokens_prompt_of(&call->tokens) >= tokens_prompt_of(&before->tokens) &&
                        strcmp(before->model, call->model) == 0 &&
                        call->start_ns <= before->end_ns + life->ns;
        double could = may_read ? tokens_prompt_of(&before->tokens) - call->tokens.cache_read : 0;
        double reuse = fmin(fmax(could, 0), call->tokens.input);
        const struct team_call *source = before;
        before = call;
        plan->read += call->tokens.cache_read;
        if (reuse < CACHE_MIN) {
            is_written = false;
            continue;
        }
        plan->reuse += reuse;
        plan->owed += is_written ? 0 : to_write(scene, source, life);
        if (claim_one(scene, plan, i, reuse, life))
            return -1;
        is_written = true;
    }
    return 0;
}

static int look_at(const struct agent_scene *scene, uint32_t agent, struct agent_claims *claims,
                   struct err *err)
{
    struct plan plans[sizeof lives / sizeof lives[0]] = {0};
    size_t count = sizeof lives / sizeof lives[0], best = 0;
    int failed = 0;
    for (size_t i = 0; i < count && !failed; i++) {
        plans[i].claim = (struct agent_claim){.cause = "uncached-context",
                                              .agent = agent,
                                              .task = TEAM_NONE,
                                              .effort = EFFORT_LOW,
                                              .fix = lives[i].fix,
                                              .assumption = "each prompt begins with the one before it"};
        failed = make_plan(scene, agent, &lives[i], &plans[i]);
        best = plans[i].usd - plans[i].owed > plans[best].usd - plans[best].owed ? i : best;
    }
    for (size_t i = 0; i < count; i++) {
        if (i != best || failed || plans[i].reuse <= REUSE_MIN)
            vec_free(&plans[i].claim.effects.items);
    }
    struct plan *plan = &plans[best];
    bool is_dear = scene->team->usd > 0 && plan->owed > plan->usd;
    if (is_dear)
        vec_free(&plan->claim.effects.items);
    if (failed || is_dear || plan->reuse <= REUSE_MIN)
        return failed ? err_memory(err) : 0;
    const char *name = scene->team->agents.items[agent].name;
    double ratio = plan->reuse / (plan->reuse + plan->read);
    plan->claim.title = agent_text(scene, "%s sends %s tokens again that no cache holds", name,
                                   agent_count(scene, plan->reuse));
    plan->claim.change = agent_text(scene, "cached:agent/%s=%.2f", name, ratio);
    agent_claim_fact(scene, &plan->claim, "%.0f %% of what could be read from a cache is not", 100 * ratio);
    agent_claim_fact(scene, &plan->claim, "%zu responses, each within %s of the one before",
                     plan->claim.effects.items.count, lives[best].words);
    return agent_claim_add(claims, &plan->claim, err);
}

int detect_uncached_context(const struct agent_scene *scene, struct agent_claims *claims, struct err *err)
{
    int status = 0;
    for (uint32_t i = 0; i < scene->team->agents.count && !status; i++)
        status = look_at(scene, i, claims, err);
    return status;
}
