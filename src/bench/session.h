/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session: a spawner, an environment and the signals taken, for as long as commands are measured; rounds of arms in it. bench_run is
 * one way to use it, a sweep another. One session at a time.
 */
#ifndef TOLL_BENCH_SESSION_H
#define TOLL_BENCH_SESSION_H

#include "bench/bench.h"
#include "bench/conditions.h"

struct session;

/* What was left out of the options filled in; ERR_USAGE for what makes no sense. */
WARN_UNUSED int session_options_fill(struct bench_options *options, struct err *err);

/* `options`, filled in, and `result` outlive the session. */
WARN_UNUSED int session_open(const struct bench_options *options, struct bench_result *result,
                             struct session **ret_session, struct err *err);
void session_close(struct session *session);

/* Runs the arms of these indexes once each: an even round in an order that is drawn, an odd one in the reverse of the one before, so
 * rounds of the same arms belong together in twos. Runs that count are pushed to their arms. With options.leave_out an arm that fails is skipped from
 * then on (arm->failure); without, a round counts only when all its arms ran. */
struct session_round {
    const size_t *arms;
    size_t count;
    size_t number;
    bool is_warmup;
};
WARN_UNUSED int session_round(struct session *session, const struct session_round *round, struct err *err);

/* What is run once for an arm: before its first run, or after its last. */
WARN_UNUSED int session_once(struct session *session, size_t arm, bool is_setup, struct err *err);

/* From here on the machine's other load, and what the arms use themselves, is counted; and what it was, into the result. */
void session_conditions_begin(struct session *session);
void session_conditions_end(struct session *session);

#endif
