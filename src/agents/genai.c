/* SPDX-License-Identifier: Apache-2.0 */
#include "agents/genai.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/num.h"

/* What an attribute tells. */
enum field {
    FIELD_OPERATION, /* gen_ai.operation.name */
    FIELD_SPAN_KIND, /* of OpenInference and Traceloop: LLM, TOOL, AGENT */
    FIELD_AI_OPERATION,
    FIELD_REQUEST_TYPE,
    FIELD_MODEL,
    FIELD_REQUEST_MODEL,
    FIELD_PROVIDER,
    FIELD_ID,
    FIELD_REGION,
    FIELD_AGENT,
    FIELD_AGENT_ID,
    FIELD_PARENT_AGENT,
    FIELD_WORKFLOW,
    FIELD_SESSION,
    FIELD_TOOL,
    FIELD_TOOL_ID,
    FIELD_TOOL_TEXT,
    FIELD_TIER,
    FIELD_SPEED,
    FIELD_INPUT,
    FIELD_OUTPUT,
    FIELD_CACHE_READ,
    FIELD_CACHE_WRITE,
    FIELD_CACHE_WRITE_5M,
    FIELD_CACHE_WRITE_1H,
    FIELD_REASONING,
    FIELD_INPUT_UNCACHED,
    FIELD_COST,
    FIELD_FIRST_TOKEN_S,
    FIELD_FIRST_TOKEN_MS,
    FIELD_ATTEMPT,
    FIELD_RETRIES,
    FIELD_WEB_SEARCHES,
    FIELD_DURATION_MS,
    FIELD_COUNT,
    FIELD_TEXT_COUNT = FIELD_INPUT /* those before are texts */
};

struct alias {
    const char *key;
    enum field field;
};

