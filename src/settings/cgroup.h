/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup: what a process's control group lets it have (Documentation/admin-guide/cgroup-v2.rst; of version 1 its cpu and
 * memory controllers). A group's limit is the least of its own and its parents'.
 */
#ifndef TOLL_SETTINGS_CGROUP_H
#define TOLL_SETTINGS_CGROUP_H

#include <stdint.h>

struct cgroup_limits {
    char path[512];                             /* the group's folder, "" when it has none that can be seen */
    double cores;                               /* of cpu.max; 0: no limit */
    double memory_bytes_max, memory_bytes_high; /* 0: no limit */
    double memory_bytes;                        /* in use; 0: not known */
    double throttled_ratio; /* of the periods in which it ran, those in which it was stopped for its quota */
    uint64_t throttled_ns;
    uint64_t memory_high_count, memory_max_count; /* how often it was slowed or had to reclaim at a limit */
};

/* pid 0: this process. Zero where nothing can be read. */
void cgroup_limits(uint64_t pid, struct cgroup_limits *ret_limits);

#endif
