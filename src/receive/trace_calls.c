/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of models, and what agents say that they used themselves: usage rows, each response once. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "model/agent_names.h"
#include "receive/internal.h"

static int usage_row(struct trace_rows *rows, uint64_t span, const char *kind, double amount, uint64_t model,
                     struct err *err)
{
    struct row_usage row = {.span = span, .amount = num_bits(amount), .model = model};
    if (amount == 0)
        return 0;
    int status = sink_intern(rows->sink, kind, &row.kind, err);
    return status ? status : sink_append(rows->sink, usage, &row, err);
}

/* What the price book says, else what the span does. */
static bool cost_of(const struct trace_rows *rows, const struct genai *genai, uint64_t start_ns,
                    double *ret_usd)
{
    struct llm_call call = {.session = "",
                            .agent = "",
                            .project = "",
                            .task = "",
                            .id = genai->id,
                            .model = genai->model,
                            .provider = genai->provider,
                            .region = genai->region,
                            .start_ns = (int64_t)(rows->base_ns + start_ns),
                            .tokens = genai->tokens,
                            .output_high = genai->tokens.output,
                            .cost_usd = genai->cost_usd,
                            .web_searches = genai->web_searches,
                            .tier = genai->tier,
                            .is_fast = genai->is_fast};
    if (rows->usd && rows->usd(rows->usd_context, &call, ret_usd))
        return true;
    *ret_usd = genai->cost_usd;
    return isfinite(genai->cost_usd);
}

static int told_call(struct trace_rows *rows, const struct genai *genai, uint64_t at_ns,
                     struct told_call *ret_call, struct err *err)
{
    static const char *const tiers[] = {[SERVICE_STANDARD] = NULL,
                                        [SERVICE_BATCH] = "batch",
                                        [SERVICE_PRIORITY] = "priority",
                                        [SERVICE_FLEX] = "flex"};
    struct told_call call = {.tokens = genai->tokens,
                             .tier = genai->is_fast ? "fast" : tiers[genai->tier],
                             .attempt = genai->attempt,
                             .first_token_after_ns = genai->first_token_after_ns};
    call.is_priced = cost_of(rows, genai, at_ns, &call.usd);
    int status = genai->model[0] ? sink_intern(rows->sink, genai->model, &call.model, err) : 0;
    if (!status)
        *ret_call = call;
    return status;
}

static int attr_number(struct trace_rows *rows, const struct row_attr *owner, const char *key,
                       uint64_t number, struct err *err)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, number);
    return number ? sink_attr(rows->sink, owner, key, text, err) : 0;
}

/* What the readers of agents' recordings look for beside the usage. */
static int call_attrs(struct trace_rows *rows, uint64_t span, const struct told_call *call, struct err *err)
{
    struct row_attr owner = {.owner_table = TABLE_SPAN, .owner = span}, row = owner;
    int status = 0;
    if (!call->is_priced && call->model) {
        row.value = call->model;
        status = sink_intern(rows->sink, ATTR_UNPRICED, &row.key, err);
        if (!status)
            status = sink_append(rows->sink, attr, &row, err);
    } else if (!call->is_priced) {
        status = sink_attr(rows->sink, &owner, ATTR_UNPRICED, "?", err);
    }
    if (!status && call->tier)
        status = sink_attr(rows->sink, &owner, ATTR_TIER, call->tier, err);
    if (!status)
        status = attr_number(rows, &owner, ATTR_ATTEMPT, call->attempt, err);
    return status ? status : attr_number(rows, &owner, ATTR_FIRST_TOKEN_NS, call->first_token_after_ns, err);
}

