/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sql_source: the tables of a recording as queries need them: blocks with the rows before each, the row of an id,
 * small tables unpacked for good. Each is made when it is first needed. Inside sql/ only.
 *
 * Of a track and a span only the last row counts (model/table.h): the others are not there.
 */
#ifndef TOLL_SQL_SQL_SOURCE_H
#define TOLL_SQL_SQL_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "recording/reader.h"
#include "sql/sql_strings.h"

/* A table of up to this many cells is unpacked once when its rows are looked for by id. */
#define SQL_RESIDENT_CELLS_MAX (1u << 22)
/* Rows by id are kept for ids up to this. */
#define SQL_ROW_OF_ID_MAX (1u << 25)

/* Larger ones are no recorder's. */
#define SQL_ID_MAX (1u << 28)

#define SQL_NO_ROW UINT32_MAX

struct sql_block {
    uint64_t row_first;
    uint64_t row_count;
};

struct sql_table_state {
    const struct table *table;
    VEC(struct sql_block) blocks;
    uint64_t row_count;
    uint64_t column_max[TABLE_COLUMN_MAX]; /* the largest cell of each column, as an unsigned number */
    bool is_known;                         /* what is above */

    uint32_t *row_of_id; /* the last row of each id up to column_max[0], SQL_NO_ROW: none */
    bool has_doubles;    /* ids with several rows: only the last one counts */
    bool doubles_known;

    uint64_t *resident; /* column by column */
};

struct sql_source {
    struct reader *reader;
    struct sql_strings strings;
    struct sql_table_state tables[TABLE_END];
    struct err failed; /* why a scan inside SQLite ended; code 0: none did */
    bool is_declaring; /* a table tells SQLite its columns: no statement of the user's */
};

WARN_UNUSED int sql_source_open(const char *path, struct sql_source **ret_source, struct err *err);
/* NULL is allowed. */
void sql_source_close(struct sql_source *source);

/* A table, its blocks known. */
WARN_UNUSED int sql_source_table(struct sql_source *source, enum table_id table,
                                 struct sql_table_state **ret_state, struct err *err);

/* For tables of which rows replace earlier ones: fills has_doubles, and row_of_id if it is true. */
WARN_UNUSED int sql_source_find_doubles(struct sql_source *source, struct sql_table_state *state,
                                        struct err *err);

/* Whether rows can be looked for by id in a moment. */
bool sql_source_has_rows_by_id(const struct sql_table_state *state);
/* Makes row_of_id and resident. */
WARN_UNUSED int sql_source_prepare_ids(struct sql_source *source, struct sql_table_state *state,
                                       struct err *err);

/* Whether a row counts: it is not replaced by a later one. Needs the cell of column 0. */
static inline bool sql_row_counts(const struct sql_table_state *state, uint64_t row, uint64_t id)
{
    return !state->has_doubles || (id <= state->column_max[0] && state->row_of_id[id] == row);
}

#endif
