/* SPDX-License-Identifier: Apache-2.0 */
#include "agents/claude_tell.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "base/num.h"

#define STRADDLE_BYTES  (64u << 10)  /* an answer whose last line is so near the end may go on */
#define RESUME_BACK_MAX (4u << 20)   /* how far back a later read goes for a tool call without its result */
#define TAIL_BYTES      (512u << 10) /* of an agent's file, in which its last answer is looked for */

static const char *task_of(const struct claude_agent *agent)
{
    return *agent->title ? agent->title : agent->prompt;
}

/* --- results --- */

/* The last answer of an agent's own file. */
struct last_answer {
    bool is_there;
    const char *id, *model, *session, *project;
    struct claude_usage usage;
    int64_t at_ns;
};

static int find_last(struct claude_file *file, struct line_reader *reader, struct last_answer *last,
                     struct err *err)
{
    struct claude_line parsed;
    struct line line;
    bool is_there = true;
    for (;;) {
        int status = line_reader_next(reader, &line, &is_there, err);
        if (status || !is_there)
            return status;
        /* The first one may be the end of a line: then it is no object. */
        if (!line.has_usage || line.is_cut || !claude_line_read(line.bytes, line.length, &parsed) ||
            parsed.kind != CLAUDE_ASSISTANT || !parsed.message.usage.is_there || !parsed.message.id.length)
            continue;
        last->is_there = true;
        last->id = claude_text(file, &parsed.message.id, SIZE_MAX);
        last->model = claude_text(file, &parsed.message.model, SIZE_MAX);
        last->session = parsed.session.length ? claude_text(file, &parsed.session, SIZE_MAX) : file->session;
        last->project = parsed.cwd.length ? claude_text(file, &parsed.cwd, SIZE_MAX) : file->project;
        last->usage = parsed.message.usage;
        last->at_ns = parsed.at_ns;
        if (!last->id || !last->model || !last->session || !last->project)
            return err_memory(err);
    }
}

/* SESSION/subagents/agent-ID.jsonl, or of old agent-ID.jsonl beside the conversation's file. */
static int read_last(struct claude_file *file, const char *agent, struct last_answer *last, struct err *err)
{
    const char *own = file->request->path, *slash = strrchr(own, '/');
    size_t folder = slash ? (size_t)(slash - own) + 1 : 0;
    struct str path = {0};
    struct stat about;
    struct line_reader reader;
    str_printf(&path, "%.*s%s/subagents/agent-%s.jsonl", (int)folder, own, file->session, agent);
    if (!path.failed && stat(path.text, &about)) {
        str_clear(&path);
        str_printf(&path, "%.*sagent-%s.jsonl", (int)folder, own, agent);
    }
    if (path.failed || strchr(agent, '/') || stat(path.text, &about)) {
        int status = path.failed ? err_memory(err) : 0;
        str_free(&path);
        return status;
    }
    uint64_t size = (uint64_t)about.st_size;
    int status = line_reader_open(&reader, path.text, size - num_min(size, TAIL_BYTES), 1, err);
    if (!status)
        status = find_last(file, &reader, last, err);
    line_reader_close(&reader);
    str_free(&path);
    return status;
}

static int tell_last(struct claude_file *file, const struct claude_agent *agent,
                     const struct last_answer *last, struct err *err)
{
    struct tokens tokens = last->usage.tokens;
    tokens.output = num_max(tokens.output, agent->result.tokens.output);
    struct llm_call call = {.session = last->session,
                            .agent = agent->id,
                            .project = last->project,
                            .task = task_of(agent),
                            .tools = "",
                            .id = last->id,
                            .model = last->model,
                            .provider = strstr(last->model, "claude") ? "anthropic" : "",
                            .region = claude_text(file, &last->usage.region, SIZE_MAX),
                            .start_ns = last->at_ns,
                            .end_ns = last->at_ns,
                            .tokens = tokens,
                            .output_high = tokens.output,
                            .cost_usd = NAN,
                            .web_searches = last->usage.web_searches,
                            .tier = last->usage.tier,
                            .is_fast = last->usage.is_fast};
    if (!call.region)
        return err_memory(err);
    return file->sink->llm_call ? file->sink->llm_call(file->sink, &call, err) : 0;
}

static bool is_same_prompt(const struct tokens *left, const struct tokens *right)
{
    return left->input == right->input && left->cache_read == right->cache_read &&
           tokens_prompt(left) == tokens_prompt(right);
}

static int settle(struct claude_file *file, struct claude_agent *agent, struct err *err)
{
    struct claude_answer *answer = agent->last_answer ? &file->answers.items[agent->last_answer - 1] : NULL;
    struct last_answer last = {0};
    if (answer) {
        if (!is_same_prompt(&answer->call.tokens, &agent->result.tokens))
            return 0;
        answer->call.tokens.output = num_max(answer->call.tokens.output, agent->result.tokens.output);
        answer->is_whole = true;
        return 0;
    }
    int status = read_last(file, agent->id, &last, err);
    if (status || !last.is_there || !is_same_prompt(&last.usage.tokens, &agent->result.tokens))
        return status;
    return tell_last(file, agent, &last, err);
}

