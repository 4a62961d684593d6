/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch: what a batch costs by its size, cost(n) = a + b n: a is paid once for each batch (a call, a commit, a round trip), b for each
 * item in it. One item then costs a / n + b, which falls with the size and never below b.
 *
 * The fit is least squares of *relative* residuals of an item's cost (what varies does so in proportion), a line in 1 / n, with a
 * and b at least 0. Intervals are t x standard error, cut at 0; the interval of a size comes from log(a / b) by the delta
 * method. Pure functions; any thread.
 */
#ifndef TOLL_LAW_BATCH_H
#define TOLL_LAW_BATCH_H

#include <stddef.h>

#include "base/err.h"

#define BATCH_SIZES_MIN   4u /* different sizes among the points */
#define BATCH_POINTS_MAX  100000u
#define BATCH_SHARE_RATIO 0.05

struct batch_point {
    double size; /* items in a batch, above 0 */
    double cost; /* of one item, or of a fixed number of them: a and b are then of so many */
};

struct batch_parameter {
    double value;
    double error; /* standard error; 0 where the parameter stands at 0 */
    double low, high;
};

struct batch_fit {
    struct batch_parameter fixed; /* a */
    struct batch_parameter each;  /* b */
    double r_squared_ratio;       /* of the costs, weighted as they are fitted */
    double residual_error;        /* residual standard error, relative */
    size_t freedom;               /* degrees of */
    double size, size_low,
        size_high; /* where the fixed part is BATCH_SHARE_RATIO of an item's cost; may be infinite */
};

/* ERR_INPUT for fewer than BATCH_SIZES_MIN different sizes, or numbers out of range. Confidence 0: 0.95. */
WARN_UNUSED int batch_fit(const struct batch_point *points, size_t count, double confidence_ratio,
                          struct batch_fit *ret_fit, struct err *err);

/* a / n + b */
double batch_item_cost(const struct batch_fit *fit, double size);

/* The size at which the fixed part is `share` (0 to 1) of an item's cost: a (1 - share) / (b share); infinite for b 0. */
double batch_size_of_share(double fixed, double each, double share);

#endif
