/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Codex's sessions: JSON lines {timestamp, type, payload}, one file a session ("rollout"), one a subagent.
 *
 * Usage comes in token_count events with the session's running total. Input includes what was cached, output includes
 * reasoning. What counts is how far the total went since the event before: an event told again has the same total and counts
 * nothing; where a total falls the counters began anew, and last_token_usage is what the call used. Newer versions write a
 * token_usage_record when the answer ends, with its id, and the event only after its tools: then the record says which call it was and when. A
 * call without one has no id of its own: it is its session, the number of counters begun, and the total. codex_family.h: whose history a fork
 * repeats.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/codex_family.h"
#include "agents/iso_time.h"
#include "agents/json_pick.h"
#include "agents/line_reader.h"
#include "agents/source.h"
#include "base/clock.h"
#include "base/num.h"
#include "base/str.h"
#include "base/vec.h"

#define TASK_BYTES_MAX  200
#define REPLAY_GAP_NS   (2 * (int64_t)NS_PER_S)  /* no model answers faster than that, again and again */
#define REPLAY_PAUSE_NS (10 * (int64_t)NS_PER_S) /* a history is written at once */
#define REPLAY_NS_MAX                                                                                        \
    (30 * (int64_t)NS_PER_S) /* and is over by then, as far as that can be told by times alone */
#define TOOL_CALLS_MAX 100000u
#define MODEL_BYTES    128u

/* A tool at work. */
struct tool_open {
    char *id, *name, *text;
    char child[CODEX_ID_BYTES]; /* the agent that it started */
    int64_t start_ns;
};

/* A token_usage_record whose token_count has not come yet; more than one before that are one call. */
struct codex_record {
    char id[CODEX_ID_BYTES];
    struct codex_total usage;
    int64_t asked_ns, end_ns;
    struct str asked;
    bool is_there;
};

struct codex_file {
    const struct source_request *request;
    struct agent_sink *sink;
    struct codex_meta meta;
    struct codex_family *family;
    bool has_meta, in_replay, is_old_turn;
    int64_t line_ns; /* of the line before */
    struct codex_total total;
    bool has_total;
    unsigned counter; /* how often the counters began anew */
    char model[MODEL_BYTES], provider[MODEL_BYTES];
    enum service_tier tier;
    struct str project, task;
    struct str asked; /* names of the tools that the answer to come asked for */
    int64_t asked_ns; /* since when the model works; 0: it does not */
    int64_t done_ns;  /* since when a person is waited for */
    uint32_t web_searches;
    struct codex_record record;
    VEC(struct tool_open) tools;
};

static void set_text(char *field, size_t size, const char *text)
{
    size_t length = strnlen(text, size - 1);
    memcpy(field, text, length);
    field[length] = '\0';
}

static const char *session_of(const struct codex_file *file)
{
    return file->meta.is_spawned ? codex_family_root(file->family, &file->meta) : file->meta.id;
}

static const char *agent_of(const struct codex_file *file)
{
    return file->meta.is_spawned ? file->meta.id : "";
}

/* --- the head of the file --- */

static int tell_agent(struct codex_file *file, const struct json_value *payload, struct err *err)
{
    struct agent_sink *sink = file->sink;
    const char *root = session_of(file),
               *path = pick_text(payload, "source.subagent.thread_spawn.agent_path");
    const char *slash = strrchr(path, '/'),
               *kind = pick_text(payload, "source.subagent.thread_spawn.agent_role");
    bool by_main = strcmp(root, file->meta.parent) == 0;
    struct agent_facts facts = {.session = root,
                                .agent = file->meta.id,
                                .parent = by_main ? "" : file->meta.parent,
                                .kind = *kind   ? kind
                                        : slash ? slash + 1
                                                : path,
                                .title = pick_text(payload, "source.subagent.thread_spawn.agent_nickname"),
                                .spawn_id = "",
                                .start_ns = file->meta.start_ns};
    return file->meta.is_spawned && sink->agent ? sink->agent(sink, &facts, err) : 0;
}

