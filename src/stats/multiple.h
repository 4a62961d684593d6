/* SPDX-License-Identifier: Apache-2.0 */
/*
 * multiple: p-values of many tests, adjusted so that each can be held against the same level. Of 20 metrics without any
 * change one is below 5 % by chance alone. NaN is no test and stays. Pure; any thread.
 */
#ifndef TOLL_STATS_MULTIPLE_H
#define TOLL_STATS_MULTIPLE_H

#include <stddef.h>

#include "base/err.h"

/* Holm 1979: at the level 5 %, the chance of one false alarm or more among all is at most 5 %. For gates. `ret_adjusted`
 * may be `p_values`. */
WARN_UNUSED int holm_adjust(const double *p_values, size_t count, double *ret_adjusted, struct err *err);

/* Benjamini and Hochberg 1995: at the level 5 %, at most 5 % of the alarms are false. For dashboards. */
WARN_UNUSED int benjamini_hochberg_adjust(const double *p_values, size_t count, double *ret_adjusted,
                                          struct err *err);

#endif
