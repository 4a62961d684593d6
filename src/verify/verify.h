/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify: before and after of one change, as plain structs: what is about to be compared (struct preflight), what was promised
 * (struct prediction), and what came of it (struct outcome).
 *
 * A ratio is after / before of something of which less is better: 0.5 is twice as fast. A factor is its inverse, as
 * findings have it: 2.
 */
#ifndef TOLL_VERIFY_VERIFY_H
#define TOLL_VERIFY_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/vec.h"
#include "bench/bench.h"

/* Texts of an arena, one thing each. */
struct verify_lines {
    VEC(const char *) list;
};

/* Appends one; 0, or -1 when memory ran out. */
int verify_line(struct verify_lines *lines, struct arena *arena, const char *format, ...) PRINTF_LIKE(3, 4);

struct verify_prediction {
    bool is_given;                       /* else nothing was promised */
    double ratio, ratio_low, ratio_high; /* of wall time; the ends NAN without an interval */
    const char *source;                  /* "a.toll", "--predict" */
    const char *change;                  /* "workers:stage/download=10"; NULL */
    const char *cause;                   /* of the finding; NULL */
    const char *title, *place, *fix;     /* of the finding, what it says; NULL */
    const char *symptom;                 /* how the recorded run looked; NULL */
    const char *recording_id;            /* NULL */
    uint64_t finding;                    /* its number in the report, from 1; 0: none */
    double drift_ratio;                  /* of the replay; NAN */
    uint64_t recorded_ns;                /* wall time of the recorded run; 0 */
};

enum verify_kind { VERIFY_COMMANDS, VERIFY_ENVIRONMENT, VERIFY_REVISIONS };

/* "commands", "environment", "revisions" */
const char *verify_kind_name(enum verify_kind kind);

struct preflight {
    struct arena arena;
    enum verify_kind kind;
    const char *before, *after; /* command lines; "NAME=value"; "3f2a9c1 subject" */
    const char *command;        /* what both run, when they differ in something else; NULL */
    const char *build;          /* NULL: nothing is built */
    const char *base, *head;    /* commits; NULL */
    struct verify_lines changes, risks, checks, reverts;
    struct verify_prediction prediction;
    unsigned cpu_count;
    double outside_cores; /* CPUs that other programs keep busy */
};

void preflight_deinit(struct preflight *preflight);

#define VERIFY_METRICS_MAX 4

struct verify_metric {
    const struct bench_comparison *comparison;
    bool decides;                /* the verdict hangs on it */
    double p_value_adjusted;     /* Holm, among those that decide or among those that do not */
    enum effect_verdict verdict; /* the comparison's, unless the adjusted p-value takes it back */
};

struct outcome {
    struct verify_metric metrics[VERIFY_METRICS_MAX]; /* those that have a ratio, wall time first */
    size_t metric_count;
    enum effect_verdict verdict; /* slower if one that decides is; inconclusive if one is; … */
    bool is_interrupted;         /* then there is no verdict */
    bool has_error;              /* a prediction was given, and wall time was compared */
    double error_ratio; /* measured ratio / predicted ratio - 1: 0.1: it takes 10 % longer than said */
    bool has_interval;
    bool is_inside; /* the measured ratio is within the predicted interval */
    bool overlaps;  /* at least some of its own interval is */
};

#endif
