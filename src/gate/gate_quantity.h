/* SPDX-License-Identifier: Apache-2.0 */
/* gate_quantity: amounts as people write them in a file of budgets ("200 ms", "5 MB", "+5 %"), and as they read them. */
#ifndef TOLL_GATE_GATE_QUANTITY_H
#define TOLL_GATE_GATE_QUANTITY_H

#include <stdbool.h>

enum gate_unit {
    GATE_UNIT_NS,    /* "200ms", "1.5 s", "2 min": in nanoseconds; a unit is needed */
    GATE_UNIT_BYTES, /* "812", "5 MB" (10^6), "5 MiB" (2^20) */
    GATE_UNIT_PER_S, /* "50000", "50_000/s" */
    GATE_UNIT_COUNT, /* "12000" */
    GATE_UNIT_MONEY  /* "0.25", "$0.25" */
};

/* The whole text is an amount of the unit, not below 0. */
bool gate_quantity_read(const char *text, enum gate_unit unit, double *ret_value);

/* Two amounts that would be read, for messages. */
const char *gate_quantity_examples(enum gate_unit unit);

/* "5%", "+5 %", "-5%": 0.05 each time, with the sign beside it (0, '+' or '-'). */
bool gate_percent_read(const char *text, double *ret_ratio, char *ret_sign);

struct gate_amount {
    char text[48];
};

/* "21.07 ms", "1.68 MB", "47,100/s", "12,000", "0.25" */
struct gate_amount gate_amount(double value, enum gate_unit unit);

/* "1.052x", more digits near 1; "over 1000x" */
struct gate_amount gate_factor(double ratio);

/* "5 %", "0.5 %" */
struct gate_amount gate_percent(double ratio);

#endif
