/* SPDX-License-Identifier: Apache-2.0 */
/* units: numbers as a person reads them. Each returns its text by value: `unit_duration(ns).text`. */
#ifndef TOLL_REPORT_UNITS_H
#define TOLL_REPORT_UNITS_H

#include <stdint.h>

struct unit {
    char text[40];
};

/* "0 s", "412 us", "857 ms", "36.4 s", "2 min 14 s", "3 h 5 min" */
struct unit unit_duration(uint64_t ns);
/* "47,000"; fractions are rounded, what is not a finite number is "?" */
struct unit unit_count(double amount);
/* "812 B", "2.8 MB" (powers of 1000) */
struct unit unit_bytes(uint64_t bytes);
/* 0.9 is "90 %", 0.041 "4.1 %", 0.0004 "<0.1 %" */
struct unit unit_ratio(double ratio);
/* "1.04x", "8.9x", "12x", "over 1000x" */
struct unit unit_factor(double factor);

#endif
