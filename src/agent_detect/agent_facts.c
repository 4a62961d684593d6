/* SPDX-License-Identifier: Apache-2.0 */
#include "agent_detect/agent_facts.h"

#include <stdlib.h>
#include <string.h>

#include "agent_detect/phase_grain.h"
#include "base/num.h"

#define TASKS_MAX  20
#define POINTS_MAX 600

static const char *doing_names[AGENT_DOINGS];

static uint64_t since(const struct team *team, uint64_t time_ns)
{
    return time_ns > team->run->start_ns ? time_ns - team->run->start_ns : 0;
}

static struct agent_usage used_of(const struct team_tokens *tokens, double usd)
{
    return (struct agent_usage){.input = tokens->input,
                                .output = tokens->output,
                                .cache_read = tokens->cache_read,
                                .cache_write_5m = tokens->cache_write_5m,
                                .cache_write_1h = tokens->cache_write_1h,
                                .reasoning = tokens->reasoning,
                                .usd = usd};
}

static int fill_agents(const struct agent_scene *scene, struct agents_facts *facts)
{
    const struct team *team = scene->team;
    struct agent_entry *entries = arena_alloc(scene->arena, (team->agents.count + 1) * sizeof *entries);
    if (!entries)
        return -1;
    for (size_t i = 0; i < team->agents.count; i++) {
        const struct team_agent *agent = &team->agents.items[i];
        struct agent_entry *entry = &entries[i];
        *entry = (struct agent_entry){.name = agent->name,
                                      .kind = agent->kind,
                                      .title = agent->title,
                                      .start_ns = since(team, agent->start_ns),
                                      .end_ns = since(team, agent->end_ns),
                                      .busy_ns = agent_busy_ns(agent),
                                      .used = used_of(&agent->tokens, agent->usd),
                                      .context_tokens_max = agent->context_tokens_max,
                                      .call_count = agent->call_count,
                                      .tool_count = agent->tool_count,
                                      .task_count = agent->task_count};
        entry->parent = agent->parent == TEAM_NONE ? NULL : team->agents.items[agent->parent].name;
        for (int doing = 0; doing < TEAM_DOING_COUNT; doing++)
            entry->ns[doing] = agent->ns[doing];
    }
    facts->agents = entries;
    facts->agent_count = team->agents.count;
    return 0;
}

static int slowest_first(const void *a, const void *b)
{
    const struct agent_task_entry *x = a, *y = b;
    if (x->busy_ns != y->busy_ns)
        return x->busy_ns < y->busy_ns ? 1 : -1;
    return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

static int fill_tasks(const struct agent_scene *scene, struct agents_facts *facts)
{
    const struct team *team = scene->team;
    struct agent_task_entry *entries = arena_alloc(scene->arena, (team->tasks.count + 1) * sizeof *entries);
    if (!entries)
        return -1;
    for (size_t i = 0; i < team->tasks.count; i++) {
        const struct team_task *task = &team->tasks.items[i];
        entries[i] = (struct agent_task_entry){.name = task->name,
                                               .agent = team->agents.items[task->agent].name,
                                               .start_ns = since(team, task->start_ns),
                                               .end_ns = since(team, task->end_ns),
                                               .busy_ns = task->busy_ns,
                                               .tokens = task->tokens,
                                               .usd = task->usd,
                                               .call_count = task->call_count};
    }
    if (team->tasks.count)
        qsort(entries, team->tasks.count, sizeof *entries, slowest_first);
    facts->tasks = entries;
    facts->task_count = num_min(team->tasks.count, TASKS_MAX);
    facts->task_hidden_count = team->tasks.count - facts->task_count;
    return 0;
}

static int by_end(const void *a, const void *b)
{
    const struct team_call *const *x = a, *const *y = b;
    return ((*x)->end_ns > (*y)->end_ns) - ((*x)->end_ns < (*y)->end_ns);
}

static int fill_points(const struct agent_scene *scene, struct agents_facts *facts)
{
    const struct team *team = scene->team;
    size_t count = team->calls.count, step = count / POINTS_MAX + 1;
    struct agent_point *points = arena_alloc(scene->arena, (count / step + 2) * sizeof *points);
    const struct team_call **calls = arena_alloc(scene->arena, (count + 1) * sizeof *calls);
    double tokens = 0, usd = 0;
    size_t kept = 0;
    if (!points || !calls)
        return -1;
    for (size_t i = 0; i < count; i++)
        calls[i] = &team->calls.items[i];
    if (count)
        qsort(calls, count, sizeof *calls, by_end);
    for (size_t i = 0; i < count; i++) {
        const struct team_call *call = calls[i];
        tokens += tokens_sum(&call->tokens);
        usd += call->usd;
        if (i % step && i + 1 < count)
            continue;
        points[kept++] = (struct agent_point){.time_ns = since(team, call->end_ns),
                                              .agent = call->agent,
                                              .context_tokens = tokens_prompt_of(&call->tokens),
                                              .tokens_total = tokens,
                                              .usd_total = usd};
    }
    facts->points = points;
    facts->point_count = kept;
    return 0;
}

static int advise(const struct agent_scene *scene, struct agents_facts *facts, struct err *err)
{
    struct phase_grain grain;
    int status = phase_grain_find(scene, &grain, err);
    if (status || !grain.phases.name)
        return status;
    const struct phases *phases = &grain.phases;
    bool is_dense = strcmp(phases->name, "coarse") == 0;
    const char *why = is_dense ? agent_text(scene, "%.1f dependencies for each agent", phases->density_ratio)
                               : agent_text(scene, "%.0f %% of the work could be side by side",
                                            100 * phases->potential_ratio);
    facts->phases = *phases;
    facts->granularity = agent_text(scene, "%s: %s phases, %u to %u; it has %llu", why, phases->name,
                                    phases->low, phases->high, (unsigned long long)phases->now_count);
    return 0;
}

int agent_facts_fill(const struct agent_scene *scene, const struct savings *savings,
                     const struct agents_facts **ret_facts, struct err *err)
{
    const struct team *team = scene->team;
    struct agents_facts *facts = arena_alloc(scene->arena, sizeof *facts);
    if (!facts)
        return err_memory(err);
    for (int doing = 0; doing < AGENT_DOINGS; doing++)
        doing_names[doing] = team_doing_name((enum team_doing)doing);
    *facts = (struct agents_facts){.doing_names = doing_names,
                                   .makespan_ns = team->makespan_ns,
                                   .busy_ns = team->busy_ns,
                                   .parallel_efficiency_ratio = team_efficiency(team),
                                   .used = used_of(&team->tokens, team->usd),
                                   .is_priced = team->unpriced_count < team->calls.count,
                                   .unpriced_count = team->unpriced_count,
                                   .partial_count = team->partial_count,
                                   .call_count = team->calls.count,
                                   .savings = *savings};
    if (fill_agents(scene, facts) || fill_tasks(scene, facts) || fill_points(scene, facts))
        return err_memory(err);
    int status = advise(scene, facts, err);
    if (!status)
        *ret_facts = facts;
    return status;
}
