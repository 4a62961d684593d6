/* SPDX-License-Identifier: Apache-2.0 */
/* loop_change: a program in which the iterations of a loop run side by side. */
#ifndef TOLL_ANALYZE_LOOP_CHANGE_H
#define TOLL_ANALYZE_LOOP_CHANGE_H

#include "analyze/change_target.h"
#include "analyze/replay_program.h"

/* `workers:` of a stage, a process or a peer, applied to the program. */
WARN_UNUSED int loop_change_workers(struct program *program, const struct target *target, struct err *err);

#endif
