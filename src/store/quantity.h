/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quantity: a metric's value as a person reads it. The metric's name has the unit at its end (_ns, _bytes, _per_s, _ratio, …); where
 * the result has a unit of its own, that is written behind the number.
 */
#ifndef TOLL_STORE_QUANTITY_H
#define TOLL_STORE_QUANTITY_H

struct quantity {
    char text[80];
};

/* "12.34 s", "48.2 MB", "1,250/s", "0.982", "3.21 points" */
struct quantity quantity_of(const char *metric, const char *unit, double value);

/* "+8.2 %", "-0.4 %", "12.3 times" from ten times on; "?" for what is no number */
struct quantity quantity_change(double ratio);
/* The same without a sign: "8.2 %", "12.3 times" */
struct quantity quantity_size(double ratio);

#endif
