/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate_config: reads the file of budgets, toll.yaml (docs/gate.md has every key). What it does not know it refuses, with
 * the line and the key that may have been meant: a budget that is never checked is worse than none.
 */
#ifndef TOLL_GATE_GATE_CONFIG_H
#define TOLL_GATE_GATE_CONFIG_H

#include "base/err.h"
#include "gate/gate.h"

/* `baseline` takes the place of the revision, or the "history", that the file names for all gates; NULL: as the file says.
 * ERR_INPUT with the line for what makes no sense. */
WARN_UNUSED int gate_config_read(const char *path, const char *baseline, struct gate_config *ret_config,
                                 struct err *err);
WARN_UNUSED int gate_config_read_text(const char *text, size_t length, const char *path, const char *baseline,
                                      struct gate_config *ret_config, struct err *err);
void gate_config_free(struct gate_config *config);

#endif
