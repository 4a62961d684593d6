/* SPDX-License-Identifier: Apache-2.0 */
/*
 * helper_threads: threads that a runtime has for itself (its compilers, collectors, timers and signals). The program neither
 * made them nor can give them work: that they are idle says nothing of it.
 *
 * Known by the names that runtimes give them, or by the function that they begin in. In Node.js also a thread
 * that did little, if no stack shows that the program made it (libuv's pool; any thread where stacks are missing).
 */
#ifndef TOLL_RUN_HELPER_THREADS_H
#define TOLL_RUN_HELPER_THREADS_H

#include "run/recorded_run.h"

/* Sets is_helper of the run's threads, which must have been settled and have their run_ns. */
void helper_threads_mark(struct run *run);

#endif
