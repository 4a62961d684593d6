/* SPDX-License-Identifier: Apache-2.0 */
/* straggler: of agents that work side by side, one works for over half as long again as is usual, and ends last. */
#include <stdlib.h>

#include "agent_detect/agent_detector.h"
#include "base/num.h"

#define MEMBERS_MIN 3
#define LONG_FACTOR 1.5

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int claim_agent(const struct agent_scene *scene, uint32_t index, size_t members, double usual_ns,
                       struct agent_claims *claims, struct err *err)
{
    const struct team_agent *agent = &scene->team->agents.items[index];
    double busy = (double)agent_busy_ns(agent);
    struct agent_claim claim = {.cause = "straggler",
                                .agent = index,
                                .task = TEAM_NONE,
                                .effort = EFFORT_MEDIUM,
                                .is_critical = busy > 3 * usual_ns,
                                .assumption = "its work can be as short as that of the others",
                                .fix = "share its work among them, or give it less"};
    claim.title =
        agent_text(scene, "%s works %.1f times as long as the %zu others beside it, which wait for it",
                   agent->name, busy / usual_ns, members - 1);
    claim.change = agent_text(scene, "set:agent/%s=median", agent->name);
    agent_claim_fact(scene, &claim, "it works for %s, half of them for no more than %s",
                     agent_duration(scene, num_u64(busy)), agent_duration(scene, num_u64(usual_ns)));
    agent_claim_fact(scene, &claim, "%u responses", agent->call_count);
    struct keep time = {usual_ns * 1.1 / busy, usual_ns / busy, usual_ns / busy};
    time.least = time.least > 1 ? 1 : time.least;
    if (claim_work(scene, &claim, index, TEAM_NONE, time, KEEP_ALL)) {
        vec_free(&claim.effects.items);
        return err_memory(err);
    }
    return agent_claim_add(claims, &claim, err);
}

static int look_at(const struct agent_scene *scene, const struct agent_groups *groups, uint32_t group,
                   double *busy, struct agent_claims *claims, struct err *err)
{
    const struct team *team = scene->team;
    size_t count = 0;
    uint32_t longest = TEAM_NONE;
    uint64_t last_ns = 0;
    for (uint32_t i = 0; i < team->agents.count; i++) {
        const struct team_agent *agent = &team->agents.items[i];
        if (groups->group_of[i] != group)
            continue;
        busy[count++] = (double)agent_busy_ns(agent);
        last_ns = num_max(last_ns, agent->end_ns);
        if (longest == TEAM_NONE || agent_busy_ns(agent) > agent_busy_ns(&team->agents.items[longest]))
            longest = i;
    }
    if (count < MEMBERS_MIN)
        return 0;
    qsort(busy, count, sizeof *busy, compare);
    double usual = busy[(count - 1) / 2];
    bool is_long =
        busy[count - 1] > LONG_FACTOR * usual && busy[count - 2] < LONG_FACTOR * usual && usual > 0;
    if (!is_long || team->agents.items[longest].end_ns < last_ns)
        return 0;
    return claim_agent(scene, longest, count, usual, claims, err);
}

int detect_agent_straggler(const struct agent_scene *scene, struct agent_claims *claims, struct err *err)
{
    struct agent_groups groups;
    double *busy = arena_alloc(scene->arena, (scene->team->agents.count + 1) * sizeof *busy);
    int status = !busy || agent_groups_find(scene, &groups) ? err_memory(err) : 0;
    for (uint32_t i = 0; !status && i < groups.count; i++)
        status = look_at(scene, &groups, i, busy, claims, err);
    return status;
}
