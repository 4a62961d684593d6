/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sql_group: the rows of a table with those that have the same cells in some columns side by side, so that SQLite need
 * not sort them for a GROUP BY: counted in a first pass over the file, laid down in a second. The groups are in the order of
 * their cells as SQLite compares them, because it leaves out the sorting of an ORDER BY of the same columns too. Inside
 * sql/ only.
 */
#ifndef TOLL_SQL_SQL_GROUP_H
#define TOLL_SQL_SQL_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "sql/sql_condition.h"
#include "sql/sql_source.h"

#define SQL_GROUP_COLUMNS_MAX 4
#define SQL_GROUP_KEYS_MAX    (1u << 22) /* groups there can be, by the largest cells of the columns */
#define SQL_GROUP_BYTES_MAX   (256u << 20)

struct sql_group {
    size_t column_count;
    size_t columns[SQL_GROUP_COLUMNS_MAX];
    uint64_t bounds[SQL_GROUP_COLUMNS_MAX]; /* numbers of a column's cells are below this */
    bool descending[SQL_GROUP_COLUMNS_MAX];
    uint64_t key_count;                /* the product of the bounds */
    uint32_t *ends;                    /* of each key: the row behind its last */
    uint64_t *cells[TABLE_COLUMN_MAX]; /* the columns that are needed beside those grouped by */
    uint32_t row_count;
    uint8_t enum_same[SQL_GROUP_COLUMNS_MAX][64]; /* values of one name are one */

    uint32_t *order; /* the keys that there are, in the order of their cells */
    size_t order_count;

    uint32_t row; /* where the reader is, and its key in `order` */
    size_t at;
};

/* Whether rows can be grouped by these columns, `used` being those that the query needs. */
bool sql_group_can(struct sql_source *source, const struct sql_table_state *state, const size_t *columns,
                   size_t column_count, uint32_t used);

/* What is read: columns, conditions. */
struct sql_group_request {
    struct sql_table_state *state;
    const size_t *columns;
    const bool *descending;
    size_t column_count;
    uint32_t used;
    const struct sql_condition *conditions;
    size_t condition_count;
};

WARN_UNUSED int sql_group_create(struct sql_source *source, const struct sql_group_request *request,
                                 struct sql_group **ret_group, struct err *err);
/* NULL is allowed. */
void sql_group_destroy(struct sql_group *group);

static inline bool sql_group_is_at_end(const struct sql_group *group)
{
    return group->row == group->row_count;
}

void sql_group_next(struct sql_group *group);
/* A cell of the row where the reader is. */
uint64_t sql_group_cell(const struct sql_group *group, size_t column);

#endif
