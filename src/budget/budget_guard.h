/* SPDX-License-Identifier: Apache-2.0 */
/*
 * budget_guard: a thread that looks at what is used up some fifty times a second, and stops a tree of processes when a limit is
 * passed.
 *
 *     struct budget_guard *guard = NULL;
 *     int status = budget_guard_start(&options, &guard, err);
 *     … run the command …
 *     budget_guard_finish(guard, &state);       -- a last look at what was written
 *     budget_guard_destroy(guard);
 *
 * The thread takes no signals and waits for no children.
 */
#ifndef TOLL_BUDGET_BUDGET_GUARD_H
#define TOLL_BUDGET_BUDGET_GUARD_H

#include "budget/budget_limits.h"
#include "budget/spend_watch.h"
#include "model/view.h"

enum budget_kind { BUDGET_NONE, BUDGET_TOKENS, BUDGET_COST, BUDGET_TIME };

struct budget_guard_options {
    struct budget_limits limits;
    struct price_book_options prices;
    struct spend_watch_options watch; /* book and since_ns are set by the guard; since_ns 0: from now on */
    pid_t root;                       /* whose tree is stopped; 0: nobody's */
    bool with_root;                   /* the root as well */
};

struct budget_state {
    struct budget_limits limits;
    struct spend_total spent;
    uint64_t elapsed_ns;       /* of the watch; 0 in a text: it is left out */
    enum budget_kind exceeded; /* the first limit that was passed */
    enum budget_kind near;     /* one that is used up by BUDGET_WARN_RATIO */
    bool is_stopped;           /* the tree: nothing of it is left */
    uint64_t stop_ns;          /* how long that took */
};

struct budget_guard;

const char *budget_kind_name(enum budget_kind kind);
/* What is spent against the limits: sets `exceeded` and `near`. */
void budget_state_judge(struct budget_state *state);

WARN_UNUSED int budget_guard_start(const struct budget_guard_options *options,
                                   struct budget_guard **ret_guard, struct err *err);
struct budget_state budget_guard_now(struct budget_guard *guard);
/* Ends the thread after a last look. */
void budget_guard_finish(struct budget_guard *guard, struct budget_state *ret_state);
void budget_guard_destroy(struct budget_guard *guard);

/* A sink that hands all on to another one and counts the tokens and dollars of its usage rows (spans of the SDK). It lives as long as the
 * guard. */
struct sink *budget_guard_sink(struct budget_guard *guard, struct sink *sink);

#endif
