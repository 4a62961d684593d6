/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trips: exchanges of a process with a peer in round trips, a question and the wait for its answer, one after another.
 *
 * How many there were is the smaller one of messages sent and received, where the recorder knows both; over a socket
 * of this machine whose messages nobody counts, waits too short for a stream.
 */
#ifndef TOLL_ANALYZE_TRIPS_H
#define TOLL_ANALYZE_TRIPS_H

#include "run/recorded_run.h"

struct trips {
    const struct run_flow *flow;
    uint64_t count;
    uint64_t sent_bytes, received_bytes; /* 0 when not counted */
    bool is_counted;                     /* messages were; else `count` is waits */
    bool is_sending;                     /* more bytes went out than came back */
    bool keeps_connection;               /* several trips on a connection */
    uint64_t call_cpu_ns;
};

/* Whether a process with this connection asks and the other end answers. */
bool trips_is_asking(const struct run_peer *peer);

/* False when the flow is none of questions and answers, or the peer asks and the process answers. */
bool trips_of(const struct run *run, const struct run_flow *flow, struct trips *ret_trips);

#endif
