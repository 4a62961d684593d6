/* SPDX-License-Identifier: Apache-2.0 */
/*
 * distribution: probabilities and quantiles, right to about 12 digits. A quantile of 0 or 1 is an end of the
 * distribution (minus or plus infinity where it has none); outside 0 to 1 the result is not a number. Pure; any thread.
 */
#ifndef TOLL_STATS_DISTRIBUTION_H
#define TOLL_STATS_DISTRIBUTION_H

#include <stdint.h>

double normal_cdf(double x);
double normal_quantile(double p);

/* The regularised incomplete beta function I_x(a, b), by its continued fraction (DLMF 8.17.22, evaluated as Lentz 1976);
 * a and b above 0. */
double beta_cdf(double x, double a, double b);
double beta_quantile(double p, double a, double b);

/* Student's t with `freedom` degrees, which need not be whole. */
double student_cdf(double t, double freedom);
double student_quantile(double p, double freedom);

/* P(X <= successes) of `trials` with probability p each. Below 0 successes: 0. */
double binomial_cdf(int64_t successes, int64_t trials, double p);

/* The interval of Clopper and Pearson (1934) for the probability behind `successes` of `trials`: never covers less than
 * `confidence_ratio`. */
struct proportion_interval {
    double low_ratio, high_ratio;
};
struct proportion_interval proportion_interval(int64_t successes, int64_t trials, double confidence_ratio);

#endif
