/* SPDX-License-Identifier: Apache-2.0 */
#include "store/journal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/journal_internal.h"

/* The index holds no texts of its own (content=): triggers tell it of each change, the old texts included, which is how FTS5
 * wants it (https://www.sqlite.org/fts5.html, external content tables). */
#define WORD_COLUMNS "finding, cause, symptom, place, change, outcome, fix, name"
#define OLD_WORDS    "old.finding, old.cause, old.symptom, old.place, old.change, old.outcome, old.fix, old.name"
#define NEW_WORDS    "new.finding, new.cause, new.symptom, new.place, new.change, new.outcome, new.fix, new.name"
#define FORGET       "INSERT INTO words (words, rowid, " WORD_COLUMNS ") VALUES ('delete', old.id, " OLD_WORDS "); "
#define LEARN        "INSERT INTO words (rowid, " WORD_COLUMNS ") VALUES (new.id, " NEW_WORDS "); "

/* Step i brings a file of version i to i + 1. One that was released never changes. */
static const char *const steps[] = {
    "CREATE TABLE entry (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, at_ns INTEGER NOT NULL,"
    "  kind TEXT NOT NULL, finding TEXT NOT NULL, symptom TEXT, cause TEXT, place TEXT, change TEXT,"
    "  fix TEXT, outcome TEXT, agreement TEXT, name TEXT, recording TEXT, machine TEXT, revision TEXT,"
    "  predicted REAL, predicted_low REAL, predicted_high REAL,"
    "  measured REAL, measured_low REAL, measured_high REAL);"
    "CREATE INDEX entry_by_time ON entry (at_ns);"
    "CREATE VIRTUAL TABLE words USING fts5(" WORD_COLUMNS ","
    "  content='entry', content_rowid='id', tokenize='porter unicode61');"
    "CREATE TRIGGER entry_added AFTER INSERT ON entry BEGIN " LEARN "END;"
    "CREATE TRIGGER entry_removed AFTER DELETE ON entry BEGIN " FORGET "END;"
    "CREATE TRIGGER entry_changed AFTER UPDATE ON entry BEGIN " FORGET LEARN "END;",
};

static const struct database_kind journal_kind = {.noun = "journal",
                                                  .file_name = "journal.db",
                                                  .magic = 0x746f6c6a, /* "tolj" */
                                                  .version = sizeof steps / sizeof steps[0],
                                                  .steps = steps};

static const char add_entry[] =
    "INSERT INTO entry (at_ns, key, kind, finding, symptom, cause, place, change, fix, outcome, agreement,"
    "  name, recording, machine, revision, predicted, predicted_low, predicted_high, measured,"
    "  measured_low, measured_high)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)"
    " ON CONFLICT (key) DO UPDATE SET at_ns = excluded.at_ns, kind = excluded.kind,"
    "  finding = excluded.finding, symptom = excluded.symptom, cause = excluded.cause,"
    "  place = excluded.place, change = excluded.change, fix = excluded.fix, outcome = excluded.outcome,"
    "  agreement = excluded.agreement, name = excluded.name, recording = excluded.recording,"
    "  machine = excluded.machine, revision = excluded.revision, predicted = excluded.predicted,"
    "  predicted_low = excluded.predicted_low, predicted_high = excluded.predicted_high,"
    "  measured = excluded.measured, measured_low = excluded.measured_low,"
    "  measured_high = excluded.measured_high RETURNING id";

struct journal_entry journal_blank(const char *kind, const char *finding)
{
    return (struct journal_entry){.at_ns = (int64_t)clock_realtime_ns(),
                                  .kind = kind,
                                  .finding = finding,
                                  .predicted = NAN,
                                  .predicted_low = NAN,
                                  .predicted_high = NAN,
                                  .measured = NAN,
                                  .measured_low = NAN,
                                  .measured_high = NAN};
}

int journal_default_path(struct str *ret_path, struct err *err)
{
    return database_default_path(&journal_kind, ret_path, err);
}

int journal_refused(const struct journal *journal, const char *verb, struct err *err)
{
    return database_refused(&journal->file, verb, err);
}

int journal_open(struct journal **ret_journal, const char *path, struct err *err)
{
    struct journal *journal = calloc(1, sizeof *journal);
    if (!journal)
        return err_memory(err);
    int status = database_open(&journal->file, &journal_kind, path, err);
    if (status)
        journal_close(journal);
    else
        *ret_journal = journal;
    return status;
}

