/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spin: threads that use a CPU to wait.
 *
 * A *stretch* is running in which samples are in code that only looks (ATTR_SPIN, from the machine code) or
 * in a call that does not wait though it is made to wait (sched_yield, a spin lock, poll without time, a read of a
 * pipe or socket that has nothing), and else only in what those calls cost in libraries and the kernel, without blocking. What ended it is the deed of another
 * thread that worked during the stretch: the one that stopped, changed what it does, or ended nearest to its end.
 */
#ifndef TOLL_ANALYZE_SPIN_H
#define TOLL_ANALYZE_SPIN_H

#include "run/recorded_run.h"

struct spin {
    uint32_t actor;
    uint64_t start_ns, end_ns;
    uint64_t run_ns;   /* on a CPU meanwhile */
    uint32_t frame;    /* the program's own code that spins, RUN_NONE when it has no name */
    uint32_t waker;    /* actor, RUN_NONE when none was found */
    uint64_t event_ns; /* when its deed was done; end_ns without one */
};

struct spins {
    VEC(struct spin) items; /* by actor, then time */
};

/* The run's wakers must have been inferred. */
WARN_UNUSED int spins_find(const struct run *run, struct spins *ret_spins, struct err *err);
void spins_deinit(struct spins *spins);

/* The last stretch of an actor that begins before t, NULL. */
const struct spin *spin_before(const struct spins *spins, uint32_t actor, uint64_t t);

#endif
