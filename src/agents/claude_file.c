/* SPDX-License-Identifier: Apache-2.0 */
#include "agents/claude_file.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/num.h"
#include "codec/json.h"

#define TEXT_MAX        4096u /* bytes of a name */
#define TITLE_MAX       160u  /* bytes of a task's words */
#define META_BYTES_MAX  65536u
#define STATUS_TOO_MANY 429

const char *claude_text(struct claude_file *file, const struct json_slice *slice, size_t limit)
{
    char buffer[TEXT_MAX];
    const char *bytes = slice->bytes ? slice->bytes : "";
    size_t length = slice->length;
    uint64_t id = 0;
    if (slice->is_escaped || length >= limit || memchr(bytes, '\0', length)) {
        length = scan_copy(slice, buffer, num_min(limit, sizeof buffer));
        bytes = buffer;
    }
    if (intern_put(&file->names, bytes, length, &id, NULL))
        return NULL;
    return intern_text(&file->names, id);
}

static uint64_t name_id(struct claude_file *file, const char *text)
{
    return intern_find(&file->names, text, strlen(text));
}

/* --- the file's place --- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static const char *keep(struct claude_file *file, const char *bytes, size_t length)
{
    struct json_slice slice = {.bytes = bytes, .length = length};
    return claude_text(file, &slice, TEXT_MAX);
}

/* The folder of that name that the file's place is by, not one of the same name further up; NULL: none. */
static const char *subagents_of(const char *path)
{
    static const char folder[] = "/subagents/";
    const char *last = NULL;
    for (const char *at = path; (at = strstr(at, folder)); at++)
        last = at;
    if (!last)
        return NULL;
    const char *rest = last + strlen(folder);
    return !strchr(rest, '/') || str_starts(rest, "workflows/") ? last : NULL;
}

/* …/PROJECT/SESSION.jsonl, …/PROJECT/SESSION/subagents/[workflows/W/]agent-ID.jsonl, or of old …/PROJECT/agent-ID.jsonl. */
static int place_of_file(struct claude_file *file, struct err *err)
{
    const char *path = file->request->path, *name = base_name(path);
    const char *below = subagents_of(path), *end = below;
    size_t stem = strlen(name);
    stem -= str_ends(name, ".jsonl") ? strlen(".jsonl") : 0;
    file->agent = str_starts(name, "agent-") ? keep(file, name + 6, stem - num_min(6, stem)) : "";
    file->is_journal = strcmp(name, "journal.jsonl") == 0;
    file->session = *file->agent ? "" : keep(file, name, stem);
    if (below) {
        while (below > path && below[-1] != '/')
            below--;
        file->session = keep(file, below, (size_t)(end - below));
    }
    const char *project_end = below ? below - (below > path) : name - (name > path);
    const char *project = project_end;
    while (project > path && project[-1] != '/')
        project--;
    file->project = keep(file, project, (size_t)(project_end - project));
    return file->agent && file->session && file->project ? 0 : err_memory(err);
}

/* --- agents --- */

static struct claude_agent *agent_of(struct claude_file *file, const char *id)
{
    uint64_t key = name_id(file, id);
    uint64_t *found = map_get(&file->by_agent, key);
    if (found)
        return &file->agents.items[*found];
    struct claude_agent agent = {.id = id, .kind = "", .title = "", .prompt = "", .spawn_id = ""};
    if (map_put(&file->by_agent, key, file->agents.count) || vec_push(&file->agents, agent))
        return NULL;
    return &file->agents.items[file->agents.count - 1];
}

static struct claude_tool *tool_of(struct claude_file *file, const char *id)
{
    const uint64_t *found = *id ? map_get(&file->by_tool, name_id(file, id)) : NULL;
    return found ? &file->tools.items[*found] : NULL;
}

/* The tool call that made an agent says what it is for. */
static int agent_from_tool(struct claude_file *file, const char *agent_id, const struct json_slice *tool_id,
                           struct err *err)
{
    const char *id = claude_text(file, tool_id, TEXT_MAX);
    struct claude_agent *agent = agent_of(file, agent_id);
    if (!id || !agent)
        return err_memory(err);
    struct claude_tool *tool = tool_of(file, id);
    if (!tool || !*agent_id)
        return 0;
    agent->spawn_id = tool->id;
    if (*tool->kind)
        agent->kind = tool->kind;
    if (*tool->title)
        agent->title = tool->title;
    tool->child = agent->id;
    return 0;
}

