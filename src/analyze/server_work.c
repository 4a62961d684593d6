/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the recorder saw the server's own CPU time, each stretch of it is shared by the waits for that server that
 * overlap it; work that no wait overlaps (a database that merges afterwards) goes to the wait before. Where it
 * could not, what all others used above their usual (the lower quartile) is taken for the servers' work.
 */
#include "analyze/server_work.h"

#include <string.h>

#include "base/num.h"
#include "base/search.h"
#include "base/str.h"

struct delays {
    VEC(struct op *) items; /* by start */
    size_t first;           /* those before it end before the stretch */
};

static bool is_local(const struct run_peer *peer)
{
    return peer->kind == PEER_SOCKET &&
           (str_starts(peer->address, "127.") || str_starts(peer->address, "[::1]") ||
            peer->address[0] == '/' || peer->address[0] == '@');
}

static double value_at(const struct run_server *server, uint64_t time_ns)
{
    size_t at = search_first(i, server->points.count, server->points.items[i].time_ns >= time_ns);
    return at < server->points.count ? server->points.items[at].value : 0;
}

double server_work_others(const struct run *run, size_t index)
{
    double others = run->outside.items[index].value;
    for (size_t i = 0; i < run->servers.count; i++)
        others -= value_at(&run->servers.items[i], run->outside.items[index].time_ns);
    return others > 0 ? others : 0;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double usual_others(const struct run *run)
{
    double *values = run->outside.count ? malloc(run->outside.count * sizeof *values) : NULL;
    if (!values)
        return 0;
    for (size_t i = 0; i < run->outside.count; i++)
        values[i] = server_work_others(run, i);
    qsort(values, run->outside.count, sizeof *values, compare_doubles);
    double quartile = values[run->outside.count / 4];
    free(values);
    return quartile;
}

static int compare_delays(const void *a, const void *b)
{
    const struct op *x = *(struct op *const *)a, *y = *(struct op *const *)b;
    return (x->at_ns > y->at_ns) - (x->at_ns < y->at_ns);
}

/* The delays on one server, or with NULL those on local peers whose server is not known. */
static int collect(struct program *program, const char *server, struct delays *ret_delays)
{
    for (size_t i = 0; i < program->actor_count; i++) {
        for (size_t j = 0; j < program->actors[i].ops.count; j++) {
            struct op *op = &program->actors[i].ops.items[j];
            if (op->kind != OP_DELAY || op->peer == RUN_NONE)
                continue;
            const struct run_peer *peer = &program->run->peers.items[op->peer];
            bool wanted =
                server ? peer->server && strcmp(peer->server, server) == 0 : is_local(peer) && !peer->server;
            if (wanted && vec_push(&ret_delays->items, op))
                return -1;
        }
    }
    if (ret_delays->items.count)
        qsort(ret_delays->items.items, ret_delays->items.count, sizeof *ret_delays->items.items,
              compare_delays);
    return 0;
}

static uint64_t overlap(const struct op *op, uint64_t from, uint64_t to)
{
    uint64_t start = num_max(op->at_ns, from), end = num_min(op->at_ns + op->duration_ns, to);
    return end > start ? end - start : 0;
}

/* Stretches come in time order. */
static void share(struct delays *delays, uint64_t from, uint64_t to, double work_ns)
{
    struct op **items = delays->items.items;
    size_t count = delays->items.count, last = delays->first;
    while (delays->first < count && items[delays->first]->at_ns + items[delays->first]->duration_ns <= from)
        delays->first++;
    uint64_t total = 0;
    for (last = delays->first; last < count && items[last]->at_ns < to; last++)
        total += overlap(items[last], from, to);
    for (size_t i = delays->first; total && i < last; i++)
        items[i]->server_ns += num_u64(work_ns * num_ratio(overlap(items[i], from, to), total));
    if (!total && count)
        items[last ? last - 1 : 0]->server_ns += num_u64(work_ns);
}

static int attach_known(struct program *program, const struct run_server *server)
{
    struct delays delays = {0};
    int status = collect(program, server->name, &delays);
    for (size_t i = 1; i < server->points.count && !status; i++) {
        uint64_t from = server->points.items[i - 1].time_ns, to = server->points.items[i].time_ns;
        if (to > from && server->points.items[i].value > 0)
            share(&delays, from, to, server->points.items[i].value * (double)(to - from));
    }
    vec_free(&delays.items);
    return status;
}

static int attach_unknown(struct program *program)
{
    const struct run *run = program->run;
    struct delays delays = {0};
    int status = collect(program, NULL, &delays);
    for (size_t i = 1; i < run->outside.count && !status && delays.items.count; i++) {
        uint64_t from = run->outside.items[i - 1].time_ns, to = run->outside.items[i].time_ns;
        double extra = server_work_others(run, i) - program->background_cores;
        if (extra > 0 && to > from)
            share(&delays, from, to, extra * (double)(to - from));
    }
    vec_free(&delays.items);
    return status;
}

int server_work_attach(struct program *program)
{
    program->background_cores = usual_others(program->run);
    for (size_t i = 0; i < program->run->servers.count; i++) {
        if (attach_known(program, &program->run->servers.items[i]))
            return -1;
    }
    return attach_unknown(program);
}
