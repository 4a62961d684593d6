/* SPDX-License-Identifier: Apache-2.0 */
/* process_tree: a process and all its descendants, as /proc shows them. */
#ifndef TOLL_BENCH_PROCESS_TREE_H
#define TOLL_BENCH_PROCESS_TREE_H

#include <stdint.h>
#include <sys/types.h>

/* More processes than this are left out. */
#define TREE_PROCESSES_MAX 4096u

/* What all of them hold now, in bytes, shared pages divided among those that share them (Pss of /proc/PID/smaps_rollup; where that
 * cannot be read, the resident size). What /proc does not show counts as 0. */
uint64_t process_tree_bytes(pid_t root);

/* Sends a signal to the descendants, not to the process itself. What is started meanwhile may be missed. */
void process_tree_signal(pid_t root, int number);

#endif
