/* SPDX-License-Identifier: Apache-2.0 */
/* recover_file: whether a recording is whole, and a sealed copy of one that was cut short or damaged. */
#ifndef TOLL_OPS_RECOVER_FILE_H
#define TOLL_OPS_RECOVER_FILE_H

#include "base/str.h"
#include "recording/integrity.h"
#include "recording/salvage.h"

/* Does it keep its own rules? 0 also when there are problems: see ret_result->problem_count. -ERR_INPUT when it is no sealed
 * recording. */
WARN_UNUSED int ops_check(const char *path, struct check_result *ret_result, struct err *err);

struct ops_recovered {
    struct str path; /* of the copy; the caller frees it */
    struct recover_result result;
};

/* Writes to `output`, or, when that is NULL, beside the file: a.toll becomes a.recovered.toll. `output` may be the
 * file itself; another file is never replaced. */
WARN_UNUSED int ops_recover(const char *path, const char *output, struct ops_recovered *ret_recovered,
                            struct err *err);

#endif
