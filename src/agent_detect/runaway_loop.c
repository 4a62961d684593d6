/* SPDX-License-Identifier: Apache-2.0 */
/* runaway-loop: an agent does the same one to three things again and again, with nothing else between. */
#include <string.h>

#include "agent_detect/agent_detector.h"
#include "base/num.h"

#define PERIOD_MAX  3
#define REPEATS_MIN 5
#define KEPT        2 /* repetitions that were worth trying */

struct row {
    VEC(const struct team_tool *) items;
};

static bool is_same(const struct team_tool *a, const struct team_tool *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->text, b->text) == 0;
}

/* How many things from `first` on repeat those `period` before them. */
static size_t run_of(const struct row *row, size_t first, size_t period)
{
    size_t at = first + period;
    while (at < row->items.count && is_same(row->items.items[at], row->items.items[at - period]))
        at++;
    return at - first;
}

static int claim_loop(const struct agent_scene *scene, const struct row *row, size_t first, size_t length,
                      size_t period, struct agent_claims *claims, struct err *err)
{
    const struct team *team = scene->team;
    const struct team_tool *start = row->items.items[first], *last = row->items.items[first + length - 1];
    const struct team_tool *kept = row->items.items[first + KEPT * period - 1];
    struct agent_claim claim = {
        .cause = "runaway-loop",
        .agent = start->agent,
        .task = TEAM_NONE,
        .peer = start->name,
        .effort = EFFORT_LOW,
        .is_critical = true,
        .assumption = "nothing came of it after the second time",
        .fix = "stop after two equal results and ask, or try something else: a budget ends such "
               "loops by itself"};
    size_t repeats = length / period, errors = 0;
    double usd = 0;
    struct keep none = {0.5, 0, 0};
    int status = 0;
    for (size_t i = first; i < first + length && !status; i++) {
        const struct team_tool *tool = row->items.items[i];
        errors += tool->is_error;
        if (i >= first + KEPT * period)
            status = claim_time(&claim, tool->actor, tool->start_ns, tool->end_ns, none);
    }
    for (size_t i = 0; i < team->calls.count && !status; i++) {
        const struct team_call *call = &team->calls.items[i];
        if (call->agent != start->agent || call->start_ns < kept->end_ns || call->end_ns > last->start_ns)
            continue;
        usd += call->usd;
        status = claim_call(&claim, i, none, none);
    }
    claim.title = agent_text(scene, "%s does the same %zu times: %s \"%.60s\"",
                             team->agents.items[start->agent].name, repeats, start->name, start->text);
    claim.change = agent_text(scene, "remove:agent/%s", team->agents.items[start->agent].name);
    agent_claim_fact(scene, &claim, "%zu of %zu failed", errors, length);
    agent_claim_fact(scene, &claim, "it took %s and $%.3f after the second time",
                     agent_duration(scene, last->end_ns - num_min(kept->end_ns, last->end_ns)), usd);
    if (status) {
        vec_free(&claim.effects.items);
        return err_memory(err);
    }
    return agent_claim_add(claims, &claim, err);
}

static int look_at(const struct agent_scene *scene, const struct row *row, struct agent_claims *claims,
                   struct err *err)
{
    int status = 0;
    for (size_t first = 0; first < row->items.count && !status;) {
        size_t best = 0, best_period = 1;
        for (size_t period = 1; period <= PERIOD_MAX; period++) {
            size_t length = first + period < row->items.count ? run_of(row, first, period) : 0;
            if (length / period >= REPEATS_MIN && length > best) {
                best = length;
                best_period = period;
            }
        }
        if (best)
            status = claim_loop(scene, row, first, best, best_period, claims, err);
        first += best ? best : 1;
    }
    return status;
}

int detect_runaway_loop(const struct agent_scene *scene, struct agent_claims *claims, struct err *err)
{
    const struct team *team = scene->team;
    struct row row = {0};
    int status = 0;
    for (uint32_t agent = 0; agent < team->agents.count && !status; agent++) {
        row.items.count = 0;
        for (size_t i = 0; i < team->tools.count && !status; i++) {
            const struct team_tool *tool = &team->tools.items[i];
            if (tool->agent == agent && tool->text[0] && vec_push(&row.items, tool))
                status = err_memory(err);
        }
        if (!status)
            status = look_at(scene, &row, claims, err);
    }
    vec_free(&row.items);
    return status;
}
