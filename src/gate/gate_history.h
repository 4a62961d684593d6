/* SPDX-License-Identifier: Apache-2.0 */
/* gate_history: a check's earlier results on machines of this kind, and adding the new ones. */
#ifndef TOLL_GATE_GATE_HISTORY_H
#define TOLL_GATE_GATE_HISTORY_H

#include "base/err.h"
#include "gate/gate.h"
#include "store/history.h"

/* The newest values, oldest first, for the caller to free: results of kind gate that did not fail and were not noisy, from the
 * last change of level on (stats/changepoint.h). None is no
 * error: count 0, and NULL. */
WARN_UNUSED int gate_history_values(struct history *history, const struct gate_config *config,
                                    const struct gate_check *check, const char *machine, double **ret_values,
                                    size_t *ret_count, struct err *err);

/* All checks that were judged; a check that stands with two limits of one metric counts once. */
WARN_UNUSED int gate_history_add(struct history *history, const struct gate_result *result, struct err *err);

#endif
