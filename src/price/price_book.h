/* SPDX-License-Identifier: Apache-2.0 */
/*
 * price_book: what is in a book, for those who list or check it (price.h is enough to price a call).
 *
 * A model has a row of prices for each span of time. Prices are dollars for a million tokens, as providers print them.
 */
#ifndef TOLL_PRICE_PRICE_BOOK_H
#define TOLL_PRICE_PRICE_BOOK_H

#include <stdint.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/str.h"
#include "base/vec.h"
#include "price/price.h"

#define PRICE_ABOVE_MAX     4u
#define PRICE_REGIONS_MAX   16u
#define PRICE_ROWS_MAX      100u /* of one model */
#define PRICE_MODELS_MAX    20000u
#define PRICE_ALIASES_MAX   32u
#define PRICE_UNTIL_FURTHER INT64_MAX
#define PRICE_FROM_ALWAYS   INT64_MIN

/* NAN: there is none. */
struct price_rates {
    double input, output, cache_read, cache_write_5m, cache_write_1h;
};

/* For requests whose prompt is longer than `prompt` tokens. */
struct price_above {
    uint64_t prompt;
    struct price_rates rates;
};

struct price_set {
    struct price_rates rates;
    struct price_above above[PRICE_ABOVE_MAX]; /* ascending */
    size_t above_count;
};

enum price_mode_id {
    PRICE_MODE_BATCH,
    PRICE_MODE_PRIORITY,
    PRICE_MODE_FLEX,
    PRICE_MODE_FAST,
    PRICE_MODE_COUNT
};

/* A part of the standard price, or prices of its own, or not offered. */
struct price_mode {
    double ratio;                /* NAN: none */
    const struct price_set *set; /* NULL: none */
};

struct price_region {
    const char *name;
    double ratio;
};

struct price_row {
    int64_t from_ns, until_ns; /* Unix; the second is the first instant that it does not hold for */
    const char *source, *note; /* where it is published; what is to be known about it; "" */
    struct price_set set;
    struct price_mode modes[PRICE_MODE_COUNT];
    struct price_region regions[PRICE_REGIONS_MAX];
    size_t region_count;
    double web_search_per_1k; /* dollars for a thousand; NAN: none */
    unsigned line;
};

struct price_model {
    const char *name, *provider;
    const char *file; /* "share/prices/anthropic.yaml" */
    const char *aliases[PRICE_ALIASES_MAX];
    size_t alias_count;
    const struct price_row *rows; /* ascending in time, without overlap */
    size_t row_count;
    unsigned line;
    bool is_replaced; /* by a model of the same name in a later file */
};

struct price_book {
    struct arena arena;
    VEC(struct price_model) models; /* in the order of the files; the replaced ones are in it */
    struct intern names;            /* names and aliases, simplified (price_name.h) */
    struct map by_name;             /* id of a name -> index of a model */
};

const char *price_mode_name(enum price_mode_id mode);

/* The model of a name as a provider, a gateway or a tool writes it; NULL: there is none. */
const struct price_model *price_book_find(const struct price_book *book, const char *model);
/* The row that holds at an instant, 0 for the newest. NULL: none, and *ret_answer says why. */
const struct price_row *price_model_row(const struct price_model *model, int64_t time_ns,
                                        enum price_answer *ret_answer);
/* The nearest name there is, to be offered; NULL. */
const char *price_book_nearest(const struct price_book *book, const char *model);

/* Adds a file's models to a book, those of the same name are replaced. `name` stands for the text in messages. Files are told apart
 * by their first character: LiteLLM's is a JSON object. */
WARN_UNUSED int price_book_add(struct price_book *book, const char *text, size_t length, const char *name,
                               struct err *err);
WARN_UNUSED int price_book_add_file(struct price_book *book, const char *path, struct err *err);

/* $XDG_CONFIG_HOME/toll/prices.yaml; -1 when neither it nor HOME is set. */
WARN_UNUSED int price_user_path(struct str *ret_path);

#endif
