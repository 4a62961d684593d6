/* SPDX-License-Identifier: Apache-2.0 */
/* agents_verdict: what a run of agents is beside what any run is: its causes with what they save, its agents and its bill. */
#ifndef TOLL_JUDGE_AGENTS_VERDICT_H
#define TOLL_JUDGE_AGENTS_VERDICT_H

#include "agent_detect/agent_detector.h"
#include "model/finding.h"

/* Sets the verdict's findings and agents. Without a price book (an error in the user's file) it says less, not nothing. */
WARN_UNUSED int agents_verdict(const struct run *run, const struct whatif *whatif, struct verdict *verdict,
                               struct err *err);

/* Prices of the built-in book and the user's, at the time of each call of a run. */
struct agents_book;
/* NULL when there is none: then nothing has a price. */
struct agents_book *agents_book_open(const struct run *run);
void agents_book_close(struct agents_book *book);
/* Lives as long as the book; NULL for NULL. */
const struct agent_prices *agents_book_prices(const struct agents_book *book);

#endif
