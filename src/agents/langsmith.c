/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LangSmith's runs, as its API and its exports give them: JSON, JSON lines or CSV.
 *
 * Only runs of type llm are calls: the runs around them repeat the sum of what is below. prompt_tokens includes the cache, completion_tokens
 * includes reasoning; how much is in prompt_token_details and completion_token_details, or in the usage_metadata of the output.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "agents/export_rows.h"
#include "agents/export_tree.h"
#include "agents/json_pick.h"
#include "agents/source.h"

#define TEXT_BYTES_MAX 200u

struct langsmith_file {
    const struct source_request *request;
    struct agent_sink *sink;
    struct export_tree tree;
};

static bool is_type(const struct json_value *row, const char *type)
{
    return strcmp(pick_text(row, "run_type"), type) == 0;
}

static const char *parent_of(const struct json_value *row)
{
    const struct json_value *parents = json_find_array(row, "parent_run_ids");
    size_t count = json_count(parents);
    const char *parent = pick_text(row, "parent_run_id");
    return *parent || !count ? parent : pick_text(json_item(parents, count - 1), NULL);
}

static const char *agent_name(const struct json_value *row)
{
    static const char *const names[] = {"extra.metadata.lc_agent_name", "extra.metadata.agent_name", NULL};
    return pick_text_of(row, names);
}

static bool is_agent(const struct json_value *row)
{
    const struct json_value *tags = json_find_array(row, "tags");
    if (!is_type(row, "chain"))
        return false;
    for (size_t i = 0; i < json_count(tags); i++)
        if (strcmp(pick_text(json_item(tags, i), NULL), "agent") == 0)
            return true;
    const char *name = agent_name(row);
    return *name && strcmp(name, pick_text(row, "name")) == 0;
}

static const char *thread_of(const struct json_value *row)
{
    static const char *const paths[] = {"thread_id", "extra.metadata.thread_id", "extra.metadata.session_id",
                                        "extra.metadata.conversation_id", NULL};
    return pick_text_of(row, paths);
}

/* --- usage --- */

