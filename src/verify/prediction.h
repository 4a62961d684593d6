/* SPDX-License-Identifier: Apache-2.0 */
/* prediction: what a change was said to gain, and how right that was. */
#ifndef TOLL_VERIFY_PREDICTION_H
#define TOLL_VERIFY_PREDICTION_H

#include "verify/verify.h"

/* "1.8x" (the x may be left out), "1.6x..2.0x" for an interval, or "1.6x..1.8x..2.0x". ERR_USAGE for anything else. */
WARN_UNUSED int prediction_parse(const char *text, struct verify_prediction *ret_prediction, struct err *err);

/* From factors (before / after), as findings have them. */
struct verify_prediction prediction_of_factors(double factor, double factor_low, double factor_high);

/* Fills error, interval and whether it held from a comparison of wall time. */
void prediction_hold(const struct verify_prediction *prediction, const struct bench_comparison *measured,
                     struct outcome *outcome);

#endif
