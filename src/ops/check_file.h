/* SPDX-License-Identifier: Apache-2.0 */
/* check_file: is a recording whole, and does it keep its own rules? */
#ifndef TOLL_OPS_CHECK_FILE_H
#define TOLL_OPS_CHECK_FILE_H

#include "recording/integrity.h"

/* 0 also when there are problems: see ret_result->problem_count. -ERR_INPUT when it is no sealed recording. */
WARN_UNUSED int ops_check(const char *path, struct check_result *ret_result, struct err *err);

#endif
