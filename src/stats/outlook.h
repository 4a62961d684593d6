/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outlook: whether a series of one level has a trend, and where its next values will lie.
 *
 * The trend is Theil's and Sen's slope with Mann's test (sequence.h), whose statistic is divided by sqrt((1 + r) / (1 - r)) where
 * the values depend on those before them (Hamed and Rao 1998, first order). Where there is none the centre is the median.
 * A prediction interval covers one value to come: from the order statistics of the residuals where there are enough (39 for
 * 95 %), which no distribution is assumed for, else by Student's t; wider the further ahead a trend is followed. Pure; any
 * thread.
 */
#ifndef TOLL_STATS_OUTLOOK_H
#define TOLL_STATS_OUTLOOK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define OUTLOOK_TREND_LEVEL 0.01 /* p-value below which there is a trend */
#define OUTLOOK_TREND_MIN   10u  /* values before there can be one */
#define OUTLOOK_MIN         3u   /* values before there is an interval */
#define OUTLOOK_CONFIDENCE  0.95

struct prediction {
    double value, low, high; /* low and high NAN where there are too few values */
};

struct outlook {
    size_t count;
    double level; /* the median */
    bool has_trend;
    double slope;   /* a value; 0 without a trend */
    double start;   /* where the trend begins: at the first value; the level without one */
    double p_value; /* of Mann's test, corrected */
    struct prediction next;
    struct prediction later; /* `ahead` values after the last */
    size_t ahead;
};

/* ERR_INPUT for no values, or one that is not finite. */
WARN_UNUSED int outlook_of(const double *values, size_t count, size_t ahead, struct outlook *ret_outlook,
                           struct err *err);

#endif
