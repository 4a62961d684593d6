/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sql_result: rows of an answer, written as they come. A table's first TABLE_ROWS_LOOKED_AT rows are kept back to learn how
 * wide its columns are; nothing else is kept. Inside sql/ only.
 */
#ifndef TOLL_SQL_SQL_RESULT_H
#define TOLL_SQL_SQL_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

#include "base/vec.h"
#include "report/json_writer.h"
#include "sql/sql.h"

#define TABLE_ROWS_LOOKED_AT 1000u
#define TABLE_CELL_COLUMNS   80u /* a longer text of a table loses its middle */

struct sql_result {
    const struct sql_output *output;
    sqlite3_stmt *statement;
    int column_count;
    uint64_t row_count;
    struct str text; /* what is not written yet */
    struct json_writer json;
    /* A table's cells that wait for their widths, row by row; the first row has the names. */
    VEC(char *) cells;
    size_t *widths;
    bool *are_numbers;
    bool widths_known;
};

WARN_UNUSED int sql_result_begin(struct sql_result *result, const struct sql_output *output,
                                 sqlite3_stmt *statement, const char *query, struct err *err);
/* The row that the statement is at. */
WARN_UNUSED int sql_result_row(struct sql_result *result, struct err *err);
WARN_UNUSED int sql_result_end(struct sql_result *result, struct err *err);
void sql_result_deinit(struct sql_result *result);

#endif
