/* SPDX-License-Identifier: Apache-2.0 */
/*
 * genai: what a span of OpenTelemetry says of a model, a tool or an agent, whoever emitted it.
 *
 * The dialects: the GenAI conventions old and new (gen_ai.*), OpenInference (llm.*, openinference.*), Traceloop (traceloop.*,
 * llm.*), the Vercel AI SDK (ai.*), Claude Code's own (claude_code.* with flat names). Two traps are settled here:
 *
 * - Input tokens include those of the cache by the convention, and by most emitters; of some (Claude Code, Strands, the Vercel AI SDK
 *   with Anthropic) they do not. struct tokens is always without. Where the cache's tokens are more than the input, it cannot have
 *   included them.
 * - Spans around a call (an agent's, ai.generateText around ai.generateText.doGenerate) repeat the usage of what is in them: only the
 *   call itself counts (GENAI_LLM); usage of an agent's span is told apart (has_usage with GENAI_AGENT).
 */
#ifndef TOLL_AGENTS_GENAI_H
#define TOLL_AGENTS_GENAI_H

#include "agents/agent_events.h"
#include "otlp/otlp.h"

#define GENAI_TEXT_MAX 128

enum genai_kind {
    GENAI_NONE,
    GENAI_LLM,   /* a call of a model */
    GENAI_TOOL,  /* a call of a tool */
    GENAI_AGENT, /* an agent at work: a turn, an invocation, a workflow */
    GENAI_HUMAN  /* waits for a person */
};

struct genai {
    enum genai_kind kind;
    bool has_usage;
    struct tokens tokens;
    double cost_usd;               /* NAN: not told */
    uint64_t first_token_after_ns; /* from the start; 0: not told */
    uint32_t attempt;              /* 0: the first */
    uint32_t web_searches;
    enum service_tier tier;
    bool is_fast;
    /* Cut to fit; "" when not told. */
    char model[GENAI_TEXT_MAX], provider[GENAI_TEXT_MAX], id[GENAI_TEXT_MAX], region[GENAI_TEXT_MAX];
    char agent[GENAI_TEXT_MAX]; /* its name */
    char agent_id[GENAI_TEXT_MAX], parent_agent[GENAI_TEXT_MAX];
    char session[GENAI_TEXT_MAX];
    char tool[GENAI_TEXT_MAX], tool_id[GENAI_TEXT_MAX];
    char tool_text[GENAI_TEXT_MAX]; /* what it was given, its start */
};

/* Whether the span is of that world; then all fields are set. */
bool genai_read(const struct otlp_span *span, struct genai *ret_genai);
/* The same for a log record of Claude Code (claude_code.api_request, …): a call that ended at the record's time. *ret_duration_ns is
 * how long it took. False for records of other kinds. */
bool genai_read_record(const struct otlp_record *record, struct genai *ret_genai, uint64_t *ret_duration_ns);

#endif
