/* SPDX-License-Identifier: Apache-2.0 */
/*
 * changepoint: where the level of a series changes, with a false-alarm rate that is what it says also when values depend on those
 * before them. Seeded: the same values give the same answer. Pure; any thread.
 *
 * One test asks whether a stretch has one level or more:
 *
 *  1. Values are centred by their median, scaled by their median absolute deviation and cut at CHANGEPOINT_CUT: a single outlier is
 *     no level (Huber 1964).
 *  2. First-order autocorrelation is estimated from what is left around the best split, and not above what differences of near
 *     neighbours allow by more than a margin: other changes of level must not pass for dependence.
 *  3. The series is whitened by it, and for each split the generalised least squares reduction of the residual sum is computed, over
 *     the whole stretch and over nested windows of it ("seeded" ones: Kovacs, Buehlmann, Li and Munk 2023), which see a pulse
 *     that a single split of the whole cannot.
 *  4. The largest reductions are held against those of CHANGEPOINT_RESAMPLES series without a change, made of the resampled
 *     innovations by the estimated autocorrelation (sieve bootstrap: Buehlmann 1997), each estimated anew in the same way. That is
 *     the distribution of the *maximum*; the t-test after the search, which other tools take, is not, and finds changes
 *     in most series that have none.
 *
 * Of fewer than 50 values dependence cannot be told well: where it is strong (0.5), one short series in ten has a false alarm.
 *
 * A stretch with a change is split there and each part tested in turn (binary segmentation); then each change is placed anew
 * between its neighbours and tested again, so that one that later splits explain goes.
 */
#ifndef TOLL_STATS_CHANGEPOINT_H
#define TOLL_STATS_CHANGEPOINT_H

#include <stddef.h>

#include "base/err.h"
#include "base/vec.h"

#define CHANGEPOINT_SEGMENT_MIN 5u /* values on each side */
#define CHANGEPOINT_VALUES_MAX                                                                               \
    100000u                       /* the time grows a little more than in proportion: some 20 ms for 1,000 */
#define CHANGEPOINT_CUT       4.0 /* normal standard deviations */
#define CHANGEPOINT_RESAMPLES 199u
/* Of the resampled series, how many may have as large a maximum: 5 of 200 over the whole, 1 of 200 over the windows. */
#define CHANGEPOINT_LEVEL 0.03

struct change_point {
    size_t index;         /* of the first value of the new level */
    double p_value;       /* that a series without a change has as clear a one; at most CHANGEPOINT_LEVEL */
    double before, after; /* medians from the change before to here, and from here to the next */
};

struct change_points {
    VEC(struct change_point) points; /* in order */
};

/* ERR_INPUT when a value is not finite or there are too many. Fewer than two segments' worth of values have no change. */
WARN_UNUSED int change_points_find(const double *values, size_t count, struct change_points *ret_points,
                                   struct err *err);
void change_points_free(struct change_points *points);

#endif
