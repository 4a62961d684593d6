/* SPDX-License-Identifier: Apache-2.0 */
/* bench_commands: measures commands side by side, writes what was asked for, and records a run of each if that was asked. */
#ifndef TOLL_OPS_BENCH_COMMANDS_H
#define TOLL_OPS_BENCH_COMMANDS_H

#include "base/str.h"
#include "bench/bench.h"
#include "bench/bench_export.h"
#include "ops/keep_results.h"

struct bench_request {
    struct bench_options options;
    const char *cache;          /* "as-is", "warmed", "dropped"; NULL: as-is */
    bool json;                  /* the result as JSON instead of text */
    const char *const *exports; /* "FORMAT=FILE", or "FORMAT": instead of the text */
    size_t export_count;
    const char *output; /* a file for what else would be text; NULL: it comes back */
    bool record;        /* one more run of each command into a recording */
    struct bench_look look;
    struct keep_options
        keep; /* each arm's wall time, CPU time and peak memory; not of a benchmark that was interrupted */
};

struct bench_outcome {
    struct str text;     /* for stdout; the caller frees it */
    struct str warning;  /* why the history has not got it, lines; the caller frees it */
    bool is_interrupted; /* the result is of fewer rounds than it would have been */
};

WARN_UNUSED int ops_bench(const struct bench_request *request, struct bench_outcome *ret_outcome,
                          struct err *err);

#endif
