/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core_load: how many of the run's threads wanted a core over time, how many had one, and what that says of the others
 * on the machine.
 */
#ifndef TOLL_ANALYZE_CORE_LOAD_H
#define TOLL_ANALYZE_CORE_LOAD_H

#include "run/recorded_run.h"

/* From a moment on, in parts of a thread (LOAD_UNIT of them are one): a row of several waits says only what share of its
 * time the thread was where. */
struct load_step {
    uint64_t time_ns;
    int32_t runnable; /* ran or queued */
    int32_t running;
};

#define LOAD_UNIT 1024

struct core_load {
    VEC(struct load_step) steps; /* by time */
    VEC(double) squeezed_ns;     /* by step: core_load_squeezed_ns up to it; empty where it is none */
    /* The largest number of the run's threads that were runnable for at least 5 % of the time that any was, at most one a core. */
    double usual_runnable;
    /* Threads of other programs that compete for the cores: so many as explain the queueing, weighed with the machine's counters. */
    double background_threads;
};

/* The run's actors that were there in its window. */
bool core_load_takes_part(const struct run *run, uint32_t actor);
/* ERR_MEMORY. Deinit it in any case. */
WARN_UNUSED int core_load_measure(const struct run *run, double core_count, struct core_load *load);
/* How many of the run's threads were runnable just after t. */
double core_load_runnable_at(const struct core_load *load, uint64_t t);
/* Of a thread's running in [from, to), what cannot have been: more threads seem to run than there are cores where a recorder
 * did not see who queued (short programs from outside, what was not waited for), and each had its share only.
 * `step` is where to look, 0 at first, then what the stretch before left there: stretches must come in order. */
double core_load_squeezed_ns(const struct core_load *load, uint64_t from, uint64_t to, size_t *step);
void core_load_deinit(struct core_load *load);

#endif