static int usage_rows(struct trace_rows *rows, uint64_t span, const struct told_call *call, struct err *err)
{
    const struct tokens *tokens = &call->tokens;
    const struct {
        const char *kind;
        uint64_t amount;
    } amounts[] = {
        {USAGE_INPUT, tokens->input},
        {USAGE_OUTPUT, tokens->output},
        {USAGE_CACHE_READ, tokens->cache_read},
        {USAGE_CACHE_WRITE_5M, tokens->cache_write_5m},
        {USAGE_CACHE_WRITE_1H, tokens->cache_write_1h},
        {USAGE_REASONING, tokens->reasoning},
    };
    int status = 0;
    for (size_t i = 0; !status && i < sizeof amounts / sizeof amounts[0]; i++)
        status = usage_row(rows, span, amounts[i].kind, (double)amounts[i].amount, call->model, err);
    if (call->is_priced) {
        rows->counts.cost_usd += call->usd;
        if (!status)
            status = usage_row(rows, span, USAGE_COST, call->usd, call->model, err);
    } else {
        rows->counts.unpriced_count++;
    }
    rows->counts.call_count++;
    rows->counts.tokens += tokens_total(tokens);
    return status ? status : call_attrs(rows, span, call, err);
}

int trace_call_is_told(struct trace_rows *rows, const struct genai *genai, bool *ret_told, struct err *err)
{
    *ret_told = false;
    if (!genai->id[0])
        return 0;
    uint64_t key = map_hash_bytes(genai->id, strlen(genai->id));
    *ret_told = map_get(&rows->calls, key) != NULL;
    if (*ret_told || rows->calls.count >= CALLS_MAX)
        return 0;
    return map_put(&rows->calls, key, 1) ? err_memory(err) : 0;
}

int trace_call_take(struct trace_rows *rows, const struct genai *genai, struct held_span *held,
                    struct err *err)
{
    const char *api = genai->model[0] ? genai->model : genai->provider[0] ? genai->provider : "model";
    struct told_call call;
    bool is_told = false;
    held->category = SPAN_LLM;
    held->kind = HELD_LLM;
    held->has_usage = tokens_total(&genai->tokens) > 0;
    int status = trace_peer(rows, PEER_API, (struct otlp_text){api, strlen(api)}, &held->peer, err);
    if (!status)
        status = trace_call_is_told(rows, genai, &is_told, err);
    if (is_told)
        rows->counts.repeated_count++;
    if (status || is_told)
        return status;
    status = told_call(rows, genai, held->start_ns, &call, err);
    return status ? status : usage_rows(rows, held->row, &call, err);
}

/* --- agents --- */

int trace_own_keep(struct trace_rows *rows, const struct genai *genai, struct held_span *held,
                   struct err *err)
{
    struct own_usage own = {.key = held->key};
    if (!genai->has_usage || !tokens_total(&genai->tokens))
        return 0;
    held->has_usage = true;
    int status = told_call(rows, genai, held->end_ns, &own.call, err);
    if (status)
        return status;
    return vec_push(&rows->own, own) ? err_memory(err) : 0;
}

/* A call at the agent's end that takes no time. */
static int own_rows(struct trace_rows *rows, const struct held_span *agent, const struct told_call *call,
                    struct err *err)
{
    struct row_span row = {.id = ++rows->span_last,
                           .parent = agent->row,
                           .track = agent->lane == HELD_NONE ? rows->services.items[agent->service].track
                                                             : rows->lanes.items[agent->lane].track,
                           .name = call->model,
                           .category = SPAN_LLM,
                           .start_ns = agent->laid_end_ns,
                           .end_ns = num_max(agent->laid_end_ns, 1)};
    int status = row.name ? 0 : sink_intern(rows->sink, "model", &row.name, err);
    if (!status)
        status = sink_append(rows->sink, span, &row, err);
    return status ? status : usage_rows(rows, row.id, call, err);
}

int trace_own_write(struct trace_rows *rows, struct err *err)
{
    size_t kept = 0;
    int status = 0;
    for (size_t i = 0; i < rows->own.count; i++) {
        const struct own_usage *own = &rows->own.items[i];
        const uint64_t *index = map_get(&rows->span_of, own->key);
        if (!index || *index >= rows->spans.count) {
            rows->own.items[kept++] = *own; /* of a span that is still held */
            continue;
        }
        const struct held_span *agent = &rows->spans.items[*index];
        if (!status && !agent->usage_below)
            status = own_rows(rows, agent, &own->call, err);
    }
    rows->own.count = kept;
    return status;
}
