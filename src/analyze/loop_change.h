/* SPDX-License-Identifier: Apache-2.0 */
/* loop_change: a program in which the iterations of a loop run side by side. */
#ifndef TOLL_ANALYZE_LOOP_CHANGE_H
#define TOLL_ANALYZE_LOOP_CHANGE_H

#include "analyze/change_target.h"
#include "analyze/replay_program.h"

/* `workers:` of a stage, a process or a peer, applied to the program. */
WARN_UNUSED int loop_change_workers(struct program *program, const struct target *target, struct err *err);

/* `overlap:stage/NAME=ahead`, applied to the program when its loops are as they are to be: the stage, the first of each iteration,
 * works on the next item while what follows it is at work on this one. Each worker of the loop (one for each driver where no change
 * gave it more) becomes two: one of the stage, one of the rest, with room for one finished item between them. ERR_USAGE where
 * nothing follows it, or it is not the first. */
WARN_UNUSED int loop_change_ahead(struct program *program, const struct target *target, struct err *err);

/* Whether that can be replayed of a stage of spans (index). */
bool loop_change_can_be_ahead(const struct run *run, uint32_t stage);

/* How often the target occurs. Of two loops one of which is inside the other, the inner one, which occurs more often,
 * is to be changed first: the outer one's iterations then hold it as it is. */
size_t loop_change_count(const struct run *run, const struct target *target);

#endif
