/* SPDX-License-Identifier: Apache-2.0 */
/* record_pipeline: a run of a pipeline as its file says, recorded: what an investigation begins with. */
#ifndef TOLL_DECIDE_RECORD_PIPELINE_H
#define TOLL_DECIDE_RECORD_PIPELINE_H

#include <stdint.h>

#include "base/str.h"
#include "pipeline/pipeline_file.h"

struct record_pipeline_request {
    const struct pipeline_file *file;
    const char *recording; /* the file to write, absolute */
    const char *rung;      /* how to record, as of toll run; NULL: the best there is */
    uint64_t limit_ns;     /* of one run: one that takes longer is ended, and has failed; 0: none */
    void (*say)(void *context, const char *what); /* NULL */
    void *context;
};

struct recorded_pipeline {
    uint64_t run_count; /* warm-ups and the recorded one */
    uint64_t wall_ns;   /* of the recorded one, with the recorder's start */
    double unit_count;  /* units of work that it did, as the file says or as it printed; 0: not known */
    struct str printed; /* the end of what it printed; the caller frees it */
};

/* ERR_ENVIRONMENT when a run fails, with its last line. Each run has today's values of the knobs. */
WARN_UNUSED int record_pipeline(const struct record_pipeline_request *request,
                                struct recorded_pipeline *ret_recorded, struct err *err);

#endif
