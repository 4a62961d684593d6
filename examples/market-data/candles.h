/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A month of one-minute candles as columns. Prices and volumes are fixed-point, in units of 1e-8: the
 * exchange writes eight decimals, so nothing is rounded on the way into the database.
 */
#ifndef MARKET_DATA_CANDLES_H
#define MARKET_DATA_CANDLES_H

#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "problem.h"

enum { CANDLE_OPEN, CANDLE_HIGH, CANDLE_LOW, CANDLE_CLOSE, CANDLE_VOLUME, CANDLE_FIELD_COUNT };

/* How many of them the database keeps. */
enum { CANDLE_STORED_COUNT = 2 };

struct candles {
    size_t count;
    size_t capacity;
    uint64_t *open_time_ms;              /* since 1970 */
    uint64_t *fixed[CANDLE_FIELD_COUNT]; /* units of 1e-8 */
};

/*
 * Replaces the rows by those of a CSV file: twelve columns, no header, as exchanges publish them (open
 * time in ms, open, high, low, close, volume, close time, quote volume, trades, taker volume, taker quote
 * volume, unused). A row whose low, open, close and high contradict each other is refused. `csv` must have one byte to spare behind its length; it is overwritten.
 */
MUST_CHECK int candles_parse(struct candles *candles, struct buffer *csv, struct problem *problem);

/*
 * Appends the rows as InfluxDB line protocol, one line a row, time in ns. The database keeps what is asked of
 * it, two values a row:
 * `candles,symbol=BTCUSDT,run=r1 close=1.5,volume=10 1672531200000000000`
 */
MUST_CHECK int candles_format(const struct candles *candles, const char *tags, struct buffer *lines,
                              struct problem *problem);

void candles_deinit(struct candles *candles);

#endif
