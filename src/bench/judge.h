/* SPDX-License-Identifier: Apache-2.0 */
/* judge: from runs to summaries, intervals and verdicts; bench.h says how. No clocks, no processes. */
#ifndef TOLL_BENCH_JUDGE_H
#define TOLL_BENCH_JUDGE_H

#include "bench/bench.h"

/* The fewest rounds with an interval: 2 / 2^n has to get below what may be missed, shared among the comparisons. */
size_t judge_pairs_least(const struct bench_result *result);

/* Half the width (as a ratio, 0.005) of the widest interval of wall time among all comparisons, or of the median of a single
 * arm; infinite while there are too few rounds. Also the second arm's ratio to the first into ret_ratio (0 for one). */
WARN_UNUSED int judge_precision(const struct bench_result *result, double *ret_half_ratio, double *ret_ratio,
                                struct err *err);

/* Fills the arms' summaries, the comparisons and the control from the runs. */
WARN_UNUSED int judge(struct bench_result *result, struct err *err);

#endif
