/* SPDX-License-Identifier: Apache-2.0 */
/* repeated-context: the same is asked of the same tool over ten times, by whichever agents. */
#include <stdlib.h>
#include <string.h>

#include "agent_detect/agent_detector.h"
#include "base/map.h"
#include "base/num.h"

#define REPEATS_MIN 11

static bool is_same(const struct team_tool *a, const struct team_tool *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->text, b->text) == 0;
}

/* Who asked for each tool: the last response of its agent that had ended; SIZE_MAX for none. And how many tools each asked for. */
struct asking {
    size_t *by;
    uint32_t *count; /* by call */
};

struct ending {
    uint64_t end_ns;
    size_t call;
};

static int by_end(const void *a, const void *b)
{
    const struct ending *x = a, *y = b;
    if (x->end_ns != y->end_ns)
        return x->end_ns < y->end_ns ? -1 : 1;
    return (x->call > y->call) - (x->call < y->call);
}

static int find_asking(const struct agent_scene *scene, struct asking *ret_asking)
{
    const struct team *team = scene->team;
    struct asking asking = {.by = arena_alloc(scene->arena, (team->tools.count + 1) * sizeof *asking.by),
                            .count =
                                arena_alloc(scene->arena, (team->calls.count + 1) * sizeof *asking.count)};
    struct ending *endings = arena_alloc(scene->arena, (team->calls.count + 1) * sizeof *endings);
    size_t *last = arena_alloc(scene->arena, (team->agents.count + 1) * sizeof *last), ended = 0;
    if (!asking.by || !asking.count || !endings || !last)
        return -1;
    for (size_t i = 0; i < team->calls.count; i++) {
        endings[i] = (struct ending){team->calls.items[i].end_ns, i};
        asking.count[i] = 0;
    }
    if (team->calls.count)
        qsort(endings, team->calls.count, sizeof *endings, by_end);
    for (size_t i = 0; i < team->agents.count; i++)
        last[i] = SIZE_MAX;
    for (size_t i = 0; i < team->tools.count; i++) {
        const struct team_tool *tool = &team->tools.items[i];
        for (; ended < team->calls.count && endings[ended].end_ns <= tool->start_ns; ended++)
            last[team->calls.items[endings[ended].call].agent] = endings[ended].call;
        asking.by[i] = last[tool->agent];
        if (asking.by[i] != SIZE_MAX)
            asking.count[asking.by[i]]++;
    }
    *ret_asking = asking;
    return 0;
}

/* Each agent has a context of its own: what it asks for the first time it need not ask for in the best case alone. */
static int claim_again(const struct agent_scene *scene, const struct asking *asking, size_t index,
                       bool is_first, struct agent_claim *claim)
{
    const struct team_tool *tool = &scene->team->tools.items[index];
    double expected = is_first ? 1 : 0;
    size_t call = asking->by[index];
    if (claim_time(claim, tool->actor, tool->start_ns, tool->end_ns,
                   (struct keep){is_first ? 1 : 0.5, expected, 0}))
        return -1;
    if (call == SIZE_MAX || asking->count[call] != 1)
        return 0;
    struct keep keep = {1, expected, 0};
    return claim_call(claim, call, keep, keep);
}

static int claim_tool(const struct agent_scene *scene, const struct asking *asking,
                      const struct team_tool *first, struct agent_claims *claims, struct err *err)
{
    const struct team *team = scene->team;
    struct agent_claim claim = {.cause = "repeated-context",
                                .agent = first->agent,
                                .task = TEAM_NONE,
                                .peer = first->name,
                                .effort = EFFORT_LOW,
                                .assumption = "what it gave at first is still in the context",
                                .fix = "read it once, keep it in the stable start of the prompt"};
    bool *has_asked = arena_alloc(scene->arena, team->agents.count + 1);
    double bytes = 0;
    size_t count = 0, agents = 0;
    int status = has_asked ? 0 : -1;
    if (has_asked)
        memset(has_asked, 0, team->agents.count + 1);
    for (size_t i = 0; i < team->tools.count && !status; i++) {
        const struct team_tool *tool = &team->tools.items[i];
        if (!is_same(tool, first))
            continue;
        bool is_first = !has_asked[tool->agent];
        has_asked[tool->agent] = true;
        agents += is_first;
        if (count++ == 0)
            continue;
        bytes += tool->result_bytes;
        status = claim_again(scene, asking, i, is_first, &claim);
    }
    if (agents > 1)
        agent_claim_fact(scene, &claim, "by %zu agents: each has to be told once", agents);
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
    struct asking asking = {0};
    int status = find_asking(scene, &asking) ? err_memory(err) : 0;
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
            status = claim_tool(scene, &asking, &team->tools.items[packed >> 32], claims, err);
    }
    map_free(&counts);
    return status;
}
