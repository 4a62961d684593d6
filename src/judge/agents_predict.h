/* SPDX-License-Identifier: Apache-2.0 */
/* agents_predict: changes of a run of agents, replayed in time and in money: some at once, and the best few of many. */
#ifndef TOLL_JUDGE_AGENTS_PREDICT_H
#define TOLL_JUDGE_AGENTS_PREDICT_H

#include "judge/predict.h"
#include "model/change.h"

/* *ret_is_done false: all changes are ones of any run. */
WARN_UNUSED int agents_predict(const struct run *run, const struct whatif *whatif,
                               const struct change *changes, size_t count, struct prediction *ret_prediction,
                               bool *ret_is_done, struct err *err);

/* The report's candidates replayed alone, and in sets of up to three of those that save time or money; the best set is the one that
 * saves most of both together (money counts 0.7), of those about as good the one of fewest changes. Fills the report. */
WARN_UNUSED int agents_search(const struct run *run, const struct whatif *whatif,
                              struct search_report *report, struct err *err);

#endif
