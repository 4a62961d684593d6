/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger: what a thread did between two looks at /proc/PID/task/TID/schedstat. Pure.
 *
 * The kernel counts a thread's CPU time, its time on a run queue and how often it was put on a CPU. Between two
 * looks the differences of the first two are exact, and what is left of the wall time it was blocked; only
 * *where* the pieces lie is not known better than the looks. The ledger places them: the wait that a look saw
 * goes on at least until the last look that saw no new turn on a CPU; several turns between two looks become one
 * row of equal waits; a run queue's delay is the tail of a wait.
 *
 * The CPU counter of a thread that is running is up to one tick late, the queue's counter is late by the whole stay
 * of a thread that is on a queue now. So a look that finds it running settles nothing by itself (running is what
 * a track does where no wait is written); only when it had turns for LEDGER_WINDOW_NS without being seen blocked
 * the window is settled. Where it never gave its CPU away in the window, what its counters do not explain passes for
 * running: that CPU time is given on credit and taken back from the next window, at whose end it is seen blocked. Where
 * it did (the kernel counts voluntary switches), it was blocked: short waits on a busy machine are met by few looks.
 *
 * Source of the counters: Documentation/scheduler/sched-stats.rst of the Linux kernel.
 */
#ifndef TOLL_RECORD_LEDGER_H
#define TOLL_RECORD_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEDGER_WINDOW_NS 20000000ull

struct ledger_look {
    uint64_t time_ns;
    uint64_t cpu_ns;
    uint64_t queue_ns;
    uint64_t turn_count; /* how often it was put on a CPU */
    bool blocked;        /* else running or on a run queue */
    bool ended;          /* blocked for good, and only just now */
    bool has_slept;      /* not blocked now, but it was since the last look that was settled */
};

struct ledger {
    uint64_t open_ns; /* blocked: when this wait began; else: everything before is settled */
    uint64_t seen_ns; /* blocked: the last look at the same wait */
    uint64_t cpu_ns;  /* settled */
    uint64_t queue_ns;
    uint64_t turn_count;
    bool blocked;
    bool fresh; /* never seen yet: it starts on a run queue */
};

enum ledger_side {
    LEDGER_BEFORE = 1, /* the wait that the look before saw */
    LEDGER_BETWEEN     /* waits that no look saw */
};

struct ledger_piece {
    enum ledger_side side;
    uint64_t start_ns;
    uint64_t end_ns;
    uint64_t count;
    uint64_t blocked_ns; /* 0: it only waited for a CPU */
    uint64_t runnable_ns;
};

#define LEDGER_PIECE_MAX 2

/* A thread that starts at look->time_ns with these counters. */
void ledger_start(struct ledger *ledger, const struct ledger_look *look);

/* Whether the call that the thread is blocked in must be asked for: false while it is in the wait seen before. */
bool ledger_changed(const struct ledger *ledger, const struct ledger_look *look);

/* Whether a look that found it running settles a window, so that has_slept matters. */
bool ledger_is_due(const struct ledger *ledger, const struct ledger_look *look);

/* Settles up to this look; returns the number of pieces, in order and without overlap. When the look is blocked,
 * its wait began at ledger->open_ns and comes out as LEDGER_BEFORE of a later look.
 * A thread's end is a blocked look: it ended at ledger->open_ns. */
size_t ledger_settle(struct ledger *ledger, const struct ledger_look *look, struct ledger_piece *ret_pieces);

#endif
