/* SPDX-License-Identifier: Apache-2.0 */
/* experiment_setup: a change, and what is known of the run, into an experiment that can be made. */
#ifndef TOLL_DECIDE_EXPERIMENT_SETUP_H
#define TOLL_DECIDE_EXPERIMENT_SETUP_H

#include "experiment/experiment.h"
#include "model/change.h"
#include "model/finding.h"
#include "pipeline/pipeline_command.h"

struct experiment_subject {
    const char *text;              /* the change as it was written */
    struct change change;          /* outlives the request */
    const struct where *where;     /* of the claim; NULL */
    const struct verdict *verdict; /* of a recording of the run; NULL */
    const struct pipeline_file
        *file; /* how the run is started and what knobs it has; NULL: `command`, `now` */
    struct bench_text command;
    const char *now;   /* today's value of {NAME} in the command; NULL */
    const char *means; /* "replay" …; NULL: auto */
};

bool experiment_subject_is_knob(const struct experiment_subject *subject);

/* Fills all of the request but its options' times and the promise; texts are the subject's and the arena's. ERR_USAGE for what
 * cannot be tried, with why. */
WARN_UNUSED int experiment_setup(const struct experiment_subject *subject, struct arena *arena,
                                 struct experiment_request *request, struct err *err);

/* experiment_run, with the files that knobs are in put back afterwards. */
WARN_UNUSED int experiment_attempt(const struct experiment_subject *subject,
                                   const struct experiment_request *request,
                                   struct experiment_result *ret_result, struct err *err);

#endif
