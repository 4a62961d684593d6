/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settle: what the loaded rows mean beside each other: the run's window, each track's process, waits in order and without
 * overlap, who spawned whom and when, who was awake to wake others, stacks that end, flows and stages.
 */
#ifndef TOLL_RUN_SETTLE_H
#define TOLL_RUN_SETTLE_H

#include "run/recorded_run.h"

/* Once, after load_rows, with its last_ns. ERR_INPUT when the run has no end or no thread. */
WARN_UNUSED int settle_run(struct run *run, uint64_t last_ns, struct err *err);
/* After load_sample_rows: tracks, what ran on them when, and their samples with whole stacks. */
WARN_UNUSED int settle_samples(struct run *run, uint64_t last_ns, struct err *err);

#endif
