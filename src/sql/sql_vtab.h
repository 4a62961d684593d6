/* SPDX-License-Identifier: Apache-2.0 */
/* sql_vtab: the tables of a recording as SQLite virtual tables, each under its name. Inside sql/ only. */
#ifndef TOLL_SQL_SQL_VTAB_H
#define TOLL_SQL_SQL_VTAB_H

#include <sqlite3.h>

#include "sql/sql_source.h"

/* The source is to outlive the connection. */
WARN_UNUSED int sql_vtab_register(sqlite3 *handle, struct sql_source *source, struct err *err);

#endif
