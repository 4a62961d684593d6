/* SPDX-License-Identifier: Apache-2.0 */
/* keep: events as they are told, each once. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "workflow/internal.h"

const char *flow_text(struct workflow *workflow, const char *text)
{
    uint64_t id = 0;
    if (!text || !text[0])
        return "";
    return intern_put(&workflow->texts, text, strlen(text), &id, NULL) ? NULL
                                                                       : intern_text(&workflow->texts, id);
}

/* The identity of an event: its kind, session and id, one behind the other. 0 when memory ran out. */
static uint64_t identity(struct workflow *workflow, char kind, const char *session, const char *id)
{
    struct str key = {0};
    uint64_t found = 0;
    str_printf(&key, "%c%s\x1f%s", kind, session ? session : "", id ? id : "");
    if (!key.failed && intern_put(&workflow->texts, key.text, key.length, &found, NULL))
        found = 0;
    str_free(&key);
    return found;
}

static uint64_t identity_known(const struct workflow *workflow, char kind, const char *session,
                               const char *id)
{
    struct str key = {0};
    str_printf(&key, "%c%s\x1f%s", kind, session ? session : "", id ? id : "");
    uint64_t found = key.failed ? 0 : intern_find(&workflow->texts, key.text, key.length);
    str_free(&key);
    return found;
}

uint32_t flow_agent_find(const struct workflow *workflow, const char *session, const char *id)
{
    const uint64_t *at = map_get(&workflow->agent_index, identity_known(workflow, 'a', session, id));
    return at ? (uint32_t)*at : FLOW_NONE;
}

uint32_t flow_agent_of(struct workflow *workflow, const char *session, const char *id)
{
    uint64_t key = identity(workflow, 'a', session, id);
    const uint64_t *at = map_get(&workflow->agent_index, key);
    if (at)
        return (uint32_t)*at;
    struct flow_agent agent = {.session = flow_text(workflow, session),
                               .id = flow_text(workflow, id),
                               .parent_id = "",
                               .kind = "",
                               .title = "",
                               .spawn_id = "",
                               .parent = FLOW_NONE,
                               .spawner = FLOW_NONE};
    if (!key || !agent.session || !agent.id || map_put(&workflow->agent_index, key, workflow->agents.count) ||
        vec_push(&workflow->agents, agent))
        return FLOW_NONE;
    return (uint32_t)(workflow->agents.count - 1);
}

/* Replaces the texts by those that stay. */
static bool keep_texts(struct workflow *workflow, const char **const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        *texts[i] = flow_text(workflow, *texts[i]);
        if (!*texts[i])
            return false;
    }
    return true;
}

static int keep_call(struct agent_sink *sink, const struct llm_call *told, struct err *err)
{
    struct workflow *workflow = (struct workflow *)sink;
    struct kept_call kept = {.call = *told};
    struct llm_call *call = &kept.call;
    bool has_id = told->id && told->id[0];
    const char *where = workflow->ids_are_global ? "" : told->session;
    uint64_t key = has_id ? identity(workflow, 'c', where, told->id) : 0;
    const uint64_t *at = has_id ? map_get(&workflow->call_index, key) : NULL;
    if (at) {
        workflow->facts.repeated_count++;
        llm_call_merge(&workflow->calls.items[*at].call, told);
        return 0;
    }
    const char **const texts[] = {&call->session, &call->agent, &call->project,  &call->task,
                                  &call->id,      &call->model, &call->provider, &call->region};
    kept.agent = flow_agent_of(workflow, told->session, told->agent);
    if (kept.agent == FLOW_NONE || !keep_texts(workflow, texts, sizeof texts / sizeof texts[0]) ||
        (has_id && (!key || map_put(&workflow->call_index, key, workflow->calls.count))) ||
        vec_push(&workflow->calls, kept))
        return err_memory(err);
    return 0;
}

static int64_t earlier(int64_t left, int64_t right)
{
    if (!left || !right)
        return left ? left : right;
    return left < right ? left : right;
}

static int64_t later(int64_t left, int64_t right)
{
    return left > right ? left : right;
}

static const char *fuller(const char *had, const char *told)
{
    return had[0] ? had : told;
}

static void merge_tool(struct tool_call *tool, const struct tool_call *again)
{
    tool->name = fuller(tool->name, again->name);
    tool->text = fuller(tool->text, again->text);
    tool->child_agent = fuller(tool->child_agent, again->child_agent);
    tool->start_ns = earlier(tool->start_ns, again->start_ns);
    tool->end_ns = later(tool->end_ns, again->end_ns);
    tool->result_bytes = num_max(tool->result_bytes, again->result_bytes);
    tool->is_error = tool->is_error || again->is_error;
}

