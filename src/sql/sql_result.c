/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/sql_result.h"

#include <stdlib.h>
#include <string.h>

#include "report/escape.h"

#define WRITE_BYTES 65536u

static int flush(struct sql_result *result, size_t keep_below, struct err *err)
{
    if (result->text.failed)
        return err_memory(err);
    if (result->text.length < keep_below)
        return 0;
    /* What cannot be written is told when the program ends: stdout is checked there. */
    fwrite(str_text(&result->text), 1, result->text.length, result->output->out);
    str_clear(&result->text);
    return 0;
}

static const char *cell_text(struct sql_result *result, int column)
{
    const char *text = (const char *)sqlite3_column_text(result->statement, column);
    return text ? text : "";
}

static void json_begin(struct sql_result *result, const char *query)
{
    result->json = (struct json_writer){.str = &result->text};
    json_open(&result->json, NULL, '{');
    json_text(&result->json, "schema", "toll.query/1");
    json_text(&result->json, "file", result->output->file);
    json_text(&result->json, "query", query);
    json_open(&result->json, "columns", '[');
    for (int i = 0; i < result->column_count; i++)
        json_text(&result->json, NULL, sqlite3_column_name(result->statement, i));
    json_close(&result->json, ']');
    json_open(&result->json, "rows", '[');
}

static void json_cell(struct sql_result *result, int column)
{
    switch (sqlite3_column_type(result->statement, column)) {
    case SQLITE_INTEGER:
        str_printf(&result->text, "%lld", (long long)sqlite3_column_int64(result->statement, column));
        break;
    case SQLITE_FLOAT: {
        double value = sqlite3_column_double(result->statement, column);
        if (value - value == 0)
            str_printf(&result->text, "%.17g", value);
        else
            str_append(&result->text, "null");
        break;
    }
    case SQLITE_NULL: str_append(&result->text, "null"); break;
    default:
        str_append(&result->text, "\"");
        escape_json(&result->text, cell_text(result, column));
        str_append(&result->text, "\"");
        break;
    }
}

/* One row a line, which the writer of values would not do. */
static void json_row(struct sql_result *result)
{
    str_append(&result->text, result->row_count ? ",\n    [" : "\n    [");
    for (int i = 0; i < result->column_count; i++) {
        str_append(&result->text, i ? ", " : "");
        json_cell(result, i);
    }
    str_append(&result->text, "]");
}

static void json_finish(struct sql_result *result)
{
    str_printf(&result->text, "%s],\n  \"row_count\": %llu\n}\n", result->row_count ? "\n  " : "",
               (unsigned long long)result->row_count);
}

/* RFC 4180, lines ending as text files do here. */
static void csv_text(struct str *text, const char *cell)
{
    if (!cell[strcspn(cell, ",\"\r\n")]) {
        str_append(text, cell);
        return;
    }
    str_append(text, "\"");
    for (; *cell; cell++)
        str_append_bytes(text, *cell == '"' ? "\"\"" : cell, *cell == '"' ? 2 : 1);
    str_append(text, "\"");
}

static void csv_row(struct sql_result *result, bool is_head)
{
    for (int i = 0; i < result->column_count; i++) {
        str_append(&result->text, i ? "," : "");
        csv_text(&result->text, is_head ? sqlite3_column_name(result->statement, i) : cell_text(result, i));
    }
    str_append(&result->text, "\n");
}

static void table_cell(struct sql_result *result, const char *cell, int column, bool is_last)
{
    size_t columns = escape_columns(cell), width = result->widths[column];
    size_t blanks = columns < width ? width - columns : 0;
    if (result->are_numbers[column])
        str_printf(&result->text, "%*s%s", (int)blanks, "", cell);
    else
        str_printf(&result->text, "%s%*s", cell, is_last ? 0 : (int)blanks, "");
    str_append(&result->text, is_last ? "\n" : "  ");
}

static char *shown(const char *text)
{
    struct str plain = {0};
    escape_plain_cut(&plain, text, TABLE_CELL_COLUMNS, false);
    if (!plain.text)
        return strdup("");
    return plain.text;
}

static int table_keep(struct sql_result *result, const char *text, int column, bool is_head, struct err *err)
{
    char *cell = shown(text);
    if (!cell || vec_push(&result->cells, cell)) {
        free(cell);
        return err_memory(err);
    }
    size_t columns = escape_columns(cell);
    if (columns > result->widths[column])
        result->widths[column] = columns;
    int type = is_head ? SQLITE_NULL : sqlite3_column_type(result->statement, column);
    if (type != SQLITE_NULL && type != SQLITE_INTEGER && type != SQLITE_FLOAT)
        result->are_numbers[column] = false;
    return 0;
}

static void table_write_kept(struct sql_result *result)
{
    for (size_t i = 0; i < result->cells.count; i++) {
        int column = (int)(i % (size_t)result->column_count);
        table_cell(result, result->cells.items[i], column, column == result->column_count - 1);
        free(result->cells.items[i]);
    }
    result->cells.count = 0;
    result->widths_known = true;
}

static int table_row(struct sql_result *result, bool is_head, struct err *err)
{
    if (result->row_count == TABLE_ROWS_LOOKED_AT && !result->widths_known)
        table_write_kept(result);
    for (int i = 0; i < result->column_count; i++) {
        const char *text = is_head ? sqlite3_column_name(result->statement, i) : cell_text(result, i);
        int status = result->widths_known ? 0 : table_keep(result, text, i, is_head, err);
        if (status)
            return status;
        if (!result->widths_known)
            continue;
        char *cell = shown(text);
        if (!cell)
            return err_memory(err);
        table_cell(result, cell, i, i == result->column_count - 1);
        free(cell);
    }
    return 0;
}

static int table_begin(struct sql_result *result, struct err *err)
{
    result->widths = calloc((size_t)result->column_count, sizeof *result->widths);
    result->are_numbers = malloc((size_t)result->column_count * sizeof *result->are_numbers);
    if (!result->widths || !result->are_numbers)
        return err_memory(err);
    memset(result->are_numbers, true, (size_t)result->column_count);
    return table_row(result, true, err);
}

int sql_result_begin(struct sql_result *result, const struct sql_output *output, sqlite3_stmt *statement,
                     const char *query, struct err *err)
{
    *result = (struct sql_result){
        .output = output, .statement = statement, .column_count = sqlite3_column_count(statement)};
    if (output->format == SQL_JSON)
        json_begin(result, query);
    else if (output->format == SQL_CSV)
        csv_row(result, true);
    else
        return table_begin(result, err);
    return 0;
}

int sql_result_row(struct sql_result *result, struct err *err)
{
    int status = 0;
    if (result->output->format == SQL_JSON)
        json_row(result);
    else if (result->output->format == SQL_CSV)
        csv_row(result, false);
    else
        status = table_row(result, false, err);
    result->row_count++;
    return status ? status : flush(result, WRITE_BYTES, err);
}

int sql_result_end(struct sql_result *result, struct err *err)
{
    if (result->output->format == SQL_JSON)
        json_finish(result);
    else if (result->output->format == SQL_TABLE && !result->widths_known)
        table_write_kept(result);
    return flush(result, 0, err);
}

void sql_result_deinit(struct sql_result *result)
{
    for (size_t i = 0; i < result->cells.count; i++)
        free(result->cells.items[i]);
    vec_free(&result->cells);
    free(result->widths);
    free(result->are_numbers);
    str_free(&result->text);
}
