/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bootstrap: the interval of any statistic by resampling, corrected for bias and acceleration (BCa; Efron 1987; Efron and
 * Tibshirani, An Introduction to the Bootstrap, 1993, chapter 14). Seeded: the same seed gives the same interval.
 *
 * Its error falls with the sample; below about 20 values the interval covers less than it says, so verdicts use the rank
 * methods and this serves statistics that have none.
 */
#ifndef TOLL_STATS_BOOTSTRAP_H
#define TOLL_STATS_BOOTSTRAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define BOOTSTRAP_RESAMPLES     10000u
#define BOOTSTRAP_RESAMPLES_MAX 10000000u

/* The statistic of the observations that `indexes` names, some more than once; `context` holds the observations. */
typedef double bootstrap_statistic(const void *context, const size_t *indexes, size_t count);

struct bootstrap {
    bootstrap_statistic *statistic;
    const void *context;
    size_t count;            /* of observations, at least 2 */
    size_t resamples;        /* 0: BOOTSTRAP_RESAMPLES */
    double confidence_ratio; /* 0 to 1, both excluded */
    uint64_t seed;
};

struct bootstrap_interval {
    double value; /* of the sample as it is */
    double low, high;
    double bias;         /* z0, in standard deviations */
    double acceleration; /* a */
};

/* ERR_INPUT when the options are out of range or the statistic is not finite. */
WARN_UNUSED int bootstrap_bca(const struct bootstrap *options, struct bootstrap_interval *ret_interval,
                              struct err *err);

#endif
