/* SPDX-License-Identifier: Apache-2.0 */
/*
 * critical_path: what the run was really doing, from its end back to its start.
 *
 * The walk stands at one actor at each instant. While the actor runs, queues for a CPU or waits for something
 * outside, that is the instant's *doing*. When it waits for a recorded actor, the walk goes on at that one and
 * the wait is kept as *via*, an overlay on the same instants. The steps are a partition of the run's window:
 * they add up to wall time exactly.
 *
 * The idea is the critical path of program activity graphs (Yang and Miller, "Critical path analysis for the
 * execution of parallel and distributed programs", ICDCS 1988), extended to waits for the outside.
 */
#ifndef TOLL_ANALYZE_CRITICAL_PATH_H
#define TOLL_ANALYZE_CRITICAL_PATH_H

#include "analyze/spin.h"
#include "model/finding.h"
#include "run/recorded_run.h"

struct path_step {
    uint64_t start_ns, end_ns;
    uint32_t actor;  /* RUN_NONE: before the first actor */
    uint32_t peer;   /* index, RUN_NONE */
    uint32_t holder; /* doing cpu_queue: the actor that held the CPU, RUN_NONE when none of the tree's */
    int doing;
};

struct path_via {
    uint64_t start_ns, end_ns;
    uint32_t actor; /* who waited */
    uint32_t waker; /* for whom */
    uint32_t peer;
    uint32_t waker_stack; /* where the wait was ended, RUN_NONE when not recorded */
    uint8_t reason;
};

struct path {
    VEC(struct path_step) steps; /* in time order, without gap */
    VEC(struct path_via) vias;   /* in no order; may overlap */
};

/* The run's wakers must have been inferred. Where a thread spins for another's deed, the walk goes on at that one, as
 * from a wait for an event. */
WARN_UNUSED int path_walk_spins(const struct run *run, const struct spins *spins, struct path *ret_path,
                                struct err *err);
/* Spinning is running. */
WARN_UNUSED int path_walk(const struct run *run, struct path *ret_path, struct err *err);
void path_deinit(struct path *path);

/* The time of all vias of one reason and place counts once: sorts the vias and makes them disjoint per key
 * (reason, peer or, without a peer, waker's process). */
void path_merge_vias(const struct run *run, struct path *path);

#endif
