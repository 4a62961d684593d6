/* SPDX-License-Identifier: Apache-2.0 */
/* run_budget: a command that is recorded and held to a budget: its whole tree is stopped when a limit is passed (budget/budget_guard.h). */
#ifndef TOLL_OPS_RUN_BUDGET_H
#define TOLL_OPS_RUN_BUDGET_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "model/view.h"

struct budget_guard;

/* `limits` as budget_limits_parse takes them. *sink is replaced by one that counts the usage of spans on its way. */
WARN_UNUSED int run_budget_start(const char *limits, struct sink **sink, struct budget_guard **ret_guard,
                                 struct err *err);
/* The same over what a receiver of OTLP appends to its log, *log, which lives as long as the guard; without `stops` nothing is stopped when a limit is passed. */
WARN_UNUSED int run_budget_of_log(const char *limits, const char *const *log, bool stops,
                                  struct budget_guard **ret_guard, struct err *err);
/* Whether a limit was passed; guard NULL: no. */
bool run_budget_is_over(struct budget_guard *guard);
/* Ends the watch; guard NULL: nothing. True: a limit was passed. Appends lines for a person. */
bool run_budget_finish(struct budget_guard *guard, struct str *ret_text);

#endif
