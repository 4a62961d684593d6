/* SPDX-License-Identifier: Apache-2.0 */
/* report: a recording's verdict in one of the export formats. */
#ifndef TOLL_OPS_REPORT_FILE_H
#define TOLL_OPS_REPORT_FILE_H

#include <stdbool.h>

#include "base/str.h"

struct report_request {
    const char *path;
    const char *format;    /* NULL: text */
    const char *objective; /* NULL: that of the recording */
    unsigned width;        /* 0: 80 columns */
    bool colour;
    bool ascii;
};

/* Appends the whole report; nothing on failure. ERR_USAGE for an unknown format, ERR_INPUT for a bad file. */
WARN_UNUSED int ops_report(const struct report_request *request, struct str *ret_text, struct err *err);

#endif
