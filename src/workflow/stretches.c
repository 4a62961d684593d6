/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stretches: an agent's life in order, cut where what it does or waits for changes.
 *
 * Items that do not overlap stand inline. Where some do, the agent waits from each one's start for its end, looking back
 * from the end of the last: as it does for the children that it started at once.
 */
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "workflow/internal.h"

/* How far what an agent's end causes may be told before that end. */
#define TOLERANCE_NS ((int64_t)(50 * NS_PER_MS))
#define IDLE_MIN_NS  ((int64_t)(50 * NS_PER_MS))

static int push(struct flow_agent *agent, struct flow_stretch stretch)
{
    return stretch.end_ns > stretch.start_ns ? vec_push(&agent->stretches, stretch) : 0;
}

/* How many of an agent's items are looked at for one answer. */
#define ANSWER_LOOK 64

/* Whether an agent that goes on later gave an answer in the time: it was asked again, and for that answer. */
static bool answers_in(const struct workflow *workflow, const struct flow_agent *agent, int64_t from,
                       int64_t to)
{
    size_t low = 0, high = agent->items.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (agent->items.items[middle].start_ns < to)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t looked = 0; low-- && looked < ANSWER_LOOK; looked++) {
        const struct flow_item *item = &agent->items.items[low];
        if (item->kind == FLOW_CALL && item->end_ns > from && item->end_ns <= to + TOLERANCE_NS)
            return workflow->calls.items[item->index].call.end_ns != 0;
    }
    return false;
}

/* The agent that has to end, or to answer, for the item to end; FLOW_NONE for none, and for one that goes on in the background. */
static uint32_t awaited(const struct workflow *workflow, const struct flow_item *item)
{
    if (item->kind == FLOW_WAIT)
        return workflow->waits.items[item->index].on;
    uint32_t child = item->kind == FLOW_TOOL ? workflow->tools.items[item->index].child : FLOW_NONE;
    if (child == FLOW_NONE)
        return FLOW_NONE;
    const struct flow_agent *agent = &workflow->agents.items[child];
    if (!agent->start_ns || agent->end_ns <= item->start_ns)
        return FLOW_NONE;
    bool is_asked = workflow->tools.items[item->index].call.child_agent[0];
    bool is_done = agent->end_ns <= item->end_ns + TOLERANCE_NS;
    return is_done || (is_asked && answers_in(workflow, agent, item->start_ns, item->end_ns)) ? child
                                                                                              : FLOW_NONE;
}

/* Waits for the agent as long as it lives; what the item lasts beyond is the waiter's own. */
static int push_agent(const struct workflow *workflow, struct flow_agent *agent, int64_t start_ns,
                      int64_t end_ns, const struct flow_item *item, uint32_t other)
{
    int64_t its_end = workflow->agents.items[other].end_ns;
    bool is_child = item->kind == FLOW_TOOL;
    struct flow_stretch stretch = {.start_ns = start_ns,
                                   .end_ns = is_child && its_end < end_ns ? its_end : end_ns,
                                   .kind = FLOW_STRETCH_AGENT,
                                   .item = *item,
                                   .agent = other};
    return push(agent, stretch);
}

static int push_inline(const struct workflow *workflow, struct flow_agent *agent,
                       const struct flow_item *item)
{
    uint32_t other = awaited(workflow, item);
    if (other != FLOW_NONE)
        return push_agent(workflow, agent, item->start_ns, item->end_ns, item, other);
    struct flow_stretch stretch = {.start_ns = item->start_ns,
                                   .end_ns = item->end_ns,
                                   .kind = FLOW_STRETCH_ITEM,
                                   .item = *item,
                                   .agent = FLOW_NONE};
    return push(agent, stretch);
}

/* Of items that overlap, the one that the agent waits for just before t: it covers t, and started first. What is only
 * waiting itself comes last. */
static const struct flow_item *holder(const struct flow_item *items, size_t count, int64_t t)
{
    const struct flow_item *found = NULL;
    for (size_t i = 0; i < count; i++) {
        if (items[i].start_ns >= t || items[i].end_ns < t)
            continue;
        bool is_better = !found || (found->kind == FLOW_WAIT && items[i].kind != FLOW_WAIT) ||
                         ((found->kind == FLOW_WAIT) == (items[i].kind == FLOW_WAIT) &&
                          items[i].start_ns < found->start_ns);
        if (is_better)
            found = &items[i];
    }
    return found;
}

