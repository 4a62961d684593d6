/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a journal: by time, and by words. */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "store/journal_internal.h"

#define HITS_DEFAULT  20u
#define SNIPPET_WORDS "16"
/* A word shorter than this is looked for as it is, a longer one also as the beginning of another. */
#define PREFIX_MIN 3

/* Of finding, cause, symptom, place, change, outcome, fix, name, in the index's order. */
#define WEIGHTS "4.0, 5.0, 3.0, 3.0, 2.0, 2.0, 1.0, 2.0"

static const char *text_of(sqlite3_stmt *statement, int column)
{
    return (const char *)sqlite3_column_text(statement, column);
}

static double number_of(sqlite3_stmt *statement, int column)
{
    return sqlite3_column_type(statement, column) == SQLITE_NULL ? NAN
                                                                 : sqlite3_column_double(statement, column);
}

struct journal_entry journal_entry_of(sqlite3_stmt *statement)
{
    return (struct journal_entry){.id = sqlite3_column_int64(statement, 0),
                                  .at_ns = sqlite3_column_int64(statement, 1),
                                  .key = text_of(statement, 2),
                                  .kind = text_of(statement, 3),
                                  .finding = text_of(statement, 4),
                                  .symptom = text_of(statement, 5),
                                  .cause = text_of(statement, 6),
                                  .place = text_of(statement, 7),
                                  .change = text_of(statement, 8),
                                  .fix = text_of(statement, 9),
                                  .outcome = text_of(statement, 10),
                                  .agreement = text_of(statement, 11),
                                  .name = text_of(statement, 12),
                                  .recording = text_of(statement, 13),
                                  .machine = text_of(statement, 14),
                                  .revision = text_of(statement, 15),
                                  .predicted = number_of(statement, 16),
                                  .predicted_low = number_of(statement, 17),
                                  .predicted_high = number_of(statement, 18),
                                  .measured = number_of(statement, 19),
                                  .measured_low = number_of(statement, 20),
                                  .measured_high = number_of(statement, 21)};
}

/* --- by time --- */

static void append_conditions(struct str *sql, const struct journal_filter *filter)
{
    str_append(sql, "SELECT " JOURNAL_COLUMNS " FROM entry e WHERE 1");
    if (filter->id)
        str_append(sql, " AND e.id = ?1");
    if (filter->kind)
        str_append(sql, " AND e.kind = ?2");
    if (filter->cause)
        str_append(sql, " AND e.cause = ?3");
    if (filter->since_ns)
        str_append(sql, " AND e.at_ns >= ?4");
    str_append(sql, " ORDER BY e.at_ns DESC, e.id DESC");
    if (filter->newest)
        str_append(sql, " LIMIT ?5");
}

/* A parameter that the query lacks is refused, which is as it should be. */
static void bind_filter(sqlite3_stmt *statement, const struct journal_filter *filter)
{
    sqlite3_bind_int64(statement, 1, filter->id);
    sqlite3_bind_text(statement, 2, filter->kind, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 3, filter->cause, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 4, filter->since_ns);
    sqlite3_bind_int64(statement, 5, filter->newest < INT64_MAX ? (int64_t)filter->newest : INT64_MAX);
}

int journal_each(struct journal *journal, const struct journal_filter *filter, journal_each_entry *each,
                 void *data, struct err *err)
{
    struct str sql = {0};
    sqlite3_stmt *statement = NULL;
    int code = SQLITE_DONE, stopped = 0;
    append_conditions(&sql, filter);
    if (sql.failed ||
        sqlite3_prepare_v2(journal->file.handle, sql.text, (int)sql.length, &statement, NULL) != SQLITE_OK)
        stopped = sql.failed ? err_memory(err) : journal_refused(journal, "read", err);
    str_free(&sql);
    if (stopped)
        return stopped;
    bind_filter(statement, filter);
    while (!stopped && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        struct journal_entry entry = journal_entry_of(statement);
        stopped = each(&entry, data);
    }
    if (!stopped && code != SQLITE_DONE)
        stopped = journal_refused(journal, "read", err);
    sqlite3_finalize(statement);
    return stopped;
}

/* --- by words --- */

/* What the index's tokenizer keeps together: letters and digits, and every character outside ASCII (some of which it takes
 * for blanks: a word of those alone matches nothing). */
static bool is_of_word(char byte)
{
    unsigned char c = (unsigned char)byte;
    return c >= 0x80 || isalnum(c);
}

/* Words that people write between others in a search; FTS5 knows them only in capitals. */
static bool is_operator(const char *word, size_t length)
{
    static const char *const operators[] = {"AND", "OR", "NOT", "NEAR"};
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++)
        if (strlen(operators[i]) == length && strncmp(word, operators[i], length) == 0)
            return true;
    return false;
}

