/* SPDX-License-Identifier: Apache-2.0 */
/*
 * histogram: counts by power of two, and their text in a recording (size_histogram, latency_histogram of `io`;
 * docs/format.md, "strings"). Zero-initialise it. Bucket e holds values from 2^e up to below 2^(e+1), bucket 0
 * also holds 0. Counts stop at UINT64_MAX instead of wrapping. Nothing here allocates.
 */
#ifndef TOLL_BASE_HISTOGRAM_H
#define TOLL_BASE_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define HISTOGRAM_BUCKETS 64

/* Bytes that hold the text of any histogram, its NUL included: 64 times "63:18446744073709551615,". */
#define HISTOGRAM_TEXT_MAX ((size_t)1600)

struct histogram {
    uint64_t count[HISTOGRAM_BUCKETS];
};

/* The bucket of a value. */
static inline unsigned histogram_bucket(uint64_t value)
{
    return value ? 63U - (unsigned)__builtin_clzll(value) : 0;
}

void histogram_add(struct histogram *histogram, uint64_t value, uint64_t count);
void histogram_merge(struct histogram *into, const struct histogram *from);

/* All counts added up. */
uint64_t histogram_total(const struct histogram *histogram);

/* How many values were below `limit`; inside the limit's own bucket they count as spread evenly. */
double histogram_below(const struct histogram *histogram, uint64_t limit);

/* The value below which `ratio` (0 to 1) of the values lie, spread evenly inside their bucket; 0 when empty. */
double histogram_quantile(const struct histogram *histogram, double ratio);

/* Writes "exponent:count,exponent:count" ("" when empty), NUL-terminated, and returns its length. */
size_t histogram_print(const struct histogram *histogram, char text[HISTOGRAM_TEXT_MAX]);

/* Reads such a text (exponents below 64, growing; counts above 0). */
WARN_UNUSED int histogram_parse(const char *text, size_t length, struct histogram *ret_histogram,
                                struct err *err);

#endif
