/* SPDX-License-Identifier: Apache-2.0 */
/*
 * series: the results of one name, metric and kind on one machine, and what they say together: where the level changed, whether it
 * has a trend, what comes next, and whether it got worse by more than a limit.
 *
 * A steady trend looks like a row of steps: where a straight line describes several changes in one direction better than they do
 * (Schwarz's criterion, absolute residuals), there is the trend and no change.
 *
 * "Worse" is more, or less where more is better (history_more_is_better); by how much is a ratio of what the same work
 * costs: 0.25 is a fourth more time, and 1,000 rows a second where there were 1,250.
 */
#ifndef TOLL_STORE_SERIES_H
#define TOLL_STORE_SERIES_H

#include "base/arena.h"
#include "stats/changepoint.h"
#include "stats/outlook.h"
#include "store/history.h"

#define SERIES_NEWEST 1000u /* results, when nothing else is said */
#define SERIES_AHEAD  10u   /* results that the later forecast looks ahead */
#define SERIES_ALERT  0.2

struct series_change {
    struct change_point point;
    int64_t at_ns;                /* of the first result of the new level */
    const char *revision;         /* of that result; NULL: not known */
    double worse_ratio;           /* of the medians; below 0: it got better; NAN where it cannot be said */
    double ratio;                 /* after / before, of the medians; NAN where it cannot be said */
    double ratio_low, ratio_high; /* 95 %, from the results nearest to it; NAN where it cannot be said */
};

enum series_alert_kind {
    SERIES_NO_ALERT,
    SERIES_ALERT_RESULT, /* the newest result alone: over the limit and out of what was foreseen */
    SERIES_ALERT_LEVEL,  /* the last change of level */
    SERIES_ALERT_CREEP,  /* several changes together, each within the limit */
    SERIES_ALERT_TREND   /* a trend since the last change */
};

struct series_alert {
    enum series_alert_kind kind;
    double limit_ratio;
    double worse_ratio; /* what is over the limit */
    double before, now; /* values */
    size_t since;       /* index of the first result that is worse */
};

struct series {
    struct arena arena;                                /* its texts */
    const char *name, *metric, *kind, *unit, *machine; /* unit and machine may be NULL */
    bool more_is_better;
    VEC(struct history_result) results; /* oldest first */
    VEC(struct series_change) changes;
    size_t level_start; /* index of the first result of the level of now */
    struct outlook outlook;
    struct series_alert alert;
    uint64_t left_out; /* results of other machines */
};

struct series_request {
    struct history_filter
        filter; /* name, metric and kind are of one series; machine NULL: that of its newest result */
    bool all_machines;
    double alert_ratio;
};

/* ERR_INPUT when there is no result. */
WARN_UNUSED int series_load(struct history *history, const struct series_request *request,
                            struct series *ret_series, struct err *err);
/* Also of a half-built one. */
void series_free(struct series *series);

/* "result", "level", "creep", "trend"; NULL for none */
const char *series_alert_name(enum series_alert_kind kind);

/* How much worse `now` is than `before`; NAN where a ratio says nothing (values not above 0). */
double series_worse(const struct series *series, double before, double now);

#endif
