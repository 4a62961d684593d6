/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/number_rows.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/num.h"

#define FILE_BYTES_MAX ((size_t)64 << 20)
#define SEPARATORS     ",;:=\t "

/* One number of a row; a cell may stand in quotes. */
static bool read_cell(const char *cell, size_t length, double *ret_value)
{
    char text[64];
    if (length >= 2 && cell[0] == '"' && cell[length - 1] == '"') {
        cell++;
        length -= 2;
    }
    if (length == 0 || length >= sizeof text)
        return false;
    memcpy(text, cell, length);
    text[length] = '\0';
    return num_parse_double(text, ret_value) == 0;
}

/* False when a cell that is wanted is no number. */
static bool read_row(const char *line, size_t length, struct number_row *ret_row)
{
    struct number_row row = {0};
    size_t at = 0;
    while (at < length && row.count < NUMBER_ROW_COLUMNS) {
        at += strspn(line + at, SEPARATORS);
        if (at >= length)
            break;
        size_t cell = strcspn(line + at, SEPARATORS "\r\n");
        if (cell > length - at)
            cell = length - at;
        if (!cell)
            break;
        if (!read_cell(line + at, cell, &row.values[row.count]))
            return false;
        row.count++;
        at += cell;
    }
    *ret_row = row;
    return true;
}

static int add(struct number_rows *rows, const struct number_row *row, struct err *err)
{
    if (rows->rows.count >= NUMBER_ROWS_MAX)
        return err_set(err, ERR_INPUT, "could not read the numbers: there are more than %u rows",
                       NUMBER_ROWS_MAX);
    return vec_push(&rows->rows, *row) ? err_memory(err) : 0;
}

static int read_text(const char *name, const char *text, size_t columns_min, struct number_rows *rows,
                     struct err *err)
{
    size_t number = 0;
    for (const char *line = text; *line;) {
        size_t length = strcspn(line, "\n"), used = strcspn(line, "#\r\n");
        struct number_row row = {0};
        number++;
        bool is_read = read_row(line, used < length ? used : length, &row);
        bool is_header = !is_read && rows->rows.count == 0;
        if (!is_read && !is_header)
            return err_set(err, ERR_INPUT, "could not read '%s': line %zu: '%.*s' is not a row of numbers",
                           name, number, (int)num_min(used, 60), line);
        if (is_read && row.count && row.count < columns_min)
            return err_set(err, ERR_INPUT, "could not read '%s': line %zu: it needs %zu numbers", name,
                           number, columns_min);
        if (is_read && row.count) {
            int status = add(rows, &row, err);
            if (status)
                return status;
        }
        line += length + (line[length] == '\n');
    }
    if (!rows->rows.count)
        return err_set(err, ERR_INPUT, "could not read '%s': there is no row of numbers in it", name);
    return 0;
}

static int read_file(const char *operand, size_t columns_min, struct number_rows *rows, struct err *err)
{
    bool is_stdin = strcmp(operand, "-") == 0;
    struct str text = {0};
    int status = fs_read(is_stdin ? "/dev/stdin" : operand, FILE_BYTES_MAX, &text, err);
    if (!status)
        status = read_text(is_stdin ? "stdin" : operand, str_text(&text), columns_min, rows, err);
    str_free(&text);
    return status;
}

/* All operands are single numbers: one row. */
static bool read_plain(char *const *operands, size_t count, struct number_row *ret_row)
{
    struct number_row row = {.count = count};
    if (count < 1 || count > NUMBER_ROW_COLUMNS)
        return false;
    for (size_t i = 0; i < count; i++)
        if (num_parse_double(operands[i], &row.values[i]))
            return false;
    *ret_row = row;
    return true;
}

static int read_operands(char *const *operands, size_t count, size_t columns_min, struct number_rows *rows,
                         struct err *err)
{
    struct number_row row;
    if (count == 0)
        return read_file("-", columns_min, rows, err);
    if (count >= columns_min && read_plain(operands, count, &row))
        return add(rows, &row, err);
    for (size_t i = 0; i < count; i++) {
        int status;
        if (!read_row(operands[i], strlen(operands[i]), &row) || !row.count)
            status = read_file(operands[i], columns_min, rows, err);
        else if (row.count < columns_min)
            status =
                err_set(err, ERR_USAGE, "could not use '%s': it takes %zu numbers with commas between them",
                        operands[i], columns_min);
        else
            status = add(rows, &row, err);
        if (status)
            return status;
    }
    return 0;
}

int number_rows_read(char *const *operands, size_t operand_count, size_t columns_min,
                     struct number_rows *ret_rows, struct err *err)
{
    struct number_rows rows = {0};
    int status = read_operands(operands, operand_count, columns_min, &rows, err);
    if (status)
        number_rows_free(&rows);
    else
        *ret_rows = rows;
    return status;
}

void number_rows_free(struct number_rows *rows)
{
    vec_free(&rows->rows);
}