static const char *member_text(struct claude_file *file, const struct json_value *root, const char *key,
                               size_t limit)
{
    const char *text = NULL;
    if (!json_find_text(root, key, &text))
        return "";
    struct json_slice slice = {.bytes = text, .length = strlen(text)};
    /* The tree's text has no escapes left: only its length is cut. */
    slice.length = num_min(slice.length, limit - 1);
    return claude_text(file, &slice, limit);
}

/* agent-ID.meta.json beside the file: what the agent is. Not there in older versions. */
static int agent_from_meta(struct claude_file *file, struct err *err)
{
    struct str path = {0}, text = {0};
    struct json_value *root = NULL;
    struct err unread;
    const char *own = file->request->path;
    struct claude_agent *agent = agent_of(file, file->agent);
    if (!agent)
        return err_memory(err);
    str_append_bytes(&path, own, strlen(own) - (str_ends(own, ".jsonl") ? strlen(".jsonl") : 0));
    str_append(&path, ".meta.json");
    if (!path.failed && fs_read(path.text, META_BYTES_MAX, &text, &unread) == 0 &&
        json_read_text(str_text(&text), text.length, path.text, &root, &unread) == 0) {
        agent->kind = member_text(file, root, "agentType", TEXT_MAX);
        agent->title = member_text(file, root, "description", TITLE_MAX);
        agent->spawn_id = member_text(file, root, "toolUseId", TEXT_MAX);
    }
    json_free(root);
    str_free(&path);
    str_free(&text);
    return agent->kind && agent->title && agent->spawn_id ? 0 : err_memory(err);
}

/* "acompact-3f…", "aside_question-…": made by the program itself, and no tool call says so. */
static int agent_from_name(struct claude_file *file, struct err *err)
{
    struct claude_agent *agent = agent_of(file, file->agent);
    const char *dash = strrchr(file->agent, '-');
    if (!agent)
        return err_memory(err);
    if (!*agent->kind && dash && file->agent[0] == 'a') {
        agent->kind = keep(file, file->agent + 1, (size_t)(dash - file->agent) - 1);
        if (!agent->kind)
            return err_memory(err);
    }
    return 0;
}

int claude_file_init(struct claude_file *file, const struct source_request *request, struct agent_sink *sink,
                     struct err *err)
{
    *file = (struct claude_file){.request = request,
                                 .sink = sink,
                                 .end_offset = request->from.offset,
                                 .end_line = request->from.line ? request->from.line : 1};
    /* The name of nothing has an id as well. */
    int status = keep(file, "", 0) ? place_of_file(file, err) : err_memory(err);
    if (!status && *file->agent)
        status = agent_from_meta(file, err);
    if (!status && *file->agent)
        status = agent_from_name(file, err);
    return status;
}

void claude_file_deinit(struct claude_file *file)
{
    vec_free(&file->answers);
    vec_free(&file->agents);
    vec_free(&file->tools);
    map_free(&file->by_answer);
    map_free(&file->by_agent);
    map_free(&file->by_tool);
    map_free(&file->blocks);
    intern_free(&file->names);
}

/* --- answers --- */

static const char *session_of(struct claude_file *file, const struct claude_line *line)
{
    return line->session.length ? claude_text(file, &line->session, TEXT_MAX) : file->session;
}

/* Whose line it is: "" for the conversation's own. */
static const char *agent_id_of(struct claude_file *file, const struct claude_line *line)
{
    if (line->agent.length)
        return claude_text(file, &line->agent, TEXT_MAX);
    if (line->is_nested) /* of a version that gave agents no names: the tool call that made it is one */
        return line->parent_tool.length ? claude_text(file, &line->parent_tool, TEXT_MAX) : "";
    if (*file->agent)
        return file->agent;
    return line->is_sidechain ? keep(file, "sidechain", strlen("sidechain")) : "";
}

static int told_call(struct claude_file *file, const struct claude_line *line, const char *agent,
                     struct llm_call *ret_call, struct err *err)
{
    const struct claude_message *message = &line->message;
    const char *model = claude_text(file, &message->model, TEXT_MAX);
    *ret_call = (struct llm_call){
        .session = session_of(file, line),
        .agent = agent,
        .project = line->cwd.length ? claude_text(file, &line->cwd, TEXT_MAX) : file->project,
        .task = "",
        .tools = "",
        .id = message->id.length ? claude_text(file, &message->id, TEXT_MAX)
                                 : claude_text(file, &line->uuid, TEXT_MAX),
        .model = model,
        .provider = model && strstr(model, "claude") ? "anthropic" : "",
        .region = claude_text(file, &message->usage.region, TEXT_MAX),
        .start_ns = line->at_ns,
        .end_ns = line->at_ns,
        .tokens = message->usage.tokens,
        .output_high = message->usage.tokens.output,
        .cost_usd = line->cost_usd,
        .web_searches = message->usage.web_searches,
        .tier = message->usage.tier,
        .is_fast = message->usage.is_fast,
        .is_unbilled = scan_is(&message->model, "<synthetic>") || line->is_api_error,
        .is_error = line->is_api_error,
    };
    return ret_call->session && agent && ret_call->project && ret_call->id && model && ret_call->region
               ? 0
               : err_memory(err);
}

