/* SPDX-License-Identifier: Apache-2.0 */
/* check_rows: the rules about rows, block by block, for integrity.c. Inside recording/ only. */
#ifndef TOLL_RECORDING_CHECK_ROWS_H
#define TOLL_RECORDING_CHECK_ROWS_H

#include "base/vec.h"
#include "recording/integrity.h"

/* The ids of one table: bit `id`. */
struct id_set {
    VEC(uint64_t) words;
};

struct row_checker {
    struct check_result *result;
    struct id_set ids[TABLE_END];
    uint64_t row_counts[TABLE_END]; /* as the index has them: ids are dense, so they bound the ids */
    uint64_t time_low; /* no time of a row lies outside; 0 and UINT64_MAX when the run's own are not known */
    uint64_t time_high;
};

struct decoded_block {
    const struct table *table;
    uint64_t offset;
    size_t row_count;
    const uint64_t *columns[TABLE_COLUMN_MAX];
};

/* Counts a problem and keeps its text when it is among the first. */
void check_problem(struct check_result *result, uint64_t offset, const char *format, ...) PRINTF_LIKE(3, 4);

/* First pass: the ids there are. -ERR_ENVIRONMENT when memory ran out, as every function here. */
WARN_UNUSED int row_checker_collect(struct row_checker *checker, const struct decoded_block *block,
                                    struct err *err);
WARN_UNUSED int row_checker_collect_strings(struct row_checker *checker, uint64_t first, uint64_t count,
                                            uint64_t offset, struct err *err);

/* Second pass: the rules. */
void row_checker_check(struct row_checker *checker, const struct decoded_block *block);

void row_checker_deinit(struct row_checker *checker);

#endif
