/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/seal_priced.h"

#include "price/price.h"

static bool usd_of(void *context, const struct llm_call *call, double *ret_usd)
{
    return price_is_known(price_call(context, call, ret_usd));
}

int seal_priced(const struct seal_request *request, struct seal_result *ret_result, struct err *err)
{
    struct seal_request priced = *request;
    struct price_book *book = NULL;
    struct err
        ignored; /* a recording without prices is better than none; `toll prices check` says what is wrong */
    if (price_book_open(NULL, &book, &ignored) == 0)
        priced.price = (struct seal_price){.usd = usd_of, .context = book};
    int status = seal_spans(&priced, ret_result, err);
    if (priced.price.usd)
        price_book_close(book);
    return status;
}
