/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_work: servers on this machine that the run talks to use the same cores. What they used while the run waited
 * for them becomes part of those waits, so that a replay which waits for more of them at once also gives them more
 * to do at once.
 */
#ifndef TOLL_ANALYZE_SERVER_WORK_H
#define TOLL_ANALYZE_SERVER_WORK_H

#include "analyze/replay_program.h"

/* Sets server_ns of the delays on local servers, and the program's background_cores. */
WARN_UNUSED int server_work_attach(struct program *program);

/* Cores used at outside point `index` by programs that are neither of the run nor its known servers. */
double server_work_others(const struct run *run, size_t index);

#endif
