/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent-overload: more is wanted of an agent than it can do.
 *
 * It does one thing at a time: that is its capacity. Its load is the time in which it works; its queue are the agents that stand still
 * for it while it does another's. Both together, on average over its life, are over the capacity when others queue. Where no queue was
 * recorded: it has the tasks, works nearly all the time, and the others hardly at all.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "agent_detect/agent_detector.h"
#include "base/num.h"
#include "base/vec.h"

#define CAPACITY       1.0
#define WAITS_MIN      3
#define WAITERS_MIN    2
#define AGENTS_MIN     3
#define TASKS_MIN      3
#define BUSY_RATIO_MIN 0.8
#define REST_RATIO_MAX 0.35
#define WORKERS_MAX    64

/* --- a queue --- */

/* An agent that stood still for another. */
struct turn {
    uint32_t of; /* who was waited for */
    uint32_t waiter;
    uint64_t start_ns, end_ns;
};

struct turns {
    VEC(struct turn) items;
};

static int by_served(const void *a, const void *b)
{
    const struct turn *x = a, *y = b;
    if (x->of != y->of)
        return x->of < y->of ? -1 : 1;
    if (x->end_ns != y->end_ns)
        return x->end_ns < y->end_ns ? -1 : 1;
    return (x->waiter > y->waiter) - (x->waiter < y->waiter);
}

static int gather(const struct team *team, struct turns *turns)
{
    for (uint32_t i = 0; i < team->agents.count; i++) {
        const struct run_track *track = &team->run->tracks.items[team->agents.items[i].track];
        for (size_t j = 0; j < track->waits.count; j++) {
            const struct run_wait *wait = &track->waits.items[j];
            uint32_t of = wait->waker == RUN_NONE ? TEAM_NONE : team->agent_of[wait->waker];
            struct turn turn = {of, i, wait->start_ns, wait->end_ns};
            if (of != TEAM_NONE && of != i && team_doing_at(team, wait) == TEAM_AGENT &&
                vec_push(&turns->items, turn))
                return -1;
        }
    }
    if (turns->items.count)
        qsort(turns->items.items, turns->items.count, sizeof *turns->items.items, by_served);
    return 0;
}

struct demand {
    double mean; /* agents that wait for it, and it when it works for none, over its life */
    uint64_t waited_ns, served_ns;
    size_t waiter_count;
};

/* Of turns by their end: one is served from the end of the one before it, or from when it came. */
static uint64_t served_from(const struct turn *turns, size_t index)
{
    return index ? num_max(turns[index].start_ns, turns[index - 1].end_ns) : turns[index].start_ns;
}

static struct demand demand_of(const struct team *team, const struct turn *turns, size_t count)
{
    const struct team_agent *agent = &team->agents.items[turns->of];
    struct demand demand = {0};
    uint64_t covered_ns = 0, until_ns = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t from = num_max(turns[i].start_ns, agent->start_ns),
                 to = num_min(turns[i].end_ns, agent->end_ns);
        bool is_new = true;
        for (size_t j = 0; j < i && is_new; j++)
            is_new = turns[j].waiter != turns[i].waiter;
        demand.waiter_count += is_new;
        demand.waited_ns += to > from ? to - from : 0;
        demand.served_ns += turns[i].end_ns - num_min(served_from(turns, i), turns[i].end_ns);
        /* By end: what an earlier one covers ends before this one does. */
        from = num_max(from, until_ns);
        covered_ns += to > from ? to - from : 0;
        until_ns = num_max(until_ns, to);
    }
    uint64_t busy = agent_busy_ns(agent), life = agent->end_ns - agent->start_ns;
    uint64_t alone = busy > covered_ns ? busy - covered_ns : 0;
    demand.mean = life ? (double)(demand.waited_ns + alone) / (double)life : 0;
    return demand;
}

/* Each turn is served as it was; of the time before it, `queue_keep` stays. */
static int claim_turns(const struct agent_scene *scene, struct agent_claim *claim, const struct turn *turns,
                       size_t count, double queue_keep)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t own = turns[i].end_ns - num_min(served_from(turns, i), turns[i].end_ns);
        double keep = num_ratio(own, turns[i].end_ns - turns[i].start_ns);
        keep += (1 - keep) * queue_keep;
        struct team_effect effect = {.kind = EFFECT_ALONE,
                                     .actor = scene->team->agents.items[turns[i].waiter].track,
                                     .start_ns = turns[i].start_ns,
                                     .end_ns = turns[i].end_ns,
                                     .time_keep = {(1 + keep) / 2, keep, keep},
                                     .cost_keep = {1, 1, 1}};
        if (effects_add(&claim->effects, effect))
            return -1;
    }
    return 0;
}

/* How many of it are wanted at once; 0 when one is enough. */
static size_t wanted_of(const struct team *team, const struct turn *turns, size_t count,
                        struct demand *demand)
{
    if (count < WAITS_MIN)
        return 0;
    *demand = demand_of(team, turns, count);
    if (demand->waiter_count < WAITERS_MIN || demand->mean <= CAPACITY)
        return 0;
    return num_max(num_min(num_min((uint64_t)ceil(demand->mean), demand->waiter_count), WORKERS_MAX), 2);
}

