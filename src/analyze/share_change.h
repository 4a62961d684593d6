/* SPDX-License-Identifier: Apache-2.0 */
/* share_change: `set:process/NAME=even` and `=median`, and `workers` of a pool of threads, applied to a program. */
#ifndef TOLL_ANALYZE_SHARE_CHANGE_H
#define TOLL_ANALYZE_SHARE_CHANGE_H

#include "analyze/change_target.h"
#include "analyze/replay_program.h"
#include "analyze/siblings.h"

/* even: siblings share their work evenly; median: none takes longer than is usual among the others. ERR_USAGE for
 * another value, and when nothing of that name was done side by side. */
WARN_UNUSED int share_change_set(struct program *program, const struct siblings *siblings,
                                 const struct target *target, struct err *err);

/* More threads for the work of a pool that is hardly ever idle; true when the target is such. */
bool share_change_pool(struct program *program, const struct siblings *siblings, const struct target *target);

#endif
