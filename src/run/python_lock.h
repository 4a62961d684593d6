/* SPDX-License-Identifier: Apache-2.0 */
/*
 * python_lock: Python's locks in a recorded run. CPython makes its locks of semaphores, or of places to park at, which
 * from outside look like conditions; and who gets one then waits for the interpreter's own lock (GIL) besides.
 */
#ifndef TOLL_RUN_PYTHON_LOCK_H
#define TOLL_RUN_PYTHON_LOCK_H

#include "run/recorded_run.h"

/* Names what threads wait for in code of the program's own as a lock, where those who end the waits wait for it too, at
 * other times. Where nobody knows who ended a wait (perf, proc): where they do not wait all at once, as one must have it. Waits in the standard library (Condition, Queue, join) stay conditions. */
WARN_UNUSED int python_lock_name(struct run *run, struct err *err);

/* Whether `wait` goes on with `before`, of one track: for the GIL, which the one who gave up the lock still had. The GIL
 * must not be the longer part. */
bool python_lock_goes_on(const struct run *run, const struct run_wait *before, const struct run_wait *wait);

#endif
