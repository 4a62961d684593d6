/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call_change: fewer calls for the same work, applied to a program.
 *
 * batch    of a peer or a process: what its calls wait for, and the CPU time that they take (exchange.h), happens once
 *          for N of them; of those that await a recorded actor every Nth stays. Never fewer than one call. A server still does a tenth of its
 *          work for each item.
 * cached   of a peer, `cached:peer/NAME=connection`: connections to it are kept. Three of the five calls of a request on
 *          a connection of its own are taken to be for the connection (socket, connect and close, beside send and
 *          receive), and half of what it waits for, or what connecting took of it where that is more.
 */
#ifndef TOLL_ANALYZE_CALL_CHANGE_H
#define TOLL_ANALYZE_CALL_CHANGE_H

#include "analyze/change_target.h"
#include "analyze/replay_program.h"

/* ERR_USAGE when nothing in the run calls or waits for the target. */
WARN_UNUSED int call_change_batch(struct program *program, const struct target *target, struct err *err);
WARN_UNUSED int call_change_cached(struct program *program, const struct target *target, struct err *err);

#endif