static int take_meta(struct codex_file *file, const struct json_value *payload, int64_t at_ns,
                     struct err *err)
{
    const char *cwd = pick_text(payload, "cwd"), *provider = pick_text(payload, "model_provider");
    /* Those behind the first are of sessions whose history is repeated. */
    if (file->has_meta)
        return 0;
    codex_meta_read(payload, &file->meta);
    file->has_meta = true;
    file->meta.start_ns = file->meta.start_ns ? file->meta.start_ns : at_ns;
    file->in_replay = *file->meta.parent;
    str_append(&file->project, cwd);
    if (*provider)
        set_text(file->provider, sizeof file->provider, provider);
    int status = 0;
    if (*file->meta.parent)
        status = codex_family_find(file->request->path, &file->meta, &file->family, err);
    return status ? status : tell_agent(file, payload, err);
}

static void take_context(struct codex_file *file, const struct json_value *payload)
{
    const char *model = pick_text(payload, "model"), *cwd = pick_text(payload, "cwd"),
               *tier = pick_text(payload, "service_tier");
    if (*model)
        set_text(file->model, sizeof file->model, model);
    if (*cwd && !file->project.length)
        str_append(&file->project, cwd);
    file->tier = strcmp(tier, "priority") == 0 || strcmp(tier, "fast") == 0 ? SERVICE_PRIORITY
                 : strcmp(tier, "flex") == 0                                ? SERVICE_FLEX
                                                                            : SERVICE_STANDARD;
}

/* --- usage --- */

/* Whether a count belongs to the history of a parent. */
static bool is_replayed(struct codex_file *file, const struct codex_total *total, int64_t at_ns)
{
    if (!file->in_replay)
        return false;
    file->in_replay = file->family ? codex_family_has(file->family, total)
                                   : file->is_old_turn || at_ns - file->meta.start_ns <= REPLAY_NS_MAX;
    return file->in_replay;
}

/* A pause ends a replay: what comes behind it was lived through. */
static void look_for_pause(struct codex_file *file, int64_t at_ns)
{
    int64_t pause_ns = file->family || file->is_old_turn ? REPLAY_PAUSE_NS : REPLAY_GAP_NS;
    if (file->in_replay && at_ns && file->line_ns && at_ns - file->line_ns > pause_ns)
        file->in_replay = false;
}

static bool has_fallen(const struct codex_total *from, const struct codex_total *to)
{
    return to->input < from->input || to->output < from->output || to->cached < from->cached ||
           to->reasoning < from->reasoning;
}

/* What the call used: how far the total went, or what the event says of the last call where the total cannot tell. */
static struct codex_total used(struct codex_file *file, const struct codex_total *total,
                               const struct codex_total *last, bool has_last)
{
    struct codex_total step = *total;
    if (file->has_total && has_fallen(&file->total, total)) {
        file->counter++;
        return has_last ? *last : *total;
    }
    if (!file->has_total) /* a total that began elsewhere is not of this file */
        return has_last ? *last : *total;
    step.input -= file->total.input;
    step.cached -= file->total.cached;
    step.output -= file->total.output;
    step.reasoning -= file->total.reasoning;
    step.written -= num_min(file->total.written, step.written);
    return step;
}

/* What is known of a call beside its usage. */
struct codex_moment {
    const char *id;
    const char *asked; /* names of tools */
    int64_t asked_ns, end_ns;
};

