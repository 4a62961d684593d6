/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Langfuse's exports of observations (blob export, the API, the page's download): JSON, JSON lines or CSV, in snake_case or camelCase.
 *
 * usage_details is a map of kinds of tokens. The parts of input (input_…, cache_…) and of output stand beside each other where
 * Langfuse's own integrations wrote them, and are within `input` and `output` where some emitters of OpenTelemetry did: the total tells.
 * Only generations (and embeddings) are calls; what spans and agents around them repeat is not counted.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "agents/export_rows.h"
#include "agents/export_tree.h"
#include "agents/json_pick.h"
#include "agents/source.h"
#include "base/str.h"

#define TEXT_BYTES_MAX 200u

struct langfuse_file {
    const struct source_request *request;
    struct agent_sink *sink;
    struct export_tree tree;
};

static const char *const ids[] = {"id", "observationId", "observation_id", NULL};
static const char *const parents[] = {"parentObservationId", "parent_observation_id", NULL};
static const char *const traces[] = {"traceId", "trace_id", NULL};
static const char *const sessions[] = {"sessionId", "session_id", NULL};
static const char *const models[] = {"providedModelName", "provided_model_name", "model", NULL};
static const char *const names[] = {"name", NULL};

static int64_t time_of(const struct json_value *row, const char *camel, const char *snake)
{
    int64_t ns = pick_time(row, camel);
    return ns ? ns : pick_time(row, snake);
}

static const struct json_value *map_of(const struct json_value *row, const char *camel, const char *snake)
{
    const struct json_value *map = json_find_object(row, camel);
    return map ? map : json_find_object(row, snake);
}

/* --- usage --- */

struct sums {
    uint64_t input, output, read, write_5m, write_1h, reasoning;
    uint64_t input_other,
        output_other; /* kinds of input and output that have no column of their own: audio … */
    uint64_t total;
};

static bool holds(const char *key, const char *word)
{
    return strstr(key, word) != NULL;
}

static void add_kind(struct sums *sums, const char *key, uint64_t count)
{
    if (strcmp(key, "total") == 0)
        sums->total = count;
    else if (strcmp(key, "input") == 0 || strcmp(key, "input_tokens") == 0 ||
             strcmp(key, "prompt_tokens") == 0)
        sums->input = count;
    else if (strcmp(key, "output") == 0 || strcmp(key, "output_tokens") == 0 ||
             strcmp(key, "completion_tokens") == 0)
        sums->output = count;
    else if (holds(key, "cache") && (holds(key, "creation") || holds(key, "write")))
        *(holds(key, "1h") ? &sums->write_1h : &sums->write_5m) += count;
    else if (holds(key, "cache"))
        sums->read += count;
    else if (holds(key, "reasoning") || holds(key, "thoughts"))
        sums->reasoning += count;
    else if (str_starts(key, "input"))
        sums->input_other += count;
    else if (str_starts(key, "output"))
        sums->output_other += count;
}

/* A write told whole beside its two kinds is told twice. */
static void settle_writes(struct sums *sums, const struct json_value *map)
{
    uint64_t whole = pick_count(map, "cache_creation_input_tokens");
    uint64_t hour = sums->write_1h, five = sums->write_5m >= whole ? sums->write_5m - whole : 0;
    if (whole && hour + five && hour + five <= whole)
        sums->write_5m = whole - hour;
}

static struct tokens tokens_of(const struct json_value *map)
{
    struct sums sums = {0};
    for (struct json_member_at at = json_members(map); at.value; json_members_next(&at)) {
        uint64_t count = pick_count(at.value, NULL);
        if (count)
            add_kind(&sums, at.key, count);
    }
    settle_writes(&sums, map);
    uint64_t cache = sums.read + sums.write_5m + sums.write_1h, sum = sums.input + sums.output;
    uint64_t beside = cache + sums.reasoning + sums.input_other + sums.output_other;
    struct tokens tokens = {.input = sums.input,
                            .output = sums.output,
                            .cache_read = sums.read,
                            .cache_write_5m = sums.write_5m,
                            .cache_write_1h = sums.write_1h,
                            .reasoning = sums.reasoning};
    bool is_within = beside && sums.total && sums.total == sum;
    if (is_within && cache <= sums.input) {
        tokens.input -= cache;
    } else if (!is_within) {
        tokens.input += sums.input_other;
        bool cache_only = sums.total && sums.total == sum + cache; /* reasoning is within output */
        tokens.output += sums.output_other + (cache_only ? 0 : sums.reasoning);
    }
    tokens.reasoning = tokens.reasoning < tokens.output ? tokens.reasoning : tokens.output;
    return tokens;
}

/* The older columns: usage {input, output, total}, or promptTokens and completionTokens; they know no cache. */
static struct tokens tokens_of_row(const struct json_value *row)
{
    static const char *const inputs[] = {"usage.input", "usage.promptTokens", "promptTokens", "prompt_tokens",
                                         "inputUsage",  "input_usage",        "inputTokens",  NULL};
    static const char *const outputs[] = {
        "usage.output", "usage.completionTokens", "completionTokens", "completion_tokens",
        "outputUsage",  "output_usage",           "outputTokens",     NULL};
    const struct json_value *map = map_of(row, "usageDetails", "usage_details");
    if (json_count(map))
        return tokens_of(map);
    return (struct tokens){.input = pick_count_of(row, inputs), .output = pick_count_of(row, outputs)};
}

