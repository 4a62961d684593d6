/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gemini CLI's chats: one JSON object with its messages, or JSON lines: a head, messages, and {"$set": {…}} that changes the head.
 *
 * A message that is written again has the same id, and its last telling is the true one. Input includes what was cached;
 * thoughts are billed as output beside it; what tools brought into a prompt ("tool") is input beside it. The total says which of them
 * a version has put into the others already.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/json_pick.h"
#include "agents/line_reader.h"
#include "agents/source.h"
#include "base/fs.h"
#include "base/map.h"
#include "base/str.h"
#include "base/vec.h"

#define CHAT_BYTES_MAX ((size_t)256 << 20) /* of a chat that is one object */
#define TASK_BYTES_MAX 200u
#define TEXT_BYTES     128u
#define PROJECT_BYTES  512u

struct gemini_message {
    uint64_t id;                     /* interned; 0: none */
    const struct json_value *inside; /* one of the roots, or in one */
};

struct gemini_file {
    const struct source_request *request;
    struct agent_sink *sink;
    struct intern ids;
    struct map places; /* id -> index of a message */
    VEC(struct gemini_message) messages;
    VEC(struct json_value *) roots;
    char session[TEXT_BYTES], parent[TEXT_BYTES], project[PROJECT_BYTES];
    bool is_subagent;
    char task[TASK_BYTES_MAX + 1];
    int64_t asked_ns, done_ns;
};

static void set_text(char *field, size_t size, const char *text)
{
    size_t length = strnlen(text, size - 1);
    if (!length)
        return;
    memcpy(field, text, length);
    field[length] = '\0';
}

/* --- gathering --- */

static int keep_message(struct gemini_file *file, const struct json_value *message, struct err *err)
{
    const char *id = pick_text(message, "id");
    struct gemini_message kept = {.inside = message};
    if (*id && intern_put(&file->ids, id, strlen(id), &kept.id, NULL))
        return err_memory(err);
    const uint64_t *place = kept.id ? map_get(&file->places, kept.id) : NULL;
    if (place) {
        file->messages.items[*place].inside = message; /* the last telling, at the first one's place */
        return 0;
    }
    if ((kept.id && map_put(&file->places, kept.id, file->messages.count)) || vec_push(&file->messages, kept))
        return err_memory(err);
    return 0;
}

static int keep_head(struct gemini_file *file, const struct json_value *head, struct err *err)
{
    const struct json_value *messages = json_find_array(head, "messages");
    int status = 0;
    set_text(file->session, sizeof file->session, pick_text(head, "sessionId"));
    set_text(file->parent, sizeof file->parent, pick_text(head, "parentSessionId"));
    if (strcmp(pick_text(head, "kind"), "subagent") == 0)
        file->is_subagent = true;
    set_text(file->project, sizeof file->project,
             pick_text(json_item(json_find_array(head, "directories"), 0), NULL));
    for (size_t i = 0; i < json_count(messages) && !status; i++)
        status = keep_message(file, json_item(messages, i), err);
    return status;
}

static int keep_value(struct gemini_file *file, struct json_value *root, struct err *err)
{
    if (vec_push(&file->roots, root)) {
        json_free(root);
        return err_memory(err);
    }
    const struct json_value *set = json_member(root, "$set");
    if (set)
        return keep_head(file, set, err);
    if (*pick_text(root, "type") && json_find(root, "id"))
        return keep_message(file, root, err);
    return keep_head(file, root, err);
}

/* --- telling --- */

static const char *session_of(const struct gemini_file *file)
{
    return file->is_subagent && *file->parent ? file->parent : file->session;
}

static const char *agent_of(const struct gemini_file *file)
{
    return file->is_subagent ? file->session : "";
}

static struct tokens tokens_of(const struct json_value *value)
{
    uint64_t input = pick_count(value, "input"), output = pick_count(value, "output"),
             cached = pick_count(value, "cached"), thoughts = pick_count(value, "thoughts"),
             tool = pick_count(value, "tool"), total = pick_count(value, "total");
    /* The sum tells what is in what; without one all parts stand beside each other. */
    if (total && total < input + output + thoughts + tool) {
        if (total == input + output + thoughts)
            tool = 0;
        else if (total == input + output + tool)
            output -= thoughts < output ? thoughts : output;
        else if (total == input + output) {
            tool = 0;
            output -= thoughts < output ? thoughts : output;
        }
    }
    cached = cached < input ? cached : input;
    return (struct tokens){.input = input - cached + tool,
                           .output = output + thoughts,
                           .cache_read = cached,
                           .reasoning = thoughts};
}

/* What the tool that started an agent says of it: the agent's own file does not know its kind. */
static int tell_child(struct gemini_file *file, const struct json_value *tool, struct err *err)
{
    struct agent_facts facts = {.session = session_of(file),
                                .agent = pick_text(tool, "agentId"),
                                .parent = agent_of(file),
                                .kind = pick_text(tool, "args.agent_name"),
                                .title = "",
                                .spawn_id = pick_text(tool, "id")};
    if (!*facts.agent || !file->sink->agent)
        return 0;
    if (!*facts.kind)
        facts.kind = pick_text(tool, "name");
    return file->sink->agent(file->sink, &facts, err);
}

