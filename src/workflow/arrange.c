/* SPDX-License-Identifier: Apache-2.0 */
/* arrange: who started whom, when each agent lived, what it did in order, and what it is called. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "workflow/internal.h"

/* Parents that go in a ring are cut there. */
#define PARENT_HOPS_MAX 64
#define NAME_COLUMNS    48

static int add_item(struct workflow *workflow, uint32_t agent, struct flow_item item)
{
    if (!item.start_ns && !item.end_ns) {
        workflow->facts.untimed_count++;
        return 0;
    }
    item.start_ns = item.start_ns ? item.start_ns : item.end_ns;
    return vec_push(&workflow->agents.items[agent].items, item);
}

static int add_items(struct workflow *workflow)
{
    int status = 0;
    for (uint32_t i = 0; i < workflow->calls.count && !status; i++) {
        const struct llm_call *call = &workflow->calls.items[i].call;
        struct flow_item item = {.kind = FLOW_CALL,
                                 .index = i,
                                 .start_ns = call->start_ns,
                                 .end_ns = call->end_ns ? call->end_ns : call->start_ns};
        status = add_item(workflow, workflow->calls.items[i].agent, item);
    }
    for (uint32_t i = 0; i < workflow->tools.count && !status; i++) {
        const struct tool_call *tool = &workflow->tools.items[i].call;
        struct flow_item item = {
            .kind = FLOW_TOOL, .index = i, .start_ns = tool->start_ns, .end_ns = tool->end_ns};
        status = add_item(workflow, workflow->tools.items[i].agent, item);
    }
    for (uint32_t i = 0; i < workflow->waits.count && !status; i++) {
        const struct agent_wait *wait = &workflow->waits.items[i].wait;
        struct flow_item item = {
            .kind = FLOW_WAIT, .index = i, .start_ns = wait->start_ns, .end_ns = wait->end_ns};
        status = add_item(workflow, workflow->waits.items[i].agent, item);
    }
    return status;
}

/* What holds another comes first. */
static int compare_items(const void *a, const void *b)
{
    const struct flow_item *x = a, *y = b;
    if (x->start_ns != y->start_ns)
        return x->start_ns > y->start_ns ? 1 : -1;
    if (x->end_ns != y->end_ns)
        return x->end_ns < y->end_ns ? 1 : -1;
    if (x->kind != y->kind)
        return (int)x->kind - (int)y->kind;
    return (x->index > y->index) - (x->index < y->index);
}

/* A response that was refused before is asked for anew when the pause is over. */
#define PAUSE_LOOK 8

static void start_behind_pauses(struct flow_agent *agent)
{
    for (size_t i = 0; i < agent->items.count; i++) {
        struct flow_item *item = &agent->items.items[i];
        size_t first = i > PAUSE_LOOK ? i - PAUSE_LOOK : 0;
        if (item->kind != FLOW_CALL)
            continue;
        for (size_t j = first; j < agent->items.count && j < i + PAUSE_LOOK; j++) {
            const struct flow_item *pause = &agent->items.items[j];
            if (pause->kind == FLOW_WAIT && pause->end_ns > item->start_ns && pause->end_ns < item->end_ns &&
                pause->start_ns <= pause->end_ns)
                item->start_ns = pause->end_ns;
        }
    }
}

/* A tool that never came back ends where the agent went on. A tool starts when the response that asked for it is whole:
 * its parts are told one by one. */
static void settle_items(struct flow_agent *agent)
{
    int64_t called_until = 0;
    if (agent->items.count)
        qsort(agent->items.items, agent->items.count, sizeof *agent->items.items, compare_items);
    start_behind_pauses(agent);
    if (agent->items.count)
        qsort(agent->items.items, agent->items.count, sizeof *agent->items.items, compare_items);
    for (size_t i = 0; i < agent->items.count; i++) {
        struct flow_item *item = &agent->items.items[i];
        if (!item->end_ns)
            item->end_ns = i + 1 < agent->items.count ? agent->items.items[i + 1].start_ns : agent->end_ns;
        if (item->end_ns < item->start_ns)
            item->end_ns = item->start_ns;
        if (item->kind == FLOW_CALL && item->end_ns > called_until)
            called_until = item->end_ns;
        if (item->kind == FLOW_TOOL && item->start_ns < called_until && item->end_ns > called_until)
            item->start_ns = called_until;
        if (!agent->start_ns || item->start_ns < agent->start_ns)
            agent->start_ns = item->start_ns;
        if (item->end_ns > agent->end_ns)
            agent->end_ns = item->end_ns;
    }
    if (agent->items.count)
        qsort(agent->items.items, agent->items.count, sizeof *agent->items.items, compare_items);
}

static uint32_t tool_find(const struct workflow *workflow, const char *session, const char *id)
{
    struct str key = {0};
    str_printf(&key, "t%s\x1f%s", session, id);
    uint64_t found = key.failed ? 0 : intern_find(&workflow->texts, key.text, key.length);
    str_free(&key);
    const uint64_t *at = found ? map_get(&workflow->tool_index, found) : NULL;
    return at ? (uint32_t)*at : FLOW_NONE;
}

/* Tools that wait for an agent in the background: which one stands in what they are given. */
static uint32_t told_agent(const struct workflow *workflow, const struct tool_call *tool)
{
    static const char *const names[] = {"TaskOutput", "AgentOutput", "AgentOutputTool", "wait_agent"};
    bool is_waiting = false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        is_waiting = is_waiting || strcmp(tool->name, names[i]) == 0;
    for (uint32_t i = 0; is_waiting && i < workflow->agents.count; i++) {
        const struct flow_agent *agent = &workflow->agents.items[i];
        if (agent->id[0] && strcmp(agent->session, tool->session) == 0 && strstr(tool->text, agent->id))
            return i;
    }
    return FLOW_NONE;
}

