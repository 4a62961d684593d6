/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sort: many items by a number in each, in linear time where qsort's comparisons cost most of a program's start; and items that are
 * mostly in order.
 */
#ifndef TOLL_BASE_SORT_H
#define TOLL_BASE_SORT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Sorts by the uint64_t at `key_offset` of each item, ascending; equal ones keep their order. Items that are in order
 * already cost one pass. Returns -1 when memory ran out (24 bytes and a copy of each item), with nothing moved. */
WARN_UNUSED int sort_by_u64(void *items, size_t count, size_t size_bytes, size_t key_offset);

/* Whether qsort would have nothing to do: one pass, where sorting what is in order costs it as much as anything else. */
bool sort_is_done(const void *items, size_t count, size_t size_bytes,
                  int (*compare)(const void *, const void *));

#endif