static int tell_call(struct codex_file *file, const struct codex_total *step,
                     const struct codex_moment *moment, struct err *err)
{
    struct agent_sink *sink = file->sink;
    uint64_t cached = num_min(step->cached, step->input),
             written = num_min(step->written, step->input - cached);
    struct llm_call call = {.session = session_of(file),
                            .agent = agent_of(file),
                            .project = str_text(&file->project),
                            .task = str_text(&file->task),
                            .id = moment->id,
                            .tools = moment->asked,
                            .model = file->model,
                            .provider = file->provider,
                            .region = "",
                            .start_ns = moment->asked_ns && moment->asked_ns <= moment->end_ns
                                            ? moment->asked_ns
                                            : moment->end_ns,
                            .end_ns = moment->end_ns,
                            .tokens = {.input = step->input - cached - written,
                                       .output = step->output,
                                       .cache_read = cached,
                                       .cache_write_5m = written,
                                       .reasoning = num_min(step->reasoning, step->output)},
                            .output_high = step->output,
                            .cost_usd = NAN,
                            .web_searches = file->web_searches,
                            .tier = file->tier};
    file->web_searches = 0;
    return sink->llm_call ? sink->llm_call(sink, &call, err) : 0;
}

static void record_clear(struct codex_record *record)
{
    str_free(&record->asked);
    *record = (struct codex_record){.is_there = false};
}

static int tell_record(struct codex_file *file, const struct codex_total *step, struct err *err)
{
    struct codex_record *record = &file->record;
    struct codex_moment moment = {record->id, str_text(&record->asked), record->asked_ns, record->end_ns};
    int status = tell_call(file, step, &moment, err);
    record_clear(record);
    return status;
}

static int tell_count(struct codex_file *file, const struct codex_total *step,
                      const struct codex_total *total, int64_t at_ns, struct err *err)
{
    char id[CODEX_ID_BYTES + 64];
    snprintf(id, sizeof id, "%s:%u:%llu+%llu", file->meta.id, file->counter, (unsigned long long)total->input,
             (unsigned long long)total->output);
    struct codex_moment moment = {id, str_text(&file->asked), file->asked_ns, at_ns};
    int status = tell_call(file, step, &moment, err);
    file->asked_ns = 0;
    str_clear(&file->asked);
    return status;
}

/* An answer has ended; what it used counts when its token_count comes, at the latest at the end of the file. */
static int take_record(struct codex_file *file, const struct json_value *payload, int64_t at_ns,
                       struct err *err)
{
    struct codex_record *record = &file->record;
    struct codex_total usage;
    if (!*pick_text(payload, "response_id") || !codex_total_read(json_find(payload, "usage"), &usage))
        return 0;
    if (!record->is_there) {
        set_text(record->id, sizeof record->id, pick_text(payload, "response_id"));
        record->asked_ns = file->asked_ns;
        record->is_there = true;
    }
    record->usage.input += usage.input;
    record->usage.cached += usage.cached;
    record->usage.written += usage.written;
    record->usage.output += usage.output;
    record->usage.reasoning += usage.reasoning;
    record->end_ns = at_ns;
    str_append(&record->asked, str_text(&file->asked));
    str_clear(&file->asked);
    file->asked_ns = 0;
    return record->asked.failed ? err_memory(err) : 0;
}

static int take_count(struct codex_file *file, const struct json_value *payload, int64_t at_ns,
                      struct err *err)
{
    struct codex_total total = {0}, last = {0};
    const struct json_value *info = json_find(payload, "info");
    bool has_last = codex_total_read(json_find(info, "last_token_usage"), &last);
    if (!codex_total_read(json_find(info, "total_token_usage"), &total)) {
        if (!has_last) /* a first event with limits only: "info": null */
            return 0;
        /* Without a running total each event is a call; the total is kept here. */
        total = file->total;
        total.input += last.input;
        total.cached += last.cached;
        total.output += last.output;
        total.reasoning += last.reasoning;
        total.written += last.written;
    }
    if (file->has_total && codex_total_equal(&total, &file->total))
        return 0;
    if (*pick_text(info, "model"))
        set_text(file->model, sizeof file->model, pick_text(info, "model"));
    bool is_old = is_replayed(file, &total, at_ns);
    struct codex_total step = used(file, &total, &last, has_last);
    file->total = total;
    file->has_total = true;
    bool is_of_record = file->record.is_there && codex_total_equal(&step, &file->record.usage);
    if (!is_old && is_of_record)
        return tell_record(file, &step, err);
    record_clear(&file->record);
    return is_old || !(step.input + step.output) ? 0 : tell_count(file, &step, &total, at_ns, err);
}

