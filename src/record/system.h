/* SPDX-License-Identifier: Apache-2.0 */
/*
 * system: the machine's metrics while the command ran, by the USE method (utilisation, saturation and errors of
 * each resource; B. Gregg), about ten points a second: CPUs, memory, pressure stalls, disks, network interfaces, the
 * cgroup's limits and throttling. What a machine does not have has no series.
 */
#ifndef TOLL_RECORD_SYSTEM_H
#define TOLL_RECORD_SYSTEM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "record/emit.h"

#define SYSTEM_PERIOD_NS 100000000ull
#define SYSTEM_CPU_MAX   256 /* CPUs with series of their own */

struct system_cpu {
    uint64_t busy_ticks, steal_ticks;
    uint64_t busy_series, steal_series;
};

struct system {
    struct emit *emit;
    uint64_t last_ns;
    uint64_t tree_cpu_ns, self_cpu_ns; /* at last_ns */
    struct system_cpu total;
    struct system_cpu cpus[SYSTEM_CPU_MAX];
    uint64_t tree_series, outside_series;
};

void system_init(struct system *system, struct emit *emit);
/* One round of points; `tree_cpu_ns`: the CPU time of all of the tree so far. */
void system_tick(struct system *system, uint64_t now_ns, uint64_t tree_cpu_ns);
/* Facts about the host into the meta table: name, kernel, CPUs the run may use. */
void system_host(struct emit *emit);

#endif
