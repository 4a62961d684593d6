/* SPDX-License-Identifier: Apache-2.0 */
#include "agent_detect/start_up.h"

#include <math.h>

#include "base/clock.h"
#include "base/num.h"

#define ASSUMED_S    2.0
#define LEAST_RATIO  0.5
#define KEEP_MIN     0.02
#define HALF_AT_MOST 0.5

static double seconds_of(const struct team_call *call)
{
    return (double)(call->end_ns - call->start_ns) / (double)NS_PER_S;
}

struct start_base start_base_of(const struct agent_scene *scene, const struct team_call *call)
{
    struct team_pace pace = team_pace_of(scene->team, call->model);
    struct start_base base = {
        .seconds = pace.base_s, .is_measured = pace.is_known, .call_count = pace.call_count};
    if (!base.is_measured)
        base.seconds = fmin(ASSUMED_S, HALF_AT_MOST * seconds_of(call));
    return base;
}

/* A prompt begins with what all have alike, and a cache holds the beginning of a prompt. */
static struct team_tokens without(const struct team_tokens *tokens, double count)
{
    struct team_tokens after = *tokens;
    double *const parts[] = {&after.cache_read, &after.cache_write_1h, &after.cache_write_5m, &after.input};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        double part = fmin(*parts[i], count);
        *parts[i] -= part;
        count -= part;
    }
    return after;
}

static double uncached_of(const struct team_tokens *tokens)
{
    return tokens_prompt_of(tokens) - tokens->cache_read;
}

struct start_kept {
    double time, cost;
};

static struct start_kept kept(const struct agent_scene *scene, const struct team_call *call, double base_s,
                              double shared)
{
    struct team_pace pace = team_pace_of(scene->team, call->model);
    struct team_tokens after = without(&call->tokens, shared);
    double seconds = seconds_of(call),
           saved = base_s + pace.read_s * (uncached_of(&call->tokens) - uncached_of(&after));
    return (struct start_kept){.time = seconds > 0 ? fmin(fmax(1 - saved / seconds, KEEP_MIN), 1) : 1,
                               .cost = cost_kept(scene, call, &after, NULL)};
}

/* The giver's responses that lie between the two, and do nothing but ask for the next one. */
static int claim_asking(const struct agent_scene *scene, struct agent_claim *claim,
                        const struct start_up *start)
{
    const struct team *team = scene->team;
    const struct keep gone = {1, 0, 0};
    size_t low = 0, high = team->calls.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (team->calls.items[middle].start_ns < start->from_ns)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low; i < team->calls.count && team->calls.items[i].start_ns < start->to_ns; i++) {
        const struct team_call *call = &team->calls.items[i];
        if (call->agent == start->giver && call->end_ns <= start->to_ns && claim_call(claim, i, gone, gone))
            return -1;
    }
    return 0;
}

int start_up_claim(const struct agent_scene *scene, struct agent_claim *claim, const struct start_up *start)
{
    const struct team_call *call = &scene->team->calls.items[start->call];
    struct start_base base = start_base_of(scene, call);
    struct start_kept least =
                          kept(scene, call, LEAST_RATIO * base.seconds, LEAST_RATIO * start->shared_tokens),
                      expected =
                          kept(scene, call, base.seconds, START_UP_SHARED_RATIO * start->shared_tokens),
                      most = kept(scene, call, base.seconds, start->shared_tokens);
    struct keep time = {least.time, expected.time, most.time}, cost = {least.cost, expected.cost, most.cost};
    /* What an agent of its own does before it asks. */
    bool is_own = scene->team->agents.items[call->agent].start_ns >= start->from_ns;
    if (is_own && call->start_ns > start->to_ns &&
        claim_time(claim, scene->team->agents.items[call->agent].track, start->to_ns, call->start_ns,
                   (struct keep){1, 0, 0}))
        return -1;
    if (claim_prompt(claim, start->call, time, cost))
        return -1;
    return start->giver == TEAM_NONE ? 0 : claim_asking(scene, claim, start);
}

double start_up_usd(const struct agent_scene *scene, const struct team_call *call, double shared_tokens)
{
    struct team_tokens after = without(&call->tokens, shared_tokens);
    return call->usd * (1 - cost_kept(scene, call, &after, NULL));
}
