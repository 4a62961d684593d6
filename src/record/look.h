/* SPDX-License-Identifier: Apache-2.0 */
/*
 * look: one thread's state as /proc tells it, at 0.7 us (schedstat) and 1.7 us (syscall) a read because the
 * descriptors are kept open. When descriptors run out, they are opened for each read.
 */
#ifndef TOLL_RECORD_LOOK_H
#define TOLL_RECORD_LOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "record/ledger.h"
#include "record/reason.h"

#define LOOK_DESCRIPTOR_MAX 800 /* descriptors above are closed again after each read */

struct look {
    int schedstat_fd;
    int syscall_fd;
    uint64_t sleep_count; /* at the last look_has_slept */
    char name[16];        /* that the thread gave itself; "" when it has its program's */
    uint64_t name_age_ns; /* where nothing tells of names: how old it was when asked for its own last */
};

enum look_state {
    LOOK_GONE = 1, /* reaped, or a zombie */
    LOOK_RUNNING,  /* or on a run queue */
    LOOK_BLOCKED,
    LOOK_REFUSED /* it is there, but the kernel does not let us see its call */
};

void look_init(struct look *look);
void look_close(struct look *look);

/* Fills the counters and the time of a look. LOOK_RUNNING says only that it is there (a zombie may be). */
enum look_state look_schedstat(struct look *look, uint64_t pid, uint64_t tid, struct ledger_look *ret_look);
/* Whether the thread gave its CPU away by itself since it was asked last, or since it began. */
bool look_has_slept(struct look *look, uint64_t pid, uint64_t tid);
/* Whether a thread whose call is refused is blocked: its state is everyone's to see. */
bool look_is_blocked(uint64_t pid, uint64_t tid);
/* The call that it is blocked in; only with LOOK_BLOCKED is ret_call written. */
enum look_state look_call(struct look *look, uint64_t pid, uint64_t tid, struct reason_call *ret_call);

#endif
