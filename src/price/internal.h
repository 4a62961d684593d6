/* SPDX-License-Identifier: Apache-2.0 */
/* What the sources of this module share. */
#ifndef TOLL_PRICE_INTERNAL_H
#define TOLL_PRICE_INTERNAL_H

#include "price/price_book.h"

#define PRICE_FILE_BYTES_MAX ((size_t)32 << 20)

/* Readers of the two kinds of files (price_file.c, litellm_file.c). */
WARN_UNUSED int price_yaml_add(struct price_book *book, const char *text, size_t length, const char *name,
                               struct err *err);
WARN_UNUSED int price_litellm_add(struct price_book *book, const char *text, size_t length, const char *name,
                                  struct err *err);

/* Takes a model whose texts and rows lie in the book's arena, and makes its names known. */
WARN_UNUSED int price_book_take(struct price_book *book, const struct price_model *model, struct err *err);

struct price_rates price_rates_none(void);
struct price_row price_row_none(void);

#endif
