/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate_judge: from samples to verdicts. Pure; any thread.
 *
 * Two one-sided tests for each check, each at (1 - confidence) / 2:
 *   fail  the samples speak against "the limit is kept", Holm-adjusted among all checks judged together (stats/multiple.h)
 *   pass  the samples speak against "the limit is crossed"; unadjusted, for all have to pass (an intersection-union test,
 *         Berger 1982)
 * and inconclusive where neither can be said. What a time's verdict would rest on noise for is noisy instead.
 *
 * Pairs: Wilcoxon's signed-rank test of ln(worse ratio) against ln(limit). Alone: the sign test of the median against the
 * limit (Conover 1999, section 3.4). A history: Student's prediction interval for one more run's log median from the spread
 * of the earlier runs. Dependence of neighbours and the control's offset count against either answer, as in bench/judge.h.
 */
#ifndef TOLL_GATE_GATE_JUDGE_H
#define TOLL_GATE_GATE_JUDGE_H

#include "base/err.h"
#include "gate/gate.h"

/* Fewer results of a history say nothing. */
#define GATE_HISTORY_LEAST 5u

enum gate_design { GATE_ALONE, GATE_PAIRS, GATE_BESIDE_HISTORY };

struct gate_samples {
    enum gate_design design;
    const double *after,
        *before;                /* before: of the same rounds, or the medians of earlier runs, oldest first */
    size_t count, before_count; /* before_count counts for a history alone */
    bool is_one;                /* one value is all there is, as of files: it is exact */
};

/* The outcome but for what needs other checks: verdict, p_fail. */
WARN_UNUSED int gate_measure(const struct gate_check *check, const struct gate_samples *samples,
                             const struct gate_conditions *conditions, double confidence_ratio,
                             struct gate_outcome *ret_outcome, struct err *err);

/* Of one check, with what was measured beside it. */
struct gate_judged {
    const struct gate_check *check;
    const struct gate_conditions *conditions;
    struct gate_outcome *outcome;
};

/* Fills p_fail, verdict and why of all that are judged together. */
WARN_UNUSED int gate_judge(const struct gate_judged *judged, size_t count, double confidence_ratio,
                           struct err *err);

/* After a second look at those that failed: what did not fail again is no fail. */
void gate_confirm(struct gate_check_result *result);

/* Rounds that a fail needs at least among `check_count` checks: 2^-n has to get below Holm's level. */
size_t gate_rounds_least(size_t check_count, double confidence_ratio);

/* The 99th percentile of a gate's own runs: how many it takes to pass a limit. */
size_t gate_p99_runs_least(double confidence_ratio);

#endif
