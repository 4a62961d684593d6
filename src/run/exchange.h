/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exchange: what each process of a run exchanged with each peer, and what of a process was counted over time.
 *
 * A flow sums up the io rows of one process and one peer by name (the address of a socket: all connections to it, the
 * path of a file), and the process's waits for it. Where calls were not told apart by peer, a flow without a peer
 * holds all of the process's; where each call was timed, the kernel's counts are left out. The CPU time that calls took
 * is a share of the process's time in the kernel, and of the way in and out of it.
 */
#ifndef TOLL_RUN_EXCHANGE_H
#define TOLL_RUN_EXCHANGE_H

#include "run/recorded_run.h"

/* Points kept of one series: of more, every other one is left out, again and again. */
#define EXCHANGE_POINT_MAX 2048

/* Fills run->flows and run->series; the rest of the run is loaded. */
WARN_UNUSED int exchange_load(struct run *run, struct err *err);
void exchange_free(struct run *run);

/* The flow of a process (track index) with a peer of that name, NULL for all its peers together; NULL when none. */
const struct run_flow *exchange_flow(const struct run *run, uint32_t process, const char *peer);

/* Calls of a flow that read and write. */
uint64_t exchange_call_count(const struct run_flow *flow);

/* CPU time of the flow's calls; 0 when not known. */
uint64_t exchange_call_cpu_ns(const struct run *run, const struct run_flow *flow);

/* CPU time of a process; and what of it the kernel took, but for page faults. */
uint64_t exchange_cpu_ns(const struct run *run, uint32_t process);
uint64_t exchange_kernel_ns(const struct run *run, uint32_t process);

#endif
