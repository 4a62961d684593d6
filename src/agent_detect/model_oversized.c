/* SPDX-License-Identifier: Apache-2.0 */
/* model-oversized: all answers of an agent's model are small (under 500 tokens), and a cheaper model of its maker exists. */
#include <math.h>
#include <string.h>

#include "agent_detect/agent_detector.h"
#include "base/clock.h"
#include "base/str.h"

#define OUTPUT_MAX     500
#define CALLS_MIN      3
#define COST_RATIO_MAX 0.5
#define USD_MIN        0.01
#define MODELS_MAX     64

/* Small models that are offered where the recording itself has none, newest first. */
static const struct {
    const char *family, *model;
} small_models[] = {
    {"claude-", "claude-haiku-5-5"}, {"claude-", "claude-haiku-4-5"}, {"gpt-", "gpt-6-luna"},
    {"gpt-", "gpt-5.6-luna"},        {"gemini-", "gemini-3.7-flash"}, {"gemini-", "gemini-3.5-flash"},
};

static size_t family_length(const char *model)
{
    const char *dash = strchr(model, '-');
    return dash ? (size_t)(dash - model) + 1 : strlen(model);
}

/* The part of the cost of all such calls that stays with another model; 1 when its price is not known for one. */
static double kept_with(const struct agent_scene *scene, const bool *moves, const char *model,
                        const char *other)
{
    const struct team *team = scene->team;
    double usd = 0, less = 0;
    for (size_t i = 0; i < team->calls.count; i++) {
        const struct team_call *call = &team->calls.items[i];
        if (!moves[call->agent] || strcmp(call->model, model) != 0)
            continue;
        usd += call->usd;
        less += call->usd * cost_kept(scene, call, &call->tokens, other);
    }
    return usd > 0 ? less / usd : 1;
}

/* A cheaper model of the same maker: one that the team uses, else a known one. */
static const char *smaller(const struct agent_scene *scene, const bool *moves, const char *model,
                           double *ret_kept)
{
    const struct team *team = scene->team;
    const char *found = NULL, *tried[MODELS_MAX];
    size_t count = 0;
    *ret_kept = COST_RATIO_MAX;
    for (size_t i = 0; i < team->calls.count && count < MODELS_MAX; i++) {
        const char *other = team->calls.items[i].model;
        bool is_old = strcmp(other, model) == 0 || strncmp(other, model, family_length(model)) != 0;
        for (size_t j = 0; j < count && !is_old; j++)
            is_old = strcmp(tried[j], other) == 0;
        if (is_old)
            continue;
        tried[count++] = other;
        double kept = kept_with(scene, moves, model, other);
        if (kept < *ret_kept) {
            *ret_kept = kept;
            found = other;
        }
    }
    for (size_t i = 0; !found && i < sizeof small_models / sizeof small_models[0]; i++) {
        if (!str_starts(model, small_models[i].family) || strcmp(model, small_models[i].model) == 0)
            continue;
        double kept = kept_with(scene, moves, model, small_models[i].model);
        if (kept < *ret_kept) {
            *ret_kept = kept;
            found = small_models[i].model;
        }
    }
    return found;
}

const char *agent_smaller_model(const struct agent_scene *scene, const char *model)
{
    bool *moves = arena_alloc(scene->arena, (scene->team->agents.count + 1) * sizeof *moves);
    double kept;
    for (size_t i = 0; i < scene->team->agents.count && moves; i++)
        moves[i] = true;
    return moves && scene->prices ? smaller(scene, moves, model, &kept) : NULL;
}

double agent_time_with_model(const struct team *team, const struct team_call *call, const char *other)
{
    struct team_pace pace = team_pace_of(team, other);
    double seconds = (double)(call->end_ns - call->start_ns) / (double)NS_PER_S;
    double read = tokens_prompt_of(&call->tokens) - call->tokens.cache_read;
    if (!pace.call_count || !(seconds > 0))
        return 1;
    double takes = pace.is_known ? pace.base_s + pace.read_s * read + pace.out_s * call->tokens.output
                                 : pace.out_s * call->tokens.output;
    return fmin(fmax(takes / seconds, 0.02), 1);
}

