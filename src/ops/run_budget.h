/* SPDX-License-Identifier: Apache-2.0 */
/* run_budget: a command that is recorded and held to a budget: its whole tree is stopped when a limit is passed (budget/budget_guard.h). */
#ifndef TOLL_OPS_RUN_BUDGET_H
#define TOLL_OPS_RUN_BUDGET_H

#include "base/err.h"
#include "base/str.h"
#include "model/view.h"

struct budget_guard;

/* `limits` as budget_limits_parse takes them. *sink is replaced by one that counts the usage of spans on its way. */
WARN_UNUSED int run_budget_start(const char *limits, struct sink **sink, struct budget_guard **ret_guard,
                                 struct err *err);
/* Ends the watch; guard NULL: nothing. True: a limit was passed. Appends lines for a person. */
bool run_budget_finish(struct budget_guard *guard, struct str *ret_text);

#endif
