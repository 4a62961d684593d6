/* SPDX-License-Identifier: Apache-2.0 */
/*
 * results_csv: results from comma-separated values (RFC 4180: quotes, doubled quotes, line ends of either kind).
 *
 * The first row names the columns in any order: name and value, and where wanted metric, kind, unit, better (lower or higher), at
 * (moment.h), value_low, value_high, count, verdict, machine, revision, tags. Without such a row the columns are name, value,
 * metric. Lines with # and empty ones are left out. What a row leaves empty comes from `defaults`.
 */
#ifndef TOLL_STORE_RESULTS_CSV_H
#define TOLL_STORE_RESULTS_CSV_H

#include "base/vec.h"
#include "store/history.h"

#define RESULTS_CSV_ROWS_MAX 5000000u

struct results_csv {
    VEC(struct history_result) results;
};

/* ERR_INPUT with the line for a row that cannot be read. `text` is changed on the way, and the results
 * point into it. */
WARN_UNUSED int results_csv_parse(char *text, const struct history_result *defaults,
                                  struct results_csv *ret_results, struct err *err);
void results_csv_free(struct results_csv *results);

/* "lower", "less", "higher", "more"; false for anything else. */
bool history_better_parse(const char *text, enum history_better *ret_better);

#endif
