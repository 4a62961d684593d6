/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CSV to columns. Each number is read digit by digit; a NUL behind the file stops every loop, so no
 * loop looks at the end of the file.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "candles.h"

/* Ten digits before the point and eight behind it stay below 2^64, and so does the time in ns. */
enum { TIME_DIGITS_MAX = 13, WHOLE_DIGITS_MAX = 10, FRACTION_DIGITS = 8, CSV_COLUMN_COUNT = 12 };

static const uint64_t power_of_ten[FRACTION_DIGITS + 1] = {1,      10,      100,      1000,     10000,
                                                           100000, 1000000, 10000000, 100000000};

/* Where the number ends, or NULL when there is none or it has too many digits. */
static const char *parse_digits(const char *at, int digits_max, uint64_t *ret_value)
{
    const char *start = at;
    uint64_t value = 0;

    for (unsigned digit; (digit = (unsigned)(*at - '0')) <= 9; at++)
        value = value * 10 + digit;
    if (at == start || at - start > digits_max)
        return NULL;
    *ret_value = value;
    return at;
}

static const char *parse_fixed(const char *at, uint64_t *ret_value)
{
    uint64_t whole = 0;
    uint64_t fraction = 0;
    const char *point;

    at = parse_digits(at, WHOLE_DIGITS_MAX, &whole);
    if (at == NULL)
        return NULL;
    if (*at == '.') {
        point = at;
        at = parse_digits(at + 1, FRACTION_DIGITS, &fraction);
        if (at == NULL)
            return NULL;
        fraction *= power_of_ten[FRACTION_DIGITS - (at - point - 1)];
    }
    *ret_value = whole * power_of_ten[FRACTION_DIGITS] + fraction;
    return at;
}

/* A column that nobody asked for, still a number. */
static const char *parse_skipped(const char *at)
{
    const char *start = at;

    while ((unsigned)(*at - '0') <= 9 || *at == '.')
        at++;
    return at != start ? at : NULL;
}

static const char *parse_row(const char *at, struct candles *candles, size_t row)
{
    at = parse_digits(at, TIME_DIGITS_MAX, &candles->open_time_ms[row]);
    for (int field = 0; field < CANDLE_FIELD_COUNT; field++) {
        if (at == NULL || *at != ',')
            return NULL;
        at = parse_fixed(at + 1, &candles->fixed[field][row]);
    }
    for (int column = 1 + CANDLE_FIELD_COUNT; column < CSV_COLUMN_COUNT; column++) {
        if (at == NULL || *at != ',')
            return NULL;
        at = parse_skipped(at + 1);
    }
    return at != NULL && *at == '\n' ? at + 1 : NULL;
}

/* A month with a mangled row must not get into the database. */
static bool is_candle(const struct candles *candles, size_t row)
{
    uint64_t low = candles->fixed[CANDLE_LOW][row];
    uint64_t high = candles->fixed[CANDLE_HIGH][row];
    uint64_t open = candles->fixed[CANDLE_OPEN][row];
    uint64_t close = candles->fixed[CANDLE_CLOSE][row];

    return low <= open && low <= close && open <= high && close <= high;
}

static int candles_reserve(struct candles *candles, size_t capacity, struct problem *problem)
{
    uint64_t *column;

    if (capacity <= candles->capacity)
        return 0;
    column = realloc(candles->open_time_ms, capacity * sizeof(*column));
    if (column == NULL)
        return problem_set(problem, "could not allocate %zu rows: out of memory", capacity);
    candles->open_time_ms = column;
    for (int field = 0; field < CANDLE_FIELD_COUNT; field++) {
        column = realloc(candles->fixed[field], capacity * sizeof(*column));
        if (column == NULL)
            return problem_set(problem, "could not allocate %zu rows: out of memory", capacity);
        candles->fixed[field] = column;
    }
    candles->capacity = capacity;
    return 0;
}

int candles_parse(struct candles *candles, struct buffer *csv, struct problem *problem)
{
    const char *at;
    const char *end;
    size_t row = 0;

    if (csv->length == 0 || csv->data[csv->length - 1] != '\n')
        return problem_set(problem, "could not parse the CSV file: it does not end with a line");
    if (buffer_reserve(csv, 1, problem) < 0)
        return -1;
    csv->data[csv->length] = '\0';
    end = csv->data + csv->length;
    for (at = csv->data; at < end; row++) {
        if (row == candles->capacity && candles_reserve(candles, 2 * row + 8192, problem) < 0)
            return -1;
        at = parse_row(at, candles, row);
        if (at == NULL)
            return problem_set(problem, "could not parse row %zu: it has not %d numbers", row + 1,
                               CSV_COLUMN_COUNT);
        if (!is_candle(candles, row))
            return problem_set(problem, "could not use row %zu: its prices contradict each other", row + 1);
    }
    candles->count = row;
    return 0;
}

void candles_deinit(struct candles *candles)
{
    free(candles->open_time_ms);
    for (int field = 0; field < CANDLE_FIELD_COUNT; field++)
        free(candles->fixed[field]);
    *candles = (struct candles){0};
}
