/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory_group: a control group of the kernel (cgroup v2, or v1's memory controller) with a limit on the memory of all that runs in it, where this process
 * may make one; it also names all of them, wherever they went, when they must end. Where it may not (no root, no delegation, the
 * group's controllers are not handed on) there is none, and all calls do nothing.
 */
#ifndef TOLL_INVESTIGATE_MEMORY_GROUP_H
#define TOLL_INVESTIGATE_MEMORY_GROUP_H

#include <stdbool.h>
#include <stdint.h>

struct memory_group {
    char folder[512]; /* "": there is none */
    int join_fd;      /* a process that writes "0" into it is in the group */
    bool is_v1;
};

/* `number` tells the groups of one process apart. */
void memory_group_open(struct memory_group *group, unsigned number, uint64_t limit_bytes);
/* In the process that is to be in it. */
void memory_group_join(const struct memory_group *group);
/* Whether the kernel has killed a process of it because it used too much. */
bool memory_group_ran_out(const struct memory_group *group);
/* The most it ever held, 0 where that is not told. */
uint64_t memory_group_peak_bytes(const struct memory_group *group);
/* Kills all in it. */
void memory_group_kill(const struct memory_group *group);
/* Takes it away, once all in it have ended. */
void memory_group_close(struct memory_group *group);

#endif
