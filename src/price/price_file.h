/* SPDX-License-Identifier: Apache-2.0 */
/*
 * price_file: what a file of prices says (docs/prices.md shows it whole).
 *
 *     provider: anthropic
 *     defaults: {source: https://…, batch: 0.5}      keys of a row, for every row that does not have them
 *     models:
 *       - model: claude-sonnet-5-5
 *         aliases: [sonnet-5-5]
 *         prices:
 *           - from: 2026-08-01                       a day (UTC) or 2026-08-01T12:00:00Z; needed from the second row on
 *             input: 2                               dollars for a million tokens
 *             output: 10
 *             cache_read: 0.20
 *             cache_write_5m: 2.5
 *             cache_write_1h: 4
 *             above: {prompt: 200000, input: 4, …}   one, or a list of them
 *             fast: {input: 10, output: 50}          batch, priority, flex, fast: prices, or a part of the standard ones: 0.5
 *             regions: {us: 1.1}
 *             web_search: 10                         dollars for a thousand
 *           - from: 2026-10-07                       the row before holds until then; `until` ends the last
 *
 * Every message names line and column.
 */
#ifndef TOLL_PRICE_PRICE_FILE_H
#define TOLL_PRICE_PRICE_FILE_H

#include <stdint.h>

#include "base/err.h"

/* "2026-10-07" or "2026-10-07T12:00:00Z" in Unix nanoseconds; -1: it is neither. */
WARN_UNUSED int price_day_read(const char *text, int64_t *ret_ns);

#endif
