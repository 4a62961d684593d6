/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "store/internal.h"

#define KNOWN_MAX 100000u

#define FIND_SERIES                                                                                          \
    "SELECT id, unit IS ?4 AND better = ?5 FROM series WHERE name = ?1 AND metric = ?2 AND kind = ?3"

static const char add_result[] =
    "INSERT INTO result (series, at_ns, value, value_low, value_high, count, verdict, predicted,"
    "  predicted_low, predicted_high, machine, revision, tags)"
    "  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";

static const char *const sql[STATEMENT_COUNT] = {
    [STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
    [STATEMENT_COMMIT] = "COMMIT",
    [STATEMENT_ROLLBACK] = "ROLLBACK",
    [STATEMENT_VERSION] = "PRAGMA data_version", /* changes when another connection wrote */
    [STATEMENT_TEXT_FIND] = "SELECT id FROM text WHERE value = ?1",
    [STATEMENT_TEXT_ADD] = "INSERT INTO text (value) VALUES (?1)",
    [STATEMENT_SERIES_FIND] = FIND_SERIES,
    [STATEMENT_SERIES_ADD] =
        "INSERT INTO series (name, metric, kind, unit, better) VALUES (?1, ?2, ?3, ?4, ?5)",
    [STATEMENT_SERIES_SET] =
        "UPDATE series SET unit = ?4, better = ?5 WHERE name = ?1 AND metric = ?2 AND kind = ?3",
    [STATEMENT_RESULT_ADD] = add_result,
};

static int statement_get(struct history *history, enum history_statement which, sqlite3_stmt **ret_statement,
                         struct err *err)
{
    sqlite3_stmt **statement = &history->statements[which];
    if (!*statement && sqlite3_prepare_v3(history->file.handle, sql[which], -1, SQLITE_PREPARE_PERSISTENT,
                                          statement, NULL) != SQLITE_OK)
        return history_refused(history, "write", err);
    sqlite3_reset(*statement);
    *ret_statement = *statement;
    return 0;
}

/* Runs a statement that has no rows. */
static int statement_run(struct history *history, sqlite3_stmt *statement, struct err *err)
{
    int code = sqlite3_step(statement);
    int status = code == SQLITE_DONE ? 0 : history_refused(history, "write", err);
    sqlite3_reset(statement);
    return status;
}

static int transact(struct history *history, enum history_statement which, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int status = statement_get(history, which, &statement, err);
    return status ? status : statement_run(history, statement, err);
}

static int text_length(const char *text)
{
    return database_text_length(text, HISTORY_TEXT_MAX);
}

static void bind_text(sqlite3_stmt *statement, int index, const char *text)
{
    if (text)
        sqlite3_bind_text(statement, index, text, text_length(text), SQLITE_STATIC);
    else
        sqlite3_bind_null(statement, index);
}

/* The row's id of a key seen in this transaction; 0: not seen. */
static int64_t known_row(const struct history *history, const struct str *key)
{
    uint64_t id = intern_find(&history->known, key->text, key->length);
    return id ? history->rows.items[id - 1] : 0;
}

static int known_add(struct history *history, const struct str *key, int64_t row, struct err *err)
{
    uint64_t id;
    bool is_new;
    if (intern_put(&history->known, key->text, key->length, &id, &is_new))
        return err_memory(err);
    if (is_new && vec_push(&history->rows, row))
        return err_memory(err);
    return 0;
}

static int text_row(struct history *history, const char *text, int64_t *ret_row, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int status = statement_get(history, STATEMENT_TEXT_FIND, &statement, err);
    if (status)
        return status;
    bind_text(statement, 1, text);
    int code = sqlite3_step(statement);
    *ret_row = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_reset(statement);
    if (code == SQLITE_ROW)
        return 0;
    if (code != SQLITE_DONE)
        return history_refused(history, "write", err);
    status = statement_get(history, STATEMENT_TEXT_ADD, &statement, err);
    if (status)
        return status;
    bind_text(statement, 1, text);
    status = statement_run(history, statement, err);
    *ret_row = sqlite3_last_insert_rowid(history->file.handle);
    return status;
}

/* Binds the id of a text that results share. */
static int bind_shared(struct history *history, sqlite3_stmt *statement, int index, const char *text,
                       struct err *err)
{
    struct str key = {0};
    if (!text || !*text) {
        sqlite3_bind_null(statement, index);
        return 0;
    }
    str_append(&key, "text ");
    str_append_bytes(&key, text, (size_t)text_length(text));
    int64_t row = key.failed ? 0 : known_row(history, &key);
    int status = key.failed ? err_memory(err) : 0;
    if (!status && !row) {
        status = text_row(history, text, &row, err);
        if (!status)
            status = known_add(history, &key, row, err);
    }
    str_free(&key);
    if (!status)
        sqlite3_bind_int64(statement, index, row);
    return status;
}

static int series_statement(struct history *history, enum history_statement which,
                            const struct history_result *result, sqlite3_stmt **ret_statement,
                            struct err *err)
{
    int status = statement_get(history, which, ret_statement, err);
    if (status)
        return status;
    bind_text(*ret_statement, 1, result->name);
    bind_text(*ret_statement, 2, result->metric);
    bind_text(*ret_statement, 3, result->kind);
    bind_text(*ret_statement, 4, result->unit);
    sqlite3_bind_int(*ret_statement, 5, (int)result->better);
    return 0;
}

/* A unit or a direction that is said anew is the series's from now on. */
static int series_row(struct history *history, const struct history_result *result, int64_t *ret_row,
                      struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int status = series_statement(history, STATEMENT_SERIES_FIND, result, &statement, err);
    if (status)
        return status;
    int code = sqlite3_step(statement);
    bool is_there = code == SQLITE_ROW, is_same = is_there && sqlite3_column_int(statement, 1);
    *ret_row = is_there ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_reset(statement);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return history_refused(history, "write", err);
    if (is_there && (is_same || (!result->unit && result->better == HISTORY_BY_METRIC)))
        return 0;
    status = series_statement(history, is_there ? STATEMENT_SERIES_SET : STATEMENT_SERIES_ADD, result,
                              &statement, err);
    if (!status)
        status = statement_run(history, statement, err);
    if (!is_there)
        *ret_row = sqlite3_last_insert_rowid(history->file.handle);
    return status;
}

static int bind_series(struct history *history, sqlite3_stmt *statement, const struct history_result *result,
                       struct err *err)
{
    struct str key = {0};
    str_printf(&key, "series %d ", (int)result->better);
    const char *const parts[] = {result->kind, result->metric, result->unit ? result->unit : "",
                                 result->name};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        str_append_bytes(&key, parts[i], (size_t)text_length(parts[i]) + 1);
    int64_t row = key.failed ? 0 : known_row(history, &key);
    int status = key.failed ? err_memory(err) : 0;
    if (!status && !row) {
        status = series_row(history, result, &row, err);
        if (!status)
            status = known_add(history, &key, row, err);
    }
    str_free(&key);
    if (!status)
        sqlite3_bind_int64(statement, 1, row);
    return status;
}

static void bind_number(sqlite3_stmt *statement, int index, double value)
{
    if (isfinite(value))
        sqlite3_bind_double(statement, index, value);
    else
        sqlite3_bind_null(statement, index);
}

static int result_add(struct history *history, const struct history_result *result, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    if (!result->kind || !result->name || !result->metric || !*result->name || !*result->metric)
        return err_set(err, ERR_INPUT, "could not add a result to the history: it has no name or no metric");
    if (!isfinite(result->value))
        return err_set(err, ERR_INPUT, "could not add '%.200s' to the history: its %.80s is no finite number",
                       result->name, result->metric);
    int status = statement_get(history, STATEMENT_RESULT_ADD, &statement, err);
    if (!status)
        status = bind_series(history, statement, result, err);
    if (!status)
        status = bind_shared(history, statement, 7, result->verdict, err);
    if (!status)
        status = bind_shared(history, statement, 11, result->machine, err);
    if (!status)
        status = bind_shared(history, statement, 12, result->revision, err);
    if (!status)
        status = bind_shared(history, statement, 13, result->tags, err);
    if (status)
        return status;
    sqlite3_bind_int64(statement, 2, result->at_ns);
    sqlite3_bind_double(statement, 3, result->value);
    bind_number(statement, 4, result->value_low);
    bind_number(statement, 5, result->value_high);
    sqlite3_bind_int64(statement, 6, result->count < INT64_MAX ? (int64_t)result->count : INT64_MAX);
    bind_number(statement, 8, result->predicted);
    bind_number(statement, 9, result->predicted_low);
    bind_number(statement, 10, result->predicted_high);
    return statement_run(history, statement, err);
}

static void forget(struct history *history)
{
    intern_free(&history->known);
    vec_free(&history->rows);
}

/* What is known of ids holds until another connection, which may have removed them, wrote. */
static int known_check(struct history *history, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int status = statement_get(history, STATEMENT_VERSION, &statement, err);
    if (status)
        return status;
    int code = sqlite3_step(statement);
    int64_t version = sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    if (code != SQLITE_ROW)
        return history_refused(history, "write", err);
    if (version != history->version || history->rows.count > KNOWN_MAX)
        forget(history);
    history->version = version;
    return 0;
}

int history_add(struct history *history, const struct history_result *results, size_t count, struct err *err)
{
    int status = transact(history, STATEMENT_BEGIN, err);
    if (status)
        return status;
    status = known_check(history, err);
    for (size_t i = 0; i < count && !status; i++)
        status = result_add(history, &results[i], err);
    if (!status)
        status = transact(history, STATEMENT_COMMIT, err);
    if (status) {
        struct err ignored; /* what made it fail is told */
        forget(history);
        if (transact(history, STATEMENT_ROLLBACK, &ignored))
            return status;
    }
    return status;
}
