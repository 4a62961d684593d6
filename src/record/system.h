/* SPDX-License-Identifier: Apache-2.0 */
/*
 * system: the machine's metrics while the command ran, by the USE method (utilisation, saturation and errors of
 * each resource; B. Gregg): CPUs, memory, pressure stalls, disks, network interfaces, the cgroup's limits and throttling.
 * What a machine does not have has no series.
 *
 * Ten points a second at first. A run that has gone on for long has points enough, and each costs it something: the time
 * between them grows with its age, to SYSTEM_CPU_NS_MAX for CPUs and SYSTEM_REST_NS_MAX for all else.
 */
#ifndef TOLL_RECORD_SYSTEM_H
#define TOLL_RECORD_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/map.h"
#include "base/vec.h"
#include "record/emit.h"

#define SYSTEM_PERIOD_NS   100000000ull
#define SYSTEM_CPU_NS_MAX  500000000ull
#define SYSTEM_REST_NS_MAX 1000000000ull
#define SYSTEM_CPU_MAX     256 /* CPUs with series of their own */

struct system_cpu {
    uint64_t busy_ticks, steal_ticks;
    uint64_t busy_series, steal_series;
};

/* A metric by name: a level, or a counter of which the change per second is told. */
struct system_gauge {
    uint64_t series; /* 0: no point yet */
    uint64_t counter;
    uint64_t counter_ns; /* when it was read; 0: not yet */
    double value;        /* of the last point */
    uint64_t point_ns;
};

/* A file that is read again and again: opening costs more than reading. */
struct system_file {
    int fd;
    char path[320];
};

struct system {
    struct emit *emit;
    VEC(struct system_file) files;
    uint64_t start_ns;
    uint64_t last_ns;     /* of the CPUs */
    uint64_t rest_due_ns; /* of all else */
    struct intern names;  /* an id is 1 + index into gauges */
    VEC(struct system_gauge) gauges;
    char cgroup_cpu[256]; /* folders of toll's own cgroup; "" when there is none */
    char cgroup_memory[256];

    uint64_t tree_cpu_ns, self_cpu_ns; /* at last_ns */
    struct system_cpu total;
    struct system_cpu cpus[SYSTEM_CPU_MAX];
    uint64_t tree_series, outside_series;
};

void system_init(struct system *system, struct emit *emit, uint64_t start_ns);
void system_deinit(struct system *system);
/* One round of points, of all metrics when it `is_last`; `tree_cpu_ns`: the CPU time of all of the tree so far.
 * Returns when the next is due. */
uint64_t system_tick(struct system *system, uint64_t now_ns, uint64_t tree_cpu_ns, bool is_last);
/* Facts about the host into the meta table: name, kernel, CPUs the run may use. */
void system_host(struct emit *emit);

#endif
