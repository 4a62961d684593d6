/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/sql_source.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int sql_source_open(const char *path, struct sql_source **ret_source, struct err *err)
{
    struct sql_source *source = calloc(1, sizeof *source);
    if (!source)
        return err_memory(err);
    int status = reader_open(path, &source->reader, err);
    if (!status)
        status = sql_strings_init(&source->strings, source->reader, err);
    if (status) {
        sql_source_close(source);
        return status;
    }
    *ret_source = source;
    return 0;
}

void sql_source_close(struct sql_source *source)
{
    if (!source)
        return;
    for (size_t i = 0; i < TABLE_END; i++) {
        vec_free(&source->tables[i].blocks);
        free(source->tables[i].row_of_id);
        free(source->tables[i].resident);
    }
    sql_strings_deinit(&source->strings);
    reader_close(source->reader);
    free(source);
}

static int add_block(struct sql_source *source, struct sql_table_state *state, uint64_t block,
                     struct err *err)
{
    struct reader_block about = {.row_count = 0};
    for (size_t column = 0; column < state->table->column_count; column++) {
        int status = reader_block_about(source->reader, state->table->id, block, column, &about, err);
        if (status)
            return status;
        if (about.max > state->column_max[column])
            state->column_max[column] = about.max;
    }
    if (vec_push(&state->blocks,
                 ((struct sql_block){.row_first = state->row_count, .row_count = about.row_count})))
        return err_memory(err);
    state->row_count += about.row_count;
    return 0;
}

int sql_source_table(struct sql_source *source, enum table_id table, struct sql_table_state **ret_state,
                     struct err *err)
{
    struct sql_table_state *state = &source->tables[table];
    state->table = table_find(table);
    uint64_t block_count = reader_block_count(source->reader, table);
    for (uint64_t block = state->blocks.count; block < block_count && !state->is_known; block++) {
        int status = add_block(source, state, block, err);
        if (status)
            return status;
    }
    state->is_known = true;
    *ret_state = state;
    return 0;
}

bool sql_source_has_rows_by_id(const struct sql_table_state *state)
{
    return state->table->columns[0].type == COLUMN_ID && state->table->id != TABLE_STRING &&
           state->column_max[0] <= SQL_ROW_OF_ID_MAX && state->row_count < SQL_NO_ROW &&
           state->row_count * state->table->column_count <= SQL_RESIDENT_CELLS_MAX;
}

struct ids {
    struct sql_table_state *state;
    uint64_t row;
    uint64_t *seen;      /* a bit for each id, or NULL */
    uint32_t *row_of_id; /* or this is filled */
    bool has_doubles;
};

static int read_ids(void *context, const struct batch *batch, struct err *err)
{
    struct ids *ids = context;
    const uint64_t *cells = batch->columns[0];
    for (size_t i = 0; i < batch->row_count; i++) {
        uint64_t id = cells[i];
        if (id > ids->state->column_max[0])
            return err_set(err, ERR_INPUT, "table %s has an id above the largest that its blocks tell",
                           ids->state->table->name);
        if (ids->seen) {
            ids->has_doubles |= ids->seen[id / 64] >> id % 64 & 1;
            ids->seen[id / 64] |= (uint64_t)1 << id % 64;
        } else {
            ids->row_of_id[id] = (uint32_t)(ids->row + i);
        }
    }
    ids->row += batch->row_count;
    return 0;
}

static int scan_ids(struct sql_source *source, struct ids *ids, struct err *err)
{
    struct view_query query = {
        .table = ids->state->table->id, .column_mask = 1, .range_column = VIEW_NO_RANGE};
    return view_scan(reader_view(source->reader), &query, read_ids, ids, err);
}

static int check_ids(const struct sql_table_state *state, struct err *err)
{
    if (state->column_max[0] <= SQL_ID_MAX && state->row_count < SQL_NO_ROW)
        return 0;
    return err_set(err, ERR_INPUT, "table %s has %" PRIu64 " rows with ids up to %" PRIu64 ": too many",
                   state->table->name, state->row_count, state->column_max[0]);
}

static int make_row_of_id(struct sql_source *source, struct sql_table_state *state, struct err *err)
{
    int status = check_ids(state, err);
    if (status || state->row_of_id)
        return status;
    size_t count = (size_t)state->column_max[0] + 1;
    state->row_of_id = malloc(count * sizeof *state->row_of_id);
    if (!state->row_of_id)
        return err_memory(err);
    memset(state->row_of_id, 0xff, count * sizeof *state->row_of_id);
    struct ids ids = {.state = state, .row_of_id = state->row_of_id};
    return scan_ids(source, &ids, err);
}

int sql_source_find_doubles(struct sql_source *source, struct sql_table_state *state, struct err *err)
{
    bool can_replace = state->table->id == TABLE_TRACK || state->table->id == TABLE_SPAN;
    if (!can_replace || state->doubles_known)
        return 0;
    int status = check_ids(state, err);
    if (status)
        return status;
    struct ids ids = {.state = state,
                      .seen = calloc((size_t)state->column_max[0] / 64 + 1, sizeof *ids.seen)};
    if (!ids.seen)
        return err_memory(err);
    status = scan_ids(source, &ids, err);
    free(ids.seen);
    if (!status && ids.has_doubles)
        status = make_row_of_id(source, state, err);
    if (status)
        return status;
    state->has_doubles = ids.has_doubles;
    state->doubles_known = true;
    return 0;
}

struct unpacking {
    struct sql_table_state *state;
    uint64_t row;
};

static int unpack(void *context, const struct batch *batch, struct err *err)
{
    struct unpacking *unpacking = context;
    struct sql_table_state *state = unpacking->state;
    (void)err;
    for (size_t column = 0; column < state->table->column_count; column++)
        memcpy(state->resident + column * state->row_count + unpacking->row, batch->columns[column],
               batch->row_count * sizeof(uint64_t));
    unpacking->row += batch->row_count;
    return 0;
}

int sql_source_prepare_ids(struct sql_source *source, struct sql_table_state *state, struct err *err)
{
    int status = make_row_of_id(source, state, err);
    if (status || state->resident)
        return status;
    struct unpacking unpacking = {.state = state};
    state->resident = malloc((state->row_count * state->table->column_count + 1) * sizeof *state->resident);
    if (!state->resident)
        return err_memory(err);
    return view_scan_all(reader_view(source->reader), state->table->id, unpack, &unpacking, err);
}
