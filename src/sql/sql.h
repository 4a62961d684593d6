/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sql: questions to a recording in SQL, answered by SQLite over the mapped file. Every table of model/table.h is there
 * under its name, with texts and enums as text, times and ids as numbers, and views that put names beside ids
 * (toll query --schema). Nothing can be changed, and no other file is reached.
 *
 * Conditions on times, numbers and names leave out whole blocks of the file; a GROUP BY of names or ids reads rows
 * already grouped, where these fit into 256 MB. SQLite may use 512 MB; what it sorts beyond that is in temporary files.
 * Not for several threads.
 */
#ifndef TOLL_SQL_SQL_H
#define TOLL_SQL_SQL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/str.h"

struct sql;

WARN_UNUSED int sql_open(const char *path, struct sql **ret_sql, struct err *err);
/* NULL is allowed. */
void sql_close(struct sql *sql);

enum sql_format { SQL_TABLE, SQL_CSV, SQL_JSON };

struct sql_output {
    FILE *out;
    enum sql_format format;
    const char *file; /* the recording's name, in JSON */
};

/* Writes the rows of one SELECT as they come. ERR_USAGE, with a hint, for a text that is no such question. */
WARN_UNUSED int sql_run(struct sql *sql, const char *text, const struct sql_output *output, struct err *err);

/* The tables and views, or the columns of one. `sql` adds how many rows there are; NULL: no recording at hand. */
WARN_UNUSED int sql_schema(struct sql *sql, const char *table, bool json, struct str *ret_text,
                           struct err *err);

#endif
