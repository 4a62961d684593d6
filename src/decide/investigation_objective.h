/* SPDX-License-Identifier: Apache-2.0 */
/* investigation_objective: what a run was to reach and what it reached, in the unit in which people speak of it. */
#ifndef TOLL_DECIDE_INVESTIGATION_OBJECTIVE_H
#define TOLL_DECIDE_INVESTIGATION_OBJECTIVE_H

#include "investigate/investigation.h"
#include "pipeline/pipeline_file.h"

/* `file` NULL: nothing was wanted; what was measured is told all the same. `unit_count` 0: what the recording's stages report.
 * Texts are the file's. */
void investigation_objective_fill(const struct pipeline_file *file, const struct verdict *verdict,
                                  double unit_count, struct objective *ret_objective);

#endif
