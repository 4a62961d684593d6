/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expression: what rules say about values, and the values themselves as amounts.
 *
 * A value is a word ("on", "everysec") or an amount: a number and perhaps a unit. Bytes: B, k, kB, KiB, M, MB, m … T, each
 * 1024 of the one before, as the configured servers count. Time: us, ms, s, min, h, d, in seconds. on, true and yes are one word; off,
 * false and no another.
 *
 * A condition is one or more comparisons joined by "and": `<= 128MB`, `!= on`, `off`, `< 10 % of ram and < 1GB`. A comparison
 * without a sign is equality. An expression is `amount`, `ram`, `cores`, `N % of E`, `A + B`, `A - B`, `A * B`, `A / B`,
 * `min(A, B)`, `max(A, B)`, parentheses, or one word; in 'single quotes' anything
 * is a word. Depth and length are limited. Pure.
 */
#ifndef TOLL_SETTINGS_EXPRESSION_H
#define TOLL_SETTINGS_EXPRESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define EXPRESSION_LENGTH_MAX 256
#define EXPRESSION_DEPTH_MAX  16

enum setting_kind { SETTING_WORD, SETTING_COUNT, SETTING_BYTES, SETTING_TIME, SETTING_PERCENT };

struct setting_amount {
    enum setting_kind kind;
    double number;                    /* bytes, seconds, a count, percent */
    char word[EXPRESSION_LENGTH_MAX]; /* as written, of every kind; "" when computed */
};

/* What expressions may name. */
struct setting_facts {
    double ram_bytes;
    double cores;
};

/* Any text is an amount, if only a word. `unit` ("8kB", "ms") is that of a bare number, NULL: none. */
void setting_amount_read(const char *text, const char *unit, struct setting_amount *ret_amount);
/* The same word, or the same number. */
bool setting_amount_equals(const struct setting_amount *a, const struct setting_amount *b);
/* As it is written into a configuration: words and literals as they were; computed bytes in `bytes_unit` ("MB", "mb", "m", NULL:
 * plain bytes), rounded down to what a person would write. */
void setting_amount_print(const struct setting_amount *amount, const char *bytes_unit, char *ret_text,
                          size_t size);

/* ERR_INPUT with what was expected, and where. */
WARN_UNUSED int expression_value(const char *text, const struct setting_facts *facts,
                                 struct setting_amount *ret_amount, struct err *err);
/* Whether the condition holds of `found`. *ret_direction: 1 when it says that the value is too small, -1 too large, 0 neither. */
WARN_UNUSED int expression_holds(const char *condition, const struct setting_amount *found,
                                 const struct setting_facts *facts, bool *ret_holds, int *ret_direction,
                                 struct err *err);

#endif
