/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flows: how many requests went over each connection, from the io rows. Without a better recorder a row counts a
 * connection's segments with data: a request and its answer are at least one each way, and the smaller of both ways is
 * most often exactly one a request. Of the rows only those of connections that stayed open tell a rate: others
 * were not seen from their beginning to their end. Where the kernel counts the calls, one peer stands for all clients, and
 * for all connections to one end; how many those are is told by the descriptors that were listed.
 */
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "model/meta.h"
#include "service/internal.h"

/* Of the window, how long the rows of a connection must reach for it to have stayed open. */
#define STAYED_RATIO 0.4

struct connection {
    uint64_t read_count, write_count;
    uint64_t start_ns, end_ns;
    uint32_t process;
    bool is_held; /* a descriptor of it was listed */
};

struct flows {
    struct tiers *tiers;
    bool is_exact; /* every call is counted, of every connection */
    bool
        is_summed; /* one peer stands for all clients, and for all connections to one end: those held are told beside */
    struct map by_key;
    VEC(struct connection) connections;
    VEC(uint32_t) peers; /* of connections */
};

static struct connection *connection_at(struct flows *flows, uint32_t process, uint32_t peer)
{
    uint64_t key = ((uint64_t)process << 32) | peer;
    const uint64_t *known = map_get(&flows->by_key, key);
    if (known)
        return &flows->connections.items[*known];
    struct connection fresh = {.process = process};
    if (vec_push(&flows->connections, fresh))
        return NULL;
    if (vec_push(&flows->peers, peer) || map_put(&flows->by_key, key, flows->connections.count - 1)) {
        flows->connections.count--;
        return NULL;
    }
    return &flows->connections.items[flows->connections.count - 1];
}

static int load_rows(void *context, const struct batch *batch, struct err *err)
{
    struct flows *flows = context;
    const struct run *run = flows->tiers->run;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_io row;
        batch_row(batch, i, (uint64_t *)&row);
        if (row.peer == 0 || row.peer > run->peers.count || row.track == 0 || row.track > run->tracks.count)
            continue;
        enum peer_role role = flows->tiers->places.items[row.peer - 1].role;
        uint32_t process =
            run->tracks.items[row.track - 1].present ? run->tracks.items[row.track - 1].process : RUN_NONE;
        if ((role != ROLE_OUT && role != ROLE_ACCEPTED) || process == RUN_NONE ||
            (row.operation != IO_READ && row.operation != IO_WRITE))
            continue;
        struct connection *connection = connection_at(flows, process, (uint32_t)(row.peer - 1));
        if (!connection)
            return err_memory(err);
        connection->is_held = connection->is_held || !row.count;
        if (!row.count)
            continue;
        *(row.operation == IO_READ ? &connection->read_count : &connection->write_count) += row.count;
        connection->start_ns =
            connection->start_ns ? num_min(connection->start_ns, row.start_ns) : row.start_ns;
        connection->end_ns = num_max(connection->end_ns, row.end_ns);
    }
    return 0;
}

/* Requests a second; 0 when the connection did not stay. */
static double rate_of(const struct flows *flows, const struct connection *connection)
{
    double window_ns = flows->tiers->window_ns;
    double count = (double)num_min(connection->read_count, connection->write_count);
    double span_ns = (double)(connection->end_ns - num_min(connection->start_ns, connection->end_ns));
    if (flows->is_exact)
        return count * 1e9 / window_ns;
    return span_ns >= STAYED_RATIO * window_ns ? count * 1e9 / span_ns : 0;
}

static int connection_add(struct flows *flows, const struct connection *connection, uint32_t peer,
                          struct err *err)
{
    struct tiers *tiers = flows->tiers;
    uint32_t tier = tiers->tier_of_process.items[connection->process];
    double rate = rate_of(flows, connection);
    bool is_one = !flows->is_summed || connection->is_held;
    if (tier == TIER_NONE)
        return 0;
    if (tiers->places.items[peer].role == ROLE_ACCEPTED) {
        tiers->items.items[tier].requests_per_s += rate;
        tiers->items.items[tier].client_count += is_one && (rate > 0 || flows->is_summed);
        return 0;
    }
    struct tier_link *link = tiers_link(tiers, tier, peer);
    if (!link)
        return err_memory(err);
    link->connection_count += is_one;
    link->requests_per_s += rate;
    return 0;
}

int flows_load(struct tiers *tiers, struct err *err)
{
    struct flows flows = {.tiers = tiers};
    const char *recorder = view_meta(tiers->run->view, META_RECORDER_IO);
    flows.is_exact = recorder && strcmp(recorder, "bpf") == 0;
    flows.is_summed = recorder && str_starts(recorder, "bpf");
    int status = view_scan_all(tiers->run->view, TABLE_IO, load_rows, &flows, err);
    for (size_t i = 0; i < flows.connections.count && !status; i++)
        status = connection_add(&flows, &flows.connections.items[i], flows.peers.items[i], err);
    map_free(&flows.by_key);
    vec_free(&flows.connections);
    vec_free(&flows.peers);
    return status;
}
