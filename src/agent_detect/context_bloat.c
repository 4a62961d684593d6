/* SPDX-License-Identifier: Apache-2.0 */
/* context-bloat: requests carry over 1 MB of context (compress it), or over 5 MB (cut it). */
#include "agent_detect/agent_detector.h"

#define COMPRESS_BYTES 1e6
#define CUT_BYTES      5e6
#define COMPRESSED_TO  0.5e6
#define CUT_TO         1e6

static struct team_tokens scaled(const struct team_tokens *tokens, double keep)
{
    struct team_tokens less = *tokens;
    less.input *= keep;
    less.cache_read *= keep;
    less.cache_write_5m *= keep;
    less.cache_write_1h *= keep;
    return less;
}

static int claim_one(const struct agent_scene *scene, struct agent_claim *claim, size_t index)
{
    const struct team_call *call = &scene->team->calls.items[index];
    struct team_pace pace = team_pace_of(scene->team, call->model);
    double target = call->context_bytes > CUT_BYTES ? CUT_TO : COMPRESSED_TO;
    double read = tokens_prompt_of(&call->tokens) - call->tokens.cache_read;
    double part = target / call->context_bytes;
    double least = COMPRESS_BYTES / call->context_bytes;
    least = least > 1 ? 1 : least < part ? part : least;
    struct team_tokens fewer = scaled(&call->tokens, part), some = scaled(&call->tokens, least);
    struct keep cost = {cost_kept(scene, call, &some, NULL), cost_kept(scene, call, &fewer, NULL),
                        cost_kept(scene, call, &fewer, NULL)};
    struct keep time = {time_kept_reading(&pace, call, read * (1 - least)),
                        time_kept_reading(&pace, call, read * (1 - part)),
                        time_kept_reading(&pace, call, read * (1 - part))};
    return claim_prompt(claim, index, time, cost);
}

static int look_at(const struct agent_scene *scene, uint32_t agent, struct agent_claims *claims,
                   struct err *err)
{
    const struct team *team = scene->team;
    struct agent_claim claim = {
        .cause = "context-bloat", .agent = agent, .task = TEAM_NONE, .effort = EFFORT_MEDIUM};
    double largest = 0;
    int status = 0;
    for (size_t i = 0; i < team->calls.count && !status; i++) {
        const struct team_call *call = &team->calls.items[i];
        if (call->agent != agent || call->context_bytes <= COMPRESS_BYTES)
            continue;
        largest = call->context_bytes > largest ? call->context_bytes : largest;
        status = claim_one(scene, &claim, i);
    }
    if (status || !claim.effects.items.count) {
        vec_free(&claim.effects.items);
        return status ? err_memory(err) : 0;
    }
    const char *name = team->agents.items[agent].name;
    claim.is_critical = largest > CUT_BYTES;
    claim.title = agent_text(scene, "%s carries a context of %.1f MB", name, largest / 1e6);
    claim.fix = claim.is_critical
                    ? "cut the context: keep decisions and contracts, move the rest out and refer to it"
                    : "compress the context: summarise what is done, keep decisions and contracts";
    claim.assumption =
        claim.is_critical ? "a context of 1 MB is enough" : "half a megabyte holds what is needed";
    claim.change = agent_text(scene, "set:agent/%s=compressed", name);
    agent_claim_fact(scene, &claim, "%zu of %u requests carry over 1 MB", claim.effects.items.count,
                     team->agents.items[agent].call_count);
    return agent_claim_add(claims, &claim, err);
}

int detect_context_bloat(const struct agent_scene *scene, struct agent_claims *claims, struct err *err)
{
    int status = 0;
    for (uint32_t i = 0; i < scene->team->agents.count && !status; i++)
        status = look_at(scene, i, claims, err);
    return status;
}
