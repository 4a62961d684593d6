/* SPDX-License-Identifier: Apache-2.0 */
/* price_seen: which models were called on this machine, and which of these calls have no price. */
#ifndef TOLL_PRICE_PRICE_SEEN_H
#define TOLL_PRICE_PRICE_SEEN_H

#include <stdint.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/vec.h"
#include "price/price.h"

/* Calls of one model that have no price for one reason. */
struct price_gap {
    const char *model;
    const char *source; /* where it was seen first: "claude" */
    enum price_answer why;
    uint64_t call_count, token_count;
};

struct price_seen {
    struct arena arena;
    VEC(struct price_gap) gaps; /* the most tokens first */
    struct intern models;
    struct map places; /* model and reason -> index in gaps */
    uint64_t file_count, call_count, malformed_count;
};

/* Looks through the files of all sources, in their default places. A call that is told twice counts twice here: what matters is
 * that its model has a price. Free it in any case. */
WARN_UNUSED int price_seen_look(const struct price_book *book, struct price_seen *seen, struct err *err);
void price_seen_free(struct price_seen *seen);

#endif
