/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sweep: a command measured with many values of one or two knobs, and which of them are best.
 *
 * First values spread over the whole range run in a few rounds, as arms do in bench.h (each round runs every value once, in an order
 * drawn by the seed, the next in its reverse). Values that are clearly worse than the best of them leave (paired t on ln(value / best),
 * Bonferroni); values around the best join; all that are left run until rank tests can tell. A value belongs to the *plateau* unless it
 * was shown to be worse than the best: its pairs' signed-rank test, adjusted by Holm for all
 * pairs of values (the best was chosen by the same runs), and by more than the threshold that matters.
 * Then today's value and the best run against each other in rounds of their own, with the best against itself as a control: what a move
 * brings is not taken from the rounds that made the best look best.
 *
 * A value at which the command fails is told and left out. Everything is compared as a *cost*: a time, bytes, or one over a rate.
 */
#ifndef TOLL_SWEEP_SWEEP_H
#define TOLL_SWEEP_SWEEP_H

#include "base/str.h"
#include "bench/bench.h"
#include "law/batch.h"
#include "law/usl.h"
#include "sweep/knob.h"

#define SWEEP_KNOBS_MAX     2u
#define SWEEP_POINTS        7u /* of one knob, at first; of each of two: SWEEP_POINTS_TWO */
#define SWEEP_POINTS_TWO    4u
#define SWEEP_COARSE_ROUNDS 4u
#define SWEEP_COARSE_LEAST  3u
#define SWEEP_ROUNDS        10u
#define SWEEP_TIME_S        60.0
#define SWEEP_POORLY_RATIO  0.1 /* a law that leaves so much fits badly */
#define SWEEP_NONE          SIZE_MAX

enum sweep_objective {
    SWEEP_WALL,
    SWEEP_CPU,
    SWEEP_MEMORY,
    SWEEP_ROWS,         /* rows a second: the rows of a run over its wall time */
    SWEEP_PRINTED_MORE, /* a number that the command prints, of which more is better */
    SWEEP_PRINTED_LESS
};

enum sweep_law { SWEEP_LAW_AUTO, SWEEP_LAW_NONE, SWEEP_LAW_USL, SWEEP_LAW_BATCH };

enum sweep_phase { SWEEP_COARSE, SWEEP_FINE, SWEEP_CONFIRM };

struct sweep_progress {
    enum sweep_phase phase;
    size_t round, round_count, value_count;
    double left_s;
};

struct sweep_options {
    struct bench_options
        bench; /* the command (one), its hooks, warm-ups, cache, seed, thresholds; the rest is sweep's */
    const char *const *knobs; /* knob.h */
    size_t knob_count;
    const char *const *environment_knobs;
    size_t environment_knob_count;
    const char *const *today; /* "NAME=VALUE" of each knob, or none */
    size_t today_count;
    enum sweep_objective objective;
    const char *rows; /* SWEEP_ROWS: a number in which {NAME} stands for a knob's value */
    enum sweep_law law;
    size_t point_count; /* 0: SWEEP_POINTS */
    size_t round_count; /* after the first ones; 0: as many as the tests need, SWEEP_ROUNDS at least */
    double time_s; /* 0: SWEEP_TIME_S; each part still gets the rounds without which nothing can be told */
    void (*progress)(void *context, const struct sweep_progress *progress);
    void *progress_context;
};

struct sweep_value {
    size_t arm; /* in bench.arms */
    struct knob_value knobs[SWEEP_KNOBS_MAX];
    enum sweep_phase joined;
    bool is_dropped;        /* clearly worse in the first rounds */
    size_t reference;       /* the value it was dropped for */
    struct estimate before; /* against that one; only where is_dropped */
    size_t count;           /* runs; 0 for one that fails */
    double rows;            /* of a run; 1 unless SWEEP_ROWS */
    double cost, cost_low,
        cost_high; /* median and its interval; the ends of the runs where there are fewer than six */
    double cpu_ns, memory_bytes; /* medians */
    struct estimate log_ratio;   /* ln(cost / the best's cost), of pairs; 0 for the best */
    double p_value_adjusted;
    bool is_tied; /* in the plateau; true for the best */
};

/* What moving from today's value to the best brings. */
struct sweep_move {
    bool is_known;
    size_t pair_count;
    struct estimate log_ratio; /* ln(the best's cost / today's) */
    struct estimate control;   /* the best against itself */
    enum effect_verdict verdict;
    enum bench_denial denial;
};

struct sweep_fit {
    enum sweep_law law; /* NONE: none fits, or none was asked for */
    struct usl_fit usl;
    struct batch_fit batch;
    const char *refusal; /* why there is none; NULL */
};

struct sweep_result {
    struct bench_result bench; /* the arms and their runs, seed, conditions; no comparisons */
    enum sweep_objective objective;
    enum page_cache cache;
    struct knob knobs[SWEEP_KNOBS_MAX];
    size_t knob_count;
    VEC(struct sweep_value) values; /* in the order of the first knob's values, then the second's */
    size_t best, today;             /* in values, or SWEEP_NONE */
    size_t tied_count;              /* the best with them */
    size_t failed_count;
    double
        smallest_effect_ratio; /* the largest of those in the plateau; infinite where nothing can be told */
    size_t rounds[3];          /* of each phase */
    size_t fine_start, confirm_start; /* round numbers */
    size_t control_arm;               /* of the confirmation; SWEEP_NONE */
    struct sweep_move move;
    struct sweep_fit fit;
};

/* ERR_USAGE for knobs that make no sense, ERR_ENVIRONMENT when the command fails with every value. An interrupted sweep is a result as
 * long as one round was done. */
WARN_UNUSED int sweep_run(const struct sweep_options *options, struct sweep_result *ret_result,
                          struct err *err);
void sweep_result_free(struct sweep_result *result);

/* Whether more of what is shown is better, and what is shown of a cost: the cost, or one over it. */
bool sweep_is_rate(enum sweep_objective objective);
double sweep_shown(enum sweep_objective objective, double cost);
/* "wall_ns", "cpu_ns", "memory_bytes_max", "rows_per_s", "printed" */
const char *sweep_objective_name(enum sweep_objective objective);
/* The whole is a plateau: two values or more were told apart from none. */
bool sweep_is_flat(const struct sweep_result *result);
/* Every measured value has an interval; else the rounds were too few to tell. */
bool sweep_is_told(const struct sweep_result *result);
/* `set:knob/NAME=VALUE` for a knob of a value. */
void sweep_change(const struct sweep_result *result, size_t value, size_t knob, struct str *text);

#endif
