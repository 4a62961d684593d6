/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slope: from rounds of runs in which a stage was made slower by known shares to the share of the run that hangs on it, with its
 * interval. Pure.
 *
 * Each round gives one number: over its levels, the mean of what the run lost, over its unslowed time, over the level. The
 * Hodges-Lehmann estimate of those numbers and its signed-rank interval (stats/signed_rank.h) are the share's.
 */
#ifndef TOLL_EXPERIMENT_SLOPE_H
#define TOLL_EXPERIMENT_SLOPE_H

#include <stddef.h>

#include "experiment/experiment.h"
#include "stats/estimate.h"

struct slope_rounds {
    const double *wall_ns; /* round by round: of the unslowed run, then of each level */
    const double *levels;  /* above 0; what the stage's time grew by, as a share of it */
    size_t level_count;
    size_t round_count;
    double confidence_ratio;
};

/* ERR_INPUT when there are no rounds or a time is not above 0. */
WARN_UNUSED int slope_of_rounds(const struct slope_rounds *rounds, struct estimate *ret_share,
                                struct err *err);

/* The most that the stage's improvement can bring: 1 / (1 - share), and of the interval's ends; a share is cut to 0 to 0.999. */
struct experiment_gain slope_gain(const struct estimate *share);

#endif
