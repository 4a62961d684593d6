/* SPDX-License-Identifier: Apache-2.0 */
/*
 * infer: who ended a wait, where the recorder could not see it.
 *
 * Uses what a run leaves behind: a child that exits as the wait for it ends, the process at the other end of a
 * pipe or a socket, the thread that used the same lock and did not wait for it, a declared dependency, and for a
 * series of equal sleeps the track that finished its work during the last one (polling). A wait that none of
 * them explains stays external.
 */
#ifndef TOLL_ANALYZE_INFER_H
#define TOLL_ANALYZE_INFER_H

#include "run/recorded_run.h"

/* Sets waker, event_ns, waker_source (WAKER_INFERRED) and poll_series of the run's waits. */
WARN_UNUSED int infer_wakers(struct run *run, struct err *err);

/* The thread that ended its process: the main thread when it was awake, else the one that had been awake for longest, of those
 * that outlived all work. All others are killed with it, which wakes up those that sleep; on a busy machine they die late, and the last of
 * them frees the memory: neither is work. RUN_NONE when there are none. */
uint32_t infer_ender(const struct run *run, uint32_t process);

#endif
