/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/check_file.h"

int ops_check(const char *path, struct check_result *ret_result, struct err *err)
{
    return check_recording(path, ret_result, err);
}
