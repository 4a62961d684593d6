/* SPDX-License-Identifier: Apache-2.0 */
/* agent_change: changes as people write them ("model:task/review=claude-haiku-5-5"), as effects on a team of agents. */
#include <math.h>
#include <string.h>

#include "agent_detect/agent_detector.h"
#include "agent_detect/phase_grain.h"
#include "agent_detect/small_tasks.h"
#include "base/num.h"
#include "base/str.h"

#define CANDIDATES_MAX 12
#define MODEL_SMALL    "small" /* the smaller one of the same maker */
#define PHASES_NAME    "phases"

/* Whether a call or a tool is of the place that a change names: an agent, or all of a kind. */
static bool is_named(const struct agent_scene *scene, const struct change *change, uint32_t agent,
                     uint32_t task, const char *model)
{
    const struct team *team = scene->team;
    bool is_agent = strcmp(team->agents.items[agent].name, change->name) == 0 ||
                    strcmp(team->agents.items[agent].kind, change->name) == 0;
    bool is_task = task != TEAM_NONE && strcmp(team->tasks.items[task].name, change->name) == 0;
    bool is_model = model && strcmp(model, change->name) == 0;
    switch (change->kind) {
    case CHANGE_AGENT: return is_agent;
    case CHANGE_TASK:
    case CHANGE_STAGE: return is_task;
    case CHANGE_PEER: return is_model;
    case CHANGE_ANY: return is_agent || is_task || is_model;
    case CHANGE_PROCESS:
    case CHANGE_FUNCTION:
    case CHANGE_WAIT:
    case CHANGE_LOCK:
    case CHANGE_KNOB:
    case CHANGE_RUN:
    case CHANGE_KIND_COUNT: return false;
    }
    return false;
}

static struct team_tokens with_cached(const struct team_tokens *tokens, double reuse)
{
    struct team_tokens after = *tokens;
    after.cache_read += reuse;
    after.input -= reuse;
    return after;
}

/* The effects of one change on one call; false when it does nothing to calls. `model`: that of a CHANGE_MODEL. */
static bool keep_of_call(const struct agent_scene *scene, const struct change *change, const char *model,
                         const struct team_call *call, struct keep *ret_time, struct keep *ret_cost)
{
    *ret_time = *ret_cost = KEEP_ALL;
    if (change->op == CHANGE_SPEED) {
        double keep = 1 / fmax(change->value, 1e-3);
        *ret_time = (struct keep){keep, keep, keep};
        return true;
    }
    if (change->op == CHANGE_MODEL) {
        double cost = cost_kept(scene, call, &call->tokens, model);
        double time = agent_time_with_model(scene->team, call, model);
        *ret_cost = (struct keep){cost, cost, cost};
        *ret_time = (struct keep){fmin(1, time * 1.1), time, time * 0.9};
        return true;
    }
    if (change->op == CHANGE_CACHED) {
        double ratio = change->text[0] ? fmin(fmax(change->value, 0), 1) : 1;
        double wanted = ratio * tokens_prompt_of(&call->tokens) - call->tokens.cache_read;
        double reuse = fmin(fmax(wanted, 0), call->tokens.input);
        struct team_tokens after = with_cached(&call->tokens, reuse);
        struct team_pace pace = team_pace_of(scene->team, call->model);
        double cost = cost_kept(scene, call, &after, NULL);
        *ret_cost = (struct keep){cost, cost, cost};
        *ret_time = (struct keep){time_kept_reading(&pace, call, 0.8 * reuse),
                                  time_kept_reading(&pace, call, 0.95 * reuse),
                                  time_kept_reading(&pace, call, reuse)};
        return true;
    }
    return false;
}

/* The model that a change means for a call: of neighbours mostly the same one. */
struct meant {
    const char *of, *model; /* model NULL: there is none */
};

static const char *meant_model(const struct agent_scene *scene, const struct change *change,
                               const struct team_call *call, struct meant *last)
{
    if (change->op != CHANGE_MODEL || strcmp(change->text, MODEL_SMALL) != 0)
        return change->text;
    if (!last->of || strcmp(last->of, call->model) != 0)
        *last = (struct meant){call->model, agent_smaller_model(scene, call->model)};
    return last->model;
}

