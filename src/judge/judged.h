/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judged: for tests, a scenario from its rows to its verdict, and what they look for in it.
 */
#ifndef TOLL_JUDGE_JUDGED_H
#define TOLL_JUDGE_JUDGED_H

#include "analyze/scenario.h"
#include "model/finding.h"

/* Fails the test when there is no verdict, or when the parts of the path are not the whole run. */
void judge(struct scenario *scenario, struct verdict *ret_verdict);
void judged_deinit(struct scenario *scenario, struct verdict *verdict);

/* The first finding of that cause; NULL when there is none. */
const struct finding *judged_finding(const struct verdict *verdict, const char *cause);
bool judged_has_evidence(const struct finding *finding, const char *words);

#endif
