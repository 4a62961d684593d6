/* SPDX-License-Identifier: Apache-2.0 */
/*
 * integrity: everything that can be known to be wrong about a sealed recording without knowing what was recorded.
 *
 * - The file: every checksum, every encoding, min and max, order, index and content hash.
 * - The rows: references lead to rows, texts are there, enums are in range, intervals do not end before they start,
 *   times lie within a day of the run, the parts of a wait fit into it, doubles are finite; only tracks and
 *   spans have several rows of one id (the last one counts, model/table.h).
 *
 * Memory: a bit per id, and the buffers of one block.
 */
#ifndef TOLL_RECORDING_INTEGRITY_H
#define TOLL_RECORDING_INTEGRITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/table.h"

#define CHECK_PROBLEM_MAX 20

struct check_problem {
    uint64_t offset; /* of the block, or of what else is wrong, in the file */
    char what[192];
};

struct check_result {
    uint64_t file_bytes;
    uint64_t block_count;
    uint64_t row_counts[TABLE_END];
    bool is_recovered;
    /* References to rows that a recovered recording lost: no problem there. */
    uint64_t reference_count_lost;
    uint64_t problem_count;
    struct check_problem problems[CHECK_PROBLEM_MAX]; /* the first of them */
};

/* 0 also when there are problems; -ERR_INPUT when the file is no recording, or is not sealed. */
WARN_UNUSED int check_recording(const char *path, struct check_result *ret_result, struct err *err);

#endif
