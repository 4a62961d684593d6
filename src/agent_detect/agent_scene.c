/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent_detect/agent_detector.h"
#include "base/clock.h"
#include "base/num.h"

#define TEXT_BYTES 400
#define HOPS_MAX   64

int agent_claim_add(struct agent_claims *claims, struct agent_claim *claim, struct err *err)
{
    if (!vec_push(&claims->items, *claim))
        return 0;
    vec_free(&claim->effects.items);
    return err_memory(err);
}

const char *agent_text(const struct agent_scene *scene, const char *format, ...)
{
    char text[TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const char *copy = arena_string(scene->arena, text);
    return copy ? copy : "";
}

void agent_claim_fact(const struct agent_scene *scene, struct agent_claim *claim, const char *format, ...)
{
    char text[TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const char *copy = arena_string(scene->arena, text);
    if (copy && claim->evidence_count < AGENT_EVIDENCE_MAX)
        claim->evidence[claim->evidence_count++] = copy;
}

int claim_call(struct agent_claim *claim, size_t call, struct keep time, struct keep cost)
{
    struct team_effect effect = {.kind = EFFECT_CALL,
                                 .index = (uint32_t)call,
                                 .time_keep = {time.least, time.expected, time.most},
                                 .cost_keep = {cost.least, cost.expected, cost.most}};
    return effects_add(&claim->effects, effect);
}

int claim_prompt(struct agent_claim *claim, size_t call, struct keep time, struct keep cost)
{
    int status = claim_call(claim, call, time, cost);
    if (!status)
        claim->effects.items.items[claim->effects.items.count - 1].is_of_prompt = true;
    return status;
}

int claim_time(struct agent_claim *claim, uint32_t actor, uint64_t start_ns, uint64_t end_ns,
               struct keep time)
{
    struct team_effect effect = {.kind = EFFECT_TIME,
                                 .actor = actor,
                                 .start_ns = start_ns,
                                 .end_ns = end_ns,
                                 .time_keep = {time.least, time.expected, time.most},
                                 .cost_keep = {1, 1, 1}};
    return effects_add(&claim->effects, effect);
}

int claim_work(const struct agent_scene *scene, struct agent_claim *claim, uint32_t agent, uint32_t task,
               struct keep time, struct keep cost)
{
    const struct team *team = scene->team;
    int status = 0;
    for (size_t i = 0; i < team->calls.count && !status; i++) {
        const struct team_call *call = &team->calls.items[i];
        if (call->agent == agent && (task == TEAM_NONE || call->task == task))
            status = claim_call(claim, i, time, cost);
    }
    for (size_t i = 0; i < team->tools.count && !status; i++) {
        const struct team_tool *tool = &team->tools.items[i];
        if (tool->agent == agent && (task == TEAM_NONE || tool->task == task))
            status = claim_time(claim, tool->actor, tool->start_ns, tool->end_ns, time);
    }
    return status;
}

const char *agent_duration(const struct agent_scene *scene, uint64_t ns)
{
    double seconds = (double)ns / (double)NS_PER_S;
    if (seconds < 1)
        return agent_text(scene, "%.0f ms", seconds * 1000);
    if (seconds < 120)
        return agent_text(scene, "%.1f s", seconds);
    return agent_text(scene, "%.0f min", seconds / 60);
}

const char *agent_count(const struct agent_scene *scene, double amount)
{
    if (amount >= 1e6)
        return agent_text(scene, "%.1f million", amount / 1e6);
    if (amount >= 1e4)
        return agent_text(scene, "%.0f,000", amount / 1e3);
    return agent_text(scene, "%.0f", amount);
}

double cost_kept(const struct agent_scene *scene, const struct team_call *call,
                 const struct team_tokens *tokens, const char *model)
{
    double usd;
    if (!scene->prices || !call->is_priced || !(call->usd > 0) ||
        !scene->prices->usd(scene->prices->context, call, tokens, model ? model : call->model, &usd))
        return 1;
    return fmin(fmax(usd / call->usd, 0), 1);
}

double time_kept_reading(const struct team_pace *pace, const struct team_call *call, double tokens_less)
{
    double seconds = (double)(call->end_ns - call->start_ns) / (double)NS_PER_S;
    if (!(seconds > 0) || !pace->knows_read)
        return 1;
    return fmin(fmax(1 - pace->read_s * tokens_less / seconds, 0.02), 1);
}

bool agent_is_below(const struct team *team, uint32_t agent, uint32_t above)
{
    for (size_t hops = 0; agent != TEAM_NONE && hops < HOPS_MAX; hops++) {
        if (agent == above)
            return true;
        agent = team->agents.items[agent].parent;
    }
    return false;
}

const size_t *agent_first_calls(const struct agent_scene *scene)
{
    const struct team *team = scene->team;
    size_t *first = arena_alloc(scene->arena, (team->tasks.count + 1) * sizeof *first);
    for (size_t i = 0; i < team->tasks.count && first; i++)
        first[i] = SIZE_MAX;
    for (size_t i = 0; i < team->calls.count && first; i++) {
        const struct team_call *call = &team->calls.items[i];
        if (call->task != TEAM_NONE && first[call->task] == SIZE_MAX && !call->is_unbilled && !call->is_error)
            first[call->task] = i;
    }
    return first;
}

/* Two lives that share half of the shorter one. */
static bool are_beside(const struct team_agent *a, const struct team_agent *b)
{
    uint64_t from = num_max(a->start_ns, b->start_ns), to = num_min(a->end_ns, b->end_ns);
    uint64_t shorter = num_min(a->end_ns - a->start_ns, b->end_ns - b->start_ns);
    return to > from && (to - from) * 2 >= shorter;
}

int agent_groups_find(const struct agent_scene *scene, struct agent_groups *ret_groups)
{
    const struct team *team = scene->team;
    struct agent_groups groups = {
        .group_of = arena_alloc(scene->arena, (team->agents.count + 1) * sizeof *groups.group_of)};
    if (!groups.group_of)
        return -1;
    for (size_t i = 0; i < team->agents.count; i++)
        groups.group_of[i] = TEAM_NONE;
    for (size_t i = 0; i < team->agents.count; i++) {
        const struct team_agent *first = &team->agents.items[i];
        if (groups.group_of[i] != TEAM_NONE || first->parent == TEAM_NONE)
            continue;
        uint32_t members = 1;
        for (size_t j = i + 1; j < team->agents.count; j++) {
            const struct team_agent *other = &team->agents.items[j];
            if (other->parent != first->parent || groups.group_of[j] != TEAM_NONE ||
                !are_beside(first, other))
                continue;
            groups.group_of[j] = groups.count;
            members++;
        }
        if (members > 1)
            groups.group_of[i] = groups.count++;
    }
    *ret_groups = groups;
    return 0;
}