/* Of a fork or a replay the conversation's own telling is the true one. */
static void answer_merge(struct claude_answer *answer, const struct llm_call *told, bool is_sidechain)
{
    if (answer->is_sidechain && !is_sidechain) {
        answer->call.agent = told->agent;
        answer->call.session = told->session;
        answer->is_sidechain = false;
    }
    if (!*answer->call.model)
        answer->call.model = told->model;
    if (!*answer->call.region)
        answer->call.region = told->region;
    if (told->tier != SERVICE_STANDARD)
        answer->call.tier = told->tier;
    answer->call.is_fast = answer->call.is_fast || told->is_fast;
    llm_call_merge(&answer->call, told);
}

/* The index of the line's answer, new or known; -1 with the error. */
static int answer_find(struct claude_file *file, const struct line *at, const struct llm_call *told,
                       bool is_sidechain, size_t *ret_index, struct err *err)
{
    uint64_t key = name_id(file, told->id);
    const uint64_t *known = *told->id ? map_get(&file->by_answer, key) : NULL;
    if (known) {
        struct claude_answer *answer = &file->answers.items[*known];
        answer_merge(answer, told, is_sidechain);
        answer->offset_last = at->offset;
        *ret_index = *known;
        return 0;
    }
    struct claude_answer answer = {.call = *told,
                                   .offset_first = at->offset,
                                   .offset_last = at->offset,
                                   .line_first = at->number,
                                   .is_sidechain = is_sidechain};
    if ((*told->id && map_put(&file->by_answer, key, file->answers.count)) ||
        vec_push(&file->answers, answer))
        return err_memory(err);
    if (!*told->id)
        file->resume_min = at->offset + at->length + 1;
    *ret_index = file->answers.count - 1;
    return 0;
}

static int add_blocks(struct claude_file *file, size_t index, const struct claude_message *message,
                      struct err *err)
{
    struct claude_answer *answer = &file->answers.items[index];
    for (size_t i = 0; i < message->block_count; i++) {
        uint64_t key = message->blocks[i].hash ^ map_hash(index + 1);
        if (map_get(&file->blocks, key))
            continue;
        if (map_put(&file->blocks, key, 1))
            return err_memory(err);
        answer->text_bytes += message->blocks[i].text_bytes;
    }
    return 0;
}

static bool is_agent_tool(const struct json_slice *name)
{
    return scan_is(name, "Task") || scan_is(name, "Agent");
}

static int add_tool_name(struct claude_file *file, struct claude_answer *answer, const char *name,
                         struct err *err)
{
    char names[TEXT_MAX];
    const char *had = answer->call.tools;
    int length = snprintf(names, sizeof names, "%s%s%s", had, *had ? "," : "", name);
    if (length < 0 || (size_t)length >= sizeof names)
        return 0;
    answer->call.tools = keep(file, names, (size_t)length);
    return answer->call.tools ? 0 : err_memory(err);
}

static int add_tool(struct claude_file *file, const struct line *at, size_t index,
                    const struct claude_tool_use *use, int64_t at_ns, struct err *err)
{
    struct claude_answer *answer = &file->answers.items[index];
    const char *id = claude_text(file, &use->id, TEXT_MAX);
    if (!id)
        return err_memory(err);
    if (tool_of(file, id))
        return 0;
    bool wants_all = !file->request->calls_only, makes_agent = is_agent_tool(&use->name);
    struct claude_tool tool = {.id = id,
                               .name = claude_text(file, &use->name, TEXT_MAX),
                               .agent = answer->call.agent,
                               .session = answer->call.session,
                               .child = "",
                               .text = wants_all ? claude_text(file, &use->text, TITLE_MAX) : "",
                               .kind = makes_agent ? claude_text(file, &use->agent_kind, TEXT_MAX) : "",
                               .title = makes_agent ? claude_text(file, &use->title, TITLE_MAX) : "",
                               .start_ns = at_ns,
                               .offset = at->offset,
                               .line = at->number,
                               .makes_agent = makes_agent};
    if (!tool.name || !tool.text || !tool.kind || !tool.title)
        return err_memory(err);
    if (*id && map_put(&file->by_tool, name_id(file, id), file->tools.count))
        return err_memory(err);
    if ((wants_all || makes_agent || *id) && vec_push(&file->tools, tool))
        return err_memory(err);
    return add_tool_name(file, answer, tool.name, err);
}

