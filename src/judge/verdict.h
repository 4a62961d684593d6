/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verdict: from a recording's view to what it says: load, infer, walk, attribute, replay, detect, rank.
 * Pure: opens nothing, prints nothing.
 */
#ifndef TOLL_JUDGE_VERDICT_H
#define TOLL_JUDGE_VERDICT_H

#include "analyze/whatif_replay.h"
#include "model/finding.h"
#include "model/stack_kind.h"
#include "model/view.h"

/* Fills a verdict; the caller ends it with verdict_deinit. Its texts may point into the view, which must outlive
 * it. ERR_INPUT when the recording holds no run. */
WARN_UNUSED int analyze_verdict(const struct view *view, struct verdict *ret_verdict, struct err *err);

/* The same about another objective (wall, throughput, latency) than the recording's own; NULL: its own. */
WARN_UNUSED int analyze_verdict_for(const struct view *view, const char *objective,
                                    struct verdict *ret_verdict, struct err *err);
/* What one flame graph (of any kind of stacks but STACKS_ALL) needs of a verdict: the facts of the run (but for sums over
 * its threads) and that flame graph. No path is walked and no cause looked for, which is most of a verdict's time. */
WARN_UNUSED int analyze_flame(const struct view *view, enum stack_kind kind, struct verdict *ret_verdict,
                              struct err *err);

/* A run as it was loaded and made ready for replays, for who asks on after the verdict. */
struct judged_run {
    struct run run;
    struct whatif whatif;
    bool has_whatif; /* not of a service */
};

/* The same, and keeps the run; it lives until judged_run_destroy, and the view must outlive it. */
WARN_UNUSED int analyze_verdict_keep(const struct view *view, const char *objective,
                                     struct verdict *ret_verdict, struct judged_run **ret_run,
                                     struct err *err);
/* NULL is allowed. */
void judged_run_destroy(struct judged_run *judged);

/* The objective a recording was made for: "wall" where it says none. */
const char *verdict_objective(const struct view *view);

#endif
