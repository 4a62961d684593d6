/* SPDX-License-Identifier: Apache-2.0 */
#include "agent_detect/phase_grain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "agent_detect/start_up.h"
#include "base/clock.h"
#include "base/num.h"

#define FINE_RATIO_MIN   0.7
#define COARSE_RATIO_MIN 0.8
#define PHASES_MAX       1000 /* asked for by hand */

static const struct {
    const char *name;
    uint32_t low, high;
} grains[] = {{"fine", 6, 10}, {"coarse", 3, 5}, {"balanced", 4, 7}};

/* --- who needs whom --- */

/* Agents by their place in the order of their ends: what is needed stands before who needs it. */
struct need {
    uint32_t of, by;
};

struct needs {
    VEC(struct need) items;
    uint32_t *place; /* by agent */
};

static int by_place(const void *a, const void *b)
{
    const struct need *x = a, *y = b;
    if (x->by != y->by)
        return x->by < y->by ? -1 : 1;
    return (x->of > y->of) - (x->of < y->of);
}

static int add_need(const struct team *team, struct needs *needs, uint32_t of, uint32_t by)
{
    if (of == TEAM_NONE || by == TEAM_NONE || agent_is_below(team, of, by) || agent_is_below(team, by, of))
        return 0;
    struct need need = {needs->place[of], needs->place[by]};
    return vec_push(&needs->items, need);
}

static int gather_needs(const struct team *team, struct needs *needs)
{
    const struct run *run = team->run;
    int status = 0;
    for (size_t i = 0; i < run->edges.count && !status; i++) {
        const struct run_edge *edge = &run->edges.items[i];
        if (edge->kind == EDGE_DEPENDS || edge->kind == EDGE_DATA)
            status = add_need(team, needs, team->agent_of[edge->from], team->agent_of[edge->to]);
    }
    for (uint32_t i = 0; i < team->agents.count && !status; i++) {
        const struct run_track *track = &run->tracks.items[team->agents.items[i].track];
        for (size_t j = 0; j < track->waits.count && !status; j++) {
            const struct run_wait *wait = &track->waits.items[j];
            if (wait->waker != RUN_NONE && (wait->reason == WAIT_CHILD || wait->reason == WAIT_IDLE))
                status = add_need(team, needs, team->agent_of[wait->waker], i);
        }
    }
    if (needs->items.count)
        qsort(needs->items.items, needs->items.count, sizeof *needs->items.items, by_place);
    size_t kept = 0;
    for (size_t i = 0; i < needs->items.count; i++) {
        if (!kept || by_place(&needs->items.items[kept - 1], &needs->items.items[i]) != 0)
            needs->items.items[kept++] = needs->items.items[i];
    }
    needs->items.count = kept;
    return status;
}

/* --- phases --- */

struct life {
    uint64_t start_ns, end_ns;
    uint32_t agent;
};

static int by_start(const void *a, const void *b)
{
    const struct life *x = a, *y = b;
    if (x->start_ns != y->start_ns)
        return x->start_ns < y->start_ns ? -1 : 1;
    return (x->agent > y->agent) - (x->agent < y->agent);
}

static int by_end(const void *a, const void *b)
{
    const struct life *x = a, *y = b;
    if (x->end_ns != y->end_ns)
        return x->end_ns < y->end_ns ? -1 : 1;
    return (x->agent > y->agent) - (x->agent < y->agent);
}

static size_t find_phases(const struct team *team, struct life *lives, uint32_t *phase_of,
                          uint64_t *ret_count)
{
    size_t count = 0;
    uint64_t phases = 0, until_ns = 0;
    for (uint32_t i = 0; i < team->agents.count; i++) {
        const struct team_agent *agent = &team->agents.items[i];
        phase_of[i] = TEAM_NONE;
        if (agent->parent != TEAM_NONE)
            lives[count++] = (struct life){agent->start_ns, agent->end_ns, i};
    }
    if (count)
        qsort(lives, count, sizeof *lives, by_start);
    for (size_t i = 0; i < count; i++) {
        phases += i == 0 || lives[i].start_ns >= until_ns;
        until_ns = num_max(until_ns, lives[i].end_ns);
        phase_of[lives[i].agent] = (uint32_t)(phases - 1);
    }
    *ret_count = phases;
    return count;
}

