/* SPDX-License-Identifier: Apache-2.0 */
/* mark_phase: a shell's phases. */
#ifndef TOLL_OPS_MARK_PHASE_H
#define TOLL_OPS_MARK_PHASE_H

#include <sys/types.h>

#include "base/err.h"

/* From now until its next mark or its end, the process is in the phase of that name: a span of its first thread. Without
 * a recorder nothing happens. ERR_USAGE when the name is empty. */
WARN_UNUSED int ops_mark(const char *name, pid_t pid, struct err *err);

#endif
