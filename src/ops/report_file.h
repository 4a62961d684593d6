/* SPDX-License-Identifier: Apache-2.0 */
/* report: a recording's verdict in one of the export formats. */
#ifndef TOLL_OPS_REPORT_FILE_H
#define TOLL_OPS_REPORT_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct report_request {
    const char *path;
    const char *format;    /* NULL: text */
    const char *objective; /* NULL: that of the recording */
    unsigned width;        /* 0: 80 columns */
    const char *kind;      /* of stacks in a flame graph, any but all; NULL: cpu */
    const char *against;   /* the recording before, of a flame graph of allocations; NULL */
    bool colour;
    bool ascii;
};

/* What a run's history keeps of a report. */
struct report_numbers {
    uint64_t rss_bytes_max; /* of the largest process, as far as it was seen; 0: it was not */
};

/* Appends the whole report; nothing on failure. ERR_USAGE for an unknown format, ERR_INPUT for a bad file. */
WARN_UNUSED int ops_report(const struct report_request *request, struct str *ret_text, struct err *err);
/* A differential flame graph of allocations, as an SVG; `kind` is one of them, and `against` is given. */
WARN_UNUSED int ops_report_heap_change(const struct report_request *request, struct str *ret_text,
                                       struct err *err);
WARN_UNUSED int ops_report_numbers(const struct report_request *request, struct str *ret_text,
                                   struct report_numbers *ret_numbers, struct err *err);

#endif
