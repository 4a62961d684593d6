/* SPDX-License-Identifier: Apache-2.0 */
/* finding_claim: the verdict's findings and what it cleared as an investigator's answers; what a claim of time needs besides. */
#ifndef TOLL_INVESTIGATE_FINDING_CLAIM_H
#define TOLL_INVESTIGATE_FINDING_CLAIM_H

#include "investigate/investigator.h"

/* Whether a cause is about memory: page-faults, allocation-churn, gc, memory-reclaim, memory-leak. */
bool finding_is_about_memory(const char *cause);

/* Claims each finding that is, or is not, about memory: class measured, its rows are the path's at its place. Ids are 1, 2, … */
WARN_UNUSED int findings_claim(const struct question *question, struct answers *answers, bool about_memory,
                               struct err *err);

#endif
