/* SPDX-License-Identifier: Apache-2.0 */
/* history_query: what a history holds, what a series of it says; numbers from scripts put in, old results taken out. */
#ifndef TOLL_OPS_HISTORY_QUERY_H
#define TOLL_OPS_HISTORY_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct history_query {
    const char *store;                          /* the file; NULL: the default */
    const char *name;                           /* of a series, or a part of it; NULL: all */
    const char *metric, *kind, *revision, *tag; /* NULL: any */
    const char *machine;        /* a part of its fingerprint; "all"; NULL: the one of the newest result */
    const char *since, *before; /* as store/moment.h reads them; NULL: any time */
    const char *alert;          /* "20%"; NULL: 20 % */
    uint64_t newest;            /* results of each series; 0: SERIES_NEWEST */
    bool json;
    const char *html;   /* a file for the page; "-": instead of the text; NULL: none */
    const char *output; /* a file for what else would be text; NULL: it comes back */
    unsigned width;
    bool colour;
    bool ascii;
};

struct history_answer {
    struct str text; /* for stdout; the caller frees it */
    bool has_alert;  /* a series that was looked at is worse by more than the limit */
};

/* One series, or the list of them when no name is given or several have it in theirs. ERR_INPUT when none has. */
WARN_UNUSED int ops_history(const struct history_query *query, struct history_answer *ret_answer,
                            struct err *err);

struct history_number {
    const char *store;
    const char *name, *value;
    const char *metric;          /* NULL: "value" */
    const char *kind;            /* NULL: "value" */
    const char *unit, *better;   /* "lower", "higher"; NULL: as the metric's name says */
    const char *at;              /* as store/moment.h reads it; NULL: now */
    const char *machine;         /* NULL: this one */
    const char *revision, *tags; /* NULL: of the current folder; none */
};

/* Unlike what a benchmark adds by the way, these fail when the history cannot be written. */
WARN_UNUSED int ops_history_add(const struct history_number *number, struct err *err);
/* Rows of comma-separated values (store/results_csv.h) from a file, or stdin for "-"; `number` has what they leave empty. */
WARN_UNUSED int ops_history_import(const char *path, const struct history_number *number, uint64_t *ret_count,
                                   struct err *err);

/* Removes what the query names: at least one of its conditions must be there. */
WARN_UNUSED int ops_history_prune(const struct history_query *query, uint64_t *ret_count, struct err *err);

#endif
