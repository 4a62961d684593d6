/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control_group: where a process's control group lies in /sys/fs/cgroup, of version 1 and 2, and the CPU time it may use.
 * Within a container the path in /proc may be one of the host: its own group is then at the top.
 */
#ifndef TOLL_KERNEL_CONTROL_GROUP_H
#define TOLL_KERNEL_CONTROL_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cgroup_of {
    const char *root; /* before /proc and /sys; "" but in tests */
    uint64_t pid;     /* 0: toll itself */
};

/* The folder of one controller ("cpu", "memory", "pids") and the version that it has. */
bool cgroup_folder(const struct cgroup_of *of, const char *controller, char *ret_folder, size_t capacity,
                   int *ret_version);
/* Cuts a folder down to the one above it, which limits it as well; false at the top. */
bool cgroup_up(const struct cgroup_of *of, char *folder);
/* Cores that the tightest of its groups may use; 0: no limit. */
double cgroup_cpu_quota(const struct cgroup_of *of);

#endif