static int change_calls(const struct agent_scene *scene, const struct change *change,
                        struct agent_claim *claim, size_t *ret_count)
{
    const struct team *team = scene->team;
    struct meant meant = {0};
    *ret_count = 0;
    for (size_t i = 0; i < team->calls.count; i++) {
        const struct team_call *call = &team->calls.items[i];
        struct keep time, cost;
        if (!is_named(scene, change, call->agent, call->task, call->model))
            continue;
        const char *model = meant_model(scene, change, call, &meant);
        (*ret_count)++;
        /* What has no smaller model stays with its own. */
        if (!model || !keep_of_call(scene, change, model, call, &time, &cost))
            continue;
        if (change->op == CHANGE_CACHED ? claim_prompt(claim, i, time, cost)
                                        : claim_call(claim, i, time, cost))
            return -1;
    }
    for (size_t i = 0; i < team->tools.count && change->op == CHANGE_SPEED && change->kind != CHANGE_PEER;
         i++) {
        const struct team_tool *tool = &team->tools.items[i];
        double keep = 1 / fmax(change->value, 1e-3);
        if (!is_named(scene, change, tool->agent, tool->task, NULL))
            continue;
        (*ret_count)++;
        if (claim_time(claim, tool->actor, tool->start_ns, tool->end_ns, (struct keep){keep, keep, keep}))
            return -1;
    }
    return 0;
}

/* Of children that were started one after another, so many at once. */
static int at_once(const struct agent_scene *scene, const struct team_effect *row, size_t count,
                   struct agent_claim *claim)
{
    const struct run_track *track = &scene->team->run->tracks.items[row->actor];
    struct team_effect effect = *row;
    size_t held = 0;
    for (size_t i = 0; i < track->waits.count; i++) {
        const struct run_wait *wait = &track->waits.items[i];
        bool is_child = wait->waker != RUN_NONE && wait->reason == WAIT_CHILD &&
                        wait->start_ns >= row->start_ns && wait->end_ns <= row->end_ns;
        if (!is_child)
            continue;
        if (held == 0)
            effect.start_ns = wait->start_ns;
        effect.end_ns = wait->end_ns;
        if (++held < count)
            continue;
        held = 0;
        if (effects_add(&claim->effects, effect))
            return -1;
    }
    return held > 1 ? effects_add(&claim->effects, effect) : 0;
}

static int change_workers(const struct agent_scene *scene, const struct change *change,
                          struct agent_claim *claim, size_t *ret_count, struct err *err)
{
    struct agent_claims rows = {0};
    int status = detect_serial_agents(scene, &rows, err);
    *ret_count = 0;
    for (size_t i = 0; i < rows.items.count; i++) {
        struct agent_claim *row = &rows.items.items[i];
        bool is_here = change->kind == CHANGE_RUN || is_named(scene, change, row->agent, TEAM_NONE, NULL);
        for (size_t j = 0; j < row->effects.items.count && !status && is_here; j++) {
            (*ret_count)++;
            status = at_once(scene, &row->effects.items.items[j], (size_t)num_u64(change->value), claim)
                         ? err_memory(err)
                         : 0;
        }
        vec_free(&row->effects.items);
    }
    vec_free(&rows.items);
    return status;
}

/* What a finding proposes does what the finding says. */
static int as_proposed(const struct agent_scene *scene, const struct change *change,
                       struct agent_claim *claim, size_t *ret_count, struct err *err)
{
    struct agent_claims claims = {0};
    struct str text = {0};
    int status = 0;
    change_print(change, &text);
    *ret_count = 0;
    for (size_t i = 0; i < agent_cause_count && !status; i++)
        status = agent_causes[i].detect(scene, &claims, err);
    for (size_t i = 0; i < claims.items.count; i++) {
        struct agent_claim *proposed = &claims.items.items[i];
        bool is_it = !*ret_count && proposed->change && strcmp(proposed->change, str_text(&text)) == 0;
        for (size_t j = 0; j < proposed->effects.items.count && is_it && !status; j++)
            status = effects_add(&claim->effects, proposed->effects.items.items[j]) ? err_memory(err) : 0;
        *ret_count += is_it;
        vec_free(&proposed->effects.items);
    }
    vec_free(&claims.items);
    str_free(&text);
    return status;
}