static void reverse(struct flow_agent *agent, size_t first)
{
    for (size_t i = first, j = agent->stretches.count; i + 1 < j; i++) {
        struct flow_stretch swap = agent->stretches.items[i];
        agent->stretches.items[i] = agent->stretches.items[--j];
        agent->stretches.items[j] = swap;
    }
}

static int push_cluster(const struct workflow *workflow, struct flow_agent *agent,
                        const struct flow_item *items, size_t count, int64_t end_ns)
{
    size_t first = agent->stretches.count;
    int status = 0;
    for (size_t i = 0; i < count && !status; i++) {
        if (items[i].kind != FLOW_WAIT && awaited(workflow, &items[i]) == FLOW_NONE &&
            items[i].end_ns > items[i].start_ns)
            status = vec_push(&agent->beside, items[i]);
    }
    for (int64_t t = end_ns; t > items[0].start_ns && !status;) {
        const struct flow_item *item = holder(items, count, t);
        if (!item)
            break;
        uint32_t other = awaited(workflow, item);
        struct flow_stretch stretch = {
            .start_ns = item->start_ns,
            .end_ns = t,
            .kind = item->end_ns > t || item->kind == FLOW_WAIT ? FLOW_STRETCH_PART : FLOW_STRETCH_TRACK,
            .item = *item,
            .agent = FLOW_NONE};
        if (other != FLOW_NONE && item->end_ns == t)
            status = push_agent(workflow, agent, item->start_ns, t, item, other);
        else
            status = push(agent, stretch);
        t = item->start_ns;
    }
    reverse(agent, first);
    return status;
}

/* --- between items --- */

static bool is_below(const struct workflow *workflow, uint32_t agent, const struct flow_agent *above)
{
    for (size_t hops = 0; agent != FLOW_NONE && hops < 64; hops++) {
        agent = workflow->agents.items[agent].parent;
        if (agent != FLOW_NONE && &workflow->agents.items[agent] == above)
            return true;
    }
    return false;
}

/* An agent in the background whose end is in the gap: nobody said so, but that is what was waited for. */
static uint32_t ended_in(const struct workflow *workflow, const struct flow_agent *agent, int64_t from,
                         int64_t to)
{
    uint32_t found = FLOW_NONE;
    for (uint32_t i = 0; i < workflow->agents.count; i++) {
        const struct flow_agent *other = &workflow->agents.items[i];
        if (!other->start_ns || other->start_ns >= to || other->end_ns <= from || other->end_ns > to ||
            !is_below(workflow, i, agent))
            continue;
        if (found == FLOW_NONE || other->end_ns > workflow->agents.items[found].end_ns)
            found = i;
    }
    return found;
}

static const char *task_of(const struct workflow *workflow, const struct flow_item *item)
{
    return item && item->kind == FLOW_CALL ? workflow->calls.items[item->index].call.task : "";
}

/* Nothing is known from `from` to `to`: `next` is the first item after it. */
static int push_gap(const struct workflow *workflow, struct flow_agent *agent, int64_t from, int64_t to,
                    const struct flow_item *before, const struct flow_item *next)
{
    if (to <= from)
        return 0;
    uint32_t other = ended_in(workflow, agent, from, to);
    if (other != FLOW_NONE && workflow->agents.items[other].end_ns - from >= TOLERANCE_NS / 10) {
        struct flow_stretch stretch = {.start_ns = from,
                                       .end_ns = workflow->agents.items[other].end_ns,
                                       .kind = FLOW_STRETCH_AGENT,
                                       .agent = other};
        return push(agent, stretch);
    }
    if (next && next->kind == FLOW_WAIT &&
        (workflow->waits.items[next->index].wait.reason == AGENT_WAIT_RETRY ||
         workflow->waits.items[next->index].wait.reason == AGENT_WAIT_RATE_LIMIT)) {
        /* The request that was refused. */
        struct flow_stretch refused = {
            .start_ns = from, .end_ns = to, .kind = FLOW_STRETCH_ITEM, .item = *next, .agent = FLOW_NONE};
        return push(agent, refused);
    }
    const char *task = task_of(workflow, next);
    bool is_between = !before || !next || (task[0] && strcmp(task, task_of(workflow, before)) != 0);
    struct flow_stretch idle = {
        .start_ns = from, .end_ns = to, .kind = FLOW_STRETCH_IDLE, .agent = FLOW_NONE};
    return is_between && to - from >= IDLE_MIN_NS ? push(agent, idle) : 0;
}

