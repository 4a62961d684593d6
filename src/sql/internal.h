/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of sql/ know of an open recording. */
#ifndef TOLL_SQL_INTERNAL_H
#define TOLL_SQL_INTERNAL_H

#include "model/table.h"
#include "sql/sql.h"

uint64_t sql_row_count(const struct sql *sql, enum table_id table);

#endif
