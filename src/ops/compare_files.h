/* SPDX-License-Identifier: Apache-2.0 */
/* compare: two sides of files, recordings or results, found, read and compared. */
#ifndef TOLL_OPS_COMPARE_FILES_H
#define TOLL_OPS_COMPARE_FILES_H

#include "base/str.h"
#include "compare/compare.h"

struct compare_request {
    /* Files, folders of them, or patterns (*.toll); with none of B, A is one file of several commands. */
    char *const *a, *const *b;
    size_t a_count, b_count;
    const char *const *qualities; /* NAME=VALUE,VALUE…: one for each recording, those of A first */
    size_t quality_count;
    const char *format;        /* of results; NULL: by what is in the files */
    const char *output_format; /* text, json, html, flamegraph */
    const char *flamegraph;    /* also into this file; NULL */
    struct compare_options options;
    struct compare_look look;
};

struct compare_outcome {
    struct str text;
    bool is_slower; /* something is */
};

/* ERR_INPUT for files that cannot be compared; ERR_USAGE for an unknown format. */
WARN_UNUSED int ops_compare(const struct compare_request *request, struct compare_outcome *ret_outcome,
                            struct err *err);

#endif