int flow_stretches(struct workflow *workflow, struct flow_agent *agent)
{
    int64_t at = agent->start_ns;
    const struct flow_item *before = NULL, *call = NULL;
    int status = 0;
    for (size_t i = 0; i < agent->items.count && !status;) {
        const struct flow_item *items = &agent->items.items[i];
        int64_t end = items[0].end_ns;
        size_t count = 1;
        while (i + count < agent->items.count && items[count].start_ns < end) {
            end = items[count].end_ns > end ? items[count].end_ns : end;
            count++;
        }
        const struct flow_item *from = before && before->kind != FLOW_CALL && call ? call : before;
        status = push_gap(workflow, agent, at, items[0].start_ns, from, &items[0]);
        if (!status)
            status = count == 1 ? push_inline(workflow, agent, items)
                                : push_cluster(workflow, agent, items, count, end);
        at = end > at ? end : at;
        before = &items[count - 1];
        for (size_t j = 0; j < count; j++)
            call = items[j].kind == FLOW_CALL ? &items[j] : call;
        i += count;
    }
    return status ? status : push_gap(workflow, agent, at, agent->end_ns, before, NULL);
}

/* --- tasks --- */

/* *cursor: the stretches before it ended before `from`, which never goes back. */
static bool is_idle_between(const struct flow_agent *agent, int64_t from, int64_t to, size_t *cursor)
{
    while (*cursor < agent->stretches.count && agent->stretches.items[*cursor].end_ns <= from)
        (*cursor)++;
    for (size_t i = *cursor; i < agent->stretches.count && agent->stretches.items[i].start_ns < to; i++) {
        const struct flow_stretch *stretch = &agent->stretches.items[i];
        if (stretch->kind == FLOW_STRETCH_IDLE && stretch->start_ns >= from && stretch->end_ns <= to)
            return true;
    }
    return false;
}

/* A human, or another agent, says what to do next. */
static bool is_asked_anew(const struct workflow *workflow, const struct flow_item *item)
{
    enum agent_wait_reason reason =
        item->kind == FLOW_WAIT ? workflow->waits.items[item->index].wait.reason : AGENT_WAIT_RATE_LIMIT;
    return reason == AGENT_WAIT_HUMAN || reason == AGENT_WAIT_AGENT;
}

/* What a task is called where nobody named it. */
static const char *usual_name(const struct flow_agent *agent)
{
    if (agent->title[0])
        return agent->title;
    if (agent->kind[0])
        return agent->kind;
    return agent->id[0] ? agent->id : "turn";
}

/* The task that an item belongs to by its own word, or by that of the next response. */
static const char *name_of(const struct workflow *workflow, const struct flow_agent *agent, size_t index)
{
    for (size_t i = index; i < agent->items.count; i++) {
        const struct flow_item *item = &agent->items.items[i];
        if (is_asked_anew(workflow, item))
            break;
        if (item->kind == FLOW_CALL) {
            const char *task = workflow->calls.items[item->index].call.task;
            return task[0] ? task : usual_name(agent);
        }
    }
    return usual_name(agent);
}

int flow_tasks(struct workflow *workflow, struct flow_agent *agent)
{
    struct flow_task task = {0};
    size_t cursor = 0;
    for (size_t i = 0; i < agent->items.count; i++) {
        const struct flow_item *item = &agent->items.items[i];
        const char *name = item->kind == FLOW_CALL ? name_of(workflow, agent, i) : NULL;
        bool ends = task.name && (is_asked_anew(workflow, item) || (name && strcmp(name, task.name) != 0) ||
                                  is_idle_between(agent, task.end_ns, item->start_ns, &cursor));
        if (ends) {
            if (vec_push(&agent->tasks, task))
                return -1;
            task.name = NULL;
        }
        if (is_asked_anew(workflow, item))
            continue;
        if (!task.name)
            task = (struct flow_task){.name = name ? name : name_of(workflow, agent, i),
                                      .start_ns = item->start_ns,
                                      .end_ns = item->end_ns};
        task.end_ns = item->end_ns > task.end_ns ? item->end_ns : task.end_ns;
    }
    return task.name ? vec_push(&agent->tasks, task) : 0;
}
