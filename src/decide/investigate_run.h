/* SPDX-License-Identifier: Apache-2.0 */
/*
 * investigate_run: a run investigated: recorded where a pipeline file says how, judged once, looked at by all investigators, and
 * what they came to written into one folder with the evidence.
 */
#ifndef TOLL_DECIDE_INVESTIGATE_RUN_H
#define TOLL_DECIDE_INVESTIGATE_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "investigate/engine.h"

struct investigate_request {
    const char *subject; /* a recording, or a pipeline file; NULL: toll.yaml in the current folder */
    const char *output;  /* the folder; NULL: toll-investigation-<time> here */
    const char *const *only;
    size_t only_count; /* 0: all investigators */
    const char *const *externals;
    size_t external_count;
    uint64_t
        deadline_ns; /* 0: a minute for a recording; and twenty runs more with a pipeline, at most a quarter of an hour */
    uint64_t deadline_each_ns; /* 0: none */
    uint64_t limit_ns;         /* of one run of the pipeline before the investigators are asked; 0: none */
    uint64_t memory_bytes;     /* 0: ENGINE_MEMORY_BYTES */
    const char *rung;          /* how the pipeline's run is recorded; NULL: the best there is */
    const char *rules;         /* a folder of rules for configuration, beside the built-in ones; NULL */
    const char *store;         /* the journal's file; NULL: the default */
    bool no_store;
    unsigned width;
    bool colour, ascii, json;
    void (*show)(void *context, const struct engine_status *statuses, size_t count); /* NULL */
    void (*say)(void *context, const char *what); /* what is done now, before the investigators; NULL */
    void *context;
};

struct investigate_outcome {
    char folder[4096];
    struct str text;    /* for stdout: the first screen, or the JSON report; the caller frees it */
    struct str warning; /* lines; the caller frees it */
    int exit_status;    /* 0; 130: interrupted */
};

/* ERR_USAGE, ERR_INPUT, ERR_ENVIRONMENT as for what it reads and runs; the folder is as it was then. */
WARN_UNUSED int investigate_run(const struct investigate_request *request,
                                struct investigate_outcome *ret_outcome, struct err *err);

#endif
