/* SPDX-License-Identifier: Apache-2.0 */
#include "store/history.h"

#include <stdlib.h>

#include "store/internal.h"

/* Step i brings a file of version i to i + 1. One that was released never changes. */
static const char *const steps[] = {
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

static const struct database_kind history_kind = {.noun = "history",
                                                  .file_name = "history.db",
                                                  .magic = 0x746f6c6c, /* "toll" */
                                                  .version = sizeof steps / sizeof steps[0],
                                                  .steps = steps};

int history_default_path(struct str *ret_path, struct err *err)
{
    return database_default_path(&history_kind, ret_path, err);
}

int history_refused(const struct history *history, const char *verb, struct err *err)
{
    return database_refused(&history->file, verb, err);
}

int history_open(struct history **ret_history, const char *path, struct err *err)
{
    struct history *history = calloc(1, sizeof *history);
    if (!history)
        return err_memory(err);
    int status = database_open(&history->file, &history_kind, path, err);
    if (status)
        history_close(history);
    else
        *ret_history = history;
    return status;
}

int history_open_to_read(struct history **ret_history, const char *path, struct err *err)
{
    bool exists = false;
    struct history *history = calloc(1, sizeof *history);
    if (!history)
        return err_memory(err);
    int status = database_open_to_read(&history->file, &history_kind, path, &exists, err);
    if (status || !exists) {
        history_close(history);
        history = NULL;
    }
    if (!status)
        *ret_history = history;
    return status;
}

void history_close(struct history *history)
{
    if (!history)
        return;
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(history->statements[i]);
    intern_free(&history->known);
    vec_free(&history->rows);
    database_close(&history->file);
    free(history);
}

const char *history_path(const struct history *history)
{
    return history->file.path;
}
