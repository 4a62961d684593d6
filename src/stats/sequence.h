/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sequence: whether values, in the order in which they were taken, are as good as independent. An interval that assumes it
 * is too narrow when they are not. Pure; any thread.
 */
#ifndef TOLL_STATS_SEQUENCE_H
#define TOLL_STATS_SEQUENCE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* The correlation of each value with the next, -1 to 1 (Box and Jenkins's r1); 0 for fewer than 3 values or no spread. */
double autocorrelation(const double *values, size_t count);

/* What independent values stay below in 95 of 100 cases: 1.645 / sqrt(count), one-sided. */
double autocorrelation_limit(size_t count);

/* By how much an interval that assumes independence must be widened: sqrt((1 + r) / (1 - r)), the inflation under first-order
 * autocorrelation; 1 while r is within autocorrelation_limit. */
double autocorrelation_widening(const double *values, size_t count);

/* A trend over the sequence: the median of all slopes (Theil 1950, Sen 1968) and Mann's test (1945) by the normal
 * distribution with ties and continuity corrected. Longer sequences than SEQUENCE_POINTS_MAX are halved by means of
 * neighbours until they fit. */
#define SEQUENCE_POINTS_MAX 400u

struct drift {
    double slope;   /* per step of the original sequence */
    double change;  /* over the whole of it: slope x (count - 1) */
    double p_value; /* two-sided; 1 for fewer than 4 values */
};

WARN_UNUSED int sequence_drift(const double *values, size_t count, struct drift *ret_drift, struct err *err);

#endif