/* --- tools and waits --- */

static void tool_close(struct codex_file *file, size_t index)
{
    struct tool_open *tool = &file->tools.items[index];
    free(tool->id);
    free(tool->name);
    free(tool->text);
    *tool = file->tools.items[--file->tools.count];
}

static const char *tool_name(const struct json_value *payload, const char *type)
{
    const char *name = pick_text(payload, "name");
    if (*name)
        return name;
    return strcmp(type, "local_shell_call") == 0 ? "shell" : type;
}

static int tool_begin(struct codex_file *file, const struct json_value *payload, const char *type,
                      int64_t at_ns, struct err *err)
{
    static const char *const texts[] = {"arguments", "input", "action.query", NULL};
    struct str text = {0};
    const struct json_value *command = json_find_array(payload, "action.command");
    for (size_t i = 0; i < json_count(command); i++)
        str_printf(&text, "%s%s", i ? " " : "", pick_text(json_item(command, i), NULL));
    if (!text.length)
        str_append(&text, pick_text_of(payload, texts));
    if (text.length > TASK_BYTES_MAX)
        text.text[TASK_BYTES_MAX] = '\0';
    struct tool_open tool = {.id = strdup(pick_text(payload, "call_id")),
                             .name = strdup(tool_name(payload, type)),
                             .text = strdup(str_text(&text)),
                             .start_ns = at_ns};
    str_free(&text);
    if (!tool.id || !tool.name || !tool.text || file->tools.count == TOOL_CALLS_MAX ||
        vec_push(&file->tools, tool)) {
        free(tool.id);
        free(tool.name);
        free(tool.text);
        return file->tools.count == TOOL_CALLS_MAX ? 0 : err_memory(err);
    }
    return 0;
}

static int tool_tell(struct codex_file *file, size_t index, int64_t end_ns, const struct json_value *output,
                     struct err *err)
{
    struct agent_sink *sink = file->sink;
    const struct tool_open *tool = &file->tools.items[index];
    bool success = true;
    double exit_code = pick_number(output, "metadata.exit_code");
    json_find_bool(output, "success", &success);
    struct tool_call call = {.session = session_of(file),
                             .agent = agent_of(file),
                             .id = tool->id,
                             .name = tool->name,
                             .text = tool->text,
                             .child_agent = tool->child,
                             .start_ns = tool->start_ns,
                             .end_ns = end_ns,
                             .result_bytes = pick_text_bytes(output),
                             .is_error = !success || exit_code > 0};
    int status = sink->tool_call ? sink->tool_call(sink, &call, err) : 0;
    tool_close(file, index);
    return status;
}

static int tool_end(struct codex_file *file, const struct json_value *payload, int64_t at_ns, struct err *err)
{
    const char *id = pick_text(payload, "call_id");
    for (size_t i = 0; i < file->tools.count; i++)
        if (strcmp(file->tools.items[i].id, id) == 0)
            return tool_tell(file, i, at_ns, json_find(payload, "output"), err);
    return 0;
}

static int tell_wait(struct codex_file *file, enum agent_wait_reason reason, int64_t from_ns, int64_t to_ns,
                     struct err *err)
{
    struct agent_sink *sink = file->sink;
    struct agent_wait wait = {.session = session_of(file),
                              .agent = agent_of(file),
                              .on = "",
                              .reason = reason,
                              .start_ns = from_ns,
                              .end_ns = to_ns};
    return sink->wait && from_ns && to_ns > from_ns ? sink->wait(sink, &wait, err) : 0;
}

/* A person said something: what was waited for until then was that. */
static int take_prompt(struct codex_file *file, const char *text, int64_t at_ns, struct err *err)
{
    int status = tell_wait(file, AGENT_WAIT_HUMAN, file->done_ns, at_ns, err);
    file->done_ns = 0;
    file->asked_ns = at_ns;
    str_clear(&file->task);
    str_append_bytes(&file->task, text, strnlen(text, TASK_BYTES_MAX));
    return status;
}