/* The longest chain of work of agents that need each other. */
static double chain_ns(const struct team *team, const struct life *lives, const struct needs *needs,
                       double *before)
{
    double longest = 0;
    size_t at = 0;
    for (uint32_t place = 0; place < team->agents.count; place++) {
        before[place] = 0;
        for (; at < needs->items.count && needs->items.items[at].by == place; at++) {
            uint32_t of = needs->items.items[at].of;
            if (of < place)
                before[place] = fmax(
                    before[place], before[of] + (double)agent_busy_ns(&team->agents.items[lives[of].agent]));
        }
        longest =
            fmax(longest, before[place] + (double)agent_busy_ns(&team->agents.items[lives[place].agent]));
    }
    return longest;
}

static void judge(const struct team *team, double chain, size_t started, struct phases *phases)
{
    phases->potential_ratio = team->busy_ns ? fmax(1 - chain / (double)team->busy_ns, 0) : 0;
    phases->density_ratio = (double)phases->dependency_count / (double)started;
    size_t grain = phases->potential_ratio > FINE_RATIO_MIN   ? 0
                   : phases->density_ratio > COARSE_RATIO_MIN ? 1
                                                              : 2;
    phases->name = grains[grain].name;
    phases->low = grains[grain].low;
    phases->high = grains[grain].high;
}

int phase_grain_find(const struct agent_scene *scene, struct phase_grain *ret_grain, struct err *err)
{
    const struct team *team = scene->team;
    size_t count = team->agents.count;
    struct phase_grain grain = {.phase_of = arena_alloc(scene->arena, (count + 1) * sizeof *grain.phase_of)};
    struct needs needs = {.place = arena_alloc(scene->arena, (count + 1) * sizeof *needs.place)};
    struct life *lives = arena_alloc(scene->arena, (count + 1) * sizeof *lives);
    double *before = arena_alloc(scene->arena, (count + 1) * sizeof *before);
    if (!grain.phase_of || !needs.place || !lives || !before)
        return err_memory(err);
    size_t started = find_phases(team, lives, grain.phase_of, &grain.phases.now_count);
    if (!started) {
        *ret_grain = grain;
        return 0;
    }
    for (uint32_t i = 0; i < count; i++)
        lives[i] = (struct life){team->agents.items[i].start_ns, team->agents.items[i].end_ns, i};
    qsort(lives, count, sizeof *lives, by_end);
    for (uint32_t i = 0; i < count; i++)
        needs.place[lives[i].agent] = i;
    int failed = gather_needs(team, &needs);
    grain.phases.dependency_count = needs.items.count;
    judge(team, chain_ns(team, lives, &needs, before), started, &grain.phases);
    vec_free(&needs.items);
    if (failed)
        return err_memory(err);
    *ret_grain = grain;
    return 0;
}

/* --- more phases --- */

static size_t first_task_call(const struct team *team, const size_t *first, uint32_t agent)
{
    for (size_t i = 0; i < team->tasks.count; i++) {
        if (team->tasks.items[i].agent == agent)
            return first[i];
    }
    return SIZE_MAX;
}

/* Of a phase: agents of one parent and one kind, whose work can be dealt out anew. */
struct crew {
    uint32_t longest; /* TEAM_NONE: none */
    size_t count;
    double sum_ns, start_ns;
};

static bool is_of_crew(const struct team *team, uint32_t agent, uint32_t longest)
{
    const struct team_agent *a = &team->agents.items[agent], *b = &team->agents.items[longest];
    return a->parent == b->parent && strcmp(a->kind, b->kind) == 0;
}

