/* SPDX-License-Identifier: Apache-2.0 */
#include "analyze/trips.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "run/exchange.h"

/* Larger pieces are no chat but data. */
#define TRIP_BYTES_MAX 8192
/* Waits longer than this, of a flow whose messages were not counted, may be for parts of one answer. */
#define UNCOUNTED_WAIT_NS_MAX 200000
/* Ports from here on are given to clients, unless someone asks for one (RFC 6335: 49152; Linux begins here). */
#define PORT_EPHEMERAL 32768
/* Of the messages in both directions, the rarer must be at least one for so many of the others. */
#define UNEVEN_MAX 3

static uint64_t port_of(const char *address)
{
    const char *colon = strrchr(address, ':');
    return colon ? strtoull(colon + 1, NULL, 10) : 0;
}

/* Who listens has a port that many know; where both look alike, a known server at the other end tells. */
bool trips_is_asking(const struct run_peer *peer)
{
    uint64_t remote = port_of(peer->address), local = port_of(peer->path);
    if (peer->server || !remote || remote < PORT_EPHEMERAL)
        return true;
    return !local || local >= PORT_EPHEMERAL;
}

static bool is_local_socket(const struct run_peer *peer)
{
    return peer->address[0] == '/' || peer->address[0] == '@';
}

bool trips_of(const struct run *run, const struct run_flow *flow, struct trips *ret_trips)
{
    if (flow->peer == RUN_NONE || run->peers.items[flow->peer].kind != PEER_SOCKET)
        return false;
    const struct run_peer *peer = &run->peers.items[flow->peer];
    uint64_t sent = flow->count[IO_WRITE], received = flow->count[IO_READ];
    struct trips trips = {.flow = flow,
                          .count = num_min(sent, received),
                          .sent_bytes = flow->bytes[IO_WRITE],
                          .received_bytes = flow->bytes[IO_READ],
                          .is_counted = sent && received,
                          .is_sending = flow->bytes[IO_WRITE] > flow->bytes[IO_READ],
                          .call_cpu_ns = exchange_call_cpu_ns(run, flow)};
    if (sent || received) {
        if (num_max(sent, received) > trips.count * UNEVEN_MAX ||
            trips.sent_bytes + trips.received_bytes > trips.count * TRIP_BYTES_MAX)
            return false;
    } else {
        trips.count = flow->wait_count;
        if (!is_local_socket(peer) || flow->wait_ns > trips.count * UNCOUNTED_WAIT_NS_MAX)
            return false;
    }
    /* Counted where each call is; met where waits are looked at. */
    uint64_t connections = num_max(flow->connection_count, flow->count[IO_CONNECT]);
    trips.keeps_connection = connections * 2 <= trips.count;
    *ret_trips = trips;
    return trips.count > 0 && trips_is_asking(peer);
}
