/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claude_line: one line of a transcript of Claude Code, as slices of it.
 *
 * A line is an object whose kind is its key `type`. What a model answered is in `message`; one answer is told on several lines, one a
 * block of its content, all with the same `message.id`. A line of type progress may hold a line of a subagent (`data.message`): then
 * the message is that one's. Keys are taken where they belong, whatever their order, blanks and nulls, and never by their letters
 * alone: a tool's arguments may hold all of them.
 */
#ifndef TOLL_AGENTS_CLAUDE_LINE_H
#define TOLL_AGENTS_CLAUDE_LINE_H

#include "agents/agent_events.h"
#include "codec/json_scan.h"

#define CLAUDE_BLOCKS_MAX 64u /* of one line; those behind are counted, not told */

enum claude_kind {
    CLAUDE_OTHER,
    CLAUDE_ASSISTANT,
    CLAUDE_USER,
    CLAUDE_PROGRESS,
    CLAUDE_SYSTEM,
    CLAUDE_QUEUE,
    CLAUDE_STARTED, /* of a workflow's journal */
    CLAUDE_RESULT
};

/* Key `usage` of a message or of a tool's result. */
struct claude_usage {
    struct tokens tokens;
    struct json_slice region;
    uint32_t web_searches;
    enum service_tier tier;
    bool is_there, is_fast;
};

/* A tool asked for: a block of type tool_use. */
struct claude_tool_use {
    struct json_slice id, name;
    struct json_slice text; /* the argument that says most: a command, a file's name; else all of them, raw */
    struct json_slice agent_kind, title; /* input.subagent_type, input.description */
};

/* What it gave back: a block of type tool_result. */
struct claude_tool_result {
    struct json_slice id;
    uint64_t bytes;
    bool is_error;
};

struct claude_block {
    uint64_t hash; /* of its bytes: a block told twice is one */
    uint64_t text_bytes;
};

struct claude_message {
    bool is_there, has_stop; /* stop_reason is a text: the answer is complete */
    bool ends_turn;
    bool has_prompt; /* a text of the user's own */
    struct json_slice id, model, role, prompt;
    struct claude_usage usage;
    struct claude_block blocks[CLAUDE_BLOCKS_MAX];
    struct claude_tool_use uses[CLAUDE_BLOCKS_MAX];
    struct claude_tool_result results[CLAUDE_BLOCKS_MAX];
    size_t block_count, use_count, result_count;
};

struct claude_line {
    enum claude_kind kind;
    bool is_sidechain, is_meta, is_api_error, is_summary;
    bool is_nested; /* the message is a subagent's, told by a line of its parent */
    bool is_agent_progress;
    struct json_slice session, agent, cwd, uuid, subtype, operation, key;
    struct json_slice parent_tool; /* progress: the tool call that made the subagent */
    int64_t at_ns;                 /* 0: not told */
    double cost_usd;               /* NAN: not told */
    struct claude_message message;
    /* Key toolUseResult: what a subagent gave back. */
    struct json_slice result_agent;
    struct claude_usage result_usage; /* of its last answer */
    /* system, api_error */
    double retry_ms;
    double error_status;
};

/* False for what is no JSON object. Slices point into the line. */
bool claude_line_read(const char *bytes, size_t length, struct claude_line *ret_line);

/* Whether a line of which only the start is there may hold what matters. */
bool claude_line_head_matters(const char *bytes, size_t length);

#endif
