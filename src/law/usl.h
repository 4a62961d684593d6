/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usl: Gunther's Universal Scalability Law (Guerrilla Capacity Planning, 2007), fitted to measurements:
 *
 *     X(N) = gamma N / (1 + sigma (N - 1) + kappa N (N - 1))
 *
 * N is how many work at once (measured: mean in flight, not connections opened), X the throughput; gamma is one worker's
 * throughput, sigma what is serial (contention), kappa the cost of keeping each pair consistent (coherency). With kappa
 * above 0 throughput has a peak at sqrt((1 - sigma) / kappa); with kappa 0 it has a ceiling, gamma / sigma.
 *
 * The fit is least squares of *relative* residuals 1 - fit / X (noise of throughput is in proportion to it), by
 * Levenberg-Marquardt, sigma and kappa from 0 to 1; which of the two stands at 0 is tried in turn. Parameters' intervals are
 * t x standard error, cut at 0 and 1; the peak's is a profile: the peaks that fit not significantly worse, which is infinite
 * when no peak at all does. Pure functions; any thread.
 */
#ifndef TOLL_LAW_USL_H
#define TOLL_LAW_USL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define USL_POINTS_MIN 6u
#define USL_LOADS_MIN  4u /* different N among the points */
#define USL_POINTS_MAX 100000u

struct usl_point {
    double workers; /* N, at least 1 */
    double throughput;
};

struct usl_parameter {
    double value;
    double error; /* standard error; 0 where the parameter stands at its bound */
    double low, high;
};

struct usl_fit {
    struct usl_parameter gamma, sigma, kappa;
    double
        residual_error; /* residual standard error: relative, or in the throughput's unit for an absolute fit */
    size_t freedom;     /* degrees of: points - parameters that are free */

    bool has_peak;                            /* kappa above 0 */
    double peak_workers, peak_low, peak_high; /* infinite where there is none, or none can be told */
    double peak_throughput;                   /* without a peak: the ceiling */
    double ceiling_throughput; /* gamma / sigma: what contention alone would leave; may be infinite */
    bool is_peak_beyond;       /* the peak lies past twice the largest N measured: a guess */
    size_t superlinear_count;  /* points above gamma N: often a first point measured too low */
};

struct usl_options {
    double confidence_ratio; /* 0: 0.95 */
    bool is_absolute;        /* residuals X - fit, as other programs fit; large N then outweigh small ones */
    bool is_amdahl;          /* kappa stays 0: Amdahl's law, sigma its serial part */
};

/* ERR_INPUT for fewer than USL_POINTS_MIN points or USL_LOADS_MIN different N, or numbers out of range. `options` may be
 * NULL. */
WARN_UNUSED int usl_fit(const struct usl_point *points, size_t count, const struct usl_options *options,
                        struct usl_fit *ret_fit, struct err *err);

struct usl {
    double gamma, sigma, kappa;
};
struct usl usl_of(const struct usl_fit *fit);

/* X(N), and R(N) = N / X(N), the response time by Little's law. */
double usl_throughput(const struct usl *usl, double workers);
double usl_response(const struct usl *usl, double workers);

/* The exact inverses: the N of a response time (R grows with N); the N at which a throughput is first reached (the smaller
 * of two); the X of a response time. NAN where there is none: less than R(1), more than the peak. */
double usl_workers_of_response(const struct usl *usl, double response);
double usl_workers_of_throughput(const struct usl *usl, double throughput);
double usl_throughput_of_response(const struct usl *usl, double response);

/* sqrt((1 - sigma) / kappa), at least 1; infinite for kappa 0. */
double usl_peak(const struct usl *usl);

#endif
