/* SPDX-License-Identifier: Apache-2.0 */
/*
 * describe: what one sample is like, and exact mode for metrics that repeat to the digit (instructions, system calls,
 * bytes, allocations).
 */
#ifndef TOLL_STATS_DESCRIBE_H
#define TOLL_STATS_DESCRIBE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* In the values' unit. Of no values all is 0. */
struct description {
    size_t count;
    double mean, median, min, max;
    double deviation;     /* the sample's standard deviation (n - 1); 0 for one value */
    double mad;           /* median of |x - median|, not scaled */
    size_t outlier_count; /* by quantile.h's rule; none is ever dropped */
};

WARN_UNUSED int describe(const double *values, size_t count, struct description *ret_description,
                         struct err *err);

/* The value that occurs most, the smallest of several such. */
struct exact_mode {
    double value;
    size_t count;   /* how often it occurs */
    bool is_steady; /* all values are it */
};

WARN_UNUSED int exact_mode(const double *values, size_t count, struct exact_mode *ret_mode, struct err *err);

/* The same from values in ascending order, count above 0. */
struct exact_mode exact_mode_sorted(const double *sorted, size_t count);

#endif
