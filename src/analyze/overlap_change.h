/* SPDX-License-Identifier: Apache-2.0 */
/*
 * overlap_change: `overlap:stage/NAME` and `overlap:process/NAME` applied to a program: a stage hands on what it makes in
 * parts, and the stage behind it begins with the first of them.
 *
 * Each occurrence and the next stage of the same item (the next span of its driver; of programs, the next one that the
 * driver starts) run side by side. Both are cut into so many parts of equal length, OVERLAP_PARTS when the change has no
 * value; part n of the second is not begun before part n of the first is done. What lies between the two comes before the
 * second one's first part.
 */
#ifndef TOLL_ANALYZE_OVERLAP_CHANGE_H
#define TOLL_ANALYZE_OVERLAP_CHANGE_H

#include "analyze/change_target.h"
#include "analyze/replay_program.h"

#define OVERLAP_PARTS 16

/* ERR_USAGE for a value below 2, and when no occurrence is followed by another stage (or all of it was changed already). */
WARN_UNUSED int overlap_change(struct program *program, const struct target *target, struct err *err);

/* Whether a stage of spans (index) is repeated and followed by another one each time. */
bool overlap_change_is_possible(const struct run *run, uint32_t stage);

#endif
