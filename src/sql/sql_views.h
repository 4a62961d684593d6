/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sql_views: what there is to ask: the tables, the views that put names beside their ids, and what each column means.
 * A test holds the views against the columns described here. Inside sql/ only.
 */
#ifndef TOLL_SQL_SQL_VIEWS_H
#define TOLL_SQL_SQL_VIEWS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "model/table.h"

struct sql_column_text {
    const char *name;
    const char *what;
};

struct sql_view_text {
    const char *name;
    const char *what;
    const char *select; /* the view's query */
    const struct sql_column_text *columns;
    size_t column_count;
};

extern const struct sql_view_text sql_views[];
extern const size_t sql_view_count;

/* What a row of a table is. */
const char *sql_table_what(enum table_id table);
/* What a column of a table holds: type, unit, what it refers to, the names it can have. */
void sql_column_what(const struct table *table, size_t column, struct str *ret_text);

/* The name of a table or a view that is nearest to a word; NULL when none is near. */
const char *sql_nearest_table(const char *word);
/* The same for columns of all of them. */
const char *sql_nearest_column(const char *word);

#endif
