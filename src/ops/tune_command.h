/* SPDX-License-Identifier: Apache-2.0 */
/* tune_command: measures a command with many values of its knobs and writes what was asked for. */
#ifndef TOLL_OPS_TUNE_COMMAND_H
#define TOLL_OPS_TUNE_COMMAND_H

#include "base/str.h"
#include "ops/keep_results.h"
#include "sweep/sweep.h"
#include "sweep/sweep_export.h"

struct tune_request {
    struct sweep_options options; /* its objective, law and cache come from the names below */
    const char
        *objective; /* "wall", "cpu", "memory"; NULL: wall, or what `rows` and options.bench.printed say */
    const char *better; /* "more", "less": of what is printed; NULL: more */
    const char *law;    /* "auto", "none", "usl", "batch"; NULL: auto */
    const char *cache;  /* "as-is", "warmed", "dropped"; NULL: as-is */
    const char *format; /* "text", "json", "html" */
    const char *html;   /* one more file, for the page; NULL: none */
    const char *output; /* a file instead of the text that comes back; NULL: none */
    struct keep_options keep;
    struct sweep_look look;
};

struct tune_outcome {
    struct str text;    /* for stdout; the caller frees it */
    struct str warning; /* why the history has not got it, lines; the caller frees it */
    bool is_interrupted;
};

WARN_UNUSED int ops_tune(const struct tune_request *request, struct tune_outcome *ret_outcome,
                         struct err *err);

#endif