/* Of one field the first alias that a span has counts, so newer and plainer names stand first. */
static const struct alias aliases[] = {
    {"gen_ai.operation.name", FIELD_OPERATION},
    {"openinference.span.kind", FIELD_SPAN_KIND},
    {"traceloop.span.kind", FIELD_SPAN_KIND},
    {"ai.operationId", FIELD_AI_OPERATION},
    {"llm.request.type", FIELD_REQUEST_TYPE},
    {"gen_ai.response.model", FIELD_MODEL},
    {"ai.response.model", FIELD_MODEL},
    {"llm.response.model", FIELD_MODEL},
    {"llm.model_name", FIELD_MODEL},
    {"embedding.model_name", FIELD_MODEL},
    {"gen_ai.request.model", FIELD_REQUEST_MODEL},
    {"ai.model.id", FIELD_REQUEST_MODEL},
    {"llm.request.model", FIELD_REQUEST_MODEL},
    {"gen_ai.provider.name", FIELD_PROVIDER},
    {"gen_ai.system", FIELD_PROVIDER},
    {"llm.provider", FIELD_PROVIDER},
    {"llm.system", FIELD_PROVIDER},
    {"ai.model.provider", FIELD_PROVIDER},
    {"llm.vendor", FIELD_PROVIDER},
    {"gen_ai.response.id", FIELD_ID},
    {"ai.response.id", FIELD_ID},
    {"llm.response.id", FIELD_ID},
    {"gen_ai.usage.inference_geo", FIELD_REGION},
    {"gen_ai.agent.name", FIELD_AGENT},
    {"agent.name", FIELD_AGENT},
    {"traceloop.entity.name", FIELD_AGENT},
    {"graph.node.name", FIELD_AGENT},
    {"ai.telemetry.functionId", FIELD_AGENT},
    {"gen_ai.agent.id", FIELD_AGENT_ID},
    {"gen_ai.workflow.name", FIELD_WORKFLOW},
    {"traceloop.workflow.name", FIELD_WORKFLOW},
    {"gen_ai.conversation.id", FIELD_SESSION},
    {"session.id", FIELD_SESSION},
    {"traceloop.association.properties.session_id", FIELD_SESSION},
    {"gen_ai.tool.name", FIELD_TOOL},
    {"tool.name", FIELD_TOOL},
    {"ai.toolCall.name", FIELD_TOOL},
    {"gen_ai.tool.call.arguments", FIELD_TOOL_TEXT},
    {"ai.toolCall.args", FIELD_TOOL_TEXT},
    {"gen_ai.tool.call.id", FIELD_TOOL_ID},
    {"tool_call.id", FIELD_TOOL_ID},
    {"ai.toolCall.id", FIELD_TOOL_ID},
    {"gen_ai.openai.response.service_tier", FIELD_TIER},
    {"openai.response.service_tier", FIELD_TIER},
    {"gen_ai.response.service_tier", FIELD_TIER},
    {"gen_ai.usage.input_tokens", FIELD_INPUT},
    {"gen_ai.usage.prompt_tokens", FIELD_INPUT},
    {"llm.token_count.prompt", FIELD_INPUT},
    {"llm.usage.prompt_tokens", FIELD_INPUT},
    {"ai.usage.inputTokens", FIELD_INPUT},
    {"ai.usage.promptTokens", FIELD_INPUT},
    {"ai.usage.tokens", FIELD_INPUT},
    {"gen_ai.usage.output_tokens", FIELD_OUTPUT},
    {"gen_ai.usage.completion_tokens", FIELD_OUTPUT},
    {"llm.token_count.completion", FIELD_OUTPUT},
    {"llm.usage.completion_tokens", FIELD_OUTPUT},
    {"ai.usage.outputTokens", FIELD_OUTPUT},
    {"ai.usage.completionTokens", FIELD_OUTPUT},
    {"gen_ai.usage.cache_read.input_tokens", FIELD_CACHE_READ},
    {"gen_ai.usage.cache_read_input_tokens", FIELD_CACHE_READ},
    {"gen_ai.usage.cache_read_tokens", FIELD_CACHE_READ},
    {"gen_ai.usage.details.cache_read_tokens", FIELD_CACHE_READ},
    {"gen_ai.usage.details.cache_read_input_tokens", FIELD_CACHE_READ},
    {"gen_ai.usage.input_tokens.cached", FIELD_CACHE_READ},
    {"gen_ai.usage.input_cached_tokens", FIELD_CACHE_READ},
    {"gen_ai.usage.cached_tokens", FIELD_CACHE_READ},
    {"llm.token_count.prompt_details.cache_read", FIELD_CACHE_READ},
    {"llm.usage.cache_read_input_tokens", FIELD_CACHE_READ},
    {"ai.usage.inputTokenDetails.cacheReadTokens", FIELD_CACHE_READ},
    {"ai.usage.cachedInputTokens", FIELD_CACHE_READ},
    {"gen_ai.usage.cache_write.input_tokens", FIELD_CACHE_WRITE},
    {"gen_ai.usage.cache_creation.input_tokens", FIELD_CACHE_WRITE},
    {"gen_ai.usage.cache_creation_input_tokens", FIELD_CACHE_WRITE},
    {"gen_ai.usage.cache_creation_tokens", FIELD_CACHE_WRITE},
    {"gen_ai.usage.cache_write_input_tokens", FIELD_CACHE_WRITE},
    {"gen_ai.usage.cache_write_tokens", FIELD_CACHE_WRITE},
    {"gen_ai.usage.details.cache_write_tokens", FIELD_CACHE_WRITE},
    {"gen_ai.usage.details.cache_creation_tokens", FIELD_CACHE_WRITE},
    {"gen_ai.usage.details.cache_creation_input_tokens", FIELD_CACHE_WRITE},
    {"llm.token_count.prompt_details.cache_write", FIELD_CACHE_WRITE},
    {"llm.usage.cache_creation_input_tokens", FIELD_CACHE_WRITE},
    {"ai.usage.inputTokenDetails.cacheWriteTokens", FIELD_CACHE_WRITE},
    {"gen_ai.usage.cache_creation.ephemeral_5m_input_tokens", FIELD_CACHE_WRITE_5M},
    {"gen_ai.usage.cache_creation.ephemeral_1h_input_tokens", FIELD_CACHE_WRITE_1H},
    {"gen_ai.usage.reasoning.output_tokens", FIELD_REASONING},
    {"gen_ai.usage.reasoning_tokens", FIELD_REASONING},
    {"gen_ai.usage.details.reasoning_tokens", FIELD_REASONING},
    {"gen_ai.usage.details.thoughts_tokens", FIELD_REASONING},
    {"gen_ai.usage.output_tokens.reasoning", FIELD_REASONING},
    {"llm.token_count.completion_details.reasoning", FIELD_REASONING},
    {"ai.usage.outputTokenDetails.reasoningTokens", FIELD_REASONING},
    {"ai.usage.reasoningTokens", FIELD_REASONING},
    {"ai.usage.inputTokenDetails.noCacheTokens", FIELD_INPUT_UNCACHED},
    {"gen_ai.usage.cost", FIELD_COST},
    {"gen_ai.usage.total_cost", FIELD_COST},
    {"llm.cost.total", FIELD_COST},
    {"gen_ai.response.time_to_first_chunk", FIELD_FIRST_TOKEN_S},
    {"gen_ai.server.time_to_first_token", FIELD_FIRST_TOKEN_S},
    {"ai.response.msToFirstChunk", FIELD_FIRST_TOKEN_MS},
};

