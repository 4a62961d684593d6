/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: any bytes are read as a file of prices, which then prices a call of each model; or there is an error that says why. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "price/price_book.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void price_each(const struct price_book *book)
{
    for (size_t i = 0; i < book->models.count; i++) {
        struct llm_call call = {.model = book->models.items[i].name,
                                .region = "us",
                                .tokens = {1000, 300000, 5, 7, 9, 1},
                                .tier = (enum service_tier)(i % 4),
                                .is_fast = i % 5 == 0,
                                .web_searches = (uint32_t)(i % 3),
                                .cost_usd = NAN};
        double usd = NAN;
        if (price_is_known(price_call(book, &call, &usd)) && !(usd >= 0))
            abort();
        price_book_nearest(book, call.model);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct price_book *book = calloc(1, sizeof *book);
    struct err err = {0};
    if (!book)
        return 0;
    if (price_book_add(book, (const char *)bytes, count, "fuzz", &err)) {
        if (!err.what[0])
            abort();
    } else {
        price_each(book);
    }
    price_book_close(book);
    return 0;
}