size_t journal_words(const char *text, const char *joint, struct str *ret_expression)
{
    size_t count = 0;
    while (*text && count < JOURNAL_WORDS_MAX) {
        size_t length = 0;
        while (is_of_word(text[length]))
            length++;
        if (!length) {
            text++;
            continue;
        }
        if (!is_operator(text, length)) {
            str_append(ret_expression, count ? joint : "");
            str_append(ret_expression, "\"");
            str_append_bytes(ret_expression, text, length);
            str_append(ret_expression, length >= PREFIX_MIN ? "\"*" : "\"");
            count++;
        }
        text += length;
    }
    return count;
}

/* Whether a person may have meant an expression. */
static bool is_expression(const char *text)
{
    return strpbrk(text, "\"*:^()") || strstr(text, " AND ") || strstr(text, " OR ") ||
           strstr(text, " NOT ") || strstr(text, "NEAR(");
}

struct query {
    struct journal *journal;
    const struct journal_search *search;
    journal_each_hit *each;
    void *data;
    uint64_t hit_count;
    bool is_bad_expression; /* what a person wrote is no expression; no error */
};

static const char search_sql[] =
    "SELECT " JOURNAL_COLUMNS ", -bm25(words, " WEIGHTS ") AS score,"
    " snippet(words, -1, ?2, ?3, '…', " SNIPPET_WORDS ") FROM words JOIN entry e ON e.id = words.rowid"
    " WHERE words MATCH ?1 AND (?4 IS NULL OR e.kind = ?4)"
    " AND (?5 IS NULL OR NOT instr(e.key, ?5))"
    " AND (?6 IS NULL OR e.id NOT IN (SELECT rowid FROM words WHERE words MATCH ?6))"
    " ORDER BY score DESC, e.at_ns DESC LIMIT ?7";

/* Damage is an error; an expression that FTS5 does not understand (SQLITE_ERROR) is not. */
static int run_failed(struct query *query, int code, struct err *err)
{
    query->is_bad_expression = (code & 0xff) == SQLITE_ERROR;
    return query->is_bad_expression ? 0 : journal_refused(query->journal, "read", err);
}

/* Hits of an expression that are none of another (NULL: of none). */
static int run(struct query *query, const char *expression, const char *apart, struct err *err)
{
    const struct journal_search *search = query->search;
    uint64_t limit = search->limit ? search->limit : HITS_DEFAULT;
    sqlite3_stmt *statement = NULL;
    int code = SQLITE_DONE, stopped = 0;
    query->is_bad_expression = false;
    if (query->hit_count >= limit)
        return 0;
    if (sqlite3_prepare_v2(query->journal->file.handle, search_sql, -1, &statement, NULL) != SQLITE_OK)
        return journal_refused(query->journal, "read", err);
    sqlite3_bind_text(statement, 1, expression, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, search->mark_open ? search->mark_open : "[", -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 3, search->mark_close ? search->mark_close : "]", -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 4, search->kind, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 5, search->but_not, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 6, apart, -1, SQLITE_STATIC);
    uint64_t left = limit - query->hit_count;
    sqlite3_bind_int64(statement, 7, left < INT64_MAX ? (int64_t)left : INT64_MAX);
    while (!stopped && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        struct journal_hit hit = {.entry = journal_entry_of(statement),
                                  .score = sqlite3_column_double(statement, JOURNAL_COLUMN_COUNT),
                                  .snippet = text_of(statement, JOURNAL_COLUMN_COUNT + 1),
                                  .has_all = !apart};
        query->hit_count++;
        stopped = query->each(&hit, query->data);
    }
    if (!stopped && code != SQLITE_DONE)
        stopped = run_failed(query, code, err);
    sqlite3_finalize(statement);
    return stopped;
}

static int run_words(struct query *query, const char *text, struct err *err)
{
    struct str all = {0}, some = {0};
    size_t count = journal_words(text, " ", &all);
    journal_words(text, " OR ", &some);
    int status = all.failed || some.failed ? err_memory(err) : 0;
    query->is_bad_expression = false; /* what was written, perhaps; its words are one */
    if (!status && count)
        status = run(query, all.text, NULL, err);
    if (!status && count > 1)
        status = run(query, some.text, all.text, err);
    str_free(&all);
    str_free(&some);
    /* Quoted words are always an expression: then it is the file. */
    if (!status && query->is_bad_expression)
        status = journal_refused(query->journal, "read", err);
    return status;
}

int journal_search(struct journal *journal, const struct journal_search *search, journal_each_hit *each,
                   void *data, struct err *err)
{
    struct query query = {.journal = journal, .search = search, .each = each, .data = data};
    if (is_expression(search->text)) {
        int status = run(&query, search->text, NULL, err);
        if (status || query.hit_count)
            return status;
    }
    return run_words(&query, search->text, err);
}
