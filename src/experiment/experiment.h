/* SPDX-License-Identifier: Apache-2.0 */
/*
 * experiment: a claim about a place of a run, tried in the real run. Runs with and without the change take turns, as in bench.h.
 *
 * Means, each without touching a program:
 *
 *     knob     the command with another value of a setting, against the command as it is
 *     replay   the stage's program does what it did in an earlier run that kept it (what it printed and wrote, how it ended),
 *              at once or in a share of its time: what the run would take if the stage cost nothing, or less
 *     hold     each process of the stage, or each span of that name, ends later by a known share of its time: how much of that
 *              the run feels
 *     stop     processes of the stage are stopped for a known share of the time (SIGSTOP, SIGCONT): the same for what computes
 *     others   all else is stopped while the stage runs (causal profiling: Curtsinger and Berger, SOSP 2015, between processes):
 *              what remains after the inserted time is taken off is a run with a faster stage
 *
 * The last three give a slope: the share of the run that hangs on the stage. A run is the longest way through its parts, which bends
 * upwards in the length of each: the slope when a stage is made longer is no smaller than when it is made shorter, so
 * 1 / (1 - share) is the most that its improvement can bring.
 *
 * replay and hold need programs that are found through PATH: a stand-in of the same name stands before them (stage_wire.h).
 */
#ifndef TOLL_EXPERIMENT_EXPERIMENT_H
#define TOLL_EXPERIMENT_EXPERIMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "base/vec.h"
#include "bench/bench.h"
#include "bench/bench_export.h"

#define EXPERIMENT_LEVELS_MAX  4u
#define EXPERIMENT_TIME_S      20.0
#define EXPERIMENT_REMARKS_MAX 16u

enum experiment_means {
    EXPERIMENT_AUTO, /* of a stage: replay, else hold, else stop: the first that is possible */
    EXPERIMENT_KNOB,
    EXPERIMENT_REPLAY,
    EXPERIMENT_HOLD,
    EXPERIMENT_STOP,
    EXPERIMENT_OTHERS,
    EXPERIMENT_MEANS_COUNT
};

/* "auto", "knob", "replay", "hold", "stop", "others". */
const char *experiment_means_name(enum experiment_means means);
bool experiment_means_find(const char *name, enum experiment_means *ret_means);

/* What was said to gain: factors, wall before / wall after. */
struct experiment_promise {
    double factor, factor_low, factor_high; /* 0: nothing was promised; the ends 0: the factor alone */
    const char *source;                     /* "configuration/1", "a.toll", "--predict"; NULL */
};

enum experiment_outcome {
    EXPERIMENT_MEASURED, /* nothing was promised */
    EXPERIMENT_CONFIRMED,
    EXPERIMENT_REJECTED,
    EXPERIMENT_UNDECIDED
};

/* "measured", "confirmed", "rejected", "undecided" */
const char *experiment_outcome_name(enum experiment_outcome outcome);

struct experiment_gain {
    double factor, factor_low, factor_high; /* wall before / after; the ends 0 and infinite: too few rounds */
    bool is_bound;                          /* the most that any improvement of the place can bring */
};

/* Rejected: all of the interval is under the careful end of what was promised. Confirmed: it gains for sure, and its value reaches that
 * end. Else undecided: there was too little to tell. */
enum experiment_outcome experiment_judge(const struct experiment_gain *gain,
                                         const struct experiment_promise *promise);

struct experiment_request {
    const char *change; /* as it was asked: for what is told */
    enum experiment_means means;
    struct bench_text command; /* as it is */
    struct bench_text after;   /* knob: with the change */
    const char *prepare_before,
        *prepare_after; /* knob: lines without a shell, before each run of its side; NULL */
    const char *stage;  /* the others: a program's name, as the kernel cuts it */
    const char *span;   /* hold, instead of `stage`: a span that programs tell through libtoll; NULL */
    double speed;       /* replay: so many times as fast; 0: free of charge */
    struct bench_options options; /* how it is measured; its commands, names, prepares are filled in */
    struct experiment_promise promise;
    const char *note; /* a remark of the caller's, for the result; NULL */
    const char
        *scratch; /* a folder in which what is kept lies until the end; NULL: the one for temporary files */
};

/* The calls of the stage in one run, as the stand-in or the pacer saw them; means of runs. */
struct experiment_stage {
    double call_count;
    double elapsed_ns;    /* all calls together */
    double running_ratio; /* stop, others: the share of its life in which it ran or could */
};

struct experiment_result {
    struct arena arena;
    const char *change, *stage, *command;
    enum experiment_means means; /* never auto */
    double speed;                /* of the request */
    struct bench_result bench;   /* the last benchmark made */
    bool has_bench;
    struct experiment_gain gain;
    bool has_gain;
    double share, share_low, share_high; /* hold, stop, others: of the run that hangs on the stage */
    double levels[EXPERIMENT_LEVELS_MAX];
    size_t level_count;
    struct experiment_stage calls;
    struct experiment_promise promise;
    enum experiment_outcome outcome;
    const char *sentence; /* what came of it */
    const char *remarks[EXPERIMENT_REMARKS_MAX];
    size_t remark_count;
};

/* Makes the experiment. ERR_USAGE for what makes no sense; ERR_ENVIRONMENT when the command fails or no means is possible here (the
 * text says why of each). */
WARN_UNUSED int experiment_run(const struct experiment_request *request, struct experiment_result *ret_result,
                               struct err *err);
void experiment_result_free(struct experiment_result *result);

/* What a person reads in five seconds; and all of it, schema toll.experiment/1 (docs/experiment.md). */
void experiment_text(const struct experiment_result *result, const struct bench_look *look, struct str *text);
void experiment_json(const struct experiment_result *result, struct str *text);

#endif
