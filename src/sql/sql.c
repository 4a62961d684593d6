/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/sql.h"

#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "sql/internal.h"
#include "sql/sql_result.h"
#include "sql/sql_source.h"
#include "sql/sql_views.h"
#include "sql/sql_vtab.h"

#define HEAP_BYTES_MAX (512 << 20)

struct sql {
    struct sql_source *source;
    sqlite3 *handle;
};

/* Reading only, and of this connection's tables only. */
static int authorize(void *context, int action, const char *first, const char *second, const char *database,
                     const char *trigger)
{
    const struct sql_source *source = context;
    (void)first;
    (void)second;
    (void)database;
    (void)trigger;
    if (source->is_declaring)
        return SQLITE_OK;
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_RECURSIVE: return SQLITE_OK;
    case SQLITE_FUNCTION: return second && strcmp(second, "load_extension") == 0 ? SQLITE_DENY : SQLITE_OK;
    default: return SQLITE_DENY;
    }
}

static int make_views(struct sql *sql, struct err *err)
{
    for (size_t i = 0; i < sql_view_count; i++) {
        struct str text = {0};
        str_printf(&text, "CREATE VIEW %s AS %s", sql_views[i].name, sql_views[i].select);
        int status =
            text.failed ? SQLITE_NOMEM : sqlite3_exec(sql->handle, str_text(&text), NULL, NULL, NULL);
        str_free(&text);
        if (status != SQLITE_OK)
            return err_set(err, ERR_BUG, "could not make view '%s': %s", sql_views[i].name,
                           sqlite3_errmsg(sql->handle));
    }
    return 0;
}

static int connect_sqlite(struct sql *sql, struct err *err)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_MEMORY;
    if (sqlite3_open_v2(":memory:", &sql->handle, flags, NULL) != SQLITE_OK)
        return err_memory(err);
    sqlite3_hard_heap_limit64(HEAP_BYTES_MAX);
    /* What is sorted goes to files beyond what the cache holds. */
    sqlite3_exec(sql->handle, "PRAGMA temp_store = FILE; PRAGMA cache_size = -65536", NULL, NULL, NULL);
    int status = sql_vtab_register(sql->handle, sql->source, err);
    if (!status)
        status = make_views(sql, err);
    if (!status)
        sqlite3_set_authorizer(sql->handle, authorize, sql->source);
    return status;
}

int sql_open(const char *path, struct sql **ret_sql, struct err *err)
{
    struct sql *sql = calloc(1, sizeof *sql);
    if (!sql)
        return err_memory(err);
    int status = sql_source_open(path, &sql->source, err);
    if (!status)
        status = connect_sqlite(sql, err);
    if (status) {
        sql_close(sql);
        return status;
    }
    *ret_sql = sql;
    return 0;
}

void sql_close(struct sql *sql)
{
    if (!sql)
        return;
    sqlite3_close(sql->handle);
    sql_source_close(sql->source);
    free(sql);
}

/* What follows the last blank or point of a message: the name that SQLite does not know. */
static const char *name_in(const char *message, const char *before)
{
    const char *name = strstr(message, before);
    if (!name)
        return NULL;
    name += strlen(before);
    const char *point = strrchr(name, '.');
    return point ? point + 1 : name;
}

static void hint_at_name(struct err *err, const char *message)
{
    const char *table = name_in(message, "no such table: "), *column = name_in(message, "no such column: ");
    const char *nearest = table ? sql_nearest_table(table) : column ? sql_nearest_column(column) : NULL;
    if (nearest)
        err_hint(
            err,
            "did you mean '%s'? 'toll query --schema' lists tables, 'toll query --schema TABLE' its columns",
            nearest);
    else if (table)
        err_hint(err, "'toll query --schema' lists the tables");
    else if (column)
        err_hint(err, "'toll query --schema TABLE' lists a table's columns; a text stands in single quotes");
    else if (strstr(message, "not authorized") || strstr(message, "may not be modified"))
        err_hint(err, "a recording is only read: ask with SELECT or WITH");
    else
        err_hint(err, "the language is SQLite's: https://sqlite.org/lang_select.html; 'toll query --schema' "
                      "lists the tables");
}

/* Why SQLite refused, or why a scan of the recording ended. */
static int refused(struct sql *sql, const char *text, struct err *err)
{
    const char *message = sqlite3_errmsg(sql->handle);
    int code = sqlite3_errcode(sql->handle) & 0xff, offset = sqlite3_error_offset(sql->handle);
    if (sql->source->failed.code != ERR_NONE) {
        *err = sql->source->failed;
        return -(int)err->code;
    }
    if (code == SQLITE_NOMEM)
        return err_set(err, ERR_ENVIRONMENT, "could not answer the query: it needs more than %d MB of memory",
                       HEAP_BYTES_MAX >> 20);
    if (code == SQLITE_FULL || code == SQLITE_IOERR || code == SQLITE_CANTOPEN)
        return err_set(err, ERR_ENVIRONMENT, "could not answer the query: a temporary file: %s", message);
    if (offset >= 0 && (size_t)offset < strlen(text) && strstr(message, "syntax"))
        err_set(err, ERR_USAGE, "could not take the query: %s, at character %d", message, offset + 1);
    else
        err_set(err, ERR_USAGE, "could not take the query: %s", message);
    hint_at_name(err, message);
    return -ERR_USAGE;
}

static bool has_more(const char *text)
{
    return text[strspn(text, " \t\r\n;")] != '\0';
}

static int prepare(struct sql *sql, const char *text, sqlite3_stmt **ret_statement, struct err *err)
{
    const char *rest = "";
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(sql->handle, text, -1, &statement, &rest) != SQLITE_OK)
        return refused(sql, text, err);
    int status = 0;
    if (!statement)
        status = err_set(err, ERR_USAGE, "could not take the query: it is empty");
    else if (has_more(rest))
        status =
            err_set(err, ERR_USAGE, "could not take the query: there is more behind its end: '%.60s'", rest);
    else if (!sqlite3_column_count(statement))
        status = err_set(err, ERR_USAGE, "could not take the query: it has no rows to show");
    if (status) {
        err_hint(err, "one SELECT at a time");
        sqlite3_finalize(statement);
        return status;
    }
    *ret_statement = statement;
    return 0;
}

int sql_run(struct sql *sql, const char *text, const struct sql_output *output, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    sql->source->failed = (struct err){.code = ERR_NONE};
    int status = prepare(sql, text, &statement, err);
    if (status)
        return status;
    struct sql_result result;
    status = sql_result_begin(&result, output, statement, text, err);
    int step = SQLITE_DONE;
    while (!status && (step = sqlite3_step(statement)) == SQLITE_ROW)
        status = sql_result_row(&result, err);
    if (!status && step != SQLITE_DONE)
        status = refused(sql, text, err);
    if (!status)
        status = sql_result_end(&result, err);
    sql_result_deinit(&result);
    sqlite3_finalize(statement);
    return status;
}

uint64_t sql_row_count(const struct sql *sql, enum table_id table)
{
    const struct view *view = reader_view(sql->source->reader);
    return view->row_count(view, table);
}
