/* SPDX-License-Identifier: Apache-2.0 */
/* usage_merge: the parts of an answer that its sources share. */
#ifndef TOLL_USAGE_USAGE_MERGE_H
#define TOLL_USAGE_USAGE_MERGE_H

#include "usage/usage_answer.h"

/* The items of an answer: each call of its places once, within the query's time, with its price. */
WARN_UNUSED int usage_merge(struct usage_answer *answer, struct err *err);
WARN_UNUSED int usage_total(struct usage_answer *answer, struct err *err);

/* A row as an event again, with the texts of its shelf. */
struct llm_call usage_call_event(const struct usage_shelf *shelf, const struct usage_call *row);

#endif