/* Claude Code's own, flat names. */
static const struct alias claude_aliases[] = {
    {"gen_ai.response.model", FIELD_MODEL},
    {"model", FIELD_MODEL},
    {"gen_ai.request.model", FIELD_REQUEST_MODEL},
    {"request_id", FIELD_ID},
    {"agent_name", FIELD_AGENT},
    {"agent.name", FIELD_AGENT},
    {"subagent_type", FIELD_AGENT},
    {"agent_id", FIELD_AGENT_ID},
    {"agent.id", FIELD_AGENT_ID},
    {"parent_agent_id", FIELD_PARENT_AGENT},
    {"session.id", FIELD_SESSION},
    {"tool_name", FIELD_TOOL},
    {"tool_use_id", FIELD_TOOL_ID},
    {"service_tier", FIELD_TIER},
    {"speed", FIELD_SPEED},
    {"inference_geo", FIELD_REGION},
    {"input_tokens", FIELD_INPUT},
    {"output_tokens", FIELD_OUTPUT},
    {"cache_read_tokens", FIELD_CACHE_READ},
    {"cache_creation_tokens", FIELD_CACHE_WRITE},
    {"cost_usd", FIELD_COST},
    {"ttft_ms", FIELD_FIRST_TOKEN_MS},
    {"attempt", FIELD_ATTEMPT},
    {"retry_count", FIELD_RETRIES},
    {"duration_ms", FIELD_DURATION_MS},
};

struct dialect {
    const struct alias *aliases;
    size_t count;
};
static const struct dialect common = {aliases, sizeof aliases / sizeof aliases[0]};
static const struct dialect claude = {claude_aliases, sizeof claude_aliases / sizeof claude_aliases[0]};

/* The attribute that tells each field, and the rank of its alias. */
struct found {
    const struct otlp_value *values[FIELD_COUNT];
    size_t ranks[FIELD_COUNT];
    size_t count;
};

static bool starts(struct otlp_text text, const char *prefix)
{
    size_t length = strlen(prefix);
    return text.length >= length && memcmp(text.bytes, prefix, length) == 0;
}

static bool ends(struct otlp_text text, const char *suffix)
{
    size_t length = strlen(suffix);
    return text.length >= length && memcmp(text.bytes + text.length - length, suffix, length) == 0;
}

/* Most spans of the world are not of this one: their keys are not looked up. */
static bool may_be_genai(struct otlp_text key)
{
    /* The first letters of those below: one look for nearly every key. */
    if (!key.length || !key.bytes[0] || !strchr("glaotes", key.bytes[0]))
        return false;
    static const char *const prefixes[] = {"gen_ai.",    "llm.",       "ai.",    "openinference.",
                                           "traceloop.", "agent.",     "tool",   "embedding.",
                                           "graph.",     "session.id", "openai."};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (starts(key, prefixes[i]))
            return true;
    return false;
}

static void find_all(const struct otlp_attributes *attributes, const struct dialect *dialect, bool is_flat,
                     struct found *found)
{
    for (size_t i = 0; i < attributes->count; i++) {
        const struct otlp_attribute *attribute = &attributes->items[i];
        if (attribute->value.kind == OTLP_NONE || (!is_flat && !may_be_genai(attribute->key)))
            continue;
        for (size_t rank = 0; rank < dialect->count; rank++) {
            enum field field = dialect->aliases[rank].field;
            if (!otlp_text_is(attribute->key, dialect->aliases[rank].key))
                continue;
            found->count++;
            if (!found->values[field] || rank < found->ranks[field]) {
                found->values[field] = &attribute->value;
                found->ranks[field] = rank;
            }
            break;
        }
    }
}

static struct otlp_text text_of(const struct found *found, enum field field)
{
    const struct otlp_value *value = found->values[field];
    return value && value->kind == OTLP_TEXT ? value->text : (struct otlp_text){"", 0};
}

static void copy(const struct found *found, enum field field, char *out)
{
    struct str text = {0};
    if (found->values[field])
        otlp_value_text(found->values[field], &text);
    snprintf(out, GENAI_TEXT_MAX, "%s", str_text(&text));
    str_free(&text);
}

