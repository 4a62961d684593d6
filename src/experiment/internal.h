/* SPDX-License-Identifier: Apache-2.0 */
/* internal: one experiment while it is made. */
#ifndef TOLL_EXPERIMENT_INTERNAL_H
#define TOLL_EXPERIMENT_INTERNAL_H

#include <limits.h>

#include "experiment/experiment.h"
#include "experiment/stage_folder.h"

/* No error, yet no result: this means is not possible here, trial.why_not says why. */
#define TRIAL_IMPOSSIBLE 1

struct trial {
    const struct experiment_request *request;
    struct experiment_result *result;
    enum experiment_means means;
    struct bench_text command, after; /* as words */
    const char *search_path;          /* the command's PATH */
    char root[PATH_MAX];              /* where it runs */
    struct stage_folder folder;
    char why_not[1024];
};

/* Each measures and fills the result's gain. 0, TRIAL_IMPOSSIBLE, or an error. */
WARN_UNUSED int experiment_by_knob(struct trial *trial, struct err *err);
WARN_UNUSED int experiment_by_replay(struct trial *trial, struct err *err);
WARN_UNUSED int experiment_by_hold(struct trial *trial, struct err *err);
WARN_UNUSED int experiment_by_pace(struct trial *trial, struct err *err);

WARN_UNUSED int experiment_by_span(struct trial *trial, struct err *err);

/* What they share. One run before the others, without statistics. */
WARN_UNUSED int experiment_run_once(struct trial *trial, const struct bench_text *text, struct err *err);
/* TRIAL_IMPOSSIBLE, and why. */
int experiment_cannot(struct trial *trial, const char *format, ...) PRINTF_LIKE(2, 3);
/* By how much the stage is made longer; and the command as it is and at each of those, measured in turn. */
void experiment_levels_set(struct experiment_result *result);
WARN_UNUSED int experiment_measure_levels(struct trial *trial, struct bench_text *texts, struct err *err);

/* What the pacer's logs say, into result->calls; and the time inserted, round by round as wall times stand. */
WARN_UNUSED int experiment_pace_read(struct trial *trial, const double **ret_inserted_ns, struct err *err);
/* The share and the gain from the rounds; `inserted_ns` NULL: the stage itself was slowed. */
WARN_UNUSED int experiment_share(struct trial *trial, const double *inserted_ns, struct err *err);

/* 0, or -1 when memory ran out. */
WARN_UNUSED int experiment_remark(struct experiment_result *result, const char *format, ...)
    PRINTF_LIKE(2, 3);

/* The outcome and its sentence, from gain and promise. */
WARN_UNUSED int experiment_conclude(struct experiment_result *result, struct err *err);

/* "1.52x", "12.1x"; "1.52x (1.40x to 1.61x)" with an interval. */
void experiment_factor(struct str *text, double factor, double low, double high);

#endif
