/* SPDX-License-Identifier: Apache-2.0 */
/* The tables, by version: step i brings a file of version i to i + 1. A step that was released never changes. */
#include "store/internal.h"

static const char *const steps[HISTORY_VERSION] = {
    "CREATE TABLE text (id INTEGER PRIMARY KEY, value TEXT NOT NULL UNIQUE);"
    "CREATE TABLE series (id INTEGER PRIMARY KEY, name TEXT NOT NULL, metric TEXT NOT NULL, kind TEXT NOT "
    "NULL,"
    "  unit TEXT, better INTEGER NOT NULL, UNIQUE (name, metric, kind));"
    "CREATE TABLE result (id INTEGER PRIMARY KEY, series INTEGER NOT NULL REFERENCES series,"
    "  at_ns INTEGER NOT NULL, value REAL NOT NULL, value_low REAL, value_high REAL, count INTEGER NOT NULL,"
    "  verdict INTEGER REFERENCES text, predicted REAL, predicted_low REAL, predicted_high REAL,"
    "  machine INTEGER REFERENCES text, revision INTEGER REFERENCES text, tags INTEGER REFERENCES text);"
    "CREATE INDEX result_by_series ON result (series, at_ns);",
};

static int pragma_read(struct history *history, const char *sql, int *ret_value, struct err *err)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(history->database, sql, -1, &statement, NULL) != SQLITE_OK)
        return history_refused(history, "open", err);
    int code = sqlite3_step(statement);
    *ret_value = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return code == SQLITE_ROW ? 0 : history_refused(history, "open", err);
}

static int execute(struct history *history, const char *sql, struct err *err)
{
    if (sqlite3_exec(history->database, sql, NULL, NULL, NULL) == SQLITE_OK)
        return 0;
    return history_refused(history, "open", err);
}

static int foreign(const struct history *history, struct err *err)
{
    return err_set(err, ERR_INPUT, "could not open history '%s': it is another program's SQLite file",
                   history->path);
}

int history_check(struct history *history, struct err *err)
{
    int version = 0, magic = 0, tables = 0;
    int status = pragma_read(history, "PRAGMA user_version", &version, err);
    if (!status)
        status = pragma_read(history, "SELECT count(*) FROM sqlite_schema", &tables, err);
    /* Last: another toll may make tables and mark at this moment, both at once. */
    if (!status)
        status = pragma_read(history, "PRAGMA application_id", &magic, err);
    if (status)
        return status;
    return (tables && magic != HISTORY_MAGIC) || version < 0 ? foreign(history, err) : 0;
}

/* Within a transaction, so that of several processes that make the file at once one does it. */
static int bring_forward(struct history *history, struct err *err)
{
    int version = 0, magic = 0, tables = 0;
    int status = pragma_read(history, "PRAGMA user_version", &version, err);
    if (!status)
        status = pragma_read(history, "PRAGMA application_id", &magic, err);
    if (!status)
        status = pragma_read(history, "SELECT count(*) FROM sqlite_schema", &tables, err);
    if (status)
        return status;
    if ((tables && magic != HISTORY_MAGIC) || version < 0)
        return foreign(history, err);
    for (; version < HISTORY_VERSION && !status; version++)
        status = execute(history, steps[version], err);
    char *sql =
        sqlite3_mprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", HISTORY_MAGIC, version);
    if (!sql)
        return err_memory(err);
    if (!status)
        status = execute(history, sql, err);
    sqlite3_free(sql);
    return status;
}

int history_migrate(struct history *history, struct err *err)
{
    int version = 0, magic = 0;
    int status = pragma_read(history, "PRAGMA user_version", &version, err);
    if (!status)
        status = pragma_read(history, "PRAGMA application_id", &magic, err);
    if (status)
        return status;
    if (magic == HISTORY_MAGIC && version > HISTORY_VERSION) {
        err_set(err, ERR_INPUT, "could not open history '%s': it is of version %d, this toll knows up to %d",
                history->path, version, HISTORY_VERSION);
        err_hint(err, "a newer toll wrote it: update this one, or choose another file with --store FILE");
        return -ERR_INPUT;
    }
    if (magic == HISTORY_MAGIC && version == HISTORY_VERSION)
        return 0;
    status = execute(history, "BEGIN IMMEDIATE", err);
    if (status)
        return status;
    status = bring_forward(history, err);
    if (!status)
        return execute(history, "COMMIT", err);
    sqlite3_exec(history->database, "ROLLBACK", NULL, NULL, NULL);
    return status;
}
