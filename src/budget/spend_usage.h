/* SPDX-License-Identifier: Apache-2.0 */
/* spend_usage: usage rows of the model as tokens and dollars. */
#ifndef TOLL_BUDGET_SPEND_USAGE_H
#define TOLL_BUDGET_SPEND_USAGE_H

#include "budget/spend.h"

struct spend_usage {
    const char *kind, *model; /* model "" when none is told */
    double amount;
    int64_t start_ns; /* Unix; 0: now */
};

/* Whether the row tells of tokens or dollars. Adds its tokens, its dollars when it tells them or the model has a price, and to the counts of
 * calls, of which each row of tokens is one. */
bool spend_usage_add(const struct price_book *book, const struct spend_usage *row, struct spend_total *total);

/* What is in a sealed recording, and how long its run took. Where it is one of agents, its own costs count, which are those of the day of
 * each call. */
WARN_UNUSED int spend_recording(const char *path, const struct price_book *book,
                                struct spend_total *ret_total, uint64_t *ret_time_ns, struct err *err);
/* By its first bytes. */
bool spend_recording_is(const char *path);

#endif
