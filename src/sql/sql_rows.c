/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/sql_rows.h"

#include <stdlib.h>

int sql_rows_start(struct sql_rows *rows, uint32_t mask, struct err *err)
{
    int status = sql_source_find_doubles(rows->source, rows->state, err);
    if (status)
        return status;
    rows->column_mask = mask | (rows->state->has_doubles || !mask ? 1u : 0);
    for (size_t i = 0; i < rows->condition_count; i++)
        rows->column_mask |= 1u << rows->conditions[i].column;
    rows->block_next = 0;
    rows->selected_count = 0;
    if (rows->cursor)
        return 0;
    return reader_cursor_open(rows->source->reader, rows->state->table->id, &rows->cursor, err);
}

void sql_rows_deinit(struct sql_rows *rows)
{
    reader_cursor_close(rows->cursor);
    free(rows->selected);
    *rows = (struct sql_rows){0};
}

static int may_hold(const struct sql_rows *rows, uint64_t block, bool *ret_may, struct err *err)
{
    bool may = true;
    for (size_t i = 0; i < rows->condition_count && may; i++) {
        struct reader_block about;
        int status = reader_block_about(rows->source->reader, rows->state->table->id, block,
                                        rows->conditions[i].column, &about, err);
        if (status)
            return status;
        may = sql_condition_may_hold(&rows->conditions[i], &rows->source->strings, about.min, about.max);
    }
    *ret_may = may;
    return 0;
}

/* Leaves in `selected` the rows that fit a further condition. */
static void select_by(struct sql_rows *rows, const struct sql_condition *condition)
{
    const uint64_t *cells = rows->batch.columns[condition->column];
    size_t kept = 0;
    for (size_t i = 0; i < rows->selected_count; i++) {
        uint32_t row = rows->selected[i];
        rows->selected[kept] = row;
        kept += sql_condition_holds(condition, &rows->source->strings, cells[row]);
    }
    rows->selected_count = kept;
}

static int select_rows(struct sql_rows *rows, struct err *err)
{
    size_t count = rows->batch.row_count;
    if (count > rows->selected_capacity) {
        uint32_t *grown = realloc(rows->selected, count * sizeof *grown);
        if (!grown)
            return err_memory(err);
        rows->selected = grown;
        rows->selected_capacity = count;
    }
    const uint64_t *ids = rows->state->has_doubles ? rows->batch.columns[0] : NULL;
    size_t kept = 0;
    for (uint32_t row = 0; row < count; row++) {
        rows->selected[kept] = row;
        kept += !ids || sql_row_counts(rows->state, rows->row_first + row, ids[row]);
    }
    rows->selected_count = kept;
    for (size_t i = 0; i < rows->condition_count && rows->selected_count; i++)
        select_by(rows, &rows->conditions[i]);
    return 0;
}

int sql_rows_next(struct sql_rows *rows, struct err *err)
{
    rows->selected_count = 0;
    while (rows->block_next < rows->state->blocks.count && !rows->selected_count) {
        uint64_t block = rows->block_next++;
        bool may;
        int status = may_hold(rows, block, &may, err);
        if (!status && may)
            status = reader_cursor_read(rows->cursor, block, rows->column_mask, &rows->batch, err);
        if (!status && may) {
            rows->row_first = rows->state->blocks.items[block].row_first;
            status = select_rows(rows, err);
        }
        if (status)
            return status;
    }
    return 0;
}
