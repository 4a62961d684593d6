/* SPDX-License-Identifier: Apache-2.0 */
/*
 * counters: what the CPU counted while the children of a process ran, from their exec on, each child's own children included
 * (perf_event_open(2)). The process itself is not counted: its counters stay off, the children inherit them and theirs
 * switch on at exec; a child's counts are added to its parent's when it ends.
 *
 * A machine without the hardware, or a kernel that refuses, has none: then all read 0. Kernel code is left out, so that
 * perf_event_paranoid 2 is enough and instructions repeat better.
 */
#ifndef TOLL_BENCH_COUNTERS_H
#define TOLL_BENCH_COUNTERS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { COUNTER_INSTRUCTIONS, COUNTER_CYCLES, COUNTER_BRANCH_MISSES, COUNTER_CACHE_MISSES, COUNTER_COUNT };

struct counters {
    int fds[COUNTER_COUNT]; /* -1: not to be had */
};

/* The kernel's name of an event: PERF_TYPE_… and PERF_COUNT_…. */
struct counter_event {
    uint32_t type;
    uint64_t config;
};

/* `events` of COUNTER_COUNT; NULL: those that the names above say. */
void counters_open(struct counters *counters, pid_t pid, const struct counter_event *events);
void counters_close(struct counters *counters);

struct counter_reading {
    uint64_t values[COUNTER_COUNT];
    uint64_t enabled_ns[COUNTER_COUNT], running_ns[COUNTER_COUNT];
};
struct counter_reading counters_read(const struct counters *counters);

/* What was counted between two readings, scaled up where the CPU had to share its counters out; 0: nothing. */
uint64_t counters_between(const struct counter_reading *before, const struct counter_reading *after,
                          int counter);

#endif
