/* SPDX-License-Identifier: Apache-2.0 */
/* conditions: what the machine's CPUs did between two looks at /proc/stat. */
#ifndef TOLL_BENCH_CONDITIONS_H
#define TOLL_BENCH_CONDITIONS_H

#include <stdint.h>

struct conditions {
    uint64_t busy, idle, steal; /* in clock ticks, all CPUs together */
    uint64_t time_ns;           /* CLOCK_MONOTONIC */
};

/* All 0 where /proc/stat cannot be read. */
struct conditions conditions_now(void);

/* Of all CPU time between the two: taken by other guests of the same host. */
double conditions_steal_ratio(const struct conditions *before, const struct conditions *after);

/* CPUs kept busy on average by others than those who used `own_cpu_ns` of them; at least 0. */
double conditions_outside_cores(const struct conditions *before, const struct conditions *after,
                                uint64_t own_cpu_ns);

#endif
