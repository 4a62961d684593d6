/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenCode's sessions: a SQLite file, opencode.db (tables session, message, part; what a row says is JSON in its column `data`), and
 * before that a JSON file for each message, storage/message/<session>/msg_….json, which are left where they were.
 *
 * A message has the same id in both: it is counted once. Input does not include the cache. Where the total says so, output does
 * not include reasoning, which is billed as output. The database is only read: also while OpenCode writes it, and where
 * nothing may be written.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "agents/json_pick.h"
#include "agents/source.h"
#include "base/fs.h"
#include "base/map.h"
#include "base/str.h"
#include "base/vec.h"

#define MESSAGE_BYTES_MAX ((size_t)64 << 20)
#define PARENTS_MAX       16u
#define WAIT_MS           2000
#define TASK_BYTES_MAX    200u

/* What the table of sessions says of one. */
struct session_row {
    const char *id, *parent, *title, *project, *kind;
};

struct opencode_file {
    const struct source_request *request;
    struct agent_sink *sink;
    struct arena arena;
    struct intern ids;
    struct map by_id; /* interned id -> index of a session */
    VEC(struct session_row) sessions;
};

static const struct session_row *session_find(const struct opencode_file *file, const char *id)
{
    uint64_t number = intern_find(&file->ids, id, strlen(id));
    const uint64_t *place = number ? map_get(&file->by_id, number) : NULL;
    return place ? &file->sessions.items[*place] : NULL;
}

/* The session that no other started: the conversation. */
static const char *root_of(const struct opencode_file *file, const char *id)
{
    for (unsigned i = 0; i < PARENTS_MAX; i++) {
        const struct session_row *row = session_find(file, id);
        if (!row || !*row->parent)
            break;
        id = row->parent;
    }
    return id;
}

static struct tokens tokens_of(const struct json_value *value)
{
    uint64_t input = pick_count(value, "input"), output = pick_count(value, "output"),
             reasoning = pick_count(value, "reasoning"), read = pick_count(value, "cache.read"),
             write = pick_count(value, "cache.write"), total = pick_count(value, "total");
    bool stands_beside = total ? total == input + output + reasoning + read + write ||
                                     (total == input + output + reasoning && total != input + output)
                               : reasoning > output;
    if (stands_beside)
        output += reasoning;
    return (struct tokens){.input = input,
                           .output = output,
                           .cache_read = read,
                           .cache_write_5m = write,
                           .reasoning = reasoning < output ? reasoning : output};
}

static int tell_call(struct opencode_file *file, const struct json_value *data, const char *id,
                     const char *session, struct err *err)
{
    struct agent_sink *sink = file->sink;
    const struct json_value *tokens = json_find_object(data, "tokens");
    const struct session_row *row = session_find(file, session);
    const char *root = root_of(file, session), *folder = pick_text(data, "path.cwd");
    if (!tokens || strcmp(pick_text(data, "role"), "assistant") != 0 || !sink->llm_call)
        return 0;
    struct llm_call call = {.session = root,
                            .agent = strcmp(root, session) == 0 ? "" : session,
                            .project = *folder || !row ? folder : row->project,
                            .task = row ? row->title : "",
                            .id = id,
                            .tools = "",
                            .model = pick_text(data, "modelID"),
                            .provider = pick_text(data, "providerID"),
                            .region = "",
                            .start_ns = pick_time(data, "time.created"),
                            .end_ns = pick_time(data, "time.completed"),
                            .tokens = tokens_of(tokens),
                            .cost_usd = pick_number(data, "cost"),
                            .is_error = json_find_object(data, "error") != NULL};
    call.end_ns = call.end_ns > call.start_ns ? call.end_ns : call.start_ns;
    call.output_high = call.tokens.output;
    if (!tokens_total(&call.tokens))
        return 0;
    return sink->llm_call(sink, &call, err);
}

/* --- the database --- */

static int refused(sqlite3 *database, const struct opencode_file *file, struct err *err)
{
    return err_set(err, ERR_INPUT, "could not read OpenCode's sessions '%s': %s", file->request->path,
                   sqlite3_errmsg(database));
}