static int keep_tool(struct agent_sink *sink, const struct tool_call *told, struct err *err)
{
    struct workflow *workflow = (struct workflow *)sink;
    struct kept_tool kept = {.call = *told, .child = FLOW_NONE};
    struct tool_call *call = &kept.call;
    const char **const texts[] = {&call->session, &call->agent, &call->id,
                                  &call->name,    &call->text,  &call->child_agent};
    bool has_id = told->id && told->id[0];
    uint64_t key = has_id ? identity(workflow, 't', told->session, told->id) : 0;
    const uint64_t *at = has_id ? map_get(&workflow->tool_index, key) : NULL;
    kept.agent = flow_agent_of(workflow, told->session, told->agent);
    if (kept.agent == FLOW_NONE || !keep_texts(workflow, texts, sizeof texts / sizeof texts[0]))
        return err_memory(err);
    if (at) {
        workflow->facts.repeated_count++;
        merge_tool(&workflow->tools.items[*at].call, call);
        return 0;
    }
    if ((has_id && (!key || map_put(&workflow->tool_index, key, workflow->tools.count))) ||
        vec_push(&workflow->tools, kept))
        return err_memory(err);
    return 0;
}

static int keep_agent(struct agent_sink *sink, const struct agent_facts *told, struct err *err)
{
    struct workflow *workflow = (struct workflow *)sink;
    struct agent_facts facts = *told;
    const char **const texts[] = {&facts.parent, &facts.kind, &facts.title, &facts.spawn_id};
    uint32_t index = flow_agent_of(workflow, told->session, told->agent);
    if (index == FLOW_NONE || !keep_texts(workflow, texts, sizeof texts / sizeof texts[0]))
        return err_memory(err);
    struct flow_agent *agent = &workflow->agents.items[index];
    agent->parent_id = fuller(agent->parent_id, facts.parent);
    agent->kind = fuller(agent->kind, facts.kind);
    agent->title = fuller(agent->title, facts.title);
    agent->spawn_id = fuller(agent->spawn_id, facts.spawn_id);
    agent->start_ns = earlier(agent->start_ns, facts.start_ns);
    agent->end_ns = later(agent->end_ns, facts.end_ns);
    return 0;
}

static int keep_wait(struct agent_sink *sink, const struct agent_wait *told, struct err *err)
{
    struct workflow *workflow = (struct workflow *)sink;
    struct kept_wait kept = {.wait = *told, .on = FLOW_NONE};
    const char **const texts[] = {&kept.wait.session, &kept.wait.agent, &kept.wait.on};
    kept.agent = flow_agent_of(workflow, told->session, told->agent);
    if (kept.agent == FLOW_NONE || !keep_texts(workflow, texts, sizeof texts / sizeof texts[0]) ||
        vec_push(&workflow->waits, kept))
        return err_memory(err);
    return 0;
}

static int keep_link(struct agent_sink *sink, const struct agent_link *told, struct err *err)
{
    struct workflow *workflow = (struct workflow *)sink;
    struct agent_link link = *told;
    const char **const texts[] = {&link.session, &link.from, &link.to};
    if (!keep_texts(workflow, texts, sizeof texts / sizeof texts[0]) || vec_push(&workflow->links, link))
        return err_memory(err);
    return 0;
}

static int keep_malformed(struct agent_sink *sink, const char *file, uint64_t line, const char *why,
                          struct err *err)
{
    struct workflow *workflow = (struct workflow *)sink;
    (void)err;
    if (!workflow->facts.malformed_count++)
        snprintf(workflow->malformed, sizeof workflow->malformed, "%s:%llu: %s", file,
                 (unsigned long long)line, why);
    return 0;
}

struct workflow *workflow_create(void)
{
    struct workflow *workflow = calloc(1, sizeof *workflow);
    if (workflow)
        workflow->sink = (struct agent_sink){.llm_call = keep_call,
                                             .tool_call = keep_tool,
                                             .agent = keep_agent,
                                             .wait = keep_wait,
                                             .link = keep_link,
                                             .malformed = keep_malformed};
    return workflow;
}

void workflow_destroy(struct workflow *workflow)
{
    if (!workflow)
        return;
    for (size_t i = 0; i < workflow->agents.count; i++) {
        struct flow_agent *agent = &workflow->agents.items[i];
        vec_free(&agent->items);
        vec_free(&agent->stretches);
        vec_free(&agent->beside);
        vec_free(&agent->tasks);
        free(agent->name);
    }
    vec_free(&workflow->agents);
    vec_free(&workflow->calls);
    vec_free(&workflow->tools);
    vec_free(&workflow->waits);
    vec_free(&workflow->links);
    map_free(&workflow->agent_index);
    map_free(&workflow->call_index);
    map_free(&workflow->tool_index);
    intern_free(&workflow->texts);
    free(workflow);
}

struct agent_sink *workflow_sink(struct workflow *workflow)
{
    return &workflow->sink;
}

void workflow_ids_are_global(struct workflow *workflow, bool are_global)
{
    workflow->ids_are_global = are_global;
}

const char *workflow_malformed(const struct workflow *workflow)
{
    return workflow->malformed;
}
