/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verdict: from a recording's view to what it says: load, infer, walk, attribute, replay, detect, rank.
 * Pure: opens nothing, prints nothing.
 */
#ifndef TOLL_JUDGE_VERDICT_H
#define TOLL_JUDGE_VERDICT_H

#include "model/finding.h"
#include "model/view.h"

/* Fills a verdict; the caller ends it with verdict_deinit. Its texts may point into the view, which must outlive
 * it. ERR_INPUT when the recording holds no run. */
WARN_UNUSED int analyze_verdict(const struct view *view, struct verdict *ret_verdict, struct err *err);

/* The same about another objective (wall, throughput, latency) than the recording's own; NULL: its own. */
WARN_UNUSED int analyze_verdict_for(const struct view *view, const char *objective,
                                    struct verdict *ret_verdict, struct err *err);
/* The objective a recording was made for: "wall" where it says none. */
const char *verdict_objective(const struct view *view);

#endif
