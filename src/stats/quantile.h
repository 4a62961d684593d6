/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quantile: quantiles by a named type, their intervals without any assumption, robust spread, outliers. `sorted` is in
 * ascending order and holds no NaN. Pure; any thread.
 */
#ifndef TOLL_STATS_QUANTILE_H
#define TOLL_STATS_QUANTILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* A copy in ascending order, for the caller to free. ERR_INPUT when a value is not a finite number. */
WARN_UNUSED int sorted_copy(const double *values, size_t count, double **ret_sorted, struct err *err);
/* In place; NaN last. */
void sort_values(double *values, size_t count);

/* The types of Hyndman and Fan (1996), by their numbers there and in R. */
enum quantile_type {
    QUANTILE_TYPE_1 = 1, /* a value of the sample: the smallest with at least p below or at it */
    QUANTILE_TYPE_6 = 6, /* p (n + 1): Weibull */
    QUANTILE_TYPE_7 = 7, /* 1 + p (n - 1): R's and NumPy's default */
    QUANTILE_TYPE_8 = 8  /* p (n + 1/3) + 1/3: median-unbiased whatever the distribution */
};

/* p from 0 to 1; 0 for no values. */
double quantile_sorted(const double *sorted, size_t count, double p, enum quantile_type type);
double median_sorted(const double *sorted, size_t count);

/* Median of |x - median|, not scaled (times 1.4826 it estimates a normal standard deviation). Linear in count. */
double mad_sorted(const double *sorted, size_t count);

/* Iglewicz and Hoaglin's rule (1993) with the limit that hyperfine uses: |x - median| / MAD above 14.826, ten normal
 * standard deviations. Without a spread (MAD 0) nothing is an outlier. */
#define OUTLIER_MADS 14.826
bool is_outlier(double value, double median, double mad);

/* An interval between two values of the sample that covers the quantile whatever the distribution is (Conover 1999,
 * section 3.2): from the binomial distribution of how many values are below it. Each side leaves at most
 * (1 - confidence) / 2. */
struct order_interval {
    double low, high;
    size_t low_index, high_index; /* in `sorted` */
    double confidence_ratio; /* what it covers at least; 0: none is wide enough, low and high are the ends */
};

/* Of the median at 95 %: six values are the fewest, whose ends cover 0.96875. */
struct order_interval quantile_interval(const double *sorted, size_t count, double p,
                                        double confidence_ratio);

/* How many values a one-sided bound of the quantile needs: the smallest n with p^n <= 1 - confidence (299 for p99). */
size_t quantile_bound_count(double p, double confidence_ratio);

#endif
