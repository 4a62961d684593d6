/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history: what was measured, kept in one SQLite file: results of bench, verify, run and gate, and numbers that scripts add.
 *
 * Many processes may write at once, each history_add is one transaction (database.h). A process that is killed loses at most what
 * it had not added yet, and never the file; a machine that loses power may lose the last results, not the file.
 *
 *     series  one of name, metric and kind; its unit and which way is better
 *     text    names that results share: machines, revisions, tags, verdicts
 *     result  a number of a series at a time; index (series, at_ns)
 *
 * A history is for one thread.
 */
#ifndef TOLL_STORE_HISTORY_H
#define TOLL_STORE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define HISTORY_TEXT_MAX 8192u /* bytes of a name; what is behind is cut */

enum history_better { HISTORY_BY_METRIC, HISTORY_LESS, HISTORY_MORE };

struct history_result {
    int64_t id;         /* given by the history */
    int64_t at_ns;      /* CLOCK_REALTIME */
    const char *kind;   /* "bench", "verify", "run", "gate"; "value": added by a script */
    const char *name;   /* what was measured */
    const char *metric; /* "wall_ns", "cpu_ns", "memory_bytes_max", "rows_per_s", … */
    const char *unit;   /* NULL: the metric's name says it */
    enum history_better better;
    double value;                                    /* finite */
    double value_low, value_high;                    /* NAN where there is no interval */
    uint64_t count;                                  /* of measurements behind the value */
    const char *verdict;                             /* NULL: none */
    double predicted, predicted_low, predicted_high; /* NAN where there is none: a ratio after / before */
    const char *machine;                             /* fingerprint.h; NULL: not known */
    const char *revision;                            /* of the source, git's; NULL: not known */
    const char *tags;                                /* "a,b"; NULL: none */
};

/* All that are given must hold. 0 and NULL: anything. */
struct history_filter {
    const char *name;   /* the whole name */
    const char *part;   /* a part of the name */
    const char *metric; /* the whole name of the metric */
    const char *kind;
    const char *machine;  /* a part of the fingerprint */
    const char *revision; /* its first characters */
    const char *tag;      /* one of its tags */
    int64_t since_ns;     /* at or after */
    int64_t before_ns;
    uint64_t newest; /* only the newest so many; 0: all */
};

struct history_series {
    const char *kind, *name, *metric, *unit; /* unit NULL: the metric says it */
    enum history_better better;
    uint64_t count; /* of its results within the filter */
    int64_t first_at_ns, last_at_ns;
};

struct history;

/* Opens the file, made with its folders when it is not there. NULL: history_default_path. ERR_ENVIRONMENT when that cannot be,
 * ERR_INPUT for a file that is damaged, no history, or of a newer toll. */
WARN_UNUSED int history_open(struct history **ret_history, const char *path, struct err *err);

/* Opens what is there to look at only, also where nothing can be written. *ret_history is NULL when there is no such file. */
WARN_UNUSED int history_open_to_read(struct history **ret_history, const char *path, struct err *err);

/* Adds all or none. ERR_INPUT for a result without kind, name or metric, or whose value is not finite. */
WARN_UNUSED int history_add(struct history *history, const struct history_result *results, size_t count,
                            struct err *err);

/* Calls `each` for the results within the filter, oldest first; the texts live until it returns. It ends the walk by returning
 * other than 0, which is returned as it is. */
typedef int history_each_result(const struct history_result *result, void *data);
WARN_UNUSED int history_each(struct history *history, const struct history_filter *filter,
                             history_each_result *each, void *data, struct err *err);

/* The same for the series that have results within the filter, the one with the newest result first. */
typedef int history_each_of_series(const struct history_series *series, void *data);
WARN_UNUSED int history_series_each(struct history *history, const struct history_filter *filter,
                                    history_each_of_series *each, void *data, struct err *err);

/* Removes the results within the filter, which must not be empty, and gives the room back. */
WARN_UNUSED int history_remove(struct history *history, const struct history_filter *filter,
                               uint64_t *ret_count, struct err *err);

/* NULL is allowed. */
void history_close(struct history *history);

/* Where it was opened. */
const char *history_path(const struct history *history);

/* $XDG_DATA_HOME/toll/history.db, else ~/.local/share/toll/history.db. ERR_ENVIRONMENT without a home. */
WARN_UNUSED int history_default_path(struct str *ret_path, struct err *err);

/* Whether more of it is better: as said, else by the metric's name (what ends in _per_s or throughput). */
bool history_more_is_better(enum history_better better, const char *metric);

#endif
