/* SPDX-License-Identifier: Apache-2.0 */
/* agent_names: what recordings of teams of agents hold beside the common names of meta.h. */
#ifndef TOLL_MODEL_AGENT_NAMES_H
#define TOLL_MODEL_AGENT_NAMES_H

/* META_SCOPE of such a recording */
#define SCOPE_AGENTS "agents"

/* kinds of usage of a span of category llm: disjoint numbers of tokens, except that reasoning is a part of output */
#define USAGE_INPUT          "tokens_input" /* not from the cache, not written to it */
#define USAGE_OUTPUT         "tokens_output"
#define USAGE_CACHE_READ     "tokens_cache_read"
#define USAGE_CACHE_WRITE_5M "tokens_cache_write_5m"
#define USAGE_CACHE_WRITE_1H "tokens_cache_write_1h"
#define USAGE_REASONING      "tokens_reasoning"
#define USAGE_OUTPUT_HIGH    "tokens_output_high" /* at most, where tokens_output is a placeholder */
#define USAGE_COST           "cost_usd"
#define USAGE_CONTEXT_BYTES  "context_bytes" /* of the request */
#define USAGE_WEB_SEARCHES   "web_searches"
/* of a span of category tool */
#define USAGE_RESULT_BYTES "result_bytes"

/* attrs of such spans; what is not there is not known, or "no" */
#define ATTR_UNPRICED       "unpriced" /* the model's name */
#define ATTR_UNBILLED       "unbilled" /* made by the client itself: nobody pays for it */
#define ATTR_ATTEMPT        "attempt"  /* 1: the first repetition */
#define ATTR_FIRST_TOKEN_NS "first_token_ns"
#define ATTR_TIER           "tier" /* batch, priority, flex, fast */
#define ATTR_TEXT           "text" /* a short form of what a tool was given */

/* attrs of an agent's track, and of the peer that stands for a model */
#define ATTR_TITLE      "title" /* its task, in words */
#define ATTR_AGENT_KIND "agent_kind"
#define ATTR_SESSION    "session"
#define ATTR_PROVIDER   "provider"

/* peers of kind api that a track waits for with reason rate_limit */
#define PEER_NAME_RATE_LIMIT "rate limit"
#define PEER_NAME_RETRY      "retry after an error"

#endif
