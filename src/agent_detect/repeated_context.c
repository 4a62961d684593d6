/* SPDX-License-Identifier: Apache-2.0 */
/* repeated-context: the same is asked of the same tool over ten times, by whichever agents. */
#include <string.h>

#include "agent_detect/agent_detector.h"
#include "base/map.h"
#include "base/num.h"

#define REPEATS_MIN 11

static bool is_same(const struct team_tool *a, const struct team_tool *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->text, b->text) == 0;
}

/* The response that asked for the tool, when it asked for nothing else; the number of calls when there is none. */
static size_t asked_by(const struct team *team, const struct team_tool *tool)
{
    size_t found = team->calls.count;
    for (size_t i = 0; i < team->calls.count && team->calls.items[i].start_ns <= tool->start_ns; i++) {
        const struct team_call *call = &team->calls.items[i];
        if (call->agent == tool->agent && call->end_ns <= tool->start_ns)
            found = i;
    }
    for (size_t i = 0; i < team->tools.count && found < team->calls.count; i++) {
        const struct team_tool *other = &team->tools.items[i];
        bool is_next = other != tool && other->agent == tool->agent &&
                       other->start_ns >= team->calls.items[found].end_ns && other->start_ns <= tool->end_ns;
        if (is_next)
            return team->calls.count;
    }
    return found;
}

static int claim_tool(const struct agent_scene *scene, const struct team_tool *first,
                      struct agent_claims *claims, struct err *err)
{
    const struct team *team = scene->team;
    struct agent_claim claim = {.cause = "repeated-context",
                                .agent = first->agent,
                                .task = TEAM_NONE,
                                .peer = first->name,
                                .effort = EFFORT_LOW,
                                .assumption = "what it gave at first is still in the context",
                                .fix = "read it once, keep it in the stable start of the prompt"};
    double bytes = 0;
    size_t count = 0;
    int status = 0;
    for (size_t i = 0; i < team->tools.count && !status; i++) {
        const struct team_tool *tool = &team->tools.items[i];
        if (!is_same(tool, first) || count++ == 0)
            continue;
        bytes += tool->result_bytes;
        status = claim_time(&claim, tool->actor, tool->start_ns, tool->end_ns, (struct keep){0.5, 0, 0});
        size_t call = asked_by(team, tool);
        if (!status && call < team->calls.count)
            status = claim_call(&claim, call, (struct keep){1, 0, 0}, (struct keep){1, 0, 0});
    }
    claim.title = agent_text(scene, "%s is asked for \"%.60s\" %zu times", first->name, first->text, count);
    claim.change = agent_text(scene, "cached:task/%.60s", first->text);
    agent_claim_fact(scene, &claim, "about %s tokens come back again", agent_count(scene, bytes / 4));
    if (status) {
        vec_free(&claim.effects.items);
        return err_memory(err);
    }
    return agent_claim_add(claims, &claim, err);
}

int detect_repeated_context(const struct agent_scene *scene, struct agent_claims *claims, struct err *err)
{
    const struct team *team = scene->team;
    struct map counts = {0};
    int status = 0;
    for (size_t i = 0; i < team->tools.count && !status; i++) {
        const struct team_tool *tool = &team->tools.items[i];
        if (!tool->text[0])
            continue;
        uint64_t key = map_hash_bytes(tool->name, strlen(tool->name)) * 31 +
                       map_hash_bytes(tool->text, strlen(tool->text));
        const uint64_t *had = map_get(&counts, key);
        uint64_t packed = had ? *had + 1 : (uint64_t)i << 32 | 1;
        status = map_put(&counts, key, packed) ? err_memory(err) : 0;
        if (!status && (packed & UINT32_MAX) == REPEATS_MIN)
            status = claim_tool(scene, &team->tools.items[packed >> 32], claims, err);
    }
    map_free(&counts);
    return status;
}
