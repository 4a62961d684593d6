/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "store/internal.h"

/* What a query looks at, with the texts that its conditions or its columns name. */
#define TABLES                                                                                               \
    " FROM result r JOIN series s ON s.id = r.series LEFT JOIN text m ON m.id = r.machine"                   \
    " LEFT JOIN text e ON e.id = r.revision LEFT JOIN text t ON t.id = r.tags"

/* The parameters' numbers are those that `bind_filter` gives values. */
static void append_conditions(struct str *sql, const struct history_filter *filter)
{
    str_append(sql, " WHERE 1");
    if (filter->name)
        str_append(sql, " AND s.name = ?1");
    if (filter->part)
        str_append(sql, " AND instr(s.name, ?2)");
    if (filter->metric)
        str_append(sql, " AND s.metric = ?3");
    if (filter->kind)
        str_append(sql, " AND s.kind = ?4");
    if (filter->machine)
        str_append(sql, " AND instr(m.value, ?5)");
    if (filter->revision)
        str_append(sql, " AND substr(e.value, 1, length(?6)) = ?6");
    if (filter->tag)
        str_append(sql, " AND instr(',' || t.value || ',', ',' || ?7 || ',')");
    if (filter->since_ns)
        str_append(sql, " AND r.at_ns >= ?8");
    if (filter->before_ns)
        str_append(sql, " AND r.at_ns < ?9");
}

/* A parameter that the query lacks is refused, which is as it should be. */
static void bind_filter(sqlite3_stmt *statement, const struct history_filter *filter)
{
    const char *const texts[] = {filter->name,    filter->part,     filter->metric, filter->kind,
                                 filter->machine, filter->revision, filter->tag};
    for (int i = 0; i < (int)(sizeof texts / sizeof texts[0]); i++)
        if (texts[i])
            sqlite3_bind_text(statement, i + 1, texts[i], -1, SQLITE_STATIC);
    if (filter->since_ns)
        sqlite3_bind_int64(statement, 8, filter->since_ns);
    if (filter->before_ns)
        sqlite3_bind_int64(statement, 9, filter->before_ns);
    if (filter->newest)
        sqlite3_bind_int64(statement, 10, filter->newest < INT64_MAX ? (int64_t)filter->newest : INT64_MAX);
}

static int prepare(struct history *history, const struct str *sql, const struct history_filter *filter,
                   sqlite3_stmt **ret_statement, struct err *err)
{
    if (sql->failed)
        return err_memory(err);
    if (sqlite3_prepare_v2(history->file.handle, sql->text, (int)sql->length, ret_statement, NULL) !=
        SQLITE_OK)
        return history_refused(history, "read", err);
    bind_filter(*ret_statement, filter);
    return 0;
}

static const char *text_of(sqlite3_stmt *statement, int column)
{
    return (const char *)sqlite3_column_text(statement, column);
}

static double number_of(sqlite3_stmt *statement, int column)
{
    return sqlite3_column_type(statement, column) == SQLITE_NULL ? NAN
                                                                 : sqlite3_column_double(statement, column);
}

static enum history_better better_of(sqlite3_stmt *statement, int column)
{
    switch (sqlite3_column_int(statement, column)) {
    case HISTORY_LESS: return HISTORY_LESS;
    case HISTORY_MORE: return HISTORY_MORE;
    default: return HISTORY_BY_METRIC;
    }
}

static struct history_result result_of(sqlite3_stmt *statement)
{
    return (struct history_result){.id = sqlite3_column_int64(statement, 0),
                                   .at_ns = sqlite3_column_int64(statement, 1),
                                   .kind = text_of(statement, 2),
                                   .name = text_of(statement, 3),
                                   .metric = text_of(statement, 4),
                                   .unit = text_of(statement, 5),
                                   .better = better_of(statement, 6),
                                   .value = sqlite3_column_double(statement, 7),
                                   .value_low = number_of(statement, 8),
                                   .value_high = number_of(statement, 9),
                                   .count = (uint64_t)sqlite3_column_int64(statement, 10),
                                   .predicted = number_of(statement, 11),
                                   .predicted_low = number_of(statement, 12),
                                   .predicted_high = number_of(statement, 13),
                                   .verdict = text_of(statement, 14),
                                   .machine = text_of(statement, 15),
                                   .revision = text_of(statement, 16),
                                   .tags = text_of(statement, 17)};
}

int history_each(struct history *history, const struct history_filter *filter, history_each_result *each,
                 void *data, struct err *err)
{
    struct str sql = {0};
    sqlite3_stmt *statement;
    int code = SQLITE_DONE, stopped = 0;
    if (filter->newest)
        str_append(&sql, "SELECT * FROM (");
    str_append(&sql,
               "SELECT r.id AS id, r.at_ns AS at_ns, s.kind, s.name, s.metric, s.unit, s.better, r.value,"
               " r.value_low, r.value_high, r.count, r.predicted, r.predicted_low, r.predicted_high,"
               " v.value, m.value, e.value, t.value" TABLES " LEFT JOIN text v ON v.id = r.verdict");
    append_conditions(&sql, filter);
    str_append(&sql, filter->newest ? " ORDER BY r.at_ns DESC, r.id DESC LIMIT ?10) ORDER BY at_ns, id"
                                    : " ORDER BY r.at_ns, r.id");
    int status = prepare(history, &sql, filter, &statement, err);
    str_free(&sql);
    if (status)
        return status;
    while (!stopped && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        struct history_result result = result_of(statement);
        stopped = each(&result, data);
    }
    if (!stopped && code != SQLITE_DONE)
        stopped = history_refused(history, "read", err);
    sqlite3_finalize(statement);
    return stopped;
}

