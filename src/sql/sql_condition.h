/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sql_condition: what a query wants of one column, decided on cells instead of by SQLite, and on whole blocks by their
 * smallest and largest cell. It may let through what SQLite, which looks again, refuses; never the other way round.
 * Inside sql/ only.
 */
#ifndef TOLL_SQL_SQL_CONDITION_H
#define TOLL_SQL_SQL_CONDITION_H

#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

#include "model/table.h"
#include "sql/sql_strings.h"

#define SQL_CONDITION_MAX 8
#define SQL_LIST_MAX      64 /* values of one IN; a longer list is SQLite's work */

struct sql_condition {
    size_t column;
    enum column_type type;
    bool is_always; /* nothing can be said: every cell fits */
    /* Numbers as SQLite has them: a cell's 64 bits, signed. Within [low, high] and, if there is a list, in it. */
    int64_t low, high;
    uint64_t mask; /* COLUMN_ENUM: bit v for value v, bit 63 for all from there */
    bool has_list;
    int64_t list[SQL_LIST_MAX]; /* COLUMN_STRING: first ids of texts */
    size_t list_count;
};

/* Whether a comparison (SQLITE_INDEX_CONSTRAINT_…) of a column can be one. */
bool sql_condition_takes(const struct sql_strings *strings, const struct column *column, unsigned char op);

/* From the value or, with is_list, the values of an IN. */
WARN_UNUSED int sql_condition_init(struct sql_condition *condition, const struct table *table, size_t column,
                                   unsigned char op, bool is_list, sqlite3_value *value,
                                   struct sql_strings *strings, struct err *err);

/* Whether a block with these smallest and largest cells of the column can have a row that fits. */
bool sql_condition_may_hold(const struct sql_condition *condition, const struct sql_strings *strings,
                            uint64_t min, uint64_t max);

bool sql_condition_holds(const struct sql_condition *condition, const struct sql_strings *strings,
                         uint64_t cell);

#endif
