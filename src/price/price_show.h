/* SPDX-License-Identifier: Apache-2.0 */
/* price_show: the prices of a book as a table or as JSON (toll.prices/1), and what is seen in use without a price. */
#ifndef TOLL_PRICE_PRICE_SHOW_H
#define TOLL_PRICE_PRICE_SHOW_H

#include "price/price_book.h"
#include "price/price_seen.h"

#define PRICE_UNSOURCED_MAX 4u /* named; the others are counted */

struct price_look {
    const char *const *models; /* names, or parts of names; none: all of them */
    size_t model_count;
    int64_t at_ns; /* the prices of that moment; 0: of now, those to come are shown as well */
    int64_t now_ns;
    bool all_rows; /* those of other times too */
    bool colour;
};

/* ERR_USAGE, with the nearest name, for a model that is not there. */
WARN_UNUSED int price_show_text(const struct price_book *book, const struct price_look *look,
                                struct str *ret_text, struct err *err);
WARN_UNUSED int price_show_json(const struct price_book *book, const struct price_look *look,
                                struct str *ret_text, struct err *err);

/* A file that was checked. */
struct price_verdict {
    const char *file;
    const char *wrong, *hint; /* "": it is right */
    size_t model_count;
    const char
        *unsourced[PRICE_UNSOURCED_MAX]; /* models with a row that does not say where its prices are from */
    size_t unsourced_count;              /* of all of them */
};

struct price_findings {
    const struct price_verdict *files;
    size_t file_count;
    const struct price_seen *seen; /* NULL: nobody looked */
};

/* Fills the verdict's model_count and unsourced from the models that the book has from `first` on. */
void price_verdict_models(struct price_verdict *verdict, const struct price_book *book, size_t first);
void price_check_text(const struct price_findings *findings, bool colour, struct str *ret_text);
void price_check_json(const struct price_findings *findings, struct str *ret_text);

#endif