static int tell_tools(struct gemini_file *file, const struct json_value *message, int64_t called_ns,
                      struct err *err)
{
    const struct json_value *calls = json_find_array(message, "toolCalls");
    struct agent_sink *sink = file->sink;
    int status = 0;
    for (size_t i = 0; i < json_count(calls) && !status; i++) {
        const struct json_value *tool = json_item(calls, i);
        const char *state = pick_text(tool, "status");
        char text[TASK_BYTES_MAX + 1] = "";
        set_text(text, sizeof text, pick_first_text(json_find(tool, "args")));
        for (struct json_member_at at = json_members(json_find_object(tool, "args")); at.value && !*text;
             json_members_next(&at))
            set_text(text, sizeof text, pick_text(at.value, NULL));
        int64_t end_ns = pick_time(tool, "timestamp");
        struct tool_call call = {.session = session_of(file),
                                 .agent = agent_of(file),
                                 .id = pick_text(tool, "id"),
                                 .name = pick_text(tool, "name"),
                                 .text = text,
                                 .child_agent = pick_text(tool, "agentId"),
                                 .start_ns = called_ns,
                                 .end_ns = end_ns >= called_ns ? end_ns : 0,
                                 .result_bytes = pick_text_bytes(json_find(tool, "result")),
                                 .is_error = strcmp(state, "error") == 0};
        if (end_ns > file->asked_ns)
            file->asked_ns = end_ns;
        status = tell_child(file, tool, err);
        if (!status && !file->request->calls_only && sink->tool_call)
            status = sink->tool_call(sink, &call, err);
    }
    return status;
}

/* Their names, a comma between them. */
static void tools_of(const struct json_value *message, char *text, size_t size)
{
    const struct json_value *calls = json_find_array(message, "toolCalls");
    size_t length = 0;
    *text = '\0';
    for (size_t i = 0; i < json_count(calls) && length + 1 < size; i++)
        length += (size_t)snprintf(text + length, size - length, "%s%s", i ? "," : "",
                                   pick_text(json_item(calls, i), "name"));
}

static int tell_call(struct gemini_file *file, const struct json_value *message, int64_t at_ns,
                     struct err *err)
{
    const struct json_value *tokens = json_find_object(message, "tokens");
    struct agent_sink *sink = file->sink;
    char tools[TASK_BYTES_MAX];
    if (!tokens || !sink->llm_call)
        return 0;
    tools_of(message, tools, sizeof tools);
    struct llm_call call = {.session = session_of(file),
                            .agent = agent_of(file),
                            .project = file->project,
                            .task = file->task,
                            .id = pick_text(message, "id"),
                            .tools = tools,
                            .model = pick_text(message, "model"),
                            .provider = "google",
                            .region = "",
                            .start_ns = file->asked_ns && file->asked_ns <= at_ns ? file->asked_ns : at_ns,
                            .end_ns = at_ns,
                            .tokens = tokens_of(tokens),
                            .cost_usd = NAN};
    call.output_high = call.tokens.output;
    if (!tokens_total(&call.tokens))
        return 0;
    return sink->llm_call(sink, &call, err);
}

static int tell_human(struct gemini_file *file, int64_t until_ns, struct err *err)
{
    struct agent_sink *sink = file->sink;
    struct agent_wait wait = {.session = session_of(file),
                              .agent = agent_of(file),
                              .on = "",
                              .reason = AGENT_WAIT_HUMAN,
                              .start_ns = file->done_ns,
                              .end_ns = until_ns};
    file->done_ns = 0;
    if (file->request->calls_only || !sink->wait || !wait.start_ns || wait.end_ns <= wait.start_ns)
        return 0;
    return sink->wait(sink, &wait, err);
}

static int tell_message(struct gemini_file *file, const struct json_value *message, struct err *err)
{
    const char *type = pick_text(message, "type");
    int64_t at_ns = pick_time(message, "timestamp");
    if (strcmp(type, "user") == 0) {
        int status = tell_human(file, at_ns, err);
        set_text(file->task, sizeof file->task, pick_first_text(json_find(message, "content")));
        file->asked_ns = at_ns;
        return status;
    }
    if (strcmp(type, "gemini") != 0)
        return 0;
    int status = tell_call(file, message, at_ns, err);
    file->asked_ns = at_ns;
    if (!status)
        status = tell_tools(file, message, at_ns, err);
    /* With tools at work the model goes on by itself. */
    file->done_ns = json_count(json_find_array(message, "toolCalls")) ? 0 : at_ns;
    return status;
}

static int tell_all(struct gemini_file *file, struct err *err)
{
    struct agent_sink *sink = file->sink;
    int status = 0;
    if (file->is_subagent && sink->agent) {
        struct agent_facts facts = {.session = session_of(file),
                                    .agent = file->session,
                                    .parent = "",
                                    .kind = "",
                                    .title = "",
                                    .spawn_id = ""};
        status = sink->agent(sink, &facts, err);
    }
    for (size_t i = 0; i < file->messages.count && !status; i++)
        status = tell_message(file, file->messages.items[i].inside, err);
    return status;
}

