/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate_measure: measures one gate and makes outcomes of it, still without verdicts (gate_judge.h). Times and memory come from
 * bench/bench.h, in rounds with the baseline and, where there is one, with the baseline once more as a control; numbers that
 * a command prints from gate_values.h; files are read once.
 */
#ifndef TOLL_GATE_GATE_MEASURE_H
#define TOLL_GATE_GATE_MEASURE_H

#include "bench/bench.h"
#include "gate/gate.h"
#include "store/history.h"

#define GATE_TIME_S 10.0

struct gate_measure_request {
    const struct gate_config *config;
    size_t gate;
    const bool *wanted;          /* of each check of the config; those of other gates are left out anyway */
    size_t judged_count;         /* checks that will be judged together: what a fail needs grows with them */
    const char *baseline_folder; /* of the revision, for GATE_AGAINST_REVISION */
    struct history *history;     /* for GATE_AGAINST_HISTORY; NULL: it has nothing */
    const char *machine;
    uint64_t seed;
    double time_s; /* 0: the gate's, or GATE_TIME_S */
    size_t runs;   /* 0: the gate's */
    bool show_output;
    void (*progress)(void *context, const struct bench_progress *progress);
    void *progress_context;
};

/* Fills outcomes[check] of the wanted checks and what the machine did. */
WARN_UNUSED int gate_measure_run(const struct gate_measure_request *request,
                                 struct gate_outcome *ret_outcomes, struct gate_measured *ret_measured,
                                 bool *ret_interrupted, struct err *err);

#endif