int claude_settle_results(struct claude_file *file, struct err *err)
{
    int status = 0;
    for (size_t i = 0; i < file->agents.count && !status; i++)
        if (file->agents.items[i].result.is_there && *file->agents.items[i].id)
            status = settle(file, &file->agents.items[i], err);
    return status;
}

/* --- events --- */

static int tell_agents(struct claude_file *file, struct err *err)
{
    int status = 0;
    for (size_t i = 0; i < file->agents.count && !status && file->sink->agent; i++) {
        const struct claude_agent *agent = &file->agents.items[i];
        struct agent_facts facts = {.session = file->session,
                                    .agent = agent->id,
                                    .parent = "",
                                    .kind = agent->kind,
                                    .title = agent->title,
                                    .spawn_id = agent->spawn_id,
                                    .start_ns = agent->first_ns,
                                    .end_ns = agent->last_ns};
        const struct claude_answer *answer =
            agent->last_answer ? &file->answers.items[agent->last_answer - 1] : NULL;
        if (answer)
            facts.session = answer->call.session;
        const uint64_t *tool =
            *agent->spawn_id
                ? map_get(&file->by_tool, intern_find(&file->names, agent->spawn_id, strlen(agent->spawn_id)))
                : NULL;
        if (tool)
            facts.parent = file->tools.items[*tool].agent;
        status = file->sink->agent(file->sink, &facts, err);
    }
    return status;
}

/* Whether fewer tokens were told than its own text has. */
static bool is_placeholder(const struct claude_answer *answer)
{
    return !answer->is_whole && !answer->call.is_unbilled &&
           answer->call.tokens.output < answer->text_bytes / CLAUDE_TEXT_BYTES_PER_TOKEN_MAX;
}

static int tell_answers(struct claude_file *file, struct err *err)
{
    int status = 0;
    for (size_t i = 0; i < file->answers.count && !status && file->sink->llm_call; i++) {
        struct claude_answer *answer = &file->answers.items[i];
        struct llm_call *call = &answer->call;
        const uint64_t *agent =
            map_get(&file->by_agent, intern_find(&file->names, call->agent, strlen(call->agent)));
        call->is_partial = is_placeholder(answer);
        call->output_high = call->tokens.output;
        if (call->is_partial)
            call->output_high =
                (answer->text_bytes + CLAUDE_TEXT_BYTES_PER_TOKEN_MIN - 1) / CLAUDE_TEXT_BYTES_PER_TOKEN_MIN;
        if (agent)
            call->task = task_of(&file->agents.items[*agent]);
        status = file->sink->llm_call(file->sink, call, err);
    }
    return status;
}

static int tell_tools(struct claude_file *file, struct err *err)
{
    int status = 0;
    for (size_t i = 0; i < file->tools.count && !status && file->sink->tool_call; i++) {
        const struct claude_tool *tool = &file->tools.items[i];
        struct tool_call call = {.session = tool->session,
                                 .agent = tool->agent,
                                 .id = tool->id,
                                 .name = tool->name,
                                 .text = tool->text,
                                 .child_agent = tool->child,
                                 .start_ns = tool->start_ns,
                                 .end_ns = tool->end_ns,
                                 .result_bytes = tool->result_bytes,
                                 .is_error = tool->is_error};
        status = file->sink->tool_call(file->sink, &call, err);
    }
    return status;
}

int claude_tell_all(struct claude_file *file, struct err *err)
{
    int status = tell_agents(file, err);
    if (!status)
        status = tell_answers(file, err);
    if (!status && !file->request->calls_only)
        status = tell_tools(file, err);
    return status;
}

struct source_position claude_resume(const struct claude_file *file)
{
    struct source_position position = {.offset = file->end_offset, .line = file->end_line};
    uint64_t end = file->end_offset;
    for (size_t i = 0; i < file->answers.count; i++) {
        const struct claude_answer *answer = &file->answers.items[i];
        if (answer->offset_last + STRADDLE_BYTES >= end && answer->offset_first < position.offset &&
            answer->offset_first + RESUME_BACK_MAX >= end)
            position = (struct source_position){answer->offset_first, answer->line_first};
    }
    for (size_t i = 0; i < file->tools.count; i++) {
        const struct claude_tool *tool = &file->tools.items[i];
        if (tool->makes_agent && !tool->has_result && tool->offset < position.offset &&
            tool->offset + RESUME_BACK_MAX >= end)
            position = (struct source_position){tool->offset, tool->line};
    }
    if (position.offset < file->resume_min)
        position = (struct source_position){file->end_offset, file->end_line};
    return position;
}
