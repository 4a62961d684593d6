/* SPDX-License-Identifier: Apache-2.0 */
/*
 * small-batches: more than five tasks of one kind take under 5 s each, one after another. Several of them in one request, or in one
 * agent, begin once instead of each time.
 *
 * What runs side by side stays so: tasks are dealt to lanes, as many as ran at once, and only the tasks of one lane are put together.
 */
#include <stdlib.h>
#include <string.h>

#include "agent_detect/small_tasks.h"
#include "agent_detect/start_up.h"
#include "base/clock.h"
#include "base/num.h"

#define SMALL_NS   (5 * NS_PER_S)
#define COUNT_MIN  6
#define BATCH_SIZE 5
#define BATCH_MAX  1000
#define LANES_MAX  64
/* Tasks that are further apart were not there to be done together. */
#define GAP_MAX_NS (60 * NS_PER_S)

struct small {
    uint32_t task, agent;
    uint32_t giver; /* the agent that started it for this task alone; TEAM_NONE: it has several tasks */
    const char *kind, *model;
    uint64_t start_ns, end_ns;
    size_t call;
};

struct smalls {
    VEC(struct small) items;
};

static int compare_groups(const struct small *a, const struct small *b)
{
    if (a->giver != b->giver)
        return a->giver < b->giver ? -1 : 1;
    if (a->giver == TEAM_NONE && a->agent != b->agent)
        return a->agent < b->agent ? -1 : 1;
    int kinds = strcmp(a->kind, b->kind);
    return kinds ? kinds : strcmp(a->model, b->model);
}

static int compare(const void *a, const void *b)
{
    const struct small *x = a, *y = b;
    int groups = compare_groups(x, y);
    if (groups)
        return groups;
    if (x->start_ns != y->start_ns)
        return x->start_ns < y->start_ns ? -1 : 1;
    return (x->task > y->task) - (x->task < y->task);
}

/* Tasks that only hand on to others are no small ones, and turns that a human asked for one by one cannot be put together. */
static int gather(const struct agent_scene *scene, struct smalls *smalls)
{
    const struct team *team = scene->team;
    const size_t *first = agent_first_calls(scene);
    bool *has_children = arena_alloc(scene->arena, team->agents.count + 1);
    if (!first || !has_children)
        return -1;
    memset(has_children, 0, team->agents.count + 1);
    for (size_t i = 0; i < team->agents.count; i++) {
        if (team->agents.items[i].parent != TEAM_NONE)
            has_children[team->agents.items[i].parent] = true;
    }
    for (uint32_t i = 0; i < team->tasks.count; i++) {
        const struct team_task *task = &team->tasks.items[i];
        const struct team_agent *agent = &team->agents.items[task->agent];
        bool is_alone = agent->task_count == 1 && agent->parent != TEAM_NONE;
        if (task->busy_ns >= SMALL_NS || first[i] == SIZE_MAX || has_children[task->agent] ||
            (!is_alone && agent->ns[TEAM_HUMAN]))
            continue;
        struct small small = {.task = i,
                              .agent = task->agent,
                              .giver = is_alone ? agent->parent : TEAM_NONE,
                              .kind = is_alone ? agent->kind : "",
                              .model = team->calls.items[first[i]].model,
                              .start_ns = task->start_ns,
                              .end_ns = task->end_ns,
                              .call = first[i]};
        if (vec_push(&smalls->items, small))
            return -1;
    }
    if (smalls->items.count)
        qsort(smalls->items.items, smalls->items.count, sizeof *smalls->items.items, compare);
    return 0;
}

/* --- one group --- */

struct lane {
    const struct small *last; /* NULL: none yet */
    size_t batched;           /* tasks of the batch that its last one is in */
};

struct group {
    const struct small *items;
    size_t count, lane_count, batch_count;
    double shared_tokens;
    uint64_t busy_ns;
};

/* Whether a human said what comes next, or an agent with several tasks had nothing to do: then nobody could know of it before. */
static bool is_asked_between(const struct agent_scene *scene, const struct small *small, uint64_t from_ns)
{
    bool is_alone = small->giver != TEAM_NONE;
    uint32_t agent = is_alone ? small->giver : small->agent;
    const struct run_track *track = &scene->team->run->tracks.items[scene->team->agents.items[agent].track];
    size_t first = run_waits_before(track, from_ns);
    for (size_t i = first; i < track->waits.count && track->waits.items[i].start_ns < small->start_ns; i++) {
        uint64_t reason = track->waits.items[i].reason;
        if (reason == WAIT_HUMAN || (reason == WAIT_IDLE && !is_alone))
            return true;
    }
    return false;
}

static struct lane *lane_for(struct lane *lanes, struct group *group, const struct small *small)
{
    for (size_t i = 0; i < group->lane_count; i++) {
        if (!lanes[i].last || lanes[i].last->end_ns <= small->start_ns)
            return &lanes[i];
    }
    return group->lane_count < LANES_MAX ? &lanes[group->lane_count++] : NULL;
}

static bool goes_on(const struct agent_scene *scene, const struct lane *lane, const struct small *small,
                    size_t size)
{
    return lane && lane->last && lane->batched < size && small->start_ns - lane->last->end_ns <= GAP_MAX_NS &&
           !is_asked_between(scene, small, lane->last->end_ns);
}

