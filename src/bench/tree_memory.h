/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree_memory: what a process and all its descendants hold now, in bytes, shared pages divided among those that share them
 * (Pss of /proc/PID/smaps_rollup; where that cannot be read, the resident size). What /proc does not show counts as 0.
 */
#ifndef TOLL_BENCH_TREE_MEMORY_H
#define TOLL_BENCH_TREE_MEMORY_H

#include <stdint.h>
#include <sys/types.h>

/* More processes than this are left out. */
#define TREE_PROCESSES_MAX 4096u

uint64_t tree_memory_bytes(pid_t root);

#endif
