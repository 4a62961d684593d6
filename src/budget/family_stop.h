/* SPDX-License-Identifier: Apache-2.0 */
/* family_stop: all that a process started, from /proc, and the end of it. */
#ifndef TOLL_BUDGET_FAMILY_STOP_H
#define TOLL_BUDGET_FAMILY_STOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/vec.h"

struct process_list {
    VEC(pid_t) items;
};

/* Adds the process's children, theirs, and so on; not itself. Those that ended and were not waited for are left out. */
int family_list(pid_t root, struct process_list *ret_list);

/*
 * Ends the tree: all of it is stopped (SIGSTOP), so that nothing is used up or started any more, then told to end (SIGTERM), and what is
 * left after `grace_ns` is killed, until nothing is left or `limit_ns` is over. A process that lost its parent meanwhile is not lost. `with_root`: the root too. True: nothing is left.
 */
bool family_stop(pid_t root, bool with_root, uint64_t grace_ns, uint64_t limit_ns);

#endif
