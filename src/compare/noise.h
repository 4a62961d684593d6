/* SPDX-License-Identifier: Apache-2.0 */
/*
 * noise: what counts as a change between two recordings, or two sets of them.
 *
 * A quantity (the CPU time of a function, the time a stage waited) is one reading for each recording. Two things make
 * readings of an unchanged program differ:
 *
 * - *Counting.* CPU time is sampled. n samples of equal weight have a relative standard deviation of 1 / sqrt(n) (Poisson);
 *   samples of different weights count as n = (sum w)^2 / sum w^2 equal ones (Kish 1965). For few samples the interval of a ratio
 *   is the exact one of the binomial share of one side in both (Przyborowski and Wilenski 1940; Clopper and Pearson 1934). Waits are
 *   measured, not sampled: what counts is how far they differ among themselves.
 * - *Runs.* The machine, the caches, the neighbours differ. What a run queued for a CPU is known, and all of it is doubt. With
 *   one recording a side nothing tells how much else: a figure is assumed, and said. With several the variance of the logarithms between recordings is measured. That of one quantity, from few
 *   recordings, is often too small or too large by chance: it is moderated by what is typical of all of its kind, as if that had
 *   NOISE_PRIOR_FREEDOM degrees of freedom more (Smyth 2004), and never below what counting alone makes. Student's t with the
 *   degrees of freedom of both.
 *
 * The caller shares out the confidence among intervals that are to hold together (Bonferroni).
 */
#ifndef TOLL_COMPARE_NOISE_H
#define TOLL_COMPARE_NOISE_H

#include <stddef.h>

#include "stats/estimate.h"

struct reading {
    double value;   /* ns, bytes, … */
    double count;   /* of what it is a sum of: samples, waits; 0: it is no sum */
    double squares; /* sum of the squares */
    double waited;  /* of the value: waiting, for which COMPARE_WAIT_FACTOR times the deviation is assumed */
    double machine; /* of the value: what it was up to other programs, queueing for a CPU */
};

#define NOISE_PRIOR_FREEDOM 4.0

enum reading_kind {
    READING_SAMPLED,  /* Poisson */
    READING_MEASURED, /* each part measured */
    READING_EXACT     /* repeats to the digit: rows, bytes */
};
#define READING_KIND_COUNT 3

struct noise {
    double confidence_ratio;                     /* of one interval, after sharing it out */
    double run_deviation;                        /* of a logarithm between runs: assumed */
    double typical_variance[READING_KIND_COUNT]; /* between runs, beyond counting: measured, of each kind */
};

struct noise_side {
    const struct reading *readings;
    size_t count; /* of recordings */
};

struct noise_terms {
    enum reading_kind kind;
    double factor; /* times the assumed deviation between runs */
    double
        least_deviation; /* of a reading, in its unit: what starting a process or losing a turn on a CPU may add */
};

/* ln(b / a) with its interval. Of one recording a side that has nothing of it the value is infinite. */
struct estimate noise_ratio(const struct noise *noise, const struct noise_terms *terms,
                            const struct noise_side *a, const struct noise_side *b);

/* The same of a share: ln of (b / rest of b) / (a / rest of a), where the rest is sampled as well. */
struct estimate noise_share_ratio(const struct noise *noise, const struct noise_side *a,
                                  const struct noise_side *b, const struct noise_side *rest_a,
                                  const struct noise_side *rest_b);

/* The pooled variance of the logarithms within both sides beyond what counting makes; may be below 0; NAN where there are not
 * three recordings, or a side has no value. */
double noise_excess_variance(enum reading_kind kind, const struct noise_side *a, const struct noise_side *b);

/* The median of such variances, which lies below their mean, as an estimate of it. */
double noise_typical_variance(const double *sorted, size_t count, size_t recording_count);

/* Samples of equal weight that say as much; 0 of nothing. */
double reading_effective_count(const struct reading *reading);

double noise_mean(const struct noise_side *side);

#endif
