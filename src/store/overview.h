/* SPDX-License-Identifier: Apache-2.0 */
/* overview: the series of a history, the one with the newest result first, each with its newest values. */
#ifndef TOLL_STORE_OVERVIEW_H
#define TOLL_STORE_OVERVIEW_H

#include "base/arena.h"
#include "base/vec.h"
#include "store/history.h"

#define OVERVIEW_VALUES   24u  /* newest ones of each series */
#define OVERVIEW_ROWS_MAX 200u /* series that are shown */

struct overview_row {
    const char *name, *metric, *kind, *unit;
    bool more_is_better;
    uint64_t count;
    int64_t first_at_ns, last_at_ns;
    double values[OVERVIEW_VALUES]; /* oldest first, of the machine that has the newest */
    size_t value_count;
};

struct overview {
    struct arena arena;
    VEC(struct overview_row) rows; /* at most OVERVIEW_ROWS_MAX */
    uint64_t series_count;         /* all of them */
    uint64_t result_count;
};

WARN_UNUSED int overview_load(struct history *history, const struct history_filter *filter,
                              struct overview *ret_overview, struct err *err);
void overview_free(struct overview *overview);

/* How the newest value compares with the median of those before it; NAN where there are none. */
double overview_change(const struct overview_row *row);

#endif
