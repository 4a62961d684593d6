/* SPDX-License-Identifier: Apache-2.0 */
/*
 * waits: intervals of waiting, joined with what a look at the thread saw, become wait rows.
 *
 * When a wait was seen (its reason and other end read from /proc while it lasted), that is its reason. A wait too
 * short to be seen takes the reason that the same thread's waits of about its length (same power of two) were
 * last seen to have, then of neighbouring lengths, then those of other threads of the same program; the share
 * told that way is counted. Looks come at random instants, so a reason is seen in proportion to the time it
 * takes, and in sum the inference is fair.
 *
 * Switches tell when a thread left a CPU and when it was back on one, not when it was woken in between. How long it
 * waited for a CPU in all is told by its run-queue counter, whenever a look reads it. So on the perf rung waits are
 * held back until the next reading, and the time on the queue that preemptions do not explain becomes the tails of the
 * blocked ones, shared evenly.
 *
 * Runs of equal short waits become one row (table.h), no longer than WAIT_RUN_NS, so that a path through
 * them can be split finely. Rows of a thread come in order of time and do not overlap.
 */
#ifndef TOLL_RECORD_WAITS_H
#define TOLL_RECORD_WAITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "base/vec.h"
#include "model/table.h"
#include "record/emit.h"

#define WAIT_RUN_NS      10000000ull /* the longest run of equal waits in one row */
#define WAIT_SHORT_NS    1000000ull  /* longer waits have a row of their own */
#define WAIT_CLASS_COUNT 48
#define WAIT_HELD_MAX    512

struct wait_reason_seen {
    uint64_t peer;
    enum wait_reason reason;
    bool known;
    uint64_t stack; /* the row of what it runs in Python; 0: not known */
};

struct wait_interval {
    uint64_t start_ns;
    uint64_t end_ns;
    uint64_t count;
    uint64_t blocked_ns; /* 0: it waited for a CPU only */
    uint64_t runnable_ns;
};

/* All there is to know of a wait, from a rung that sees its start, its end and who ended it. */
struct wait_told {
    struct wait_interval interval;
    enum wait_reason reason;
    uint64_t peer, stack;              /* ids of rows; 0: none */
    uint64_t waker_track, waker_stack; /* 0: outside the run, or not known */
    enum waker_source waker_source;
};

struct wait_held {
    struct wait_interval interval;
    struct wait_reason_seen seen;
};

/* Of one thread; inside struct task. */
struct wait_state {
    uint64_t track;
    uint64_t end_ns;     /* of the last row: the next begins no earlier */
    struct row_wait run; /* collected, not written yet; count 0: none */
    struct wait_reason_seen last;
    struct wait_reason_seen by_class[WAIT_CLASS_COUNT];
    VEC(struct wait_held) held; /* not written yet: the counter, or a first reason, is waited for */

    /* perf rung: the state that the last switch left */
    bool on_cpu;
    bool preempted;
    uint64_t since_ns;
    uint64_t cpu;
    struct wait_reason_seen seen; /* in this very wait */
    uint64_t seen_ns;
    uint64_t run_ns;        /* time on CPUs so far */
    struct row_slice slice; /* collected; end_ns 0: none */
    uint64_t queue_ns;      /* the run-queue counter up to the waits written */
    bool has_queue;         /* it was read, and nothing was written without it since */
};

struct waits {
    struct emit *emit;
    bool is_exact;       /* waits_queue will be called; the owner sets it */
    struct map by_image; /* hash of image and class → reason, peer */
    uint64_t seen_ns;    /* blocked time whose reason was seen, told from others, not told */
    uint64_t inferred_ns;
    uint64_t unknown_ns;
    uint64_t unseen_ns; /* blocked time of waits that ended before a look met them */
};

struct task;

void waits_init(struct waits *waits, struct emit *emit);
void waits_deinit(struct waits *waits);
void waits_init_task(struct wait_state *state, uint64_t track, uint64_t start_ns);
void waits_deinit_task(struct wait_state *state);

/* The thread waited; `seen` is what a look saw of this wait, NULL when none did. In order of time. */
void waits_add(struct waits *waits, struct task *task, const struct wait_interval *interval,
               const struct wait_reason_seen *seen);
/* The thread waited, told in full: nothing is held back or inferred. In order of time, also with waits_add. */
void waits_tell(struct waits *waits, struct task *task, const struct wait_told *told);
/* Writes what was collected; the thread ended, or the recording is about to. */
void waits_end(struct waits *waits, struct task *task, uint64_t time_ns);
/* Writes the part of a long wait that has passed, so that a recorder that is killed loses little of it. */
void waits_checkpoint(struct waits *waits, struct task *task, uint64_t time_ns);

/* Exact switches (perf rung). */
void waits_switch_in(struct waits *waits, struct task *task, uint64_t time_ns, uint64_t cpu);
void waits_switch_out(struct waits *waits, struct task *task, uint64_t time_ns, bool preempted);
/* The wait that the thread is in, up to this time. */
void waits_close(struct waits *waits, struct task *task, uint64_t time_ns);
/* The thread's run-queue counter, read now; writes what was held back for it. */
void waits_queue(struct waits *waits, struct task *task, uint64_t queue_ns);
/* A look at `time_ns` saw the thread blocked. */
void waits_observe(struct wait_state *state, uint64_t time_ns, const struct wait_reason_seen *seen);

#endif
