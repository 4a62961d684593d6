/* SPDX-License-Identifier: Apache-2.0 */
/* investigation_past: what was known before an investigation, and what is known after it: the journal's cases. */
#ifndef TOLL_DECIDE_INVESTIGATION_PAST_H
#define TOLL_DECIDE_INVESTIGATION_PAST_H

#include "base/str.h"
#include "decide/journal_cases.h"
#include "investigate/investigation.h"

/* Cases like this one into the investigation, with texts in its arena. `store` is the journal's file; NULL: the default. What hinders is
 * a line of ret_warning. */
WARN_UNUSED int past_cases_find(struct investigation *investigation, const char *store,
                                struct str *ret_warning, struct err *err);

/* What was learned goes into the journal. */
void past_cases_learn(const struct investigation *investigation, const char *store, struct str *ret_warning);

#endif