static double number_of(const struct found *found, enum field field)
{
    double number = 0;
    if (found->values[field] && otlp_value_number(found->values[field], &number))
        return number;
    return 0;
}

static uint64_t count_of(const struct found *found, enum field field)
{
    return num_u64(number_of(found, field));
}

static bool is_any(struct otlp_text text, const char *const *names)
{
    for (; *names; names++)
        if (strlen(*names) == text.length && strncasecmp(text.bytes, *names, text.length) == 0)
            return true;
    return false;
}

static enum genai_kind kind_of_operation(struct otlp_text operation)
{
    static const char *const calls[] = {"chat",       "generate_content", "text_completion",
                                        "completion", "embeddings",       "embedding",
                                        "llm",        "rerank",           NULL};
    static const char *const tools[] = {"execute_tool", "tool", NULL};
    static const char *const agents[] = {"invoke_agent", "create_agent", "invoke_workflow",
                                         "agent",        "workflow",     NULL};
    if (is_any(operation, calls))
        return GENAI_LLM;
    if (is_any(operation, tools))
        return GENAI_TOOL;
    return is_any(operation, agents) ? GENAI_AGENT : GENAI_NONE;
}

static enum genai_kind kind_of(const struct found *found)
{
    struct otlp_text ai = text_of(found, FIELD_AI_OPERATION);
    /* The Vercel AI SDK writes gen_ai.* on the inner span alone, but its own usage on both. */
    if (ai.length)
        return ends(ai, ".doGenerate") || ends(ai, ".doStream") || ends(ai, ".doEmbed") ? GENAI_LLM
               : otlp_text_is(ai, "ai.toolCall")                                        ? GENAI_TOOL
                                                                                        : GENAI_AGENT;
    static const enum field told[] = {FIELD_OPERATION, FIELD_SPAN_KIND, FIELD_REQUEST_TYPE};
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        enum genai_kind kind = kind_of_operation(text_of(found, told[i]));
        if (kind != GENAI_NONE)
            return kind;
    }
    bool is_said = found->values[FIELD_OPERATION] || found->values[FIELD_SPAN_KIND];
    bool has_model = found->values[FIELD_MODEL] || found->values[FIELD_REQUEST_MODEL];
    return !is_said && has_model && found->values[FIELD_INPUT] ? GENAI_LLM : GENAI_NONE;
}

static enum genai_kind kind_of_claude(struct otlp_text name)
{
    if (otlp_text_is(name, "claude_code.llm_request"))
        return GENAI_LLM;
    if (otlp_text_is(name, "claude_code.tool"))
        return GENAI_TOOL;
    if (otlp_text_is(name, "claude_code.interaction"))
        return GENAI_AGENT;
    return otlp_text_is(name, "claude_code.tool.blocked_on_user") ? GENAI_HUMAN : GENAI_NONE;
}

/* Emitters whose input does not include the cache. */
static bool is_exclusive(const struct found *found, struct otlp_text scope, bool is_claude)
{
    if (is_claude || starts(scope, "strands") || starts(scope, "opentelemetry.instrumentation.strands"))
        return true;
    struct otlp_text provider = text_of(found, FIELD_PROVIDER);
    return found->values[FIELD_AI_OPERATION] && starts(provider, "anthropic") &&
           !found->values[FIELD_INPUT_UNCACHED];
}

static void read_tokens(const struct found *found, bool exclusive, struct genai *genai)
{
    struct tokens *tokens = &genai->tokens;
    uint64_t input = count_of(found, FIELD_INPUT), write = count_of(found, FIELD_CACHE_WRITE);
    genai->has_usage = found->values[FIELD_INPUT] || found->values[FIELD_OUTPUT];
    tokens->output = count_of(found, FIELD_OUTPUT);
    tokens->reasoning = num_min(count_of(found, FIELD_REASONING), tokens->output);
    tokens->cache_read = count_of(found, FIELD_CACHE_READ);
    tokens->cache_write_5m = count_of(found, FIELD_CACHE_WRITE_5M);
    tokens->cache_write_1h = count_of(found, FIELD_CACHE_WRITE_1H);
    /* What is not split is counted as the short kind. */
    uint64_t split = tokens->cache_write_5m + tokens->cache_write_1h;
    tokens->cache_write_5m += write > split ? write - split : 0;
    uint64_t cache = tokens->cache_read + tokens->cache_write_5m + tokens->cache_write_1h;
    tokens->input = exclusive || cache > input ? input : input - cache;
    if (found->values[FIELD_INPUT_UNCACHED])
        tokens->input = count_of(found, FIELD_INPUT_UNCACHED);
}

