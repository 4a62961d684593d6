/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch: the bpf rung. What eBPF programs tell (kernel/bpf.h) becomes tracks, slices, samples and waits, each wait with
 * its reason, other end, stacks and waker; nothing is inferred.
 *
 * A waker counts as exact when a thread woke another in its own name. An interrupt hits an innocent thread
 * (WAKER_INTERRUPT, no track), but for one case: what is sent to a neighbour over this machine's own network arrives
 * in an interrupt on the sender's back, so a wait for a local peer that ends while a thread is in a call that sends
 * is ended by that thread.
 */
#ifndef TOLL_RECORD_WATCH_H
#define TOLL_RECORD_WATCH_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "kernel/bpf.h"
#include "record/peers.h"
#include "record/tracks.h"
#include "record/waits.h"
#include "record/watch_io.h"
#include "record/watch_reason.h"
#include "runtime/python.h"
#include "stacks/stack_memo.h"
#include "stacks/stacks.h"

struct watch {
    struct emit *emit;
    struct tracks *tracks;
    struct waits *waits;
    struct peers *peers;
    struct resolve *resolve;
    struct bpf_source *source; /* NULL: not on this rung */
    struct stacks *stacks;
    struct python *python;
    struct stack_memo rows; /* of stacks of waits and wakers */
    struct watch_reason reasons;
    struct watch_io io;
    uint64_t main_pid;
    uint64_t main_end_ns; /* 0: it has not ended yet */
    uint64_t checkpoint_cursor;
};

/* After the pointers were set. `main_pid`: the command, which waits before its exec; 0 for none. */
WARN_UNUSED int watch_open(struct watch *watch, const struct bpf_source_options *options, uint64_t main_pid,
                           struct err *err);
/* A thread that ran before: on a CPU now, or in the call that /proc tells. */
void watch_join(struct watch *watch, struct task *task, bool is_running, uint64_t now_ns);
void watch_drain(struct watch *watch, bool flush);
/* Drains until the main command's end was told; it was reaped just now, so that takes a moment at most. */
void watch_drain_end(struct watch *watch);
/* Symbols for what came, for about that long. */
void watch_advance(struct watch *watch, uint64_t budget_ns);
/* Writes what has passed of long waits and slices that go on. */
void watch_checkpoint(struct watch *watch, uint64_t now_ns);
/* What is known of a thread up to its end, which the kernel has not told yet. */
void watch_task_end(struct watch *watch, struct task *task, uint64_t end_ns);
/* The command ended: what is known of threads that go on. */
void watch_leave(struct watch *watch, uint64_t end_ns);
/* The last rows, and the facts of the meta table that only this rung knows. */
void watch_finish(struct watch *watch);
uint64_t watch_lost_count(const struct watch *watch);
void watch_close(struct watch *watch);

#endif
