/* SPDX-License-Identifier: Apache-2.0 */
#include "agents/otlp_reading.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/genai.h"
#include "base/map.h"
#include "base/num.h"
#include "base/vec.h"

#define TREE_SPANS_MAX 4000000u /* of one file; spans above have no agent but their own */
#define TREE_DEPTH_MAX 256u

/* What others below a span need of it; texts are ids of `names`. */
struct tree_span {
    uint64_t parent_key;
    uint32_t agent, session;
    uint32_t told_session; /* of the call that stands for its own usage; 0: none was told */
    uint64_t span_id;
};

struct otlp_reading {
    const struct otlp_pass *pass;
    struct otlp_decoder *decoder;
    struct map index_of; /* key of a span to its index */
    struct map above;    /* keys of spans above one with usage, come or not */
    VEC(struct tree_span) tree;
    struct intern names;
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

static struct tree_span *tree_find(const struct otlp_reading *reading, uint64_t key)
{
    const uint64_t *index = map_get(&reading->index_of, key);
    return index ? &reading->tree.items[*index] : NULL;
}

static void hex_of(uint64_t id, char ret_text[17])
{
    snprintf(ret_text, 17, "%016llx", (unsigned long long)id);
}

/* What was told of an agent's own usage repeats what a call below it tells. */
static int take_back(struct otlp_reading *reading, struct tree_span *agent, struct err *err)
{
    struct agent_sink *sink = reading->pass->sink;
    char id[17];
    if (!agent->told_session || !sink->retract)
        return 0;
    hex_of(agent->span_id, id);
    const char *session = intern_text(&reading->names, agent->told_session);
    agent->told_session = 0;
    return sink->retract(sink, session, id, err);
}

/* Marks the spans above one that tells of usage, as far as they have come; one that is marked has done so already. */
static int mark_above(struct otlp_reading *reading, uint64_t key, struct err *err)
{
    for (unsigned depth = 0; key && depth < TREE_DEPTH_MAX && !map_get(&reading->above, key); depth++) {
        struct tree_span *above = tree_find(reading, key);
        int status = map_put(&reading->above, key, 1) ? err_memory(err) : 0;
        if (!status && above)
            status = take_back(reading, above, err);
        if (status)
            return status;
        key = above ? above->parent_key : 0;
    }
    return 0;
}

static bool has_usage(const struct genai *genai)
{
    return genai->has_usage && (genai->kind == GENAI_LLM || genai->kind == GENAI_AGENT) &&
           tokens_total(&genai->tokens);
}

static int remember(struct otlp_reading *reading, const struct otlp_span *span, const struct genai *genai,
                    struct err *err)
{
    struct tree_span at = {.parent_key = span->parent_id ? key_of(span->trace_id, span->parent_id) : 0,
                           .span_id = span->span_id};
    uint64_t key = key_of(span->trace_id, span->span_id);
    if (map_get(&reading->index_of, key))
        return 0;
    int status = 0;
    if (has_usage(genai) || map_get(&reading->above, key))
        status = mark_above(reading, at.parent_key, err);
    if (status || reading->tree.count >= TREE_SPANS_MAX)
        return status;
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
        const struct tree_span *above = tree_find(reading, key);
        if (!above)
            break;
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
    hex_of(span->span_id, id);
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
    return reading->pass->sink->llm_call ? reading->pass->sink->llm_call(reading->pass->sink, &call, err) : 0;
}

static int tell_tool(struct otlp_reading *reading, const struct otlp_span *span, const struct genai *genai,
                     const struct belonging *belonging, struct err *err)
{
    char id[17], name[GENAI_TEXT_MAX];
    size_t length = num_min(span->name.length, sizeof name - 1);
    hex_of(span->span_id, id);
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
    return reading->pass->sink->tool_call ? reading->pass->sink->tool_call(reading->pass->sink, &call, err)
                                          : 0;
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
    return reading->pass->sink->agent ? reading->pass->sink->agent(reading->pass->sink, &facts, err) : 0;
}

/* An agent's own usage, where nothing below tells of any: one call at its end. */
static int tell_own_usage(struct otlp_reading *reading, const struct otlp_span *span,
                          const struct genai *genai, const struct belonging *belonging, struct err *err)
{
    uint64_t key = key_of(span->trace_id, span->span_id);
    struct tree_span *at = tree_find(reading, key);
    char id[17], project[GENAI_TEXT_MAX];
    if (!has_usage(genai) || map_get(&reading->above, key) || !reading->pass->sink->llm_call)
        return 0;
    hex_of(span->span_id, id);
    struct llm_call call = call_of(genai);
    call.session = belonging->session;
    call.agent = agent_of(genai);
    call.project = service_of(&span->resource, project, sizeof project);
    call.id = id;
    call.start_ns = call.end_ns = (int64_t)span->end_ns;
    int status = at ? name_id(reading, call.session, &at->told_session, err) : 0;
    return status ? status : reading->pass->sink->llm_call(reading->pass->sink, &call, err);
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
    return reading->pass->sink->wait ? reading->pass->sink->wait(reading->pass->sink, &wait, err) : 0;
}

static int tell(struct otlp_reading *reading, const struct otlp_span *span, const struct genai *genai,
                struct err *err)
{
    struct belonging belonging;
    int status = 0;
    if (span->start_ns > INT64_MAX / 2 || span->end_ns > INT64_MAX)
        return 0;
    find_belonging(reading, span, genai, &belonging);
    switch (genai->kind) {
    case GENAI_LLM: return tell_call(reading, span, genai, &belonging, err);
    case GENAI_AGENT:
        status = tell_agent(reading, span, genai, &belonging, err);
        return status ? status : tell_own_usage(reading, span, genai, &belonging, err);
    case GENAI_TOOL: return reading->pass->calls_only ? 0 : tell_tool(reading, span, genai, &belonging, err);
    case GENAI_HUMAN: return reading->pass->calls_only ? 0 : tell_wait(reading, span, &belonging, err);
    case GENAI_NONE:
    default: return 0;
    }
}

static int on_span(void *context, const struct otlp_span *span, struct err *err)
{
    struct otlp_reading *reading = context;
    struct genai genai = {.kind = GENAI_NONE};
    bool is_one = genai_read(span, &genai);
    int status = reading->pass->phase == OTLP_TELL ? 0 : remember(reading, span, &genai, err);
    return status || !is_one || reading->pass->phase == OTLP_LEARN ? status
                                                                   : tell(reading, span, &genai, err);
}

static int on_record(void *context, const struct otlp_record *record, struct err *err)
{
    struct otlp_reading *reading = context;
    struct genai genai;
    char project[GENAI_TEXT_MAX];
    uint64_t duration_ns = 0, end_ns = record->time_ns ? record->time_ns : record->observed_ns;
    if (reading->pass->phase == OTLP_LEARN || end_ns > INT64_MAX ||
        !genai_read_record(record, &genai, &duration_ns))
        return 0;
    struct llm_call call = call_of(&genai);
    call.session = genai.session;
    call.agent = agent_of(&genai);
    call.project = service_of(&record->resource, project, sizeof project);
    call.id = genai.id;
    call.end_ns = (int64_t)end_ns;
    call.start_ns = (int64_t)(end_ns - num_min(duration_ns, end_ns));
    return reading->pass->sink->llm_call ? reading->pass->sink->llm_call(reading->pass->sink, &call, err) : 0;
}

static int on_request(void *context, const struct otlp_request *request, uint64_t number, bool is_request,
                      struct err *err)
{
    struct otlp_reading *reading = context;
    const struct otlp_pass *pass = reading->pass;
    struct otlp_reader reader = {.span = on_span, .record = on_record, .context = reading};
    struct otlp_counts counts;
    struct err why;
    int status = -ERR_INPUT;
    snprintf(why.what, sizeof why.what, "it is no request of OTLP");
    if (is_request)
        status = otlp_decode(reading->decoder, request, &reader, &counts, &why);
    if (status == -ERR_INPUT && pass->phase != OTLP_LEARN && pass->sink->malformed)
        return pass->sink->malformed(pass->sink, pass->path, number, why.what, err);
    if (status && status != -ERR_INPUT && err)
        *err = why;
    return status == -ERR_INPUT ? 0 : status;
}

int otlp_reading_create(struct otlp_reading **ret_reading, struct err *err)
{
    struct otlp_reading *reading = calloc(1, sizeof *reading);
    if (reading)
        reading->decoder = otlp_decoder_create();
    if (!reading || !reading->decoder) {
        otlp_reading_destroy(reading);
        return err_memory(err);
    }
    *ret_reading = reading;
    return 0;
}

int otlp_reading_pass(struct otlp_reading *reading, const struct otlp_pass *pass,
                      struct otlp_file_told *ret_told, struct err *err)
{
    reading->pass = pass;
    int status = otlp_file_read_on(pass->path, pass->from, on_request, reading, ret_told, err);
    reading->pass = NULL;
    return status;
}

void otlp_reading_destroy(struct otlp_reading *reading)
{
    if (!reading)
        return;
    otlp_decoder_destroy(reading->decoder);
    map_free(&reading->index_of);
    map_free(&reading->above);
    vec_free(&reading->tree);
    intern_free(&reading->names);
    free(reading);
}
