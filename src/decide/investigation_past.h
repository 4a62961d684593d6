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

/* "like before (2026-11-26): downloads one after another; workers:stage/download=10: predicted 5.0x, measured 4.9x". */
void past_case_line(const struct similar_case *similar, struct str *line);

/* What was learned goes into the journal. */
void past_cases_learn(const struct investigation *investigation, const char *store, struct str *ret_warning);

#endif
