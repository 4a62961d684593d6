/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rank_order: what both rank tests need: doubled mid-ranks (whole numbers), their exact null distribution, and the search
 * of a value by how many sums or differences lie below it.
 */
#ifndef TOLL_STATS_RANK_ORDER_H
#define TOLL_STATS_RANK_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Twice the mid-rank of each of `count` ascending values (1 + the rank's average place, doubled) into ret_ranks. Returns the sum
 * of t^3 - t over the groups of t equal values, which corrects a variance; 0 means no ties. */
double rank_doubled(const double *sorted, size_t count, uint32_t *ret_ranks);

/* Doubles in their order as unsigned numbers and back: -0 and 0 differ, NaN has no place. */
uint64_t rank_key(double value);
double rank_value(uint64_t key);

/* How many of the statistic's terms are at most `value`. */
typedef uint64_t rank_count_fn(const void *context, double value);

/* The smallest double with at least `wanted` terms at or below it, between low and high. When the count is made by the
 * same floating-point operation as the terms, it is one of them, to the last bit. */
double rank_select(rank_count_fn *count, const void *context, uint64_t wanted, double low, double high);

#endif