int journal_open_to_read(struct journal **ret_journal, const char *path, struct err *err)
{
    bool exists = false;
    struct journal *journal = calloc(1, sizeof *journal);
    if (!journal)
        return err_memory(err);
    int status = database_open_to_read(&journal->file, &journal_kind, path, &exists, err);
    if (status || !exists) {
        journal_close(journal);
        journal = NULL;
    }
    if (!status)
        *ret_journal = journal;
    return status;
}

void journal_close(struct journal *journal)
{
    if (!journal)
        return;
    database_close(&journal->file);
    free(journal);
}

const char *journal_path(const struct journal *journal)
{
    return journal->file.path;
}

/* --- writing --- */

static void bind_text(sqlite3_stmt *statement, int index, const char *text)
{
    if (text && *text)
        sqlite3_bind_text(statement, index, text, database_text_length(text, JOURNAL_TEXT_MAX),
                          SQLITE_TRANSIENT);
    else
        sqlite3_bind_null(statement, index);
}

static void bind_number(sqlite3_stmt *statement, int index, double value)
{
    if (isfinite(value))
        sqlite3_bind_double(statement, index, value);
    else
        sqlite3_bind_null(statement, index);
}

/* Of notes, which name no place, the sentence is the key; of all else what it is about, so that a sentence with other numbers
 * is the same entry. */
static void make_key(const struct journal_entry *entry, struct str *key)
{
    bool is_about = entry->recording || entry->cause || entry->change;
    const char *const parts[] = {entry->kind,  entry->recording, entry->cause,
                                 entry->place, entry->change,    is_about ? NULL : entry->finding};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        str_printf(key, "%s%s", i ? "\n" : "", parts[i] ? parts[i] : "");
}

static int bind_key(sqlite3_stmt *statement, int index, const struct journal_entry *entry, struct err *err)
{
    struct str key = {0};
    if (entry->key && *entry->key)
        str_append(&key, entry->key);
    else
        make_key(entry, &key);
    if (!key.failed)
        bind_text(statement, index, key.text);
    int status = key.failed ? err_memory(err) : 0;
    str_free(&key);
    return status;
}

static int add_one(struct journal *journal, sqlite3_stmt *statement, const struct journal_entry *entry,
                   int64_t *ret_id, struct err *err)
{
    if (!entry->kind || !*entry->kind || !entry->finding || !*entry->finding)
        return err_set(err, ERR_INPUT, "could not add an entry to the journal: it has no kind or no finding");
    sqlite3_reset(statement);
    sqlite3_bind_int64(statement, 1, entry->at_ns - entry->at_ns % (int64_t)NS_PER_US);
    int status = bind_key(statement, 2, entry, err);
    if (status)
        return status;
    const char *const texts[] = {entry->kind,      entry->finding, entry->symptom,   entry->cause,
                                 entry->place,     entry->change,  entry->fix,       entry->outcome,
                                 entry->agreement, entry->name,    entry->recording, entry->machine,
                                 entry->revision};
    const double numbers[] = {entry->predicted, entry->predicted_low, entry->predicted_high,
                              entry->measured,  entry->measured_low,  entry->measured_high};
    int at = 3;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        bind_text(statement, at++, texts[i]);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        bind_number(statement, at++, numbers[i]);
    if (sqlite3_step(statement) != SQLITE_ROW)
        return journal_refused(journal, "write", err);
    *ret_id = sqlite3_column_int64(statement, 0);
    /* The row is written only when the statement was run to its end. */
    return sqlite3_step(statement) == SQLITE_DONE ? 0 : journal_refused(journal, "write", err);
}

static int execute(struct journal *journal, const char *sql, struct err *err)
{
    if (sqlite3_exec(journal->file.handle, sql, NULL, NULL, NULL) == SQLITE_OK)
        return 0;
    return journal_refused(journal, "write", err);
}

int journal_add(struct journal *journal, const struct journal_entry *entries, size_t count,
                int64_t *ret_last_id, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int64_t id = 0;
    int status = execute(journal, "BEGIN IMMEDIATE", err);
    if (status)
        return status;
    if (sqlite3_prepare_v2(journal->file.handle, add_entry, -1, &statement, NULL) != SQLITE_OK)
        status = journal_refused(journal, "write", err);
    for (size_t i = 0; i < count && !status; i++)
        status = add_one(journal, statement, &entries[i], &id, err);
    sqlite3_finalize(statement);
    if (!status)
        status = execute(journal, "COMMIT", err);
    if (status) {
        sqlite3_exec(journal->file.handle, "ROLLBACK", NULL, NULL, NULL);
        return status;
    }
    if (ret_last_id)
        *ret_last_id = id;
    return 0;
}
