/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uncached-context: an agent sends again what it sent before, and it is not read from a cache.
 *
 * What a request could have read from the cache is the prompt before it (of the same model, within the cache's life), as far as it
 * did not. Writing to the cache costs more than reading without one: the bill is made anew with that, for the first prompt too. A cache
 * lives for five minutes, or for an hour at a higher price: the one that saves more is proposed.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "agent_detect/agent_detector.h"
#include "base/clock.h"
#include "base/vec.h"

#define REUSE_MIN 50000 /* tokens of an agent: over so many */
#define CACHE_MIN 1024  /* tokens: nothing shorter is cached */
#define TAIL      200   /* tokens at a prompt's end that are not written */
#define KIND_MIN  4     /* agents of one kind that are told together */

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
    const struct life *life;
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
        plan->owed += is_written || !source ? 0 : to_write(scene, source, life);
        if (claim_one(scene, plan, i, reuse, life))
            return -1;
        is_written = true;
    }
    return 0;
}

/* The plan of the life that saves more; *ret_is_one false: nothing worth a word, and no effects. */
static int best_plan(const struct agent_scene *scene, uint32_t agent, struct plan *ret_plan, bool *ret_is_one,
                     struct err *err)
{
    struct plan plans[sizeof lives / sizeof lives[0]] = {0};
    size_t count = sizeof lives / sizeof lives[0], best = 0;
    int failed = 0;
    for (size_t i = 0; i < count && !failed; i++) {
        plans[i].life = &lives[i];
        failed = make_plan(scene, agent, &lives[i], &plans[i]);
        best = plans[i].usd - plans[i].owed > plans[best].usd - plans[best].owed ? i : best;
    }
    bool is_dear = scene->team->usd > 0 && plans[best].owed > plans[best].usd;
    *ret_is_one = !failed && !is_dear && plans[best].reuse > REUSE_MIN;
    for (size_t i = 0; i < count; i++) {
        if (i != best || !*ret_is_one)
            vec_free(&plans[i].claim.effects.items);
    }
    *ret_plan = plans[best];
    return failed ? err_memory(err) : 0;
}

/* `count`: agents; of one the plan is that of `agent`, of several those of its kind together. */
static int tell(const struct agent_scene *scene, uint32_t agent, size_t count, struct plan *plan,
                struct agent_claims *claims, struct err *err)
{
    const struct team_agent *of = &scene->team->agents.items[agent];
    struct agent_claim *claim = &plan->claim;
    double ratio = plan->reuse / (plan->reuse + plan->read);
    claim->cause = "uncached-context";
    claim->agent = agent;
    claim->task = TEAM_NONE;
    claim->effort = EFFORT_LOW;
    claim->fix = plan->life->fix;
    claim->assumption = "each prompt begins with the one before it";
    claim->title =
        count > 1 ? agent_text(scene, "%zu agents of the kind %s send %s tokens again that no cache holds",
                               count, of->kind, agent_count(scene, plan->reuse))
                  : agent_text(scene, "%s sends %s tokens again that no cache holds", of->name,
                               agent_count(scene, plan->reuse));
    claim->change = agent_text(scene, "cached:agent/%s=%.2f", count > 1 ? of->kind : of->name, ratio);
    agent_claim_fact(scene, claim, "%.0f %% of what could be read from a cache is not", 100 * ratio);
    agent_claim_fact(scene, claim, "%zu responses, each within %s of the one before",
                     claim->effects.items.count, plan->life->words);
    return agent_claim_add(claims, claim, err);
}

static int add_plan(struct plan *sum, struct plan *more)
{
    int failed = 0;
    for (size_t i = 0; i < more->claim.effects.items.count && !failed; i++)
        failed = effects_add(&sum->claim.effects, more->claim.effects.items.items[i]);
    vec_free(&more->claim.effects.items);
    sum->life = sum->life ? sum->life : more->life;
    sum->reuse += more->reuse;
    sum->read += more->read;
    sum->usd += more->usd;
    return failed;
}

struct planned {
    struct plan plan;
    const char *kind;
    uint32_t agent;
};

static int by_kind(const void *a, const void *b)
{
    const struct planned *x = a, *y = b;
    int kinds = strcmp(x->kind, y->kind);
    return kinds ? kinds : (x->agent > y->agent) - (x->agent < y->agent);
}

/* Many of one kind are one thing to do. */
static int tell_all(const struct agent_scene *scene, struct planned *items, size_t count,
                    struct agent_claims *claims, struct err *err)
{
    int status = 0;
    for (size_t i = 0, same = 0; i < count; i += same) {
        for (same = 1;
             i + same < count && items[i].kind[0] && strcmp(items[i].kind, items[i + same].kind) == 0;)
            same++;
        same = same < KIND_MIN ? 1 : same;
        for (size_t j = 1; j < same && !status; j++)
            status = add_plan(&items[i].plan, &items[i + j].plan) ? err_memory(err) : 0;
        if (!status)
            status = tell(scene, items[i].agent, same, &items[i].plan, claims, err);
        else
            vec_free(&items[i].plan.claim.effects.items);
    }
    return status;
}

int detect_uncached_context(const struct agent_scene *scene, struct agent_claims *claims, struct err *err)
{
    VEC(struct planned) found = {0};
    int status = 0;
    for (uint32_t i = 0; i < scene->team->agents.count && !status; i++) {
        struct planned planned = {.kind = scene->team->agents.items[i].kind, .agent = i};
        bool is_one = false;
        status = best_plan(scene, i, &planned.plan, &is_one, err);
        if (!status && is_one && vec_push(&found, planned)) {
            vec_free(&planned.plan.claim.effects.items);
            status = err_memory(err);
        }
    }
    if (found.count)
        qsort(found.items, found.count, sizeof *found.items, by_kind);
    if (!status)
        status = tell_all(scene, found.items, found.count, claims, err);
    else
        for (size_t i = 0; i < found.count; i++)
            vec_free(&found.items[i].plan.claim.effects.items);
    vec_free(&found);
    return status;
}
