/* SPDX-License-Identifier: Apache-2.0 */
/*
 * knob_trial: one knob of a pipeline turned for real, and what came of it. As far as the time goes:
 *
 *   sweep   the values in turn, then around the best, then today's against the best in rounds of their own (sweep/sweep.h)
 *   pair    today's value against one other, in rounds of both (bench/bench.h)
 *   none    the time is too short for either
 *
 * Files that knobs are in are put back afterwards. Not for several threads; takes over SIGINT and SIGTERM meanwhile.
 */
#ifndef TOLL_INVESTIGATE_KNOB_TRIAL_H
#define TOLL_INVESTIGATE_KNOB_TRIAL_H

#include "investigate/investigator.h"
#include "pipeline/pipeline_command.h"
#include "pipeline/pipeline_file.h"

enum knob_design { KNOB_SWEEP, KNOB_PAIR, KNOB_TOO_SHORT };

/* A value against today's; factors above 1 are better. */
struct knob_outcome {
    const char *value;
    double factor, factor_low, factor_high; /* the ends NAN where nothing can be said */
};

struct knob_trial {
    const struct pipeline_knob *knob;
    enum knob_design design;
    const char *candidate; /* the value for a pair, NULL: none */
    struct knob_outcome *outcomes;
    size_t outcome_count;
    const char *best;         /* the value that is shown to be better than today's; NULL: none is */
    struct knob_outcome gain; /* of best, measured in rounds of its own */
    double
        factor_max; /* the most that another value can bring, by what was measured; NAN: it could not be told */
    size_t round_count, value_count;
    const char *const *evidence; /* what was measured, a sentence each */
    size_t evidence_count;
    const char *failure; /* why nothing was measured; NULL */
};

/* All texts are in the question's arena. A command that fails is told in `failure`; an error is one of this machine. */
WARN_UNUSED int knob_trial_run(const struct question *question, const struct pipeline_knob *knob,
                               const char *candidate, double time_s, struct answers *answers,
                               struct knob_trial *ret_trial, struct err *err);

#endif