static int on_answer(struct claude_file *file, const struct line *at, const struct claude_line *line,
                     struct err *err)
{
    const struct claude_message *message = &line->message;
    const char *agent_id = agent_id_of(file, line);
    struct claude_agent *agent = agent_id ? agent_of(file, agent_id) : NULL;
    struct llm_call told;
    size_t index = 0, had = file->answers.count;
    if (!agent)
        return err_memory(err);
    int status = told_call(file, line, agent->id, &told, err);
    /* What was before it is what it answers: the question was asked then. */
    if (!file->request->calls_only && agent->last_ns && agent->last_ns < told.start_ns)
        told.start_ns = agent->last_ns;
    told.attempt = agent->attempts;
    if (!status)
        status = answer_find(file, at, &told, line->is_sidechain && !line->is_nested, &index, err);
    if (status)
        return status;
    if (file->answers.count > had)
        agent->attempts = 0;
    struct claude_answer *answer = &file->answers.items[index];
    answer->is_whole = answer->is_whole || message->has_stop;
    agent->last_answer = index + 1;
    status = add_blocks(file, index, message, err);
    for (size_t i = 0; i < message->use_count && !status; i++)
        status = add_tool(file, at, index, &message->uses[i], line->at_ns, err);
    return status;
}

/* --- what users and tools said --- */

static int on_results(struct claude_file *file, const struct claude_line *line, struct err *err)
{
    const struct claude_message *message = &line->message;
    for (size_t i = 0; i < message->result_count; i++) {
        const struct claude_tool_result *result = &message->results[i];
        const char *id = claude_text(file, &result->id, TEXT_MAX);
        if (!id)
            return err_memory(err);
        struct claude_tool *tool = tool_of(file, id);
        if (!tool)
            continue;
        tool->has_result = true;
        tool->end_ns = line->at_ns;
        tool->result_bytes = result->bytes;
        tool->is_error = result->is_error;
    }
    if (!line->result_agent.length)
        return 0;
    const char *agent_id = claude_text(file, &line->result_agent, TEXT_MAX);
    struct claude_agent *agent = agent_id ? agent_of(file, agent_id) : NULL;
    if (!agent)
        return err_memory(err);
    agent->result = line->result_usage;
    return message->result_count ? agent_from_tool(file, agent_id, &message->results[0].id, err) : 0;
}

static int tell_wait(struct claude_file *file, const struct agent_wait *wait, struct err *err)
{
    if (file->request->calls_only || !file->sink->wait || wait->end_ns <= wait->start_ns || !wait->start_ns)
        return 0;
    return file->sink->wait(file->sink, wait, err);
}

/* An agent that had answered gets something new to do: until then it had nothing. */
static int on_more_work(struct claude_file *file, const struct claude_line *line, struct claude_agent *agent,
                        struct err *err)
{
    struct agent_wait wait = {.session = session_of(file, line),
                              .agent = agent->id,
                              .on = "",
                              .reason = AGENT_WAIT_AGENT,
                              .start_ns = agent->last_ns,
                              .end_ns = line->at_ns};
    if (!agent->last_is_answer)
        return 0;
    return wait.session ? tell_wait(file, &wait, err) : err_memory(err);
}

/* The conversation stood still until somebody wrote. What was typed ahead let it wait for less, or not at all. */
static int on_prompt(struct claude_file *file, const struct claude_line *line, struct claude_agent *agent,
                     struct err *err)
{
    bool is_asked = line->message.has_prompt && !line->message.result_count && !line->is_meta &&
                    !line->is_summary && !line->is_nested;
    int64_t queued_ns = file->queued_ns;
    if (is_asked && *agent->id)
        return on_more_work(file, line, agent, err);
    if (!is_asked || line->is_sidechain)
        return 0;
    file->queued_ns = 0;
    if (!agent->last_is_answer)
        return 0;
    struct agent_wait wait = {.session = session_of(file, line),
                              .agent = agent->id,
                              .on = "",
                              .reason = AGENT_WAIT_HUMAN,
                              .start_ns = agent->last_ns,
                              .end_ns = queued_ns && queued_ns < line->at_ns ? queued_ns : line->at_ns};
    return wait.session ? tell_wait(file, &wait, err) : err_memory(err);
}

