/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenTelemetry in files of JSON: calls of models and tools, and agents, whichever dialect told them (genai.h).
 *
 * A call belongs to the nearest agent above it in its trace, and to the conversation that it or one above it names, else to its
 * trace. Spans come in any order, so the file is read twice: first the tree, then what is in it.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "agents/genai.h"
#include "agents/otlp_file.h"
#include "agents/source.h"
#include "base/map.h"
#include "base/num.h"

#define TREE_SPANS_MAX 4000000u /* of one file; spans above have no agent but their own */
#define TREE_DEPTH_MAX 256u

/* What others below a span need of it; texts are ids of `names`. */
struct tree_span {
    uint64_t parent_key;
    uint32_t agent, session;
};

struct otlp_reading {
    const struct source_request *request;
    struct agent_sink *sink;
    struct otlp_decoder *decoder;
    struct map index_of; /* key of a span to its index */
    VEC(struct tree_span) tree;
    struct intern names;
    uint64_t line;
    bool tells; /* the second time */
};

static uint64_t key_of(const uint8_t trace_id[16], uint64_t span_id)
{
    uint64_t halves[2];
    memcpy(halves, trace_id, sizeof halves);
    uint64_t key = map_hash(halves[0] ^ map_hash(halves[1] ^ map_hash(span_id)));
    return key ? key : 1;
}

static const char *agent_of(const struct genai *genai)
{
    return genai->agent_id[0] ? genai->agent_id : genai->agent;
}

static int name_id(struct otlp_reading *reading, const char *text, uint32_t *ret_id, struct err *err)
{
    uint64_t id = 0;
    if (text[0] && intern_put(&reading->names, text, strlen(text), &id, NULL))
        return err_memory(err);
    *ret_id = (uint32_t)id;
    return 0;
}

static int remember(struct otlp_reading *reading, const struct otlp_span *span, const struct genai *genai,
                    struct err *err)
{
    struct tree_span at = {.parent_key = span->parent_id ? key_of(span->trace_id, span->parent_id) : 0};
    uint64_t key = key_of(span->trace_id, span->span_id);
    if (reading->tree.count >= TREE_SPANS_MAX || map_get(&reading->index_of, key))
        return 0;
    int status = 0;
    if (genai->kind == GENAI_AGENT || genai->agent_id[0])
        status = name_id(reading, agent_of(genai), &at.agent, err);
    if (!status)
        status = name_id(reading, genai->session, &at.session, err);
    if (!status && (map_put(&reading->index_of, key, reading->tree.count) || vec_push(&reading->tree, at)))
        return err_memory(err);
    return status;
}

/* Where an event belongs. */
struct belonging {
    const char *session, *agent;
    char trace[33];
};

static void find_belonging(const struct otlp_reading *reading, const struct otlp_span *span,
                           const struct genai *genai, struct belonging *ret_belonging)
{
    uint32_t agent = 0, session = 0;
    uint64_t key = span->parent_id ? key_of(span->trace_id, span->parent_id) : 0;
    for (unsigned depth = 0; key && depth < TREE_DEPTH_MAX && !(agent && session); depth++) {
        const uint64_t *index = map_get(&reading->index_of, key);
        if (!index)
            break;
        const struct tree_span *above = &reading->tree.items[*index];
        agent = agent ? agent : above->agent;
        session = session ? session : above->session;
        key = above->parent_key;
    }
    for (int i = 0; i < 16; i++)
        snprintf(ret_belonging->trace + 2 * i, 3, "%02x", span->trace_id[i]);
    ret_belonging->agent = intern_text(&reading->names, agent);
    ret_belonging->session = genai->session[0] ? genai->session
                             : session         ? intern_text(&reading->names, session)
                                               : ret_belonging->trace;
}

static const char *service_of(const struct otlp_attributes *resource, char *ret_text, size_t size)
{
    const struct otlp_attribute *found = otlp_find(resource, "service.name");
    size_t length = found && found->value.kind == OTLP_TEXT ? num_min(found->value.text.length, size - 1) : 0;
    if (length)
        memcpy(ret_text, found->value.text.bytes, length);
    ret_text[length] = '\0';
    return ret_text;
}

