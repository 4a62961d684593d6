/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spend: what was used up, call by call: each response once, at the prices of its moment. A telling of a call that was told before says
 * more of the same (llm_call_merge). The output of a partial usage counts by its upper bound: a budget must not be passed
 * because a client did not write down what it used.
 */
#ifndef TOLL_BUDGET_SPEND_H
#define TOLL_BUDGET_SPEND_H

#include "base/map.h"
#include "base/vec.h"
#include "price/price.h"

#define SPEND_MODEL_BYTES 128u

struct spend_total {
    uint64_t tokens;
    double cost_usd; /* of the calls with a price */
    uint64_t call_count, unpriced_count, partial_count;
    char unpriced_model[SPEND_MODEL_BYTES]; /* the newest of those; "" */
};

struct spend_call {
    struct llm_call call; /* its texts are kept in `texts` */
    struct spend_total part;
};

struct spend {
    const struct price_book *book;
    int64_t since_ns;    /* calls that ended before are not counted; 0: all are */
    const char *session; /* only of this one; NULL: of all */
    struct intern keys, texts;
    struct map by_key;
    VEC(struct spend_call) calls;
    struct spend_total total;
};

/* Adds what another total has. */
void spend_total_add(struct spend_total *total, const struct spend_total *more);

/* `scope` is what an id is unique in: the source, with the session where ids are not global. */
WARN_UNUSED int spend_take(struct spend *spend, const char *scope, const struct llm_call *call,
                           struct err *err);
/* A call that was taken before does not count after all. */
void spend_drop(struct spend *spend, const char *scope, const char *id);
void spend_free(struct spend *spend);

#endif
