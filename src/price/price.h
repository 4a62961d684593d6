/* SPDX-License-Identifier: Apache-2.0 */
/*
 * price: what a call of a model cost, at the prices of the day on which it was made.
 *
 *     struct price_book *book = NULL;
 *     int status = price_book_open(NULL, &book, err);
 *     double usd;
 *     enum price_answer answer = price_call(book, &call, &usd);
 *     if (!price_is_known(answer))
 *         … "unpriced": price_answer_text(answer), call.model
 *
 * A price is never guessed: a call whose model, mode (batch, priority, flex, fast) or kind of token has no price is unpriced, with
 * the reason, and never costs 0. What nobody pays for (is_unbilled) costs 0. The prices are share/prices, built in; on top of them the
 * user's ($XDG_CONFIG_HOME/toll/prices.yaml) and any files given, the last of which wins, model by model (price_file.h says what a
 * file looks like).
 *
 * Rules. A tier above a length of the prompt holds for the whole request, and the length is the prompt with all of the cache. A part
 * of a mode (batch) or of a region (us) multiplies all tokens and no fee. A write to the cache without a price of its own costs what
 * input costs; one of an hour without a price costs what one of five minutes does. Reasoning is output. A call
 * without a time has the newest price.
 *
 * A book is not changed once it is open: any thread may ask.
 */
#ifndef TOLL_PRICE_PRICE_H
#define TOLL_PRICE_PRICE_H

#include <stdbool.h>
#include <stddef.h>

#include "agents/agent_events.h"
#include "base/err.h"

struct price_book;

struct price_book_options {
    const char *const
        *files; /* the user's, by --prices: our YAML, or LiteLLM's model_prices_and_context_window.json */
    size_t file_count;
    bool built_in_only; /* leaves $XDG_CONFIG_HOME/toll/prices.yaml out */
};

/* `options` may be NULL. A file that is not there (but the user's default one) or not right is an error that names line and column. */
WARN_UNUSED int price_book_open(const struct price_book_options *options, struct price_book **ret_book,
                                struct err *err);
void price_book_close(struct price_book *book);

enum price_answer {
    PRICE_KNOWN,
    PRICE_TOLD,     /* the book has no price, the call's source tells what it cost (cost_usd) */
    PRICE_UNBILLED, /* nobody pays: 0 */
    PRICE_NO_MODEL, /* the call names no model */
    PRICE_UNKNOWN_MODEL,
    PRICE_BEFORE, /* the call is older than the first price of its model */
    PRICE_AFTER,  /* the last price ended before the call */
    PRICE_NO_MODE,
    PRICE_NO_CACHE_READ,
    PRICE_NO_WEB_SEARCH
};

/* The first three. */
bool price_is_known(enum price_answer answer);
/* "the model is in no price book", for people. */
const char *price_answer_text(enum price_answer answer);

/* In dollars. All zero but the total where the source told the cost (PRICE_TOLD). */
struct price_parts {
    double input, output, cache_read, cache_write_5m, cache_write_1h, web_search, total;
};

/* *ret_usd and *ret_parts are written when the answer is known only. */
enum price_answer price_call(const struct price_book *book, const struct llm_call *call, double *ret_usd);
/* The same of a model that price_book_find found (NULL: it did not): for many calls of few models. */
struct price_model;
enum price_answer price_call_found(const struct price_model *model, const struct llm_call *call,
                                   double *ret_usd);
enum price_answer price_call_parts(const struct price_book *book, const struct llm_call *call,
                                   struct price_parts *ret_parts);
/* What the same call would have cost with another model, at the same time and mode. */
enum price_answer price_call_as(const struct price_book *book, const struct llm_call *call, const char *model,
                                struct price_parts *ret_parts);

#endif
