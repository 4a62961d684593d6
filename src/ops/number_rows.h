/* SPDX-License-Identifier: Apache-2.0 */
/* number_rows: rows of numbers from operands, a file or stdin; law_numbers.h says what they may look like. */
#ifndef TOLL_OPS_NUMBER_ROWS_H
#define TOLL_OPS_NUMBER_ROWS_H

#include <stddef.h>

#include "base/err.h"
#include "base/vec.h"

#define NUMBER_ROW_COLUMNS 3u
#define NUMBER_ROWS_MAX    100000u

struct number_row {
    double values[NUMBER_ROW_COLUMNS];
    size_t count; /* columns that are there */
};

struct number_rows {
    VEC(struct number_row) rows;
};

/* One row from operands that are single numbers; a row from each operand "1,955"; else the operand is a file, or "-"
 * for stdin. Each row has at least `columns_min` columns, and those past NUMBER_ROW_COLUMNS are left out. */
WARN_UNUSED int number_rows_read(char *const *operands, size_t operand_count, size_t columns_min,
                                 struct number_rows *ret_rows, struct err *err);
void number_rows_free(struct number_rows *rows);

#endif