/* The agents whose answers of the model are all small, and what these cost. */
static size_t find_small(const struct team *team, const char *model, bool *moves, double *ret_usd)
{
    size_t count = 0;
    for (size_t i = 0; i < team->agents.count; i++)
        moves[i] = true;
    for (size_t i = 0; i < team->calls.count; i++) {
        const struct team_call *call = &team->calls.items[i];
        if (strcmp(call->model, model) == 0 && call->output_high >= OUTPUT_MAX)
            moves[call->agent] = false;
    }
    *ret_usd = 0;
    for (size_t i = 0; i < team->calls.count; i++) {
        const struct team_call *call = &team->calls.items[i];
        if (strcmp(call->model, model) != 0 || call->is_unbilled || !moves[call->agent])
            continue;
        *ret_usd += call->usd;
        count++;
    }
    return count;
}

static int claim_calls(const struct agent_scene *scene, struct agent_claim *claim, const bool *moves,
                       const char *model, const char *other)
{
    const struct team *team = scene->team;
    int status = 0;
    for (size_t i = 0; i < team->calls.count && !status; i++) {
        const struct team_call *call = &team->calls.items[i];
        if (!moves[call->agent] || strcmp(call->model, model) != 0 || call->is_unbilled)
            continue;
        double cost = cost_kept(scene, call, &call->tokens, other),
               time = agent_time_with_model(team, call, other);
        status = claim_call(claim, i, (struct keep){(1 + time) / 2, time, time},
                            (struct keep){(1 + cost) / 2, cost, cost});
    }
    return status;
}

static int claim_model(const struct agent_scene *scene, const char *model, bool *moves,
                       struct agent_claims *claims, struct err *err)
{
    const struct team *team = scene->team;
    double kept = 1, usd = 0;
    size_t count = find_small(team, model, moves, &usd), others = 0;
    const char *other = count >= CALLS_MIN ? smaller(scene, moves, model, &kept) : NULL;
    if (!other || usd * (1 - kept) < USD_MIN)
        return 0;
    struct agent_claim claim = {.cause = "model-oversized",
                                .agent = TEAM_NONE,
                                .task = TEAM_NONE,
                                .peer = model,
                                .effort = EFFORT_LOW,
                                .is_trial = true,
                                .assumption = "the smaller model does these tasks as well: try it on some"};
    for (size_t i = 0; i < team->calls.count; i++) {
        const struct team_call *call = &team->calls.items[i];
        if (strcmp(call->model, model) != 0 || !moves[call->agent])
            continue;
        others += claim.agent != TEAM_NONE && claim.agent != call->agent;
        claim.agent = claim.agent == TEAM_NONE ? call->agent : claim.agent;
    }
    bool is_one = others == 0;
    claim.title = is_one ? agent_text(scene, "%s asks %s for answers under %d tokens",
                                      team->agents.items[claim.agent].name, model, OUTPUT_MAX)
                         : agent_text(scene, "agents ask %s for answers under %d tokens", model, OUTPUT_MAX);
    claim.fix = agent_text(scene, "let %s do these", other);
    claim.change = agent_text(scene, "model:peer/%s=%s", model, other);
    agent_claim_fact(scene, &claim, "%zu responses cost $%.3f; with %s $%.3f", count, usd, other, usd * kept);
    agent_claim_fact(scene, &claim, "the interval goes from half of them moved to all of them");
    if (claim_calls(scene, &claim, moves, model, other)) {
        vec_free(&claim.effects.items);
        return err_memory(err);
    }
    return agent_claim_add(claims, &claim, err);
}

int detect_model_oversized(const struct agent_scene *scene, struct agent_claims *claims, struct err *err)
{
    const struct team *team = scene->team;
    const char *tried[MODELS_MAX];
    size_t count = 0;
    int status = 0;
    bool *moves = arena_alloc(scene->arena, (team->agents.count + 1) * sizeof *moves);
    if (!moves)
        return err_memory(err);
    for (size_t i = 0; i < team->calls.count && scene->prices && count < MODELS_MAX && !status; i++) {
        const struct team_call *call = &team->calls.items[i];
        bool is_old = false;
        for (size_t j = 0; j < count && !is_old; j++)
            is_old = strcmp(tried[j], call->model) == 0;
        if (is_old)
            continue;
        tried[count++] = call->model;
        status = claim_model(scene, call->model, moves, claims, err);
    }
    return status;
}
