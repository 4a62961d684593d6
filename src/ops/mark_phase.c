/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/mark_phase.h"

#include "toll.h"

int ops_mark(const char *name, pid_t pid, struct err *err)
{
    if (!name[0])
        return err_set(err, ERR_USAGE, "could not mark a phase: its name is empty");
    if (toll_active())
        toll_sdk_mark((unsigned)pid, name);
    return 0;
}
