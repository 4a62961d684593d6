/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signed_rank: pairs. From the differences of pairs, on whatever scale (log ratios for times): the Hodges-Lehmann estimate
 * (the median of all Walsh averages (d_i + d_j) / 2, i <= j; Hodges and Lehmann 1963), its interval by turning round
 * Wilcoxon's signed-rank test (Hollander, Wolfe and Chicken 2014, section 3.3), and that test's p-value.
 *
 * Exact up to SIGNED_RANK_EXACT_MAX pairs, else normal with Wilcoxon's continuity correction. Ties get mid-ranks, and
 * their exact distribution too (the shift algorithm of Streitberg and Röhmel 1986). For the p-value zeros are left out, as
 * Wilcoxon 1945 does; for the interval they are differences like any other. With fewer than six pairs 95 % cannot be
 * reached: the interval is infinite.
 *
 * The averages are never listed: counting those below a value takes one pass, so memory is linear in the pairs.
 */
#ifndef TOLL_STATS_SIGNED_RANK_H
#define TOLL_STATS_SIGNED_RANK_H

#include <stddef.h>

#include "base/err.h"
#include "stats/estimate.h"

#define SIGNED_RANK_EXACT_MAX 100u
#define SIGNED_RANK_PAIRS_MAX 1000000u

/* ERR_INPUT for no pairs, too many, or a difference that is not finite. */
WARN_UNUSED int signed_rank(const double *differences, size_t count, double confidence_ratio,
                            struct estimate *ret_estimate, struct err *err);

/* P(W <= w) of the signed-rank statistic of n pairs without ties, n up to SIGNED_RANK_EXACT_MAX; 1 when memory runs out. */
double signed_rank_cdf(size_t w, size_t n);

#endif
