/* SPDX-License-Identifier: Apache-2.0 */
/*
 * effect: from the interval of a log ratio (B / A of something of which less is better) to a verdict, and what an experiment
 * of that size can see at all.
 *
 * The verdict looks at the interval alone, never at a p-value: two intervals' worth of evidence about a threshold that matters
 * (1 % by default) make it a test of equivalence as well (Schuirmann 1987; Lakens 2017).
 */
#ifndef TOLL_STATS_EFFECT_H
#define TOLL_STATS_EFFECT_H

#include <stddef.h>

#include "stats/estimate.h"

/* What is too small to matter, either way. */
#define EFFECT_THRESHOLD_RATIO  0.01
#define EFFECT_CONFIDENCE_RATIO 0.95
#define EFFECT_POWER_RATIO      0.9

enum effect_verdict {
    EFFECT_INCONCLUSIVE, /* the interval reaches from too small to matter to not, or too far either way */
    EFFECT_FASTER,       /* all of it below 1 / (1 + threshold) */
    EFFECT_SLOWER,       /* all of it above 1 + threshold */
    EFFECT_EQUIVALENT    /* all of it between the two */
};

/* "inconclusive", "faster", "slower", "equivalent" */
const char *effect_name(enum effect_verdict verdict);

/* `log_ratio` holds natural logarithms. */
enum effect_verdict effect_judge(const struct estimate *log_ratio, double threshold_ratio);

/* Of an experiment with this interval: the ratio (above 1) whose interval would have left out 1 in `power_ratio` of the times.
 * Infinity when the interval is. */
double effect_smallest_ratio(const struct estimate *log_ratio, double power_ratio);

/* How many pairs would see the ratio 1 + effect in `power_ratio` of the times, when the pairs' log ratios have this standard
 * deviation: ((z(confidence) + z(power)) sd / ln(1 + effect))^2 pi / 3, the normal case of the signed-rank test
 * (Noether 1987). At least the six that an interval needs; SIZE_MAX for no effect. */
struct effect_plan {
    double deviation;    /* of ln(B / A) from pair to pair */
    double effect_ratio; /* 0.02 for 2 % */
    double confidence_ratio;
    double power_ratio;
};
size_t effect_pairs_needed(const struct effect_plan *plan);

/* The interval `factor` times as wide about its value: for pairs that depend on one another (sequence.h). */
void effect_widen(struct estimate *estimate, double factor);

/* What matters by size, from the end of the interval nearer to 1. */
enum effect_tier {
    EFFECT_P0, /* over 5 times */
    EFFECT_P1, /* 2 to 5 */
    EFFECT_P2, /* 1.2 to 2 */
    EFFECT_P3  /* less */
};
enum effect_tier effect_tier(const struct estimate *log_ratio);

#endif