static struct crew crew_of(const struct agent_scene *scene, const struct phase_grain *grain,
                           const size_t *first, uint32_t phase)
{
    const struct team *team = scene->team;
    struct crew crew = {.longest = TEAM_NONE};
    for (uint32_t i = 0; i < team->agents.count; i++) {
        if (grain->phase_of[i] == phase &&
            (crew.longest == TEAM_NONE ||
             agent_busy_ns(&team->agents.items[i]) > agent_busy_ns(&team->agents.items[crew.longest])))
            crew.longest = i;
    }
    for (uint32_t i = 0; i < team->agents.count; i++) {
        if (grain->phase_of[i] != phase || !is_of_crew(team, i, crew.longest))
            continue;
        crew.count++;
        crew.sum_ns += (double)agent_busy_ns(&team->agents.items[i]);
    }
    size_t call = first_task_call(team, first, crew.longest);
    if (call != SIZE_MAX)
        crew.start_ns = start_base_of(scene, &team->calls.items[call]).seconds * (double)NS_PER_S;
    return crew;
}

/* Each piece of a phase cut in `pieces` goes to who is free: beyond the mean, the longest has so much less; each begins anew. */
static int claim_pieces(const struct agent_scene *scene, const struct phase_grain *grain,
                        const struct crew *crew, uint64_t pieces, struct agent_claim *claim)
{
    const struct team *team = scene->team;
    double mean = crew->sum_ns / (double)crew->count;
    double more = (double)(pieces - 1) * crew->start_ns;
    double longest = (double)agent_busy_ns(&team->agents.items[crew->longest]);
    double target = mean + (longest - mean) / (double)pieces + more;
    for (uint32_t i = 0; i < team->agents.count; i++) {
        double busy = (double)agent_busy_ns(&team->agents.items[i]);
        if (grain->phase_of[i] != grain->phase_of[crew->longest] || !is_of_crew(team, i, crew->longest) ||
            busy <= target)
            continue;
        struct keep time = {(1 + target / busy) / 2, target / busy, (mean + more) / busy};
        if (claim_work(scene, claim, i, TEAM_NONE, time, KEEP_ALL))
            return -1;
    }
    return 0;
}

/* --- fewer phases --- */

/* A phase of one agent behind a phase of one: the other one can go on with it. */
struct handover {
    uint32_t before, agent;
    uint64_t busy_ns;
};

static int shortest_first(const void *a, const void *b)
{
    const struct handover *x = a, *y = b;
    if (x->busy_ns != y->busy_ns)
        return x->busy_ns < y->busy_ns ? -1 : 1;
    return (x->agent > y->agent) - (x->agent < y->agent);
}

static size_t find_handovers(const struct agent_scene *scene, const struct phase_grain *grain,
                             struct handover *handovers)
{
    const struct team *team = scene->team;
    uint32_t *alone = arena_alloc(scene->arena, (grain->phases.now_count + 1) * sizeof *alone);
    size_t count = 0;
    if (!alone)
        return SIZE_MAX;
    for (size_t i = 0; i < grain->phases.now_count; i++)
        alone[i] = TEAM_NONE;
    for (uint32_t i = 0; i < team->agents.count; i++) {
        uint32_t phase = grain->phase_of[i];
        if (phase != TEAM_NONE)
            alone[phase] = alone[phase] == TEAM_NONE ? i : TEAM_NONE - 1;
    }
    for (size_t i = 1; i < grain->phases.now_count; i++) {
        uint32_t before = alone[i - 1], agent = alone[i];
        if (before < team->agents.count && agent < team->agents.count &&
            team->agents.items[before].parent == team->agents.items[agent].parent)
            handovers[count++] = (struct handover){before, agent, agent_busy_ns(&team->agents.items[agent])};
    }
    if (count)
        qsort(handovers, count, sizeof *handovers, shortest_first);
    return count;
}