/* Newer versions tell of prompts and of agents that were started as items. */
static int take_done(struct codex_file *file, const struct json_value *item, int64_t at_ns, struct err *err)
{
    const char *type = pick_text(item, "type"), *id = pick_text(item, "id");
    if (strcmp(type, "UserMessage") == 0)
        return take_prompt(file, pick_text(json_item(json_find_array(item, "content"), 0), "text"), at_ns,
                           err);
    if (strcmp(type, "SubAgentActivity") != 0 || strcmp(pick_text(item, "kind"), "started") != 0)
        return 0;
    for (size_t i = 0; i < file->tools.count; i++)
        if (strcmp(file->tools.items[i].id, id) == 0)
            set_text(file->tools.items[i].child, CODEX_ID_BYTES, pick_text(item, "agent_thread_id"));
    return 0;
}

static int take_event(struct codex_file *file, const struct json_value *payload, int64_t at_ns,
                      struct err *err)
{
    const char *type = pick_text(payload, "type");
    int64_t started_ns;
    if (strcmp(type, "token_count") == 0)
        return take_count(file, payload, at_ns, err);
    if (strcmp(type, "task_started") == 0 || strcmp(type, "turn_started") == 0) {
        file->asked_ns = at_ns;
        started_ns = pick_time(payload, "started_at");
        if (started_ns && file->in_replay) {
            file->is_old_turn = started_ns + (int64_t)NS_PER_S <= file->meta.start_ns;
            file->in_replay = file->is_old_turn;
        }
        return 0;
    }
    if (file->in_replay)
        return 0;
    if (strcmp(type, "user_message") == 0)
        return take_prompt(file, pick_text(payload, "message"), at_ns, err);
    if (strcmp(type, "item_completed") == 0)
        return take_done(file, json_find(payload, "item"), at_ns, err);
    if (strcmp(type, "task_complete") == 0 || strcmp(type, "turn_complete") == 0 ||
        strcmp(type, "turn_aborted") == 0)
        file->done_ns = at_ns;
    if (strcmp(type, "stream_error") == 0) {
        bool is_limit = strstr(pick_text(payload, "message"), "429") != NULL;
        return tell_wait(file, is_limit ? AGENT_WAIT_RATE_LIMIT : AGENT_WAIT_RETRY, file->line_ns, at_ns,
                         err);
    }
    return 0;
}

static int take_item(struct codex_file *file, const struct json_value *payload, int64_t at_ns,
                     struct err *err)
{
    const char *type = pick_text(payload, "type");
    size_t length = strlen(type);
    if (file->in_replay)
        return 0;
    if (strcmp(type, "message") == 0 && strcmp(pick_text(payload, "role"), "user") == 0)
        file->asked_ns = at_ns;
    if (strcmp(type, "web_search_call") == 0)
        file->web_searches++;
    if (length > 12 && strcmp(type + length - 12, "_call_output") == 0) {
        file->asked_ns = at_ns; /* the model goes on from here */
        return file->request->calls_only ? 0 : tool_end(file, payload, at_ns, err);
    }
    if (length <= 5 || strcmp(type + length - 5, "_call") != 0)
        return 0;
    if (file->asked.length < TASK_BYTES_MAX)
        str_printf(&file->asked, "%s%s", file->asked.length ? "," : "", tool_name(payload, type));
    if (file->request->calls_only || !*pick_text(payload, "call_id"))
        return 0;
    return tool_begin(file, payload, type, at_ns, err);
}

/* --- lines --- */

static int malformed(struct codex_file *file, const struct line *line, const char *why, struct err *err)
{
    struct agent_sink *sink = file->sink;
    return sink->malformed ? sink->malformed(sink, file->request->path, line->number, why, err) : 0;
}

