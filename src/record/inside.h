/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inside: the preload rung. What libtoll_preload tells from inside the programs (rings/call_drain.h) becomes tracks, exact
 * waits with their wakers, samples with stacks and calls counted by peer.
 *
 * A thread whose calls are told is no longer asked for its counters by the ledger; its waits are what it tells. Between
 * two of them its CPU clock says how much it ran: what is missing it spent on a run queue, or blocked where no hook is
 * (a page fault, a system call of its own); a look at /proc during that time tells which. Programs without
 * the library (static, of another user) are told by looks at /proc alone, as on the proc rung.
 */
#ifndef TOLL_RECORD_INSIDE_H
#define TOLL_RECORD_INSIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/map.h"
#include "base/vec.h"
#include "record/observe.h"
#include "record/reason.h"
#include "rings/call_drain.h"
#include "stacks/stacks.h"

#define INSIDE_PEER_COUNT_MAX 65536

struct inside {
    struct emit *emit;
    struct tracks *tracks;
    struct waits *waits;
    struct peers *peers;
    struct observe *observe;
    struct call_drain *drain; /* NULL: not on this rung */
    struct stacks *stacks;
    struct map_recent stack_ids; /* hash of pid and the program's id → id of the stack row */
    struct map_recent wait_ids;  /* the same, of those that waits had: samples do not crowd them out */
    struct map peer_ids;         /* hash of a descriptor → index in descriptors + 1 */
    VEC(struct reason_fd) descriptors;
    uint64_t due_ns;
    uint64_t recording_ns;       /* CPU time that the library used inside the programs, by samples */
    uint64_t unseen_child_count; /* children that were waited for and that nobody saw */
};

#define INSIDE_LIBRARY "libtoll_preload.so"
#define HEAP_LIBRARY   "libtoll_heap.so"
/* Where a library lies: beside toll or where it was installed. False, and "", when it is nowhere. */
bool inside_library(const char *name, char *ret_path, size_t capacity);

/* After the pointers were set. `folder` is the session's. */
WARN_UNUSED int inside_open(struct inside *inside, const char *folder, uint64_t sample_ns, struct err *err);
/* Reads what there is. */
void inside_poll(struct inside *inside);
/* A thread is about to be closed: what it told, and the call it was in. */
void inside_settle(struct inside *inside, struct task *task, uint64_t end_ns);
void inside_advance(struct inside *inside, uint64_t budget_ns);
/* The last rows, and the facts of the meta table that only this rung knows. */
void inside_finish(struct inside *inside);
/* The most processes that may have come and gone unseen, where looks at /proc say `looked_count`: those with the library
 * tell of themselves, so that only others can be missed. */
uint64_t inside_missed_count(const struct inside *inside, uint64_t looked_count);
uint64_t inside_lost_count(const struct inside *inside);
void inside_close(struct inside *inside);

#endif
