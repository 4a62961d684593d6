/* SPDX-License-Identifier: Apache-2.0 */
/* Columns to InfluxDB line protocol, two digits at a time. */
#include <assert.h>
#include <string.h>

#include "candles.h"

/* A whole part of at most 11 digits, a point, eight digits: no number is longer. */
enum { NUMBER_BYTES_MAX = 20 };

static const struct {
    int field;
    char name[9]; /* as the line has it */
} stored[CANDLE_STORED_COUNT] = {{CANDLE_CLOSE, "close="}, {CANDLE_VOLUME, ",volume="}};

static const char digit_pair[201] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536"
    "37383940414243444546474849505152535455565758596061626364656667686970717273"
    "7475767778798081828384858687888990919293949596979899";

/* Writes the digits of `value` so that they end before `end`; returns where they begin. */
static char *format_backwards(char *end, uint64_t value)
{
    while (value >= 100) {
        end -= 2;
        memcpy(end, digit_pair + 2 * (value % 100), 2);
        value /= 100;
    }
    if (value >= 10) {
        end -= 2;
        memcpy(end, digit_pair + 2 * value, 2);
        return end;
    }
    *--end = (char)('0' + value);
    return end;
}

static char *format_whole(char *at, uint64_t value)
{
    char digits[NUMBER_BYTES_MAX];
    char *begin = format_backwards(digits + sizeof(digits), value);
    size_t length = (size_t)(digits + sizeof(digits) - begin);

    memcpy(at, begin, length);
    return at + length;
}

/* `value` is in units of 1e-8; zeros at the end are left out. */
static char *format_fixed(char *at, uint64_t value)
{
    uint32_t fraction = (uint32_t)(value % 100000000);

    at = format_whole(at, value / 100000000);
    if (fraction == 0)
        return at;
    *at++ = '.';
    for (int pair = 3; pair >= 0; pair--) {
        memcpy(at + (ptrdiff_t)2 * pair, digit_pair + (size_t)2 * (fraction % 100), 2);
        fraction /= 100;
    }
    at += 8;
    while (at[-1] == '0')
        at--;
    return at;
}

int candles_format(const struct candles *candles, const char *tags, struct buffer *lines,
                   struct problem *problem)
{
    char prefix[128];
    size_t prefix_bytes;
    size_t line_bytes_max;
    char *at;

    prefix_bytes = (size_t)snprintf(prefix, sizeof(prefix), "candles,%s ", tags);
    if (prefix_bytes >= sizeof(prefix))
        return problem_set(problem, "could not use the tags '%s': they are too long", tags);
    line_bytes_max = prefix_bytes + CANDLE_STORED_COUNT * (sizeof(stored[0].name) + NUMBER_BYTES_MAX) +
                     NUMBER_BYTES_MAX + 2;
    if (buffer_reserve(lines, candles->count * line_bytes_max, problem) < 0)
        return -1;
    at = lines->data + lines->length;
    for (size_t row = 0; row < candles->count; row++) {
        memcpy(at, prefix, prefix_bytes);
        at += prefix_bytes;
        for (int index = 0; index < CANDLE_STORED_COUNT; index++) {
            size_t name_bytes = strlen(stored[index].name);

            memcpy(at, stored[index].name, name_bytes);
            at = format_fixed(at + name_bytes, candles->fixed[stored[index].field][row]);
        }
        *at++ = ' ';
        at = format_whole(at, candles->open_time_ms[row] * 1000000);
        *at++ = '\n';
    }
    lines->length = (size_t)(at - lines->data);
    assert(lines->length <= lines->capacity);
    return 0;
}
