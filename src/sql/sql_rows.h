/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sql_rows: the rows of a table that fit all conditions, block after block; blocks that cannot have one are not touched.
 * Inside sql/ only.
 */
#ifndef TOLL_SQL_SQL_ROWS_H
#define TOLL_SQL_SQL_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "sql/sql_condition.h"
#include "sql/sql_source.h"

struct sql_rows {
    struct sql_source *source;
    struct sql_table_state *state;
    const struct sql_condition *conditions;
    size_t condition_count;
    uint32_t column_mask; /* what is decoded: asked for, conditions, the id where rows are replaced */
    struct reader_cursor *cursor;
    uint64_t block_next;
    struct batch batch;
    uint64_t row_first; /* of the batch in the table */
    uint32_t *selected; /* rows of the batch that fit */
    size_t selected_count;
    size_t selected_capacity;
};

/* Zero-initialise `rows` before the first time; the conditions stay the caller's. `mask`: columns to read. */
WARN_UNUSED int sql_rows_start(struct sql_rows *rows, uint32_t mask, struct err *err);
/* The next batch that has rows which fit; selected_count is 0 at the end. */
WARN_UNUSED int sql_rows_next(struct sql_rows *rows, struct err *err);
void sql_rows_deinit(struct sql_rows *rows);

#endif
