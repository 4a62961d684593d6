/* SPDX-License-Identifier: Apache-2.0 */
/* spin_change: `set:function/NAME=block` applied to a program: who spins there sleeps until the deed it spins for. */
#ifndef TOLL_ANALYZE_SPIN_CHANGE_H
#define TOLL_ANALYZE_SPIN_CHANGE_H

#include "analyze/replay_program.h"
#include "analyze/spin.h"

/* ERR_USAGE when nothing spins in that function. */
WARN_UNUSED int spin_change_block(struct program *program, const struct spins *spins, const char *function,
                                  struct err *err);

#endif