/* Without a condition on results the index has all that is asked for, series by series; else each result is looked at. */
static void append_series_query(struct str *sql, const struct history_filter *filter)
{
    bool needs_texts = filter->machine || filter->revision || filter->tag;
    if (!needs_texts && !filter->since_ns && !filter->before_ns) {
        str_append(sql, "SELECT s.kind, s.name, s.metric, s.unit, s.better,"
                        " (SELECT count(*) FROM result WHERE series = s.id),"
                        " (SELECT min(at_ns) FROM result WHERE series = s.id),"
                        " (SELECT max(at_ns) FROM result WHERE series = s.id) AS newest FROM series s");
        append_conditions(sql, filter);
        str_append(sql, " AND newest IS NOT NULL ORDER BY newest DESC, s.name, s.metric");
        return;
    }
    str_append(sql,
               "SELECT s.kind, s.name, s.metric, s.unit, s.better, count(*), min(r.at_ns), max(r.at_ns)");
    str_append(sql, needs_texts ? TABLES : " FROM result r JOIN series s ON s.id = r.series");
    append_conditions(sql, filter);
    str_append(sql, " GROUP BY r.series ORDER BY max(r.at_ns) DESC, s.name, s.metric");
}

int history_series_each(struct history *history, const struct history_filter *filter,
                        history_each_of_series *each, void *data, struct err *err)
{
    struct str sql = {0};
    sqlite3_stmt *statement;
    int code = SQLITE_DONE, stopped = 0;
    append_series_query(&sql, filter);
    int status = prepare(history, &sql, filter, &statement, err);
    str_free(&sql);
    if (status)
        return status;
    while (!stopped && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        struct history_series series = {.kind = text_of(statement, 0),
                                        .name = text_of(statement, 1),
                                        .metric = text_of(statement, 2),
                                        .unit = text_of(statement, 3),
                                        .better = better_of(statement, 4),
                                        .count = (uint64_t)sqlite3_column_int64(statement, 5),
                                        .first_at_ns = sqlite3_column_int64(statement, 6),
                                        .last_at_ns = sqlite3_column_int64(statement, 7)};
        stopped = each(&series, data);
    }
    if (!stopped && code != SQLITE_DONE)
        stopped = history_refused(history, "read", err);
    sqlite3_finalize(statement);
    return stopped;
}

static int run(struct history *history, const struct str *sql, const struct history_filter *filter,
               struct err *err)
{
    sqlite3_stmt *statement;
    int status = prepare(history, sql, filter, &statement, err);
    if (status)
        return status;
    if (sqlite3_step(statement) != SQLITE_DONE)
        status = history_refused(history, "write", err);
    sqlite3_finalize(statement);
    return status;
}

static int remove_within(struct history *history, const struct history_filter *filter, uint64_t *ret_count,
                         struct err *err)
{
    struct str sql = {0};
    str_append(&sql, "DELETE FROM result WHERE id IN (SELECT r.id" TABLES);
    append_conditions(&sql, filter);
    str_append(&sql, ")");
    int status = run(history, &sql, filter, err);
    str_free(&sql);
    if (status)
        return status;
    *ret_count = (uint64_t)sqlite3_changes64(history->file.handle);
    if (sqlite3_exec(history->file.handle,
                     "DELETE FROM series WHERE id NOT IN (SELECT series FROM result);"
                     "DELETE FROM text WHERE id NOT IN (SELECT machine FROM result WHERE machine IS NOT NULL"
                     "  UNION SELECT revision FROM result WHERE revision IS NOT NULL"
                     "  UNION SELECT tags FROM result WHERE tags IS NOT NULL"
                     "  UNION SELECT verdict FROM result WHERE verdict IS NOT NULL);",
                     NULL, NULL, NULL) != SQLITE_OK)
        return history_refused(history, "write", err);
    return 0;
}

int history_remove(struct history *history, const struct history_filter *filter, uint64_t *ret_count,
                   struct err *err)
{
    uint64_t count = 0;
    if (!filter->name && !filter->part && !filter->metric && !filter->kind && !filter->machine &&
        !filter->revision && !filter->tag && !filter->since_ns && !filter->before_ns)
        return err_set(err, ERR_USAGE, "could not remove results from the history: it is not said which");
    if (sqlite3_exec(history->file.handle, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
        return history_refused(history, "write", err);
    history->version = -1; /* ids that are known may go */
    int status = remove_within(history, filter, &count, err);
    if (!status && sqlite3_exec(history->file.handle, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
        status = history_refused(history, "write", err);
    if (status) {
        sqlite3_exec(history->file.handle, "ROLLBACK", NULL, NULL, NULL);
        return status;
    }
    /* Not while others read; then the room is used by what comes next. */
    sqlite3_exec(history->file.handle, "VACUUM", NULL, NULL, NULL);
    *ret_count = count;
    return 0;
}

bool history_more_is_better(enum history_better better, const char *metric)
{
    switch (better) {
    case HISTORY_LESS: return false;
    case HISTORY_MORE: return true;
    case HISTORY_BY_METRIC: break;
    }
    return str_ends(metric, "_per_s") || str_ends(metric, "/s") || str_ends(metric, "throughput");
}
