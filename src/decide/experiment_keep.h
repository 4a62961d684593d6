/* SPDX-License-Identifier: Apache-2.0 */
/* experiment_keep: an experiment's outcome into the history (a ratio beside its prediction) and the journal (what was learned). */
#ifndef TOLL_DECIDE_EXPERIMENT_KEEP_H
#define TOLL_DECIDE_EXPERIMENT_KEEP_H

#include "experiment/experiment.h"
#include "ops/keep_results.h"

struct experiment_keeping {
    struct keep_options options; /* of the history; the journal lies beside it */
    const char *name;            /* what ran: a command, a pipeline's name */
    const char *recording;       /* NULL */
};

/* What cannot be kept is a line of ret_warning, and no failure. */
void experiment_keep(const struct experiment_keeping *keeping, const struct experiment_result *result,
                     struct str *ret_warning);

#endif