static int unknown_place(const struct agent_scene *scene, const struct change *change, struct err *err)
{
    const struct team *team = scene->team;
    struct str names = {0};
    for (size_t i = 0; i < team->agents.count && i < CANDIDATES_MAX; i++)
        str_printf(&names, "%sagent/%s", i ? ", " : "", team->agents.items[i].name);
    for (size_t i = 0; i < team->tasks.count && i < CANDIDATES_MAX; i++) {
        if (!strstr(str_text(&names), team->tasks.items[i].name))
            str_printf(&names, ", task/%s", team->tasks.items[i].name);
    }
    int status =
        err_set(err, ERR_USAGE, "could not apply %s to '%s': nothing of that name in this run of agents",
                change_op_name(change->op), change->name);
    err_hint(err, "there are %.400s", str_text(&names));
    str_free(&names);
    return status;
}

static int unknown_model(const struct agent_scene *scene, const struct change *change,
                         const struct agent_claim *claim, struct err *err)
{
    const struct team *team = scene->team;
    bool is_small = strcmp(change->text, MODEL_SMALL) == 0;
    for (size_t i = 0; i < claim->effects.items.count; i++) {
        const struct team_call *call = &team->calls.items[claim->effects.items.items[i].index];
        double usd;
        if (is_small || (scene->prices &&
                         scene->prices->usd(scene->prices->context, call, &call->tokens, change->text, &usd)))
            return 0;
    }
    if (is_small) {
        int status = err_set(err, ERR_USAGE,
                             "could not predict a smaller model for '%s': none of half the price is known",
                             change->name);
        err_hint(err, "name one: model:task/NAME=MODEL; toll prices lists those that have a price");
        return status;
    }
    int status = err_set(err, ERR_USAGE, "could not predict with model '%s': it has no price", change->text);
    err_hint(err, "toll prices lists the models that have one; --prices and prices.yaml add others");
    return status;
}

static int change_phases(const struct agent_scene *scene, const struct change *change,
                         struct agent_claim *claim, struct err *err)
{
    struct phase_grain grain;
    if (!(change->value >= 1))
        return err_set(err, ERR_USAGE, "could not apply set to 'phases': '%s' is no number of 1 or more",
                       change->text);
    int status = phase_grain_find(scene, &grain, err);
    if (status)
        return status;
    return phase_grain_claim(scene, &grain, num_u64(change->value), claim) ? err_memory(err) : 0;
}

/* *ret_count 0: no such place, or a change that any run can have. */
static int by_hand(const struct agent_scene *scene, const struct change *change, struct agent_claim *claim,
                   size_t *ret_count, struct err *err)
{
    bool is_of_agent = change->kind == CHANGE_AGENT || change->kind == CHANGE_RUN;
    int status = 0;
    *ret_count = 0;
    switch (change->op) {
    case CHANGE_WORKERS:
        if (!is_of_agent)
            return 0;
        status = change_workers(scene, change, claim, ret_count, err);
        if (!status && !*ret_count && change->kind == CHANGE_AGENT)
            status = agent_overload_change(scene, change, claim, ret_count, err);
        /* Nothing was in a row: as many at once changes nothing. */
        *ret_count = 1;
        return status;
    case CHANGE_BATCH:
        return is_of_agent || change->kind == CHANGE_ANY
                   ? small_tasks_change(scene, change, claim, ret_count, err)
                   : 0;
    case CHANGE_MODEL:
    case CHANGE_CACHED:
    case CHANGE_SPEED:
        status = change_calls(scene, change, claim, ret_count) ? err_memory(err) : 0;
        return !status && *ret_count && change->op == CHANGE_MODEL ? unknown_model(scene, change, claim, err)
                                                                   : status;
    case CHANGE_SET:
        if (change->kind != CHANGE_RUN || strcmp(change->name, PHASES_NAME) != 0)
            return 0;
        *ret_count = 1;
        return change_phases(scene, change, claim, err);
    case CHANGE_REMOVE:
    case CHANGE_OVERLAP:
    case CHANGE_CORES:
    case CHANGE_OP_COUNT: return 0;
    }
    return 0;
}

int agent_change_effects(const struct agent_scene *scene, const struct change *change,
                         struct team_effects *effects, bool *ret_is_of_agents, struct err *err)
{
    struct agent_claim claim = {.effects = *effects};
    size_t count = 0;
    int status = as_proposed(scene, change, &claim, &count, err);
    *ret_is_of_agents = true;
    if (!status && !count)
        status = by_hand(scene, change, &claim, &count, err);
    *effects = claim.effects;
    if (status)
        return status;
    bool only_agents =
        change->kind == CHANGE_AGENT || change->kind == CHANGE_TASK || change->op == CHANGE_MODEL;
    if (!count && only_agents)
        return unknown_place(scene, change, err);
    *ret_is_of_agents = count > 0;
    return 0;
}
