/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nonsense: recordings that are well formed and mean nothing, for tests.
 *
 * Bytes are read as a program of rows: every table, with cells of every kind of wrongness (ids that are huge, taken
 * twice or of nothing, cyclic references, times that go back, counts of 0 and UINT64_MAX, names of control
 * characters). The same bytes make the same rows; a mostly sane run stands below them so that they are reached.
 */
#ifndef TOLL_JUDGE_NONSENSE_H
#define TOLL_JUDGE_NONSENSE_H

#include "model/dataset.h"

/* Appends rows to an initialised dataset until the bytes end; at most about `row_count_max`. 0, or -1 when memory ran
 * out. */
WARN_UNUSED int nonsense_fill(struct dataset *dataset, const uint8_t *bytes, size_t count,
                              size_t row_count_max);

#endif
