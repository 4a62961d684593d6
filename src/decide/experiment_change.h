/* SPDX-License-Identifier: Apache-2.0 */
/* experiment_change: a change tried in the real run, held against what was promised, told and kept. */
#ifndef TOLL_DECIDE_EXPERIMENT_CHANGE_H
#define TOLL_DECIDE_EXPERIMENT_CHANGE_H

#include "base/str.h"
#include "experiment/experiment.h"
#include "ops/keep_results.h"

#define CHANGE_EXIT_REJECTED    1
#define CHANGE_EXIT_UNDECIDED   5
#define CHANGE_EXIT_INTERRUPTED 130

struct change_request {
    const char *change;           /* "set:knob/P=10", "speed:process/curl=2", "remove:stage/check" */
    struct bench_text command;    /* how the run is started; none: the pipeline file says it */
    const char *pipeline;         /* a pipeline file; NULL: toll.yaml where there is no command */
    const char *recording;        /* of the run: what it promises, where the place is; NULL */
    const char *means;            /* "auto", "replay", "hold", "stop", "others"; NULL: auto */
    const char *predicted;        /* "1.5x", "1.4x..1.6x"; NULL */
    const char *now;              /* today's value of the knob, where {NAME} stands in the command; NULL */
    struct bench_options options; /* how it is measured */
    struct keep_options keep;
    bool json;
    struct bench_look look;
};

struct change_answer {
    struct str text;    /* for stdout; the caller frees it */
    struct str warning; /* why it is not kept; "" */
    int exit_status;    /* also when it failed: 130 for an interruption */
};

/* `ret_answer` is always written. ERR_USAGE for a change that cannot be read or tried, with what can be done instead. */
WARN_UNUSED int decide_experiment(const struct change_request *request, struct change_answer *ret_answer,
                                  struct err *err);

#endif
