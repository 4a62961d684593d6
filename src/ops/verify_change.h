/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify_change: before and after of a change, measured in turn, held against what was predicted, and kept in the history.
 *
 * What differs is one of: two commands (`before` and `after`); a variable's value (`environment`); two git revisions, each
 * checked out and built in a folder of its own (`revisions`). In the last two `before` is the command that both run.
 */
#ifndef TOLL_OPS_VERIFY_CHANGE_H
#define TOLL_OPS_VERIFY_CHANGE_H

#include "base/str.h"
#include "bench/bench.h"
#include "bench/bench_export.h"

#define VERIFY_VARIABLES_MAX 64u

struct verify_request {
    struct bench_options options;    /* how it is measured; its commands are filled in */
    struct bench_text before, after; /* without line and words: not given */
    const char *const *environment;  /* "NAME=old,new" or "NAME=new" */
    size_t environment_count;
    const char *revisions; /* "A..B"; NULL */
    const char *build;     /* for /bin/sh, in each revision's folder; NULL: nothing is built */
    const char *recording; /* whose verdict predicts the gain; NULL */
    const char *const *changes;
    size_t change_count;        /* what was changed; 0: what the finding proposes */
    uint64_t finding;           /* its number in the report; 0: the first */
    const char *predicted;      /* "1.8x"; NULL */
    const char *const *metrics; /* that decide: "wall", "cpu", "memory", "instructions"; none: wall */
    size_t metric_count;
    const char *name; /* of the series in the history; NULL: the commands */
    const char *const *tags;
    size_t tag_count;
    const char *store;   /* the history's file; NULL: the default one */
    bool no_store;       /* nothing is kept */
    bool preflight_only; /* nothing is run */
    bool json;
    struct bench_look look;
    /* Is told what is about to happen, and says whether it may. */
    bool (*may_go_on)(void *context, const char *preflight);
    /* What takes a while now; NULL: nobody wants to know. */
    void (*tell)(void *context, const char *what);
    void *context;
};

struct verify_answer {
    struct str text;    /* for stdout; the caller frees it */
    struct str warning; /* why it is not in the history; "" */
    bool was_declined;  /* nothing was run */
    int exit_status;    /* also when it failed: 130 for an interruption, else 0 */
};

/* `ret_answer` is always written. ERR_USAGE for what makes no sense together, ERR_ENVIRONMENT for a command or a build that
 * fails; nothing is left behind. */
WARN_UNUSED int ops_verify(const struct verify_request *request, struct verify_answer *ret_answer,
                           struct err *err);

#endif
