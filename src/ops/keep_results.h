/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keep_results: what a verb measured goes into the history, with the machine and the revision of the current folder. Keeping it never
 * makes the verb fail: what cannot be kept is a warning.
 */
#ifndef TOLL_OPS_KEEP_RESULTS_H
#define TOLL_OPS_KEEP_RESULTS_H

#include <stdbool.h>

#include "base/str.h"
#include "store/history.h"

struct keep_options {
    bool is_on;
    const char *store;       /* the file; NULL: the default */
    const char *const *tags; /* each one tag, or several with commas between them */
    size_t tag_count;
};

/* A result with nothing in it: no interval, no prediction, one measurement, now. */
struct history_result keep_blank(const char *kind, const char *name, const char *metric, double value);

/* Fills what is the same for all (machine, revision, tags, where they are NULL) and adds them. Appends to ret_warning, with a
 * line's end, when it cannot. */
void keep_results(const struct keep_options *options, struct history_result *results, size_t count,
                  struct str *ret_warning);

/* A command as a series is called: its words, blanks between them, without what looks like a secret (base/redact.h). */
WARN_UNUSED int keep_name(char *const *words, struct str *ret_name, struct err *err);

#endif