static int on_user(struct claude_file *file, const struct claude_line *line, struct err *err)
{
    const char *agent_id = agent_id_of(file, line);
    struct claude_agent *agent = agent_id ? agent_of(file, agent_id) : NULL;
    if (!agent)
        return err_memory(err);
    if (!*agent->prompt && *agent->id && line->message.has_prompt && !line->message.result_count &&
        !line->is_meta) {
        agent->prompt = claude_text(file, &line->message.prompt, TITLE_MAX);
        if (!agent->prompt)
            return err_memory(err);
    }
    int status = on_prompt(file, line, agent, err);
    return status ? status : on_results(file, line, err);
}

static int on_error(struct claude_file *file, const struct claude_line *line, struct err *err)
{
    const char *agent_id = agent_id_of(file, line);
    struct claude_agent *agent = agent_id ? agent_of(file, agent_id) : NULL;
    if (!agent)
        return err_memory(err);
    agent->attempts++;
    struct agent_wait wait = {
        .session = session_of(file, line),
        .agent = agent->id,
        .on = "",
        .reason = line->error_status == STATUS_TOO_MANY ? AGENT_WAIT_RATE_LIMIT : AGENT_WAIT_RETRY,
        .start_ns = line->at_ns,
        .end_ns =
            line->at_ns + (int64_t)(num_u64(line->retry_ms) < UINT32_MAX ? num_u64(line->retry_ms) : 0) *
                              (int64_t)NS_PER_MS};
    return wait.session ? tell_wait(file, &wait, err) : err_memory(err);
}

/* A workflow's journal: which of its steps an agent did. */
static int on_journal(struct claude_file *file, const struct claude_line *line, struct err *err)
{
    const char *agent_id = claude_text(file, &line->agent, TEXT_MAX);
    struct claude_agent *agent = agent_id && *agent_id ? agent_of(file, agent_id) : NULL;
    const char *title = claude_text(file, &line->key, TITLE_MAX);
    if (!agent_id || !title || (*agent_id && !agent))
        return err_memory(err);
    if (agent && *title)
        agent->title = title;
    return 0;
}

/* The span of an agent's lines, for the next one of its. */
static int move_on(struct claude_file *file, const struct claude_line *line, struct err *err)
{
    const char *agent_id = agent_id_of(file, line);
    struct claude_agent *agent = agent_id ? agent_of(file, agent_id) : NULL;
    if (!agent)
        return err_memory(err);
    if (!line->at_ns)
        return 0;
    if (!agent->first_ns || line->at_ns < agent->first_ns)
        agent->first_ns = line->at_ns;
    if (line->at_ns > agent->last_ns)
        agent->last_ns = line->at_ns;
    agent->last_is_answer = line->kind == CLAUDE_ASSISTANT && !line->message.use_count;
    return 0;
}

static bool says_assistant(const struct claude_line *line)
{
    const struct claude_message *message = &line->message;
    return message->is_there && message->usage.is_there &&
           (line->kind == CLAUDE_ASSISTANT || (line->is_nested && !scan_is(&message->role, "user")));
}

int claude_file_line(struct claude_file *file, const struct line *at, const struct claude_line *line,
                     struct err *err)
{
    int status = 0;
    if (line->kind == CLAUDE_PROGRESS && line->is_agent_progress && line->agent.length &&
        line->parent_tool.length) {
        const char *agent_id = claude_text(file, &line->agent, TEXT_MAX);
        status = agent_id ? agent_from_tool(file, agent_id, &line->parent_tool, err) : err_memory(err);
    }
    if (status)
        return status;
    if (says_assistant(line))
        status = on_answer(file, at, line, err);
    else if (line->kind == CLAUDE_USER || line->is_nested)
        status = on_user(file, line, err);
    else if (line->kind == CLAUDE_SYSTEM && scan_is(&line->subtype, "api_error"))
        status = on_error(file, line, err);
    else if (line->kind == CLAUDE_STARTED || line->kind == CLAUDE_RESULT)
        return on_journal(file, line, err);
    else if (line->kind == CLAUDE_QUEUE && scan_is(&line->operation, "enqueue"))
        file->queued_ns = line->at_ns;
    if (!status && (line->message.is_there || line->kind == CLAUDE_SYSTEM))
        status = move_on(file, line, err);
    return status;
}
