/* SPDX-License-Identifier: Apache-2.0 */
/* keep_outcome: what came of a change, beside what was predicted of it, goes into the journal (store/journal.h). */
#ifndef TOLL_OPS_KEEP_OUTCOME_H
#define TOLL_OPS_KEEP_OUTCOME_H

#include "base/str.h"
#include "verify/verify.h"

struct outcome_record {
    const char *history; /* the history's file, beside which the journal lies; NULL: the default of each */
    const char *name;    /* what was compared */
    const char *machine, *revision; /* NULL: not known */
};

/* Only an outcome of wall time that something was predicted of. What hinders is appended to ret_warning. */
void keep_outcome(const struct outcome_record *record, const struct verify_prediction *prediction,
                  const struct outcome *outcome, struct str *ret_warning);

#endif
