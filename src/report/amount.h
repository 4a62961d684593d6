/* SPDX-License-Identifier: Apache-2.0 */
/* amount: amounts as people write them into files ("200 ms", "5 MB", "+5 %"), and as they read them. */
#ifndef TOLL_REPORT_AMOUNT_H
#define TOLL_REPORT_AMOUNT_H

#include <stdbool.h>

enum amount_unit {
    AMOUNT_NS,    /* "200ms", "1.5 s", "2 min": in nanoseconds; a unit is needed */
    AMOUNT_BYTES, /* "812", "5 MB" (10^6), "5 MiB" (2^20) */
    AMOUNT_PER_S, /* "50000", "50_000/s" */
    AMOUNT_COUNT, /* "12000", "1M" */
    AMOUNT_MONEY  /* "0.25", "$0.25", "0.25 USD" */
};

/* The whole text is an amount of the unit, not below 0. */
bool amount_parse(const char *text, enum amount_unit unit, double *ret_value);

/* Two amounts that would be read, for messages. */
const char *amount_examples(enum amount_unit unit);

/* "5%", "+5 %", "-5%": 0.05 each time, with the sign beside it (0, '+' or '-'). */
bool amount_percent_read(const char *text, double *ret_ratio, char *ret_sign);

struct amount {
    char text[48];
};

/* "21.07 ms", "1.68 MB", "47,100/s", "12,000", "0.25" */
struct amount amount_text(double value, enum amount_unit unit);

/* "1.052x", more digits near 1; "over 1000x" */
struct amount amount_factor(double ratio);

/* "5 %", "0.5 %" */
struct amount amount_percent(double ratio);

#endif
