/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claude_file: what the lines of one transcript of Claude Code add up to. Lines go in, events come out at the end, when every answer
 * was told whole: an answer is on several lines, its tokens count once, and its text is the sum of theirs.
 */
#ifndef TOLL_AGENTS_CLAUDE_FILE_H
#define TOLL_AGENTS_CLAUDE_FILE_H

#include "agents/claude_line.h"
#include "agents/line_reader.h"
#include "agents/source.h"
#include "base/map.h"

/* An answer that is recorded with less than one token for so many bytes of its own text was never told whole. */
#define CLAUDE_TEXT_BYTES_PER_TOKEN_MAX 8u
/* No text, code or JSON has fewer bytes a token in the mean: this bounds what such an answer may have cost. */
#define CLAUDE_TEXT_BYTES_PER_TOKEN_MIN 3u

struct claude_answer {
    struct llm_call call; /* its texts are of `names` */
    uint64_t text_bytes;
    uint64_t offset_first, offset_last; /* of its lines */
    uint64_t line_first;
    bool is_whole; /* a stop reason, or the result of its agent, was told */
    bool is_sidechain;
};

struct claude_agent {
    const char *id, *kind, *spawn_id;
    const char *title;  /* as the tool call that made it says */
    const char *prompt; /* how it was asked: stands for a title */
    int64_t first_ns, last_ns;
    size_t last_answer; /* index + 1 */
    uint32_t attempts;  /* failed ones before the next answer */
    bool last_is_answer;
    struct claude_usage result; /* of its last answer, as the tool's result told it */
};

struct claude_tool {
    const char *id, *name, *text, *agent, *session, *child, *kind, *title;
    int64_t start_ns, end_ns;
    uint64_t result_bytes;
    uint64_t offset, line;
    bool is_error, has_result, makes_agent;
};

struct claude_file {
    const struct source_request *request;
    struct agent_sink *sink;
    const char *session, *agent, *project; /* by the file's place; agent "" for a conversation's own file */
    bool is_journal;                       /* of a workflow: who did which step */
    struct intern names;
    VEC(struct claude_answer) answers;
    VEC(struct claude_agent) agents;
    VEC(struct claude_tool) tools;
    struct map by_answer, by_agent, by_tool; /* id of the name -> index */
    struct map blocks;                       /* hash with the answer's index: told already */
    uint64_t end_offset, end_line;           /* behind the last whole line */
    uint64_t resume_min;                     /* not before: what has no id would count twice */
    int64_t queued_ns;                       /* a prompt was typed ahead */
};

WARN_UNUSED int claude_file_init(struct claude_file *file, const struct source_request *request,
                                 struct agent_sink *sink, struct err *err);
WARN_UNUSED int claude_file_line(struct claude_file *file, const struct line *at,
                                 const struct claude_line *line, struct err *err);
void claude_file_deinit(struct claude_file *file);

/* The slice as a text that lives as long as the file; NULL when memory ran out. At most `limit` bytes of it. */
const char *claude_text(struct claude_file *file, const struct json_slice *slice, size_t limit);

#endif