static int look_at_queue(const struct agent_scene *scene, const struct turn *turns, size_t count,
                         struct agent_claims *claims, struct err *err)
{
    const struct team_agent *agent = &scene->team->agents.items[turns->of];
    struct demand demand;
    size_t wanted = wanted_of(scene->team, turns, count, &demand);
    if (!wanted)
        return 0;
    struct agent_claim claim = {.cause = "agent-overload",
                                .agent = turns->of,
                                .task = TEAM_NONE,
                                .effort = EFFORT_LOW,
                                .assumption = "what they ask of it does not depend on each other"};
    claim.title = agent_text(scene,
                             "%s has more to do than it can: %.1f agents want it at once, and it does "
                             "one thing at a time",
                             agent->name, demand.mean);
    claim.fix = agent_text(scene, "let %zu of it work", wanted);
    claim.change = agent_text(scene, "workers:agent/%s=%zu", agent->name, wanted);
    agent_claim_fact(scene, &claim, "it is asked %zu times by %zu agents, which stand still for %s", count,
                     demand.waiter_count, agent_duration(scene, demand.waited_ns));
    agent_claim_fact(scene, &claim, "served in turn in %s", agent_duration(scene, demand.served_ns));
    if (claim_turns(scene, &claim, turns, count, 0)) {
        vec_free(&claim.effects.items);
        return err_memory(err);
    }
    return agent_claim_add(claims, &claim, err);
}

/* --- no queue was recorded --- */

static int look_at_load(const struct agent_scene *scene, uint32_t index, struct agent_claims *claims,
                        struct err *err)
{
    const struct team *team = scene->team;
    const struct team_agent *agent = &team->agents.items[index];
    double busy = num_ratio(agent_busy_ns(agent), team->makespan_ns), rest = 0;
    for (size_t i = 0; i < team->agents.count; i++)
        rest += i == index ? 0 : num_ratio(agent_busy_ns(&team->agents.items[i]), team->makespan_ns);
    rest /= (double)(team->agents.count - 1);
    if (busy < BUSY_RATIO_MIN || rest > REST_RATIO_MAX || agent->task_count < TASKS_MIN)
        return 0;
    struct agent_claim claim = {.cause = "agent-overload",
                                .agent = index,
                                .task = TEAM_NONE,
                                .effort = EFFORT_MEDIUM,
                                .assumption = "its tasks do not depend on each other",
                                .fix = "give half of its tasks to another agent"};
    claim.title =
        agent_text(scene, "%s has more to do than it can: it works %.0f %% of the time, the others %.0f %%",
                   agent->name, 100 * busy, 100 * rest);
    claim.change = agent_text(scene, "workers:agent/%s=2", agent->name);
    agent_claim_fact(scene, &claim, "%u of %zu tasks are its", agent->task_count, team->tasks.count);
    struct keep time = {0.75, 0.5, 0.5};
    if (claim_work(scene, &claim, index, TEAM_NONE, time, KEEP_ALL)) {
        vec_free(&claim.effects.items);
        return err_memory(err);
    }
    return agent_claim_add(claims, &claim, err);
}

static bool is_claimed(const struct agent_claims *claims, size_t from, uint32_t agent)
{
    for (size_t i = from; i < claims->items.count; i++) {
        if (claims->items.items[i].agent == agent)
            return true;
    }
    return false;
}

static size_t turns_of_one(const struct turns *turns, size_t first)
{
    size_t count = 1;
    while (first + count < turns->items.count &&
           turns->items.items[first + count].of == turns->items.items[first].of)
        count++;
    return count;
}

int agent_overload_change(const struct agent_scene *scene, const struct change *change,
                          struct agent_claim *claim, size_t *ret_count, struct err *err)
{
    const struct team *team = scene->team;
    struct turns turns = {0};
    int failed = gather(team, &turns);
    *ret_count = 0;
    for (size_t i = 0, count = 0; i < turns.items.count && !failed; i += count) {
        const struct turn *first = &turns.items.items[i];
        struct demand demand;
        count = turns_of_one(&turns, i);
        if (strcmp(team->agents.items[first->of].name, change->name) != 0)
            continue;
        size_t wanted = wanted_of(team, first, count, &demand);
        bool is_enough = change->value >= (double)wanted;
        (*ret_count) += wanted > 0;
        failed =
            wanted ? claim_turns(scene, claim, first, count, is_enough ? 0 : 1 / fmax(change->value, 1)) : 0;
    }
    vec_free(&turns.items);
    return failed ? err_memory(err) : 0;
}

int detect_agent_overload(const struct agent_scene *scene, struct agent_claims *claims, struct err *err)
{
    const struct team *team = scene->team;
    struct turns turns = {0};
    size_t before = claims->items.count;
    int status = gather(team, &turns) ? err_memory(err) : 0;
    for (size_t i = 0, count = 0; i < turns.items.count && !status; i += count) {
        const struct turn *first = &turns.items.items[i];
        count = turns_of_one(&turns, i);
        status = look_at_queue(scene, first, count, claims, err);
    }
    for (uint32_t i = 0; i < team->agents.count && !status && team->agents.count >= AGENTS_MIN; i++) {
        if (!is_claimed(claims, before, i))
            status = look_at_load(scene, i, claims, err);
    }
    vec_free(&turns.items);
    return status;
}