static struct llm_call call_of(const struct genai *genai)
{
    return (struct llm_call){.task = "",
                             .model = genai->model,
                             .provider = genai->provider,
                             .region = genai->region,
                             .tokens = genai->tokens,
                             .output_high = genai->tokens.output,
                             .context_bytes = 0,
                             .cost_usd = genai->cost_usd,
                             .web_searches = genai->web_searches,
                             .attempt = genai->attempt,
                             .tier = genai->tier,
                             .is_fast = genai->is_fast};
}

static int tell_call(struct otlp_reading *reading, const struct otlp_span *span, const struct genai *genai,
                     const struct belonging *belonging, struct err *err)
{
    char id[17], project[GENAI_TEXT_MAX];
    struct llm_call call = call_of(genai);
    snprintf(id, sizeof id, "%016llx", (unsigned long long)span->span_id);
    call.session = belonging->session;
    call.agent = genai->agent_id[0] ? genai->agent_id : belonging->agent;
    call.project = service_of(&span->resource, project, sizeof project);
    call.id = genai->id[0] ? genai->id : id;
    call.start_ns = (int64_t)span->start_ns;
    call.end_ns = (int64_t)span->end_ns;
    call.first_token_ns =
        genai->first_token_after_ns ? (int64_t)(span->start_ns + genai->first_token_after_ns) : 0;
    call.is_error = span->status == OTLP_STATUS_ERROR;
    call.is_unbilled = call.is_error && !genai->has_usage;
    return reading->sink->llm_call ? reading->sink->llm_call(reading->sink, &call, err) : 0;
}

static int tell_tool(struct otlp_reading *reading, const struct otlp_span *span, const struct genai *genai,
                     const struct belonging *belonging, struct err *err)
{
    char id[17], name[GENAI_TEXT_MAX];
    size_t length = num_min(span->name.length, sizeof name - 1);
    snprintf(id, sizeof id, "%016llx", (unsigned long long)span->span_id);
    memcpy(name, length ? span->name.bytes : "", length);
    name[length] = '\0';
    struct tool_call call = {.session = belonging->session,
                             .agent = belonging->agent,
                             .id = genai->tool_id[0] ? genai->tool_id : id,
                             .name = genai->tool[0] ? genai->tool : name,
                             .text = genai->tool_text,
                             .child_agent = "",
                             .start_ns = (int64_t)span->start_ns,
                             .end_ns = (int64_t)span->end_ns,
                             .is_error = span->status == OTLP_STATUS_ERROR};
    return reading->sink->tool_call ? reading->sink->tool_call(reading->sink, &call, err) : 0;
}

static int tell_agent(struct otlp_reading *reading, const struct otlp_span *span, const struct genai *genai,
                      const struct belonging *belonging, struct err *err)
{
    const char *agent = agent_of(genai);
    /* One that calls itself again is still the same one. */
    const char *parent = strcmp(belonging->agent, agent) != 0 ? belonging->agent : "";
    struct agent_facts facts = {.session = belonging->session,
                                .agent = agent,
                                .parent = genai->parent_agent[0] ? genai->parent_agent : parent,
                                .kind = genai->agent,
                                .title = "",
                                .spawn_id = "",
                                .start_ns = (int64_t)span->start_ns,
                                .end_ns = (int64_t)span->end_ns};
    return reading->sink->agent ? reading->sink->agent(reading->sink, &facts, err) : 0;
}

static int tell_wait(struct otlp_reading *reading, const struct otlp_span *span,
                     const struct belonging *belonging, struct err *err)
{
    struct agent_wait wait = {.session = belonging->session,
                              .agent = belonging->agent,
                              .on = "",
                              .reason = AGENT_WAIT_HUMAN,
                              .start_ns = (int64_t)span->start_ns,
                              .end_ns = (int64_t)span->end_ns};
    return reading->sink->wait ? reading->sink->wait(reading->sink, &wait, err) : 0;
}

