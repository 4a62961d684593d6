/* SPDX-License-Identifier: Apache-2.0 */
/*
 * experiment_settle: contradictions of an investigation settled by experiments, where the pipeline can be repeated: what is claimed of
 * a knob is set, what is claimed of a place is tried there (experiment/experiment.h), and consensus_settle draws the conclusion.
 */
#ifndef TOLL_DECIDE_EXPERIMENT_SETTLE_H
#define TOLL_DECIDE_EXPERIMENT_SETTLE_H

#include "investigate/investigation.h"
#include "pipeline/pipeline_file.h"

#define SETTLE_EXPERIMENTS_MAX 8u

struct settle_options {
    const struct pipeline_file
        *file; /* NULL: the run cannot be repeated: contradictions stay, with what to run by hand */
    uint64_t
        deadline_ns; /* CLOCK_MONOTONIC: an experiment that would hardly end before is not begun; 0: none */
    const char *evidence; /* a folder for experiment-N.json; NULL */
    const char *scratch;  /* a folder for what is kept meanwhile; NULL: the one for temporary files */
    void (*tell)(void *context, const char *what); /* what is tried now; NULL */
    void *context;
};

/* Each contradiction is settled, or says why not: outcome is set in all of them. run_count grows by the runs made. An experiment that
 * fails is no error; an interruption ends the settling and is ERR_THRESHOLD. Conclusions are in a new order afterwards. */
WARN_UNUSED int experiment_settle(struct investigation *investigation, const struct settle_options *options,
                                  struct err *err);

#endif
