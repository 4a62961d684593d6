/* SPDX-License-Identifier: Apache-2.0 */
/* report_foreign: a recording in the file format of another tool, written a piece at a time. */
#ifndef TOLL_OPS_REPORT_FOREIGN_H
#define TOLL_OPS_REPORT_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct report_foreign_request {
    const char *path;
    const char *against; /* the recording before, of a difference; NULL */
    const char *format;
    const char *kind; /* of stacks: cpu, off-cpu, all; NULL: the format's own */
    /* Takes each piece; 0 or an error. */
    int (*write)(void *context, const char *bytes, size_t length, struct err *err);
    void *context;
};

/* Whether it is the format of another tool. */
bool ops_is_foreign(const char *format);
bool ops_is_binary(const char *format);
/* ERR_USAGE for a kind that there is not, ERR_INPUT for a bad file. What was written before a failure stays written. */
WARN_UNUSED int ops_report_foreign(const struct report_foreign_request *request, struct err *err);

#endif
