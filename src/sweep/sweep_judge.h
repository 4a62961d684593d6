/* SPDX-License-Identifier: Apache-2.0 */
/* sweep_judge: from a sweep's runs to its best value, plateau, move and law; sweep.h says how. No clocks, no processes. */
#ifndef TOLL_SWEEP_SWEEP_JUDGE_H
#define TOLL_SWEEP_SWEEP_JUDGE_H

#include "sweep/sweep.h"

/* After the first rounds: the best of the values that do not fail into ret_best (SWEEP_NONE: all do), and is_dropped of those that are
 * clearly worse. Today's value stays. */
WARN_UNUSED int sweep_drop(struct sweep_result *result, size_t *ret_best, struct err *err);

/* The fewest rounds in which a rank test can tell the values that are left apart. */
size_t sweep_rounds_least(const struct sweep_result *result);

/* The best value over the rounds that all values left have had; SWEEP_NONE where there is none. */
WARN_UNUSED int sweep_best(const struct sweep_result *result, size_t *ret_best, struct err *err);

/* Fills everything that comes from runs: the values, the plateau, the move, the law that `law` asks for. */
WARN_UNUSED int sweep_judge(struct sweep_result *result, enum sweep_law law, struct err *err);

#endif
