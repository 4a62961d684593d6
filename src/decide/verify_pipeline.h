/* SPDX-License-Identifier: Apache-2.0 */
/* verify_pipeline: `toll verify` of what a pipeline file runs, so that nobody has to repeat its command. */
#ifndef TOLL_DECIDE_VERIFY_PIPELINE_H
#define TOLL_DECIDE_VERIFY_PIPELINE_H

#include "ops/verify_change.h"

/* Whether an operand names a pipeline file: it ends in .yaml or .yml, and is there. */
bool verify_is_pipeline(const char *operand);

/* ops_verify with the file's command, variables and folder as `before`. For revisions the file must lie in the current folder: each
 * checkout is run in the folder of the same place. */
WARN_UNUSED int decide_verify(const struct verify_request *request, const char *pipeline,
                              struct verify_answer *ret_answer, struct err *err);

#endif
