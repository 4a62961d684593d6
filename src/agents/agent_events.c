/* SPDX-License-Identifier: Apache-2.0 */
#include "agents/agent_events.h"

#include <math.h>

#include "base/num.h"

static void merge_tokens(struct tokens *tokens, const struct tokens *again)
{
    tokens->input = num_max(tokens->input, again->input);
    tokens->output = num_max(tokens->output, again->output);
    tokens->cache_read = num_max(tokens->cache_read, again->cache_read);
    tokens->cache_write_5m = num_max(tokens->cache_write_5m, again->cache_write_5m);
    tokens->cache_write_1h = num_max(tokens->cache_write_1h, again->cache_write_1h);
    tokens->reasoning = num_max(tokens->reasoning, again->reasoning);
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

void llm_call_merge(struct llm_call *call, const struct llm_call *again)
{
    /* A telling that is not partial has the true usage; one that is partial can only be too small. */
    call->is_partial = call->is_partial && again->is_partial;
    merge_tokens(&call->tokens, &again->tokens);
    call->output_high = num_max(call->output_high, again->output_high);
    if (!call->is_partial)
        call->output_high = call->tokens.output;
    call->context_bytes = num_max(call->context_bytes, again->context_bytes);
    call->start_ns = earlier(call->start_ns, again->start_ns);
    call->end_ns = later(call->end_ns, again->end_ns);
    call->first_token_ns = earlier(call->first_token_ns, again->first_token_ns);
    if (isnan(call->cost_usd) || again->cost_usd > call->cost_usd)
        call->cost_usd = again->cost_usd;
    call->web_searches = call->web_searches > again->web_searches ? call->web_searches : again->web_searches;
}

uint64_t tokens_prompt(const struct tokens *tokens)
{
    return tokens->input + tokens->cache_read + tokens->cache_write_5m + tokens->cache_write_1h;
}

uint64_t tokens_total(const struct tokens *tokens)
{
    return tokens_prompt(tokens) + tokens->output;
}
