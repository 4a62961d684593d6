/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/peer_limit.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/search.h"

#define CONNECTIONS_MIN   4
#define BYTES_MIN         65536
#define WAITED_NS_MIN     NS_PER_MS
#define COMPANY_RATIO_MIN 1.5
/* Slopes of log rate over log company. */
#define SLOPE_EACH   (-0.25)
#define SLOPE_SHARED (-0.75)

struct connection {
    uint64_t bytes, waited_ns;
    double company_ns; /* company times the time waited */
};

/* From here on so many are waited for; `sum` is what they add up to before. */
struct step {
    uint64_t time_ns;
    int64_t waiting;
    double sum;
};

struct traffic {
    const struct run *run;
    const char *peer;
    struct connection *connections; /* by peer index */
    VEC(struct step) steps;
};

static bool is_ours(const struct traffic *traffic, uint64_t peer)
{
    if (peer >= traffic->run->peers.count || traffic->run->peers.items[peer].kind != PEER_SOCKET)
        return false;
    const char *name = run_peer_name(traffic->run, (uint32_t)peer);
    return name && strcmp(name, traffic->peer) == 0;
}

static int add_bytes(void *context, const struct batch *batch, struct err *err)
{
    (void)err;
    struct traffic *traffic = context;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_io row;
        batch_row(batch, i, (uint64_t *)&row);
        if (row.operation == IO_READ && row.peer && is_ours(traffic, row.peer - 1))
            traffic->connections[row.peer - 1].bytes += row.bytes;
    }
    return 0;
}

/* Calls `each` for every wait for the peer until it fails. */
static int each_wait(struct traffic *traffic, int (*each)(struct traffic *, const struct run_wait *))
{
    for (size_t i = 0; i < traffic->run->tracks.count; i++) {
        const struct run_track *track = &traffic->run->tracks.items[i];
        for (size_t j = 0; j < track->waits.count; j++) {
            const struct run_wait *wait = &track->waits.items[j];
            if (wait->peer != RUN_NONE && wait->blocked_ns && is_ours(traffic, wait->peer) &&
                each(traffic, wait))
                return -1;
        }
    }
    return 0;
}

static int add_steps(struct traffic *traffic, const struct run_wait *wait)
{
    struct step up = {.time_ns = wait->start_ns, .waiting = 1},
                down = {.time_ns = wait->end_ns, .waiting = -1};
    return vec_push(&traffic->steps, up) || vec_push(&traffic->steps, down) ? -1 : 0;
}

static int compare_steps(const void *a, const void *b)
{
    const struct step *x = a, *y = b;
    return (x->time_ns > y->time_ns) - (x->time_ns < y->time_ns);
}

static void add_up(struct traffic *traffic)
{
    struct step *steps = traffic->steps.items;
    if (traffic->steps.count)
        qsort(steps, traffic->steps.count, sizeof *steps, compare_steps);
    for (size_t i = 1; i < traffic->steps.count; i++) {
        steps[i].sum = steps[i - 1].sum +
                       (double)steps[i - 1].waiting * (double)(steps[i].time_ns - steps[i - 1].time_ns);
        steps[i].waiting += steps[i - 1].waiting;
    }
}

/* How long connections were waited for until t, all added up. */
static double waited_until(const struct traffic *traffic, uint64_t t)
{
    size_t behind = search_first(i, traffic->steps.count, traffic->steps.items[i].time_ns > t);
    const struct step *step = behind ? &traffic->steps.items[behind - 1] : NULL;
    return step ? step->sum + (double)step->waiting * (double)(t - step->time_ns) : 0;
}

static int add_company(struct traffic *traffic, const struct run_wait *wait)
{
    struct connection *connection = &traffic->connections[wait->peer];
    connection->waited_ns += wait->end_ns - wait->start_ns;
    connection->company_ns += waited_until(traffic, wait->end_ns) - waited_until(traffic, wait->start_ns);
    return 0;
}

/* The least-squares line through the connections' log rates over their log company. */
static enum peer_limit judge(const struct traffic *traffic)
{
    double n = 0, x_sum = 0, y_sum = 0, xx = 0, xy = 0, least = INFINITY, most = 0;
    for (size_t i = 0; i < traffic->run->peers.count; i++) {
        const struct connection *connection = &traffic->connections[i];
        if (connection->bytes < BYTES_MIN || connection->waited_ns < WAITED_NS_MIN)
            continue;
        double company = fmax(connection->company_ns / (double)connection->waited_ns, 1);
        double x = log(company), y = log((double)connection->bytes / (double)connection->waited_ns);
        least = fmin(least, company);
        most = fmax(most, company);
        n++;
        x_sum += x;
        y_sum += y;
        xx += x * x;
        xy += x * y;
    }
    if (n < CONNECTIONS_MIN || most < least * COMPANY_RATIO_MIN)
        return PEER_LIMIT_UNKNOWN;
    double slope = (n * xy - x_sum * y_sum) / (n * xx - x_sum * x_sum);
    if (slope >= SLOPE_EACH)
        return PEER_LIMIT_CONNECTION;
    return slope <= SLOPE_SHARED ? PEER_LIMIT_LINK : PEER_LIMIT_UNKNOWN;
}

int peer_limit_of(const struct run *run, const char *peer, enum peer_limit *ret_limit, struct err *err)
{
    struct traffic traffic = {.run = run, .peer = peer};
    traffic.connections = calloc(run->peers.count + 1, sizeof *traffic.connections);
    int status =
        traffic.connections ? view_scan_all(run->view, TABLE_IO, add_bytes, &traffic, err) : err_memory(err);
    if (!status && each_wait(&traffic, add_steps))
        status = err_memory(err);
    if (!status) {
        add_up(&traffic);
        status = each_wait(&traffic, add_company) ? err_memory(err) : 0;
    }
    if (!status)
        *ret_limit = judge(&traffic);
    vec_free(&traffic.steps);
    free(traffic.connections);
    return status;
}

int peer_limit_assumption(const struct scene *scene, const char *peer, const char **ret_text, struct err *err)
{
    enum peer_limit limit;
    int status = peer_limit_of(scene->run, peer, &limit, err);
    if (status)
        return status;
    const char *text = NULL;
    switch (limit) {
    case PEER_LIMIT_CONNECTION:
        text = arena_printf(scene->arena,
                            "independence assumed; %s gave each connection the same however many there were",
                            peer);
        break;
    case PEER_LIMIT_LINK:
        text = arena_printf(
            scene->arena,
            "independence assumed, and that %s can give more than it did: its connections shared one "
            "rate, so expect less",
            peer);
        break;
    case PEER_LIMIT_UNKNOWN:
        text = arena_printf(
            scene->arena, "independence assumed, and that %s limits each connection, not all together", peer);
        break;
    }
    *ret_text = text;
    return text ? 0 : err_memory(err);
}