static void settle_parents(struct workflow *workflow)
{
    for (uint32_t i = 0; i < workflow->tools.count; i++) {
        struct kept_tool *tool = &workflow->tools.items[i];
        const char *child = tool->call.child_agent;
        tool->child = child[0] ? flow_agent_find(workflow, tool->call.session, child) : FLOW_NONE;
        if (!child[0]) {
            tool->child = told_agent(workflow, &tool->call);
            tool->child = tool->child == tool->agent ? FLOW_NONE : tool->child;
            continue;
        }
        if (tool->child == FLOW_NONE || tool->child == tool->agent)
            continue;
        struct flow_agent *agent = &workflow->agents.items[tool->child];
        agent->parent = agent->parent == FLOW_NONE ? tool->agent : agent->parent;
        agent->spawner = agent->spawner == FLOW_NONE ? i : agent->spawner;
    }
    for (uint32_t i = 0; i < workflow->agents.count; i++) {
        struct flow_agent *agent = &workflow->agents.items[i];
        uint32_t spawner =
            agent->spawn_id[0] ? tool_find(workflow, agent->session, agent->spawn_id) : FLOW_NONE;
        if (agent->spawner == FLOW_NONE && spawner != FLOW_NONE &&
            workflow->tools.items[spawner].agent != i) {
            agent->spawner = spawner;
            workflow->tools.items[spawner].child = i;
            agent->parent = workflow->tools.items[spawner].agent;
        }
        if (agent->parent == FLOW_NONE && agent->id[0])
            agent->parent = flow_agent_find(workflow, agent->session, agent->parent_id);
        if (agent->parent == i)
            agent->parent = FLOW_NONE;
    }
    for (uint32_t i = 0; i < workflow->agents.count; i++) {
        uint32_t at = i;
        for (size_t hops = 0; at != FLOW_NONE && hops < PARENT_HOPS_MAX; hops++)
            at = workflow->agents.items[at].parent;
        if (at != FLOW_NONE)
            workflow->agents.items[i].parent = FLOW_NONE;
    }
}

/* --- names --- */

/* One line, not long. */
static void append_short(struct str *name, const char *text)
{
    size_t length = strcspn(text, "\r\n"), columns = 0, at = 0;
    while (at < length && columns < NAME_COLUMNS) {
        at++;
        while (at < length && ((unsigned char)text[at] & 0xc0) == 0x80)
            at++;
        columns++;
    }
    str_append_bytes(name, text, at);
    if (at < length)
        str_append(name, "\xe2\x80\xa6");
}

static void base_name(const struct workflow *workflow, const struct flow_agent *agent, struct str *name)
{
    if (agent->kind[0])
        append_short(name, agent->kind);
    else if (!agent->id[0] && workflow->facts.session_count > 1)
        str_printf(name, "main %.8s", agent->session);
    else if (!agent->id[0])
        str_append(name, "main");
    else
        append_short(name, agent->id);
}

static int name_agents(struct workflow *workflow)
{
    struct intern bases = {0};
    struct map counts = {0};
    int status = 0;
    for (size_t i = 0; i < workflow->agents.count && !status; i++) {
        struct flow_agent *agent = &workflow->agents.items[i];
        struct str name = {0};
        uint64_t base = 0;
        base_name(workflow, agent, &name);
        status = name.failed ? -1 : intern_put(&bases, str_text(&name), name.length, &base, NULL);
        const uint64_t *had = map_get(&counts, base);
        uint64_t number = had ? *had + 1 : 1;
        status = status ? status : map_put(&counts, base, number);
        if (number > 1)
            str_printf(&name, " %llu", (unsigned long long)number);
        agent->name = name.failed ? NULL : strdup(str_text(&name));
        status = status || !agent->name ? -1 : 0;
        str_free(&name);
    }
    intern_free(&bases);
    map_free(&counts);
    return status;
}

static void count(struct workflow *workflow)
{
    struct map sessions = {0};
    for (size_t i = 0; i < workflow->agents.count; i++) {
        const char *session = workflow->agents.items[i].session;
        if (map_put(&sessions, map_hash_bytes(session, strlen(session)), 1))
            break;
    }
    workflow->facts.session_count = sessions.count;
    map_free(&sessions);
    workflow->facts.agent_count = workflow->agents.count;
    workflow->facts.call_count = workflow->calls.count;
    workflow->facts.tool_count = workflow->tools.count;
    for (size_t i = 0; i < workflow->calls.count; i++)
        workflow->facts.partial_count += workflow->calls.items[i].call.is_partial;
}

int flow_arrange(struct workflow *workflow)
{
    settle_parents(workflow);
    count(workflow);
    for (size_t i = 0; i < workflow->waits.count; i++) {
        struct kept_wait *wait = &workflow->waits.items[i];
        if (wait->wait.on[0])
            wait->on = flow_agent_find(workflow, wait->wait.session, wait->wait.on);
    }
    if (add_items(workflow))
        return -1;
    for (size_t i = 0; i < workflow->agents.count; i++) {
        struct flow_agent *agent = &workflow->agents.items[i];
        settle_items(agent);
        if (!agent->start_ns)
            continue;
        if (!workflow->facts.start_ns || agent->start_ns < workflow->facts.start_ns)
            workflow->facts.start_ns = agent->start_ns;
        if (agent->end_ns > workflow->facts.end_ns)
            workflow->facts.end_ns = agent->end_ns;
    }
    for (size_t i = 0; i < workflow->agents.count; i++) {
        struct flow_agent *agent = &workflow->agents.items[i];
        if (agent->start_ns && (flow_stretches(workflow, agent) || flow_tasks(workflow, agent)))
            return -1;
    }
    return name_agents(workflow);
}
