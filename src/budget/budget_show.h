/* SPDX-License-Identifier: Apache-2.0 */
/* budget_show: what is used up of a budget, in words and as JSON (toll.budget/1). */
#ifndef TOLL_BUDGET_BUDGET_SHOW_H
#define TOLL_BUDGET_BUDGET_SHOW_H

#include "budget/budget_guard.h"
#include "report/json_writer.h"

/* "312,000 of 1,000,000 tokens (31 %), $3.20 of $10.00 (32 %), 2 min of 30 min (7 %)"; a kind without a limit as it is. */
void budget_line(const struct budget_state *state, struct str *ret_text);
/* "the budget of 1,000,000 tokens is used up: 1,004,000 in 12 calls after 40 s", and what became of the processes. */
void budget_verdict(const struct budget_state *state, struct str *ret_text);
/* What is to be known about the numbers: calls without a price, partial usage. Whole lines, or nothing. */
void budget_remarks(const struct budget_state *state, struct str *ret_text);
/* One object; `is_line`: on one line. */
void budget_json(const struct budget_state *state, bool is_line, struct str *ret_text);

#endif
