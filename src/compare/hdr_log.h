/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hdr_log: HdrHistogram's log of intervals and its compressed histograms (HdrHistogram's Java classes HistogramLogReader and
 * AbstractHistogram are the specification).
 *
 * A line is `[Tag=NAME,]START,LENGTH,MAX,PAYLOAD`; lines of # and the legend are left out. The payload is Base64 of big-endian
 * { cookie, length, zlib stream }, and what is in the stream begins with a cookie as well:
 *
 *   V0  0x1c849309  0x1c849308  header 32 bytes: cookie, significant digits, low u64, high u64, total u64; counts of 2, 4 or 8
 *                               bytes (bits 4 to 7 of the cookie)
 *   V1  0x1c849302  0x1c849301  header 40 bytes: cookie, payload length, offset, digits, low u64, high u64, ratio f64;
 *                               counts of a fixed size
 *   V2  0x1c849304  0x1c849303  the same header; counts as ZigZag LEB128 of at most nine bytes, a negative one a run of zeros
 *
 * Values are indexed by bucket (a power of two) and sub-bucket; a quantile is the highest value equivalent to that of its rank.
 * Nothing in a log is trusted: sizes and counts have limits, and what does not fit is ERR_INPUT.
 */
#ifndef TOLL_COMPARE_HDR_LOG_H
#define TOLL_COMPARE_HDR_LOG_H

#include <stdint.h>

#include "base/err.h"
#include "compare/compare.h"

#define HDR_INTERVALS_MAX 100000u
#define HDR_COUNTS_MAX    ((size_t)1 << 20) /* of one histogram */

struct hdr_counts {
    uint64_t *counts;
    size_t count_max; /* length of the array */
    uint64_t total;
    unsigned unit_magnitude, sub_half_magnitude; /* how values are indexed */
    double ratio; /* of a value in the unit that was recorded to one inside (1 for whole numbers) */
};

struct hdr_interval {
    double start_s, length_s, max;
    const char *tag; /* "" */
    struct hdr_counts counts;
};

/* One interval after the other; stops at the first error, the caller's included. Tagged intervals are given like the rest. */
typedef int hdr_interval_fn(void *context, const struct hdr_interval *interval, struct err *err);
WARN_UNUSED int hdr_log_each(const struct compare_text *text, hdr_interval_fn *each, void *context,
                             struct err *err);

/* `payload` is Base64. Free with hdr_counts_free. */
WARN_UNUSED int hdr_counts_decode(const char *payload, size_t length, struct hdr_counts *ret_counts,
                                  struct err *err);
/* The value at the quantile, 0 to 1; 0 of nothing. */
double hdr_counts_quantile(const struct hdr_counts *counts, double quantile);
/* Adds `from` to `to`, which is all zero at first; ERR_INPUT for one that is indexed in another way. */
WARN_UNUSED int hdr_counts_add(struct hdr_counts *to, const struct hdr_counts *from, struct err *err);
void hdr_counts_free(struct hdr_counts *counts);

#endif