static double cost_of(const struct json_value *row)
{
    static const char *const paths[] = {"costDetails.total",     "cost_details.total", "calculatedTotalCost",
                                        "calculated_total_cost", "totalCost",          "total_cost"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (!isnan(pick_number(row, paths[i])))
            return pick_number(row, paths[i]);
    return NAN;
}

/* --- rows --- */

static bool is_type(const struct json_value *row, const char *type)
{
    return strcasecmp(pick_text(row, "type"), type) == 0;
}

static const char *session_of(const struct langfuse_file *file, const struct json_value *row)
{
    const char *session = export_tree_session(&file->tree, pick_text_of(row, ids));
    return *session ? session : pick_text_of(row, traces);
}

static int tell_call(struct langfuse_file *file, const struct json_value *row, struct err *err)
{
    static const char *const projects[] = {"projectId", "project_id", NULL};
    const char *id = pick_text_of(row, ids);
    struct llm_call call = {.session = session_of(file, row),
                            .agent = export_tree_agent(&file->tree, id),
                            .project = pick_text_of(row, projects),
                            .task = pick_text_of(row, names),
                            .id = id,
                            .tools = "",
                            .model = pick_text_of(row, models),
                            .provider = "",
                            .region = "",
                            .start_ns = time_of(row, "startTime", "start_time"),
                            .end_ns = time_of(row, "endTime", "end_time"),
                            .first_token_ns = time_of(row, "completionStartTime", "completion_start_time"),
                            .tokens = tokens_of_row(row),
                            .cost_usd = cost_of(row),
                            .is_error = strcmp(pick_text(row, "level"), "ERROR") == 0};
    call.end_ns = call.end_ns > call.start_ns ? call.end_ns : call.start_ns;
    call.output_high = call.tokens.output;
    if (!tokens_total(&call.tokens) && !call.is_error)
        return 0;
    return file->sink->llm_call ? file->sink->llm_call(file->sink, &call, err) : 0;
}

static int tell_tool(struct langfuse_file *file, const struct json_value *row, struct err *err)
{
    const char *id = pick_text_of(row, ids);
    char text[TEXT_BYTES_MAX + 1];
    snprintf(text, sizeof text, "%.*s", (int)TEXT_BYTES_MAX, pick_first_text(json_find(row, "input")));
    struct tool_call call = {.session = session_of(file, row),
                             .agent = export_tree_agent(&file->tree, id),
                             .id = id,
                             .name = pick_text_of(row, names),
                             .text = text,
                             .child_agent = "",
                             .start_ns = time_of(row, "startTime", "start_time"),
                             .end_ns = time_of(row, "endTime", "end_time"),
                             .result_bytes = pick_text_bytes(json_find(row, "output")),
                             .is_error = strcmp(pick_text(row, "level"), "ERROR") == 0};
    return file->sink->tool_call ? file->sink->tool_call(file->sink, &call, err) : 0;
}

static int tell_agent(struct langfuse_file *file, const struct json_value *row, struct err *err)
{
    const char *id = pick_text_of(row, ids), *name = pick_text_of(row, names);
    struct agent_facts facts = {.session = session_of(file, row),
                                .agent = id,
                                .parent = export_tree_agent(&file->tree, id),
                                .kind = name,
                                .title = name,
                                .spawn_id = "",
                                .start_ns = time_of(row, "startTime", "start_time"),
                                .end_ns = time_of(row, "endTime", "end_time")};
    return file->sink->agent ? file->sink->agent(file->sink, &facts, err) : 0;
}

static int learn_row(struct export_reader *reader, const struct json_value *row, struct err *err)
{
    struct langfuse_file *file = reader->data;
    struct export_node node = {.id = pick_text_of(row, ids),
                               .parent = pick_text_of(row, parents),
                               .session = pick_text_of(row, sessions),
                               .is_agent = is_type(row, "AGENT")};
    return export_tree_add(&file->tree, &node, err);
}

static int tell_row(struct export_reader *reader, const struct json_value *row, struct err *err)
{
    struct langfuse_file *file = reader->data;
    /* An export without types is one of generations, where it says how many tokens. */
    if (is_type(row, "GENERATION") || is_type(row, "EMBEDDING") ||
        (!*pick_text(row, "type") && *pick_text_of(row, models)))
        return tell_call(file, row, err);
    if (is_type(row, "AGENT"))
        return tell_agent(file, row, err);
    if (!file->request->calls_only && (is_type(row, "TOOL") || is_type(row, "RETRIEVER")))
        return tell_tool(file, row, err);
    return 0;
}

static int langfuse_read(const struct source_request *request, struct agent_sink *sink, struct err *err)
{
    struct langfuse_file file = {.request = request, .sink = sink};
    struct export_reader reader = {.path = request->path, .data = &file, .row = learn_row};
    int status = export_rows_learn_and_tell(&reader, sink, tell_row, err);
    export_tree_free(&file.tree);
    return status;
}

static bool langfuse_probe(const char *path, const char *head, size_t length)
{
    static const char *const words[] = {
        "usageDetails",          "usage_details",       "parentObservationId",
        "parent_observation_id", "provided_model_name", "providedModelName",
        "calculatedTotalCost",   "completionStartTime", "completion_start_time"};
    (void)path;
    if (!memmem(head, length, "traceId", 7) && !memmem(head, length, "trace_id", 8))
        return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (memmem(head, length, words[i], strlen(words[i])))
            return true;
    return false;
}

const struct agent_source langfuse_source = {
    .name = "langfuse",
    .about = "Langfuse exports",
    .ids_are_global = true,
    .takes = export_rows_takes,
    .probe = langfuse_probe,
    .read = langfuse_read,
};
