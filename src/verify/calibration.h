/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calibration: how good past predictions were, from pairs of a predicted and a measured ratio (after / before). Pure.
 *
 * The error of a prediction is ln(measured / predicted): 0 is right, +0.1 means that it took 10 % longer than said. Bias is the
 * median error, with its order-statistic interval; coverage the share of predicted intervals that held the measured ratio, with the
 * interval of Clopper and Pearson. Under CALIBRATION_LEAST of them nothing is claimed.
 */
#ifndef TOLL_VERIFY_CALIBRATION_H
#define TOLL_VERIFY_CALIBRATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/vec.h"
#include "bench/bench_export.h"

#define CALIBRATION_LEAST      6u /* fewer have no interval of the median at 95 % */
#define CALIBRATION_GROUPS_MAX 256u
#define CALIBRATION_CONFIDENCE 0.95

struct calibration_point {
    int64_t at_ns; /* CLOCK_REALTIME */
    const char *name;
    const char *cause;                               /* of the finding; NULL */
    const char *change;                              /* "workers:stage/download=12"; NULL */
    const char *kind;                                /* of the change, "workers"; NULL */
    double predicted, predicted_low, predicted_high; /* the ends NAN without an interval */
    double measured, measured_low, measured_high;
};

bool calibration_has_interval(const struct calibration_point *point);
/* Measured within the predicted interval; false without one. */
bool calibration_is_inside(const struct calibration_point *point);
/* The two intervals have something in common. */
bool calibration_overlaps(const struct calibration_point *point);

/* Of all points, or of those with one cause or one kind of change. */
struct calibration_group {
    const char *name; /* "serial-independent", "workers"; NULL: all */
    size_t count;
    double bias, bias_low,
        bias_high;         /* exp(median error) - 1; the ends NAN for fewer than CALIBRATION_LEAST */
    double error;          /* exp(median |error|) - 1: the usual size of an error */
    size_t interval_count; /* points that had an interval */
    size_t inside_count, overlap_count;                 /* measured within it; the two intervals overlap */
    double coverage_ratio, coverage_low, coverage_high; /* NAN without intervals */
};

struct calibration_groups {
    VEC(struct calibration_group) list; /* most points first */
};

struct calibration {
    struct arena arena;
    VEC(struct calibration_point) points; /* oldest first */
    struct calibration_group all;
    struct calibration_groups causes, kinds;
};

/* A copy of a point; what is no positive ratio is left out (0 all the same). `tags` as the history keeps them, "cause=…,change=…", or
 * NULL: they say the cause and the change. */
WARN_UNUSED int calibration_add(struct calibration *calibration, const struct calibration_point *point,
                                const char *tags, struct err *err);

/* Fills the groups from the points. */
WARN_UNUSED int calibration_judge(struct calibration *calibration, struct err *err);
void calibration_deinit(struct calibration *calibration);

/* For a person, with a plot of measured over predicted; and for programs, schema toll.calibration/1. `store` is the history's file. */
void calibration_text(const struct calibration *calibration, const char *store, const struct bench_look *look,
                      struct str *text);
void calibration_json(const struct calibration *calibration, const char *store, struct str *text);

#endif
