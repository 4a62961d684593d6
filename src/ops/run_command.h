/* SPDX-License-Identifier: Apache-2.0 */
/* run: records a command, or what runs already, into a sealed file and judges it. */
#ifndef TOLL_OPS_RUN_COMMAND_H
#define TOLL_OPS_RUN_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/str.h"
#include "ops/keep_results.h"

struct run_request {
    char *const *command; /* NULL-terminated; NULL: only what runs already, of which: */
    const pid_t *pids;
    size_t pid_count;
    bool whole_machine;       /* with or without a command */
    uint64_t limit_ns;        /* without a command: how long; 0: until a signal */
    const char *objective;    /* wall, throughput, latency; NULL: wall for a command, else throughput */
    const char *output;       /* NULL: toll-<command>-<time>.toll in the current folder */
    const char *rung;         /* NULL: the best there is */
    const char *heap;         /* sampled, exact; NULL: allocations are not recorded */
    uint64_t heap_rate_bytes; /* 0: half a megabyte */
    const char *io;           /* sampled, all, none; NULL: sampled */
    unsigned rate_hz;         /* 0: the default */
    bool compress;            /* the recording's compressed variant */
    bool verdict;             /* else only the recording is made */
    unsigned width;
    bool colour;
    bool ascii;
    const char *
        budget; /* tokens=1M,cost=10,time=30m (budget/budget_limits.h): its tree is stopped beyond it; NULL: none */
    struct keep_options
        keep; /* of a command that ends with 0: its wall time, CPU time and, with a verdict, memory */
};

struct run_outcome {
    int exit_status; /* the command's as a shell sees it; 125 to 127 when it could not be run */
    bool ran;        /* the command ran, whatever became of the recording */
    char path[4096];
    struct str text;   /* the verdict, when asked for; the caller frees it */
    struct str budget; /* what was used up of it, lines; the caller frees it */
    bool is_over_budget;
    struct str warning; /* why the history has not got it, lines; the caller frees it */
};

/* Fills the outcome also on failure: exit_status and ran are always right, path when the recording was begun.
 * A command that ran keeps its exit status whatever becomes of the recording: then err says what is missing. */
int ops_run(const struct run_request *request, struct run_outcome *ret_outcome, struct err *err);

#endif
