/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mann_whitney: two samples without pairs. The shift of the second over the first is the median of all differences b - a
 * (Hodges and Lehmann 1963), its interval by turning round the rank-sum test (Moses; Hollander, Wolfe and Chicken 2014,
 * section 4.3); the p-value is Mann and Whitney's (1947).
 *
 * Exact up to MANN_WHITNEY_EXACT_MAX values in both together, ties included (mid-ranks, shift algorithm), else
 * normal with the corrections for ties and for continuity.
 *
 * What drifts while the samples are taken one after the other looks like a shift: where pairs can be had, signed_rank.h.
 */
#ifndef TOLL_STATS_MANN_WHITNEY_H
#define TOLL_STATS_MANN_WHITNEY_H

#include <stddef.h>

#include "base/err.h"
#include "stats/estimate.h"

#define MANN_WHITNEY_EXACT_MAX  100u
#define MANN_WHITNEY_VALUES_MAX 1000000u

struct sample {
    const double *values;
    size_t count;
};

/* ERR_INPUT for an empty or too large sample, or a value that is not finite. */
WARN_UNUSED int mann_whitney(const struct sample *a, const struct sample *b, double confidence_ratio,
                             struct estimate *ret_estimate, struct err *err);

/* Of mann_whitney's p-value: b's rank sum less its smallest. How many of all pairs have b above a, ties a half. */
WARN_UNUSED int mann_whitney_u(const struct sample *a, const struct sample *b, double *ret_u,
                               struct err *err);

#endif
