/* SPDX-License-Identifier: Apache-2.0 */
#include "store/results_csv.h"

#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "store/moment.h"

#define COLUMNS_MAX 32u

enum column {
    COLUMN_NONE, /* not one of ours: left out */
    COLUMN_NAME,
    COLUMN_VALUE,
    COLUMN_METRIC,
    COLUMN_KIND,
    COLUMN_UNIT,
    COLUMN_BETTER,
    COLUMN_AT,
    COLUMN_LOW,
    COLUMN_HIGH,
    COLUMN_COUNT,
    COLUMN_VERDICT,
    COLUMN_MACHINE,
    COLUMN_REVISION,
    COLUMN_TAGS
};

static const char *const names[] = {
    [COLUMN_NAME] = "name",
    [COLUMN_VALUE] = "value",
    [COLUMN_METRIC] = "metric",
    [COLUMN_KIND] = "kind",
    [COLUMN_UNIT] = "unit",
    [COLUMN_BETTER] = "better",
    [COLUMN_AT] = "at",
    [COLUMN_LOW] = "value_low",
    [COLUMN_HIGH] = "value_high",
    [COLUMN_COUNT] = "count",
    [COLUMN_VERDICT] = "verdict",
    [COLUMN_MACHINE] = "machine",
    [COLUMN_REVISION] = "revision",
    [COLUMN_TAGS] = "tags",
};

struct row {
    char *cells[COLUMNS_MAX];
    size_t count;
};

bool history_better_parse(const char *text, enum history_better *ret_better)
{
    bool is_less = strcmp(text, "lower") == 0 || strcmp(text, "less") == 0;
    bool is_more = strcmp(text, "higher") == 0 || strcmp(text, "more") == 0;
    *ret_better = is_less ? HISTORY_LESS : is_more ? HISTORY_MORE : HISTORY_BY_METRIC;
    return is_less || is_more;
}

/* One cell, ended by a NUL in place of what follows it; returns where the next begins, *ret_more whether in the same row. */
static char *cell_end(char *at, char **ret_cell, bool *ret_more)
{
    char *to = at;
    *ret_cell = at;
    if (*at == '"') {
        for (at++; *at && !(*at == '"' && at[1] != '"'); at++) {
            at += *at == '"';
            *to++ = *at;
        }
        at += *at == '"';
    }
    while (*at && !strchr(",\r\n", *at))
        *to++ = *at++;
    *ret_more = *at == ',';
    char *next = *at ? at + 1 : at;
    if (*at == '\r' && *next == '\n')
        next++;
    *to = '\0';
    return next;
}

/* The next row that is no comment; false at the end. Counts lines. */
static bool next_row(char **at, size_t *line, struct row *ret_row)
{
    while (**at) {
        char *start = *at;
        bool more = true;
        ret_row->count = 0;
        ++*line;
        while (more) {
            char *cell;
            *at = cell_end(*at, &cell, &more);
            if (ret_row->count < COLUMNS_MAX)
                ret_row->cells[ret_row->count++] = cell;
        }
        if (start[0] != '#' && (ret_row->count > 1 || ret_row->cells[0][0]))
            return true;
    }
    return false;
}

static enum column column_named(const char *name)
{
    for (size_t i = COLUMN_NAME; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], name) == 0)
            return (enum column)i;
    return COLUMN_NONE;
}

/* Whether the row names columns; else they are name, value, metric. */
static bool header_of(const struct row *row, enum column *columns)
{
    bool has_value = false;
    double ignored;
    for (size_t i = 0; i < row->count; i++) {
        columns[i] = column_named(row->cells[i]);
        has_value = has_value || columns[i] == COLUMN_VALUE;
    }
    if (has_value || (row->count > 1 && num_parse_double(row->cells[1], &ignored) != 0))
        return true;
    for (size_t i = 0; i < COLUMNS_MAX; i++)
        columns[i] = i < 3 ? (enum column)(COLUMN_NAME + i) : COLUMN_NONE;
    return false;
}

static int number(const char *cell, double *ret_value, struct err *err)
{
    if (num_parse_double(cell, ret_value) == 0)
        return 0;
    return err_set(err, ERR_INPUT, "'%.60s' is no number", cell);
}

static int cell_fill(enum column column, const char *cell, int64_t now_ns, struct history_result *result,
                     struct err *err)
{
    switch (column) {
    case COLUMN_NAME: result->name = cell; break;
    case COLUMN_METRIC: result->metric = cell; break;
    case COLUMN_KIND: result->kind = cell; break;
    case COLUMN_UNIT: result->unit = cell; break;
    case COLUMN_VERDICT: result->verdict = cell; break;
    case COLUMN_MACHINE: result->machine = cell; break;
    case COLUMN_REVISION: result->revision = cell; break;
    case COLUMN_TAGS: result->tags = cell; break;
    case COLUMN_VALUE: return number(cell, &result->value, err);
    case COLUMN_LOW: return number(cell, &result->value_low, err);
    case COLUMN_HIGH: return number(cell, &result->value_high, err);
    case COLUMN_AT: return moment_parse(cell, now_ns, &result->at_ns, err);
    case COLUMN_COUNT:
        if (num_parse_u64(cell, &result->count))
            return err_set(err, ERR_INPUT, "'%.60s' is no whole number", cell);
        break;
    case COLUMN_BETTER:
        if (!history_better_parse(cell, &result->better))
            return err_set(err, ERR_INPUT, "'%.60s' is neither 'lower' nor 'higher'", cell);
        break;
    case COLUMN_NONE: break;
    }
    return 0;
}

static int result_of(const struct row *row, const enum column *columns, const struct history_result *defaults,
                     struct results_csv *results, struct err *err)
{
    struct history_result result = *defaults;
    bool has_value = false;
    for (size_t i = 0; i < row->count; i++) {
        if (!row->cells[i][0])
            continue;
        int status = cell_fill(columns[i], row->cells[i], defaults->at_ns, &result, err);
        if (status)
            return status;
        has_value = has_value || columns[i] == COLUMN_VALUE;
    }
    if (!has_value)
        return err_set(err, ERR_INPUT, "it has no value");
    if (!result.name || !*result.name)
        return err_set(err, ERR_INPUT, "it has no name");
    if (results->results.count >= RESULTS_CSV_ROWS_MAX)
        return err_set(err, ERR_INPUT, "there are more than %u rows", RESULTS_CSV_ROWS_MAX);
    return vec_push(&results->results, result) ? err_memory(err) : 0;
}

int results_csv_parse(char *text, const struct history_result *defaults, struct results_csv *ret_results,
                      struct err *err)
{
    struct results_csv results = {0};
    enum column columns[COLUMNS_MAX] = {COLUMN_NONE};
    struct row row = {0};
    size_t line = 0;
    int status = 0;
    text += str_starts(text, "\xef\xbb\xbf") ? 3 : 0; /* a byte order mark, as spreadsheets write it */
    bool has_row = next_row(&text, &line, &row);
    if (has_row && header_of(&row, columns))
        has_row = next_row(&text, &line, &row);
    while (has_row && !status) {
        status = result_of(&row, columns, defaults, &results, err);
        if (!status)
            has_row = next_row(&text, &line, &row);
    }
    if (status) {
        results_csv_free(&results);
        return err_wrap(err, "could not read the results: row %zu", line);
    }
    *ret_results = results;
    return 0;
}

void results_csv_free(struct results_csv *results)
{
    vec_free(&results->results);
}