static enum service_tier tier_of(struct otlp_text text)
{
    return otlp_text_is(text, "batch")      ? SERVICE_BATCH
           : otlp_text_is(text, "priority") ? SERVICE_PRIORITY
           : otlp_text_is(text, "flex")     ? SERVICE_FLEX
                                            : SERVICE_STANDARD;
}

static void fill(const struct found *found, struct genai *genai)
{
    copy(found, FIELD_MODEL, genai->model);
    if (!genai->model[0])
        copy(found, FIELD_REQUEST_MODEL, genai->model);
    copy(found, FIELD_PROVIDER, genai->provider);
    copy(found, FIELD_ID, genai->id);
    copy(found, FIELD_REGION, genai->region);
    copy(found, FIELD_AGENT, genai->agent);
    copy(found, FIELD_AGENT_ID, genai->agent_id);
    copy(found, FIELD_PARENT_AGENT, genai->parent_agent);
    copy(found, FIELD_SESSION, genai->session);
    copy(found, FIELD_TOOL, genai->tool);
    copy(found, FIELD_TOOL_ID, genai->tool_id);
    copy(found, FIELD_TOOL_TEXT, genai->tool_text);
    if (genai->kind == GENAI_AGENT && !genai->agent[0])
        copy(found, FIELD_WORKFLOW, genai->agent);
    genai->cost_usd = found->values[FIELD_COST] ? number_of(found, FIELD_COST) : NAN;
    genai->tier = tier_of(text_of(found, FIELD_TIER));
    genai->is_fast = otlp_text_is(text_of(found, FIELD_SPEED), "fast");
    double first_ns = number_of(found, FIELD_FIRST_TOKEN_S) * (double)NS_PER_S +
                      number_of(found, FIELD_FIRST_TOKEN_MS) * (double)NS_PER_MS;
    genai->first_token_after_ns = num_u64(first_ns);
    uint64_t attempt = count_of(found, FIELD_ATTEMPT);
    /* Claude Code counts attempts from 1. */
    genai->attempt = (uint32_t)num_min(attempt ? attempt - 1 : count_of(found, FIELD_RETRIES), UINT32_MAX);
    genai->web_searches = (uint32_t)num_min(count_of(found, FIELD_WEB_SEARCHES), UINT32_MAX);
}

bool genai_read(const struct otlp_span *span, struct genai *ret_genai)
{
    struct found found = {.count = 0};
    bool is_claude = starts(span->name, "claude_code.");
    find_all(&span->attributes, is_claude ? &claude : &common, is_claude, &found);
    if (!found.count && !is_claude)
        return false;
    enum genai_kind kind = is_claude ? kind_of_claude(span->name) : kind_of(&found);
    if (kind == GENAI_NONE)
        return false;
    *ret_genai = (struct genai){.kind = kind};
    fill(&found, ret_genai);
    read_tokens(&found, is_exclusive(&found, span->scope, is_claude), ret_genai);
    if (is_claude && !ret_genai->provider[0])
        memcpy(ret_genai->provider, "anthropic", sizeof "anthropic");
    return true;
}

bool genai_read_record(const struct otlp_record *record, struct genai *ret_genai, uint64_t *ret_duration_ns)
{
    struct found found = {.count = 0};
    struct otlp_text name = record->name;
    const struct otlp_attribute *named = otlp_find(&record->attributes, "event.name");
    if (!name.length && named && named->value.kind == OTLP_TEXT)
        name = named->value.text;
    if (!name.length && record->body.kind == OTLP_TEXT)
        name = record->body.text;
    if (!otlp_text_is(name, "claude_code.api_request") && !otlp_text_is(name, "api_request"))
        return false;
    find_all(&record->attributes, &claude, true, &found);
    if (!found.values[FIELD_INPUT] && !found.values[FIELD_OUTPUT])
        return false;
    *ret_genai = (struct genai){.kind = GENAI_LLM};
    fill(&found, ret_genai);
    read_tokens(&found, true, ret_genai);
    memcpy(ret_genai->provider, "anthropic", sizeof "anthropic");
    *ret_duration_ns = num_u64(number_of(&found, FIELD_DURATION_MS) * (double)NS_PER_MS);
    return true;
}