static int claim_group(const struct agent_scene *scene, struct agent_claim *claim, struct group *group,
                       size_t size)
{
    struct lane lanes[LANES_MAX] = {{0}};
    for (size_t i = 0; i < group->count; i++) {
        const struct small *small = &group->items[i];
        struct lane *lane = lane_for(lanes, group, small);
        bool is_next = goes_on(scene, lane, small, size);
        if (is_next) {
            struct start_up start = {.call = small->call,
                                     .shared_tokens = group->shared_tokens,
                                     .giver = small->giver,
                                     .from_ns = lane->last->end_ns,
                                     .to_ns = small->start_ns};
            if (start_up_claim(scene, claim, &start))
                return -1;
        }
        group->batch_count += !is_next;
        if (lane)
            *lane = (struct lane){.last = small, .batched = is_next ? lane->batched + 1 : 1};
    }
    return 0;
}

static struct group group_at(const struct agent_scene *scene, const struct smalls *smalls, size_t first)
{
    const struct team *team = scene->team;
    struct group group = {.items = &smalls->items.items[first]};
    for (size_t i = first; i < smalls->items.count; i++) {
        const struct small *small = &smalls->items.items[i];
        if (compare_groups(group.items, small) != 0)
            break;
        double prompt = tokens_prompt_of(&team->calls.items[small->call].tokens);
        group.shared_tokens = group.count && group.shared_tokens < prompt ? group.shared_tokens : prompt;
        group.busy_ns += team->tasks.items[small->task].busy_ns;
        group.count++;
    }
    return group;
}

static const char *name_of(const struct agent_scene *scene, const struct group *group)
{
    return group->items->kind[0] ? group->items->kind : scene->team->agents.items[group->items->agent].name;
}

static void tell_group(const struct agent_scene *scene, const struct group *group, struct agent_claim *claim)
{
    const struct team_call *call = &scene->team->calls.items[group->items->call];
    struct start_base base = start_base_of(scene, call);
    const char *start = agent_duration(scene, num_u64(base.seconds * (double)NS_PER_S));
    claim->title = agent_text(scene, "%zu tasks of %s take %s each, %s", group->count, name_of(scene, group),
                              agent_duration(scene, group->busy_ns / group->count),
                              group->lane_count > 1 ? agent_text(scene, "%zu at a time", group->lane_count)
                                                    : "one after another");
    claim->fix = agent_text(scene, "give %d of them at once", BATCH_SIZE);
    claim->change = agent_text(scene, "batch:agent/%s=%d", name_of(scene, group), BATCH_SIZE);
    agent_claim_fact(scene, claim, "%zu tasks become %zu batches", group->count, group->batch_count);
    if (base.is_measured)
        agent_claim_fact(scene, claim, "a response of %s takes %s before the first token, by %u of them",
                         call->model, start, base.call_count);
    else
        agent_claim_fact(scene, claim, "to begin is assumed to take %s: these responses do not tell it",
                         start);
    agent_claim_fact(scene, claim,
                     "each reads %s tokens that all have alike: four fifths of the smallest prompt",
                     agent_count(scene, START_UP_SHARED_RATIO * group->shared_tokens));
}

static int look_at(const struct agent_scene *scene, struct group *group, struct agent_claims *claims,
                   struct err *err)
{
    struct agent_claim claim = {
        .cause = "small-batches",
        .agent = group->items->giver == TEAM_NONE ? group->items->agent : group->items->giver,
        .task = TEAM_NONE,
        .peer = group->items->kind[0] ? group->items->kind : NULL,
        .effort = EFFORT_MEDIUM,
        .is_trial = true,
        .assumption = "the tasks are known beforehand, and one answer can hold several of them"};
    int failed = claim_group(scene, &claim, group, BATCH_SIZE);
    if (failed || !claim.effects.items.count) {
        vec_free(&claim.effects.items);
        return failed ? err_memory(err) : 0;
    }
    tell_group(scene, group, &claim);
    return agent_claim_add(claims, &claim, err);
}

int detect_small_tasks(const struct agent_scene *scene, struct agent_claims *claims, struct err *err)
{
    struct smalls smalls = {0};
    int status = gather(scene, &smalls) ? err_memory(err) : 0;
    for (size_t i = 0; i < smalls.items.count && !status;) {
        struct group group = group_at(scene, &smalls, i);
        i += group.count;
        if (group.count >= COUNT_MIN)
            status = look_at(scene, &group, claims, err);
    }
    vec_free(&smalls.items);
    return status;
}

int small_tasks_change(const struct agent_scene *scene, const struct change *change,
                       struct agent_claim *claim, size_t *ret_count, struct err *err)
{
    struct smalls smalls = {0};
    size_t size = (size_t)num_min(num_u64(change->value), BATCH_MAX);
    int status = gather(scene, &smalls) ? err_memory(err) : 0;
    *ret_count = 0;
    for (size_t i = 0; i < smalls.items.count && !status;) {
        struct group group = group_at(scene, &smalls, i);
        i += group.count;
        if (strcmp(name_of(scene, &group), change->name) != 0)
            continue;
        *ret_count += group.count;
        status = claim_group(scene, claim, &group, size) ? err_memory(err) : 0;
    }
    vec_free(&smalls.items);
    return status;
}