/* --- reading --- */

static int malformed(struct gemini_file *file, uint64_t line, const char *why, struct err *err)
{
    struct agent_sink *sink = file->sink;
    return sink->malformed ? sink->malformed(sink, file->request->path, line, why, err) : 0;
}

static bool is_blank(const struct line *line)
{
    for (size_t i = 0; i < line->length; i++)
        if (!strchr(" \t\r", line->bytes[i]))
            return false;
    return true;
}

static int keep_lines(struct gemini_file *file, struct err *err)
{
    struct line_reader reader;
    struct line line;
    bool is_there = true;
    int status = line_reader_open(&reader, file->request->path, 0, 1, err);
    while (!status && !(status = line_reader_next(&reader, &line, &is_there, err)) && is_there) {
        struct json_value *root = NULL;
        struct err why = {0};
        if (is_blank(&line))
            continue;
        if (line.is_cut) {
            status = malformed(file, line.number, "it is over 8 MiB long", err);
        } else if (json_read_text(line.bytes, line.length, "line", &root, &why) ||
                   json_kind(root) != JSON_KIND_OBJECT) {
            json_free(root);
            status = line.is_complete ? malformed(file, line.number, "it is not a JSON object", err) : 0;
        } else {
            status = keep_value(file, root, err);
        }
    }
    line_reader_close(&reader);
    return status;
}

static int keep_object(struct gemini_file *file, struct err *err)
{
    struct json_value *root = NULL;
    struct str text = {0};
    struct err why = {0};
    int status = fs_read(file->request->path, CHAT_BYTES_MAX, &text, err);
    if (!status && json_read_text(str_text(&text), text.length, "chat", &root, &why)) {
        status = malformed(file, 1, "it is not JSON", err);
        root = NULL;
    }
    str_free(&text);
    return status || !root ? status : keep_value(file, root, err);
}

/* Where the project lies, as newer versions write it beside its chats. */
static void root_of(struct gemini_file *file, const char *path, size_t folder)
{
    struct str root = {0};
    char text[PROJECT_BYTES];
    str_printf(&root, "%.*s/.project_root", (int)folder, path);
    ssize_t length = root.failed ? 0 : fs_read_small(str_text(&root), text, sizeof text);
    str_free(&root);
    while (length > 0 && strchr("\r\n ", text[length - 1]))
        text[--length] = '\0';
    if (length > 0 && text[0] == '/')
        set_text(file->project, sizeof file->project, text);
}

/* …/tmp/<project>/chats/session-….json, …/chats/<parent's session>/<session>.jsonl */
static void facts_of_path(struct gemini_file *file, const char *path)
{
    const char *chats = strstr(path, "/chats/");
    if (!chats)
        return;
    const char *project = chats;
    while (project > path && project[-1] != '/')
        project--;
    char name[PROJECT_BYTES];
    snprintf(name, sizeof name, "%.*s", (int)(chats - project), project);
    set_text(file->project, sizeof file->project, name);
    root_of(file, path, (size_t)(chats - path));
    const char *below = chats + strlen("/chats/"), *slash = strchr(below, '/');
    if (slash) {
        snprintf(name, sizeof name, "%.*s", (int)(slash - below), below);
        set_text(file->parent, sizeof file->parent, name);
        file->is_subagent = true;
    }
}

static int gemini_read(const struct source_request *request, struct agent_sink *sink, struct err *err)
{
    struct gemini_file file = {.request = request, .sink = sink};
    facts_of_path(&file, request->path);
    int status = str_ends(request->path, ".jsonl") ? keep_lines(&file, err) : keep_object(&file, err);
    if (!status)
        status = tell_all(&file, err);
    for (size_t i = 0; i < file.roots.count; i++)
        json_free(file.roots.items[i]);
    vec_free(&file.roots);
    vec_free(&file.messages);
    map_free(&file.places);
    intern_free(&file.ids);
    return status;
}

static bool gemini_takes(const char *path)
{
    return strstr(path, "/chats/") && (str_ends(path, ".json") || str_ends(path, ".jsonl"));
}

static bool gemini_probe(const char *path, const char *head, size_t length)
{
    (void)path;
    return head && length > 1 && memmem(head, length, "\"sessionId\"", 11) &&
           !memmem(head, length, "\"parentUuid\"", 12) &&
           (memmem(head, length, "\"projectHash\"", 13) || memmem(head, length, "\"gemini\"", 8));
}

static const struct source_place places[] = {{.home = ".gemini/tmp"}};

const struct agent_source gemini_source = {
    .name = "gemini",
    .about = "Gemini CLI",
    .places = places,
    .place_count = sizeof places / sizeof places[0],
    .takes = gemini_takes,
    .probe = gemini_probe,
    .read = gemini_read,
};