static const struct json_value *usage_metadata(const struct json_value *row)
{
    static const char *const paths[] = {"outputs.usage_metadata", "extra.metadata.usage_metadata",
                                        "usage_metadata"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (json_find_object(row, paths[i]))
            return json_find_object(row, paths[i]);
    /* LangChain: outputs.generations[0][0].message.kwargs.usage_metadata */
    const struct json_value *first = json_item(json_find_array(row, "outputs.generations"), 0);
    if (json_kind(first) == JSON_KIND_ARRAY)
        first = json_item(first, 0);
    return json_find_object(first, "message.kwargs.usage_metadata");
}

static struct tokens tokens_of(const struct json_value *row)
{
    const struct json_value *usage = usage_metadata(row);
    const struct json_value *in = json_find_object(row, "prompt_token_details"),
                            *out = json_find_object(row, "completion_token_details");
    uint64_t prompt = pick_count(row, "prompt_tokens"), output = pick_count(row, "completion_tokens");
    prompt = prompt ? prompt : pick_count(usage, "input_tokens");
    output = output ? output : pick_count(usage, "output_tokens");
    in = json_count(in) ? in : json_find_object(usage, "input_token_details");
    out = json_count(out) ? out : json_find_object(usage, "output_token_details");
    uint64_t read = pick_count(in, "cache_read"), hour = pick_count(in, "ephemeral_1h_input_tokens"),
             five = pick_count(in, "ephemeral_5m_input_tokens"), write = pick_count(in, "cache_creation"),
             reasoning = pick_count(out, "reasoning");
    /* The whole write beside its kinds, or instead of them. */
    five = hour + five >= write ? five : write - hour;
    uint64_t cache = read + five + hour;
    /* Less than the cache cannot have included it. */
    return (struct tokens){.input = cache <= prompt ? prompt - cache : prompt,
                           .output = output,
                           .cache_read = read,
                           .cache_write_5m = five,
                           .cache_write_1h = hour,
                           .reasoning = reasoning < output ? reasoning : output};
}

/* --- rows --- */

static const char *session_of(const struct langsmith_file *file, const struct json_value *row)
{
    const char *session = export_tree_session(&file->tree, pick_text(row, "id"));
    return *session ? session : pick_text(row, "trace_id");
}

static int tell_call(struct langsmith_file *file, const struct json_value *row, struct err *err)
{
    static const char *const models[] = {"extra.metadata.ls_model_name",
                                         "extra.invocation_params.model",
                                         "extra.invocation_params.model_name",
                                         "outputs.llm_output.model_name",
                                         "model_name",
                                         "model",
                                         NULL};
    static const char *const projects[] = {"session_name", "project_name", NULL};
    const char *id = pick_text(row, "id");
    struct llm_call call = {.session = session_of(file, row),
                            .agent = export_tree_agent(&file->tree, id),
                            .project = pick_text_of(row, projects),
                            .task = pick_text(row, "name"),
                            .id = id,
                            .tools = "",
                            .model = pick_text_of(row, models),
                            .provider = pick_text(row, "extra.metadata.ls_provider"),
                            .region = "",
                            .start_ns = pick_time(row, "start_time"),
                            .end_ns = pick_time(row, "end_time"),
                            .first_token_ns = pick_time(row, "first_token_time"),
                            .tokens = tokens_of(row),
                            .cost_usd = pick_number(row, "total_cost"),
                            .is_error = *pick_text(row, "error")};
    call.end_ns = call.end_ns > call.start_ns ? call.end_ns : call.start_ns;
    call.output_high = call.tokens.output;
    if (!tokens_total(&call.tokens) && !call.is_error)
        return 0;
    return file->sink->llm_call ? file->sink->llm_call(file->sink, &call, err) : 0;
}

static int tell_tool(struct langsmith_file *file, const struct json_value *row, struct err *err)
{
    const char *id = pick_text(row, "id");
    char text[TEXT_BYTES_MAX + 1];
    snprintf(text, sizeof text, "%.*s", (int)TEXT_BYTES_MAX, pick_first_text(json_find(row, "inputs.input")));
    struct tool_call call = {.session = session_of(file, row),
                             .agent = export_tree_agent(&file->tree, id),
                             .id = id,
                             .name = pick_text(row, "name"),
                             .text = text,
                             .child_agent = "",
                             .start_ns = pick_time(row, "start_time"),
                             .end_ns = pick_time(row, "end_time"),
                             .result_bytes = pick_text_bytes(json_find(row, "outputs")),
                             .is_error = *pick_text(row, "error")};
    return file->sink->tool_call ? file->sink->tool_call(file->sink, &call, err) : 0;
}

static int tell_agent(struct langsmith_file *file, const struct json_value *row, struct err *err)
{
    const char *id = pick_text(row, "id"), *kind = agent_name(row);
    struct agent_facts facts = {.session = session_of(file, row),
                                .agent = id,
                                .parent = export_tree_agent(&file->tree, id),
                                .kind = *kind ? kind : pick_text(row, "name"),
                                .title = pick_text(row, "name"),
                                .spawn_id = "",
                                .start_ns = pick_time(row, "start_time"),
                                .end_ns = pick_time(row, "end_time")};
    return file->sink->agent ? file->sink->agent(file->sink, &facts, err) : 0;
}

static int learn_row(struct export_reader *reader, const struct json_value *row, struct err *err)
{
    struct langsmith_file *file = reader->data;
    struct export_node node = {.id = pick_text(row, "id"),
                               .parent = parent_of(row),
                               .session = thread_of(row),
                               .is_agent = is_agent(row)};
    return export_tree_add(&file->tree, &node, err);
}

static int tell_row(struct export_reader *reader, const struct json_value *row, struct err *err)
{
    struct langsmith_file *file = reader->data;
    if (is_type(row, "llm"))
        return tell_call(file, row, err);
    if (is_agent(row))
        return tell_agent(file, row, err);
    if (!file->request->calls_only && (is_type(row, "tool") || is_type(row, "retriever")))
        return tell_tool(file, row, err);
    return 0;
}

static int langsmith_read(const struct source_request *request, struct agent_sink *sink, struct err *err)
{
    struct langsmith_file file = {.request = request, .sink = sink};
    struct export_reader reader = {.path = request->path, .data = &file, .row = learn_row};
    int status = export_rows_learn_and_tell(&reader, sink, tell_row, err);
    export_tree_free(&file.tree);
    return status;
}

static bool langsmith_probe(const char *path, const char *head, size_t length)
{
    (void)path;
    return memmem(head, length, "run_type", 8) &&
           (memmem(head, length, "trace_id", 8) || memmem(head, length, "dotted_order", 12) ||
            memmem(head, length, "parent_run_id", 13) || memmem(head, length, "start_time", 10));
}

const struct agent_source langsmith_source = {
    .name = "langsmith",
    .about = "LangSmith exports",
    .ids_are_global = true,
    .takes = export_rows_takes,
    .probe = langsmith_probe,
    .read = langsmith_read,
};