static int claim_fewer(const struct agent_scene *scene, const struct phase_grain *grain, const size_t *first,
                       uint64_t fewer, struct agent_claim *claim)
{
    const struct team *team = scene->team;
    struct handover *handovers = arena_alloc(scene->arena, (grain->phases.now_count + 1) * sizeof *handovers);
    size_t count = handovers ? find_handovers(scene, grain, handovers) : SIZE_MAX;
    if (count == SIZE_MAX)
        return -1;
    for (size_t i = 0; i < count && i < fewer; i++) {
        const struct team_agent *before = &team->agents.items[handovers[i].before],
                                *agent = &team->agents.items[handovers[i].agent];
        size_t was = first_task_call(team, first, handovers[i].before),
               call = first_task_call(team, first, handovers[i].agent);
        if (was == SIZE_MAX || call == SIZE_MAX)
            continue;
        struct start_up start = {.call = call,
                                 .shared_tokens = fmin(tokens_prompt_of(&team->calls.items[was].tokens),
                                                       tokens_prompt_of(&team->calls.items[call].tokens)),
                                 .giver = agent->parent,
                                 .from_ns = before->end_ns,
                                 .to_ns = agent->start_ns};
        if (start_up_claim(scene, claim, &start))
            return -1;
    }
    return 0;
}

int phase_grain_claim(const struct agent_scene *scene, const struct phase_grain *grain, uint64_t wanted,
                      struct agent_claim *claim)
{
    uint64_t now = grain->phases.now_count;
    const size_t *first = agent_first_calls(scene);
    if (!first)
        return -1;
    wanted = num_min(wanted, PHASES_MAX);
    if (!now || wanted == now)
        return 0;
    if (wanted < now)
        return claim_fewer(scene, grain, first, now - wanted, claim);
    uint64_t pieces = (wanted + now - 1) / now;
    for (uint32_t phase = 0; phase < now; phase++) {
        struct crew crew = crew_of(scene, grain, first, phase);
        if (crew.count > 1 && claim_pieces(scene, grain, &crew, pieces, claim))
            return -1;
    }
    return 0;
}

/* --- the finding --- */

static void tell(const struct agent_scene *scene, const struct phases *phases, uint64_t wanted,
                 struct agent_claim *claim)
{
    bool is_finer = wanted > phases->now_count;
    claim->title = agent_text(scene, "the work is cut into %llu phase%s; %u to %u fit its structure",
                              (unsigned long long)phases->now_count, phases->now_count == 1 ? "" : "s",
                              phases->low, phases->high);
    claim->fix = is_finer ? "cut it finer, and let whoever is free take the next piece"
                          : "let one agent go on with what the next one does";
    claim->assumption = is_finer ? "each agent's work can be cut; each further piece begins anew"
                                 : "one agent can do what the next one does behind it";
    claim->change = agent_text(scene, "set:run/phases=%llu", (unsigned long long)wanted);
    agent_claim_fact(scene, claim,
                     "%.0f %% of the work could be side by side, %.1f dependencies for each agent: %s",
                     100 * phases->potential_ratio, phases->density_ratio, phases->name);
}

int detect_phases(const struct agent_scene *scene, struct agent_claims *claims, struct err *err)
{
    struct phase_grain grain;
    int status = phase_grain_find(scene, &grain, err);
    if (status || !grain.phases.name)
        return status;
    const struct phases *phases = &grain.phases;
    uint64_t wanted = num_min(num_max(phases->now_count, phases->low), phases->high);
    struct agent_claim claim = {
        .cause = "config", .agent = TEAM_NONE, .task = TEAM_NONE, .effort = EFFORT_MEDIUM, .is_trial = true};
    int failed = phase_grain_claim(scene, &grain, wanted, &claim);
    if (failed || !claim.effects.items.count) {
        vec_free(&claim.effects.items);
        return failed ? err_memory(err) : 0;
    }
    tell(scene, phases, wanted, &claim);
    return agent_claim_add(claims, &claim, err);
}
