/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate: budgets, and whether what was measured keeps them. docs/gate.md is the user's side.
 *
 * A *gate* is a command (or files) with *checks*; a check is one metric held against one limit. What is measured are *samples*: of
 * the command alone (an absolute limit), in pairs with a baseline that ran in turn with it, or beside the results of a history.
 * gate_judge.h makes verdicts of samples; gate_config.h reads the file; gate_export.h tells the result.
 */
#ifndef TOLL_GATE_GATE_H
#define TOLL_GATE_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/vec.h"
#include "report/amount.h"

#define GATE_CONFIDENCE_RATIO 0.95
#define GATE_GATES_MAX        64u
#define GATE_CHECKS_MAX       256u /* of all gates together */

enum gate_metric { GATE_WALL, GATE_CPU, GATE_MEMORY, GATE_P99, GATE_ROWS, GATE_SIZE, GATE_TOKENS, GATE_COST };
#define GATE_METRIC_COUNT 8

struct gate_metric_about {
    const char *key;    /* in toll.yaml: "rows/s" */
    const char *series; /* in JSON and in the history: "rows_per_s" */
    enum amount_unit unit;
    bool more_is_better;
    bool is_time; /* other programs change it */
};
const struct gate_metric_about *gate_metric_about(enum gate_metric metric);

enum gate_limit { GATE_MAX, GATE_MIN, GATE_MAX_INCREASE, GATE_MAX_DECREASE };
/* "max", "min", "max_increase", "max_decrease" */
const char *gate_limit_name(enum gate_limit limit);
static inline bool gate_limit_is_relative(enum gate_limit limit)
{
    return limit == GATE_MAX_INCREASE || limit == GATE_MAX_DECREASE;
}

/* Where a number comes from that is not measured by running. */
enum gate_source_kind {
    GATE_FROM_RUNS,  /* the runs themselves */
    GATE_FROM_FILES, /* bytes of files */
    GATE_FROM_TEXT   /* a number in what the command prints, or in a file */
};
struct gate_source {
    enum gate_source_kind kind;
    const char *const *files; /* patterns as of glob(7), NULL-terminated; a folder counts with all below it */
    const char *file;         /* the text; NULL: the command's stdout */
    const char *json;         /* a path in it: "usage.cost", "items.0.ms" */
    const char *match;        /* or a POSIX extended regular expression, whose first group is the number */
    double scale;             /* the number times this is in the metric's unit; 0: the text says its unit */
    double rows;              /* rows of each run, for rows/s from the wall time; 0: none */
};

struct gate_check {
    size_t gate; /* index */
    enum gate_metric metric;
    enum gate_limit limit;
    double bound;  /* in the metric's unit, or a ratio: 0.05 */
    unsigned line; /* in the file */
    struct gate_source source;
};

enum gate_baseline_kind {
    GATE_AGAINST_NOTHING,
    GATE_AGAINST_REVISION,
    GATE_AGAINST_COMMAND,
    GATE_AGAINST_HISTORY
};
struct gate_baseline {
    enum gate_baseline_kind kind;
    const char *revision, *build; /* build NULL: the file's */
    const char *command;
    uint64_t newest; /* results of the history that count; 0: GATE_HISTORY_NEWEST */
    unsigned line;
};
#define GATE_HISTORY_NEWEST 20u

struct gate {
    const char *name;
    unsigned line;
    const char *command; /* NULL: files alone */
    bool use_shell;
    const char *prepare, *cleanup, *input;
    struct gate_baseline baseline;
    double time_s; /* 0: not said */
    size_t runs;   /* 0: not said */
    size_t warmup; /* runs before those that count */
};

enum gate_verdict { GATE_PASS, GATE_FAIL, GATE_INCONCLUSIVE, GATE_NOISY };
/* "pass", "fail", "inconclusive", "noisy" */
const char *gate_verdict_name(enum gate_verdict verdict);

/* What the machine did while a gate was measured. */
struct gate_conditions {
    double steal_ratio, outside_cores;
    unsigned cpu_count;
    bool has_control;
    double control_ratio, control_low, control_high; /* the baseline against itself */
};

/* One look at a check. All ratios are as measured, after / before: above 1 is more. */
struct gate_outcome {
    enum gate_verdict verdict;
    double value, value_low, value_high; /* median now, with its interval (NAN where there is none) */
    double before;                       /* median of the baseline; NAN: none */
    double ratio, ratio_low, ratio_high; /* NAN for an absolute limit */
    double p_fail; /* of "the limit is kept", one-sided; adjusted by Holm among the checks judged together */
    double p_fail_alone; /* before that */
    double p_pass;       /* of "the limit is crossed" */
    size_t count, before_count;
    bool is_exact;    /* every run gave the same: no statistics needed */
    bool is_unpaired; /* held against a history: what drifted since is not told apart */
    const char *why;  /* of an inconclusive or noisy one, a static text; NULL */
};

struct gate_check_result {
    struct gate_outcome outcome; /* what counts */
    bool was_repeated;           /* it failed and was measured once more */
    struct gate_outcome again;   /* the second look, when was_repeated */
};

struct gate_measured {
    size_t rounds, rounds_again;
    uint64_t seed, seed_again;
    uint64_t duration_ns;
    struct gate_conditions conditions, conditions_again;
};

struct gate_config {
    struct arena arena;
    const char *path; /* of the file, as it was given */
    const char *name; /* of the project: what the history calls it */
    const char *build;
    double confidence_ratio;
    VEC(struct gate) gates;
    VEC(struct gate_check) checks; /* in the order of the file */
};

struct gate_result {
    const struct gate_config *config;
    struct gate_check_result *checks; /* as config->checks */
    bool *was_judged;                 /* of each check: a name on the command line leaves others out */
    struct gate_measured *gates;      /* as config->gates */
    enum gate_verdict verdict;
    const char *baseline_text; /* "main (1a2b3c4d5e)"; NULL: none */
    const char *revision;      /* of the source; NULL */
    const char *machine;       /* fingerprint; NULL */
    uint64_t started_at_ns, duration_ns;
};

/* 0 pass, 1 fail, 5 inconclusive, 6 noisy */
int gate_exit_status(enum gate_verdict verdict);

/* Of the checks that were judged: a fail first, then noisy, then inconclusive. */
enum gate_verdict gate_verdict_of(const struct gate_result *result);

#endif