/* As a file that is being written, else (no room for its shared memory: a folder that is read only) as one that is not. */
static int database_open_read(const char *path, sqlite3 **ret_database, struct err *err)
{
    static const char *const ways[] = {"mode=ro", "immutable=1"};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct str uri = {0};
        sqlite3 *database = NULL;
        str_append(&uri, "file:");
        for (const char *at = path; *at; at++)
            if (strchr("?#%", *at))
                str_printf(&uri, "%%%02x", (unsigned char)*at);
            else
                str_append_bytes(&uri, at, 1);
        str_printf(&uri, "?%s", ways[i]);
        int code = uri.failed ? SQLITE_NOMEM
                              : sqlite3_open_v2(str_text(&uri), &database,
                                                SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
        str_free(&uri);
        if (code == SQLITE_OK) {
            sqlite3_busy_timeout(database, WAIT_MS);
            code = sqlite3_exec(database, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
        }
        if (code == SQLITE_OK) {
            *ret_database = database;
            return 0;
        }
        if (i + 1 == sizeof ways / sizeof *ways)
            err_set(err, ERR_INPUT, "could not read OpenCode's sessions '%s': %s", path,
                    database ? sqlite3_errmsg(database) : "out of memory");
        sqlite3_close(database);
    }
    return -ERR_INPUT;
}

static bool has_column(sqlite3 *database, const char *table, const char *column)
{
    return sqlite3_table_column_metadata(database, NULL, table, column, NULL, NULL, NULL, NULL, NULL) ==
           SQLITE_OK;
}

static const char *column_text(sqlite3_stmt *statement, int column)
{
    const unsigned char *text = sqlite3_column_text(statement, column);
    return text ? (const char *)text : "";
}

/* Calls `take` with each row of a query. */
static int each_row(sqlite3 *database, struct opencode_file *file, const char *query,
                    int (*take)(struct opencode_file *file, sqlite3_stmt *row, struct err *err),
                    struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int code, status = 0;
    if (sqlite3_prepare_v2(database, query, -1, &statement, NULL) != SQLITE_OK)
        return refused(database, file, err);
    while (!status && (code = sqlite3_step(statement)) != SQLITE_DONE)
        status = code == SQLITE_ROW ? take(file, statement, err) : refused(database, file, err);
    sqlite3_finalize(statement);
    return status;
}

static int take_session(struct opencode_file *file, sqlite3_stmt *statement, struct err *err)
{
    struct session_row row = {.id = arena_string(&file->arena, column_text(statement, 0)),
                              .parent = arena_string(&file->arena, column_text(statement, 1)),
                              .title = arena_string(&file->arena, column_text(statement, 2)),
                              .project = arena_string(&file->arena, column_text(statement, 3)),
                              .kind = arena_string(&file->arena, column_text(statement, 4))};
    uint64_t number;
    if (!row.id || !row.parent || !row.title || !row.project || !row.kind ||
        intern_put(&file->ids, row.id, strlen(row.id), &number, NULL) ||
        map_put(&file->by_id, number, file->sessions.count) || vec_push(&file->sessions, row))
        return err_memory(err);
    return 0;
}

static int tell_agents(struct opencode_file *file, struct err *err)
{
    struct agent_sink *sink = file->sink;
    int status = 0;
    for (size_t i = 0; i < file->sessions.count && !status && sink->agent; i++) {
        const struct session_row *row = &file->sessions.items[i];
        const char *root = root_of(file, row->id);
        if (!*row->parent)
            continue;
        struct agent_facts facts = {.session = root,
                                    .agent = row->id,
                                    .parent = strcmp(root, row->parent) == 0 ? "" : row->parent,
                                    .kind = row->kind,
                                    .title = row->title,
                                    .spawn_id = ""};
        status = sink->agent(sink, &facts, err);
    }
    return status;
}

static int row_wrong(struct opencode_file *file, sqlite3_stmt *statement, struct err *err)
{
    struct agent_sink *sink = file->sink;
    return sink->malformed
               ? sink->malformed(sink, file->request->path, (uint64_t)sqlite3_column_int64(statement, 3),
                                 "the row's data is not a JSON object", err)
               : 0;
}

static bool row_read(sqlite3_stmt *statement, struct json_value **ret_root)
{
    struct err why = {0};
    const char *text = column_text(statement, 2);
    if (json_read_text(text, (size_t)sqlite3_column_bytes(statement, 2), "row", ret_root, &why))
        return false;
    if (json_kind(*ret_root) == JSON_KIND_OBJECT)
        return true;
    json_free(*ret_root);
    return false;
}

static int take_message(struct opencode_file *file, sqlite3_stmt *statement, struct err *err)
{
    struct json_value *data = NULL;
    if (!row_read(statement, &data))
        return row_wrong(file, statement, err);
    int status = tell_call(file, data, column_text(statement, 0), column_text(statement, 1), err);
    json_free(data);
    return status;
}

static int take_part(struct opencode_file *file, sqlite3_stmt *statement, struct err *err)
{
    struct json_value *data = NULL;
    struct agent_sink *sink = file->sink;
    const char *session = column_text(statement, 1), *root = root_of(file, session);
    char text[TASK_BYTES_MAX + 1] = "";
    if (!row_read(statement, &data))
        return row_wrong(file, statement, err);
    int status = 0;
    if (strcmp(pick_text(data, "type"), "tool") == 0 && sink->tool_call) {
        const char *state = pick_text(data, "state.status");
        const char *title = pick_text(data, "state.title");
        snprintf(text, sizeof text, "%.*s", (int)TASK_BYTES_MAX, title);
        if (!*text)
            snprintf(text, sizeof text, "%.*s", (int)TASK_BYTES_MAX,
                     pick_first_text(json_find(data, "state.input")));
        struct tool_call call = {.session = root,
                                 .agent = strcmp(root, session) == 0 ? "" : session,
                                 .id = pick_text(data, "callID"),
                                 .name = pick_text(data, "tool"),
                                 .text = text,
                                 .child_agent = pick_text(data, "state.metadata.sessionId"),
                                 .start_ns = pick_time(data, "state.time.start"),
                                 .end_ns = pick_time(data, "state.time.end"),
                                 .result_bytes = strlen(pick_text(data, "state.output")),
                                 .is_error = strcmp(state, "error") == 0};
        status = sink->tool_call(sink, &call, err);
    }
    json_free(data);
    return status;
}

static int read_tables(sqlite3 *database, struct opencode_file *file, struct err *err)
{
    bool in_column = has_column(database, "message", "session_id");
    bool has_parts = has_column(database, "part", "data") && has_column(database, "part", "session_id");
    char query[256];
    int status = 0;
    if (!has_column(database, "message", "data"))
        return err_set(err, ERR_INPUT,
                       "could not read OpenCode's sessions '%s': there is no table of messages in it",
                       file->request->path);
    if (has_column(database, "session", "id")) {
        snprintf(query, sizeof query, "SELECT id, %s, %s, %s, %s FROM session",
                 has_column(database, "session", "parent_id") ? "parent_id" : "''",
                 has_column(database, "session", "title") ? "title" : "''",
                 has_column(database, "session", "directory") ? "directory" : "''",
                 has_column(database, "session", "agent") ? "agent" : "''");
        status = each_row(database, file, query, take_session, err);
    }
    if (!status)
        status = tell_agents(file, err);
    snprintf(query, sizeof query, "SELECT %s, %s, data, rowid FROM message",
             has_column(database, "message", "id") ? "id" : "json_extract(data, '$.id')",
             in_column ? "session_id" : "json_extract(data, '$.sessionID')");
    if (!status)
        status = each_row(database, file, query, take_message, err);
    if (!status && has_parts && !file->request->calls_only)
        status = each_row(database, file, "SELECT id, session_id, data, rowid FROM part", take_part, err);
    return status;
}

static int read_database(struct opencode_file *file, struct err *err)
{
    sqlite3 *database = NULL;
    int status = database_open_read(file->request->path, &database, err);
    if (!status)
        status = read_tables(database, file, err);
    sqlite3_close(database);
    return status;
}

/* --- a file for each message --- */

static int read_message(struct opencode_file *file, struct err *err)
{
    struct agent_sink *sink = file->sink;
    struct json_value *root = NULL;
    struct str text = {0};
    struct err why = {0};
    int status = fs_read(file->request->path, MESSAGE_BYTES_MAX, &text, err);
    if (!status && (json_read_text(str_text(&text), text.length, "message", &root, &why) ||
                    json_kind(root) != JSON_KIND_OBJECT)) {
        json_free(root);
        root = NULL;
        if (sink->malformed)
            status = sink->malformed(sink, file->request->path, 1, "it is not a JSON object", err);
    }
    str_free(&text);
    if (!status && root)
        status = tell_call(file, root, pick_text(root, "id"), pick_text(root, "sessionID"), err);
    json_free(root);
    return status;
}

static int opencode_read(const struct source_request *request, struct agent_sink *sink, struct err *err)
{
    struct opencode_file file = {.request = request, .sink = sink};
    char head[16];
    ssize_t length = fs_read_small(request->path, head, sizeof head);
    int status;
    if (length < 0)
        return err_errno(err, (int)-length, "could not read file '%s'", request->path);
    if (str_starts(head, "SQLite format"))
        status = read_database(&file, err);
    else
        status = read_message(&file, err);
    vec_free(&file.sessions);
    map_free(&file.by_id);
    intern_free(&file.ids);
    arena_free(&file.arena);
    return status;
}

static bool opencode_takes(const char *path)
{
    const char *name = strrchr(path, '/');
    name = name ? name + 1 : path;
    if (str_starts(name, "opencode") && str_ends(name, ".db"))
        return true;
    return strstr(path, "storage/message/") && str_starts(name, "msg_") && str_ends(name, ".json");
}

static bool opencode_probe(const char *path, const char *head, size_t length)
{
    if (length > 16 && memcmp(head, "SQLite format 3", 16) == 0)
        return opencode_takes(path);
    return memmem(head, length, "\"modelID\"", 9) && memmem(head, length, "\"sessionID\"", 11);
}

static const struct source_place places[] = {
    {.variable = "XDG_DATA_HOME", .below = "opencode", .home = ".local/share/opencode"},
};

const struct agent_source opencode_source = {
    .name = "opencode",
    .about = "OpenCode",
    .places = places,
    .place_count = sizeof places / sizeof places[0],
    .journal = "-wal",
    .ids_are_global = true,
    .takes = opencode_takes,
    .probe = opencode_probe,
    .read = opencode_read,
};
