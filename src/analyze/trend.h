/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trend: the longest rise of something counted over time: from its least value to the largest one after it, if most
 * of the way goes up. What fell back before it is left out; what comes after it is told by `last`.
 */
#ifndef TOLL_ANALYZE_TREND_H
#define TOLL_ANALYZE_TREND_H

#include "run/recorded_run.h"

struct trend {
    uint64_t start_ns, end_ns; /* of the rise */
    double low, high;          /* values at its ends */
    double rate_per_s;
    double last;     /* the series' last value */
    bool is_lasting; /* it rises in both halves, and has not fallen much since */
};

/* False when there are too few points, or no rise over a fifth of the series' time or more. */
bool trend_of(const struct run_series *series, struct trend *ret_trend);

/* The rise between two moments, per second; 0 when it is not known. */
double trend_rate_between(const struct run_series *series, uint64_t from_ns, uint64_t to_ns);

/* The series of a process (RUN_NONE: of the machine) with that name; NULL. */
const struct run_series *trend_series(const struct run *run, uint32_t process, const char *name);

#endif