static int take_value(struct codex_file *file, const struct json_value *root, struct err *err)
{
    const char *type = pick_text(root, "type");
    const struct json_value *payload = json_find_object(root, "payload");
    int64_t at_ns = pick_time(root, "timestamp");
    int status = 0;
    look_for_pause(file, at_ns);
    if (strcmp(type, "session_meta") == 0)
        status = take_meta(file, payload, at_ns, err);
    else if (strcmp(type, "turn_context") == 0)
        take_context(file, payload);
    else if (strcmp(type, "token_usage_record") == 0)
        status = take_record(file, payload, at_ns, err);
    else if (strcmp(type, "event_msg") == 0)
        status = take_event(file, payload, at_ns, err);
    else if (strcmp(type, "response_item") == 0)
        status = take_item(file, payload, at_ns, err);
    file->line_ns = at_ns ? at_ns : file->line_ns;
    return status;
}

static int take_line(struct codex_file *file, const struct line *line, struct err *err)
{
    struct json_value *root = NULL;
    struct err why = {0};
    if (line->is_cut)
        return malformed(file, line, "it is over 8 MiB long", err);
    size_t blanks = 0;
    while (blanks < line->length && strchr(" \t\r", line->bytes[blanks]))
        blanks++;
    if (blanks == line->length)
        return 0;
    if (json_read_text(line->bytes, line->length, "line", &root, &why) ||
        json_kind(root) != JSON_KIND_OBJECT) {
        json_free(root);
        /* What may be in the middle of being written is nobody's fault. */
        return line->is_complete ? malformed(file, line, "it is not a JSON object", err) : 0;
    }
    int status = take_value(file, root, err);
    json_free(root);
    return status;
}

static int take_lines(struct codex_file *file, struct line_reader *reader, struct err *err)
{
    struct line line;
    bool is_there = true;
    int status = 0;
    while (!status && !(status = line_reader_next(reader, &line, &is_there, err)) && is_there)
        status = take_line(file, &line, err);
    return status;
}

static int codex_read(const struct source_request *request, struct agent_sink *sink, struct err *err)
{
    struct codex_file file = {.request = request, .sink = sink, .provider = "openai"};
    struct line_reader reader;
    int status = line_reader_open(&reader, request->path, 0, 1, err);
    if (!status)
        status = take_lines(&file, &reader, err);
    line_reader_close(&reader);
    if (!status && file.record.is_there && !file.in_replay)
        status = tell_record(&file, &file.record.usage, err);
    /* Tools that never came back. */
    while (file.tools.count && !status)
        status = tool_tell(&file, file.tools.count - 1, 0, NULL, err);
    while (file.tools.count)
        tool_close(&file, file.tools.count - 1);
    vec_free(&file.tools);
    str_free(&file.project);
    str_free(&file.task);
    str_free(&file.asked);
    record_clear(&file.record);
    codex_family_free(file.family);
    return status;
}

static bool codex_takes(const char *path)
{
    const char *name = strrchr(path, '/');
    return str_starts(name ? name + 1 : path, "rollout-") && str_ends(path, ".jsonl");
}

static bool codex_probe(const char *path, const char *head, size_t length)
{
    if (!head || length < 2 || head[0] != '{' || !memmem(head, length, "\"payload\"", 9))
        return false;
    return codex_takes(path) || memmem(head, length, "\"session_meta\"", 14) ||
           memmem(head, length, "\"turn_context\"", 14) || memmem(head, length, "\"token_count\"", 13);
}

static const struct source_place places[] = {
    {.variable = "CODEX_HOME", .below = "sessions", .home = ".codex/sessions"},
    {.variable = "CODEX_HOME", .below = "archived_sessions", .home = ".codex/archived_sessions"},
};

const struct agent_source codex_source = {
    .name = "codex",
    .about = "Codex",
    .places = places,
    .place_count = sizeof places / sizeof places[0],
    .ids_are_global = true,
    .takes = codex_takes,
    .probe = codex_probe,
    .read = codex_read,
};
