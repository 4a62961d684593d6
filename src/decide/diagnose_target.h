/* SPDX-License-Identifier: Apache-2.0 */
/* diagnose_target: what a process, a folder or the machine shows, and the next command; or what a profile's file holds. */
#ifndef TOLL_DECIDE_DIAGNOSE_TARGET_H
#define TOLL_DECIDE_DIAGNOSE_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct diagnose_request {
    const char *target;  /* digits: a process; else a folder, or a profile's file; NULL: the machine */
    const char *symptom; /* NULL: worked out from the window */
    uint64_t window_ns;  /* 0: one second */
    bool is_json;
    unsigned width;
    bool colour, ascii;
};

/* ERR_USAGE for what is none of them, ERR_INPUT for a file that is no profile. */
WARN_UNUSED int decide_diagnose(const struct diagnose_request *request, struct str *ret_text,
                                struct err *err);

#endif
