/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_events: what every source of agent data tells, whatever its format: calls of models, calls of tools, agents, waits.
 *
 * A source (one file each: Claude Code, Codex, Gemini, OpenCode, OTLP, exports) reads its own format and calls the functions of a
 * struct agent_sink. Two kinds of sinks read them: tables of usage, and the writer of a recording. Strings belong to the
 * source and live until the function returns. Times are Unix nanoseconds, 0 when not known. The order is the source's; an event
 * with the identity (source, session, id) of an earlier one says more of the same thing: llm_call_merge is the one rule for that.
 */
#ifndef TOLL_AGENTS_AGENT_EVENTS_H
#define TOLL_AGENTS_AGENT_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Disjoint, except that reasoning is a part of output. A cache write of unknown life is counted as 5 minutes. */
struct tokens {
    uint64_t input; /* not from the cache, not written to it */
    uint64_t output;
    uint64_t cache_read, cache_write_5m, cache_write_1h;
    uint64_t reasoning;
};

enum service_tier { SERVICE_STANDARD, SERVICE_BATCH, SERVICE_PRIORITY, SERVICE_FLEX };

/* One response of a model's API: counted and paid once, however often its source repeats it. */
struct llm_call {
    const char *session;  /* conversation */
    const char *agent;    /* id within the session; "" for the main one */
    const char *project;  /* working folder, or "" */
    const char *task;     /* what it was asked to do, or "" */
    const char *id;       /* of the response; "" when the source has none: then it is never merged */
    const char *model;    /* as the provider names it; "" when not known */
    const char *provider; /* "anthropic", "openai", "google"; "" when not known */
    const char *region;   /* of inference: "us"; "" */
    const char *
        tools; /* names of the tools that it asked for, a comma between them; NULL or "": none, or not known */
    int64_t start_ns, end_ns;
    int64_t first_token_ns; /* 0: not known */
    struct tokens tokens;
    uint64_t
        output_high; /* at most this many output tokens, by the text, when the usage is partial; else tokens.output */
    uint64_t context_bytes; /* of the request, 0: not known */
    double cost_usd;        /* as the source tells it; NAN when it does not */
    uint32_t web_searches;
    uint32_t attempt; /* 0: first */
    enum service_tier tier;
    bool is_fast;
    bool is_partial;  /* the usage is a placeholder, the true one was never written */
    bool is_unbilled; /* made by the client itself (synthetic, an error): nobody pays for it */
    bool is_error;
};

struct tool_call {
    const char *session, *agent;
    const char *id, *name;
    const char *text;         /* a short form of what it was given: for people, and to see repetition; "" */
    const char *child_agent;  /* the agent that it started; "" */
    int64_t start_ns, end_ns; /* 0: never came back */
    uint64_t result_bytes;
    bool is_error;
};

/* An agent, or more of one: "" and 0 say nothing. */
struct agent_facts {
    const char *session, *agent;
    const char *parent;   /* agent that started it; "" for the main one, or not known */
    const char *kind;     /* "planner", "general-purpose" */
    const char *title;    /* its task, in words */
    const char *spawn_id; /* the tool call that started it */
    int64_t start_ns, end_ns;
};

enum agent_wait_reason { AGENT_WAIT_HUMAN, AGENT_WAIT_RATE_LIMIT, AGENT_WAIT_RETRY, AGENT_WAIT_AGENT };

struct agent_wait {
    const char *session, *agent;
    const char *on; /* the agent waited for; "" */
    enum agent_wait_reason reason;
    int64_t start_ns, end_ns;
};

/* Declared: what has to be done before what. Both are ids of tool calls or tasks, or agents. */
struct agent_link {
    const char *session;
    const char *from, *to;
};

/* A function may be NULL: its reader does not care. All return 0, or -1 with the error, which ends the reading. */
struct agent_sink {
    int (*llm_call)(struct agent_sink *sink, const struct llm_call *call, struct err *err);
    int (*tool_call)(struct agent_sink *sink, const struct tool_call *call, struct err *err);
    int (*agent)(struct agent_sink *sink, const struct agent_facts *agent, struct err *err);
    int (*wait)(struct agent_sink *sink, const struct agent_wait *wait, struct err *err);
    int (*link)(struct agent_sink *sink, const struct agent_link *link, struct err *err);
    /* A call that was told before, by its session and id, only repeats others: it does not count (otlp_reading.h, live). */
    int (*retract)(struct agent_sink *sink, const char *session, const char *id, struct err *err);
    /* A piece that could not be read: it is left out, told and counted, never silently. */
    int (*malformed)(struct agent_sink *sink, const char *file, uint64_t line, const char *why,
                     struct err *err);
};

/* Folds another telling of the same response into `call`: the largest of each number, the earliest start, the latest end. */
void llm_call_merge(struct llm_call *call, const struct llm_call *again);
uint64_t tokens_prompt(
    const struct tokens *tokens); /* input with all of the cache: what a tier's threshold is held against */
uint64_t tokens_total(const struct tokens *tokens);

#endif
