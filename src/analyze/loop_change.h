/* SPDX-License-Identifier: Apache-2.0 */
/* loop_change: a program in which the iterations of a loop run side by side. */
#ifndef TOLL_ANALYZE_LOOP_CHANGE_H
#define TOLL_ANALYZE_LOOP_CHANGE_H

#include "analyze/change_target.h"
#include "analyze/replay_program.h"

/* `workers:` of a stage, a process or a peer, applied to the program. */
WARN_UNUSED int loop_change_workers(struct program *program, const struct target *target, struct err *err);

/* How often the target occurs. Of two loops one of which is inside the other, the inner one, which occurs more often,
 * is to be changed first: the outer one's iterations then hold it as it is. */
size_t loop_change_count(const struct run *run, const struct target *target);

#endif