static int on_span(void *context, const struct otlp_span *span, struct err *err)
{
    struct otlp_reading *reading = context;
    struct genai genai = {.kind = GENAI_NONE};
    struct belonging belonging;
    bool is_one = genai_read(span, &genai);
    if (!reading->tells)
        return remember(reading, span, &genai, err);
    if (!is_one || span->start_ns > INT64_MAX / 2 || span->end_ns > INT64_MAX)
        return 0;
    find_belonging(reading, span, &genai, &belonging);
    if (genai.kind == GENAI_LLM)
        return tell_call(reading, span, &genai, &belonging, err);
    if (genai.kind == GENAI_AGENT)
        return tell_agent(reading, span, &genai, &belonging, err);
    if (reading->request->calls_only)
        return 0;
    return genai.kind == GENAI_TOOL ? tell_tool(reading, span, &genai, &belonging, err)
                                    : tell_wait(reading, span, &belonging, err);
}

static int on_record(void *context, const struct otlp_record *record, struct err *err)
{
    struct otlp_reading *reading = context;
    struct genai genai;
    char project[GENAI_TEXT_MAX];
    uint64_t duration_ns = 0, end_ns = record->time_ns ? record->time_ns : record->observed_ns;
    if (!reading->tells || end_ns > INT64_MAX || !genai_read_record(record, &genai, &duration_ns))
        return 0;
    struct llm_call call = call_of(&genai);
    call.session = genai.session;
    call.agent = agent_of(&genai);
    call.project = service_of(&record->resource, project, sizeof project);
    call.id = genai.id;
    call.end_ns = (int64_t)end_ns;
    call.start_ns = (int64_t)(end_ns - num_min(duration_ns, end_ns));
    return reading->sink->llm_call ? reading->sink->llm_call(reading->sink, &call, err) : 0;
}

static int on_request(void *context, const struct otlp_request *request, uint64_t line, bool is_request,
                      struct err *err)
{
    struct otlp_reading *reading = context;
    struct otlp_reader reader = {.span = on_span, .record = on_record, .context = reading};
    struct otlp_counts counts;
    struct err why;
    int status = -ERR_INPUT;
    snprintf(why.what, sizeof why.what, "it is no request of OTLP");
    if (is_request)
        status = otlp_decode(reading->decoder, request, &reader, &counts, &why);
    if (status == -ERR_INPUT && reading->tells && reading->sink->malformed)
        return reading->sink->malformed(reading->sink, reading->request->path, line, why.what, err);
    if (status && status != -ERR_INPUT && err)
        *err = why;
    return status == -ERR_INPUT ? 0 : status;
}

static int otlp_read(const struct source_request *request, struct agent_sink *sink, struct err *err)
{
    struct otlp_reading reading = {.request = request, .sink = sink, .decoder = otlp_decoder_create()};
    int status = reading.decoder ? 0 : err_memory(err);
    for (int time = 0; !status && time < 2; time++) {
        reading.tells = time == 1;
        status = otlp_file_read(request->path, on_request, &reading, err);
    }
    otlp_decoder_destroy(reading.decoder);
    map_free(&reading.index_of);
    vec_free(&reading.tree);
    intern_free(&reading.names);
    return status;
}

/* By the name alone, since other programs' files are JSON as well. */
static bool otlp_takes(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    return (str_ends(path, ".json") || str_ends(path, ".jsonl")) &&
           (strstr(name, "otlp") || strstr(name, "otel") || strstr(name, "trace") || strstr(name, "span"));
}

static bool otlp_probe(const char *path, const char *head, size_t length)
{
    (void)path;
    return otlp_file_is(head, length);
}

const struct agent_source otlp_source = {
    .name = "otlp",
    .about = "OpenTelemetry, as the collector writes it to files",
    .takes = otlp_takes,
    .probe = otlp_probe,
    .read = otlp_read,
};
