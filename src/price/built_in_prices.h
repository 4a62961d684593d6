/* SPDX-License-Identifier: Apache-2.0 */
/* built_in_prices: the files of share/prices as texts (tools/embed_rules.py). */
#ifndef TOLL_PRICE_BUILT_IN_PRICES_H
#define TOLL_PRICE_BUILT_IN_PRICES_H

#include <stddef.h>

struct built_in_prices {
    const char *path; /* "share/prices/openai.yaml" */
    const char *text;
};

extern const struct built_in_prices built_in_prices[];
extern const size_t built_in_prices_count;

#endif
