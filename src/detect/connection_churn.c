/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connection-churn: a process makes connection after connection to one address and uses each for next to nothing. A
 * recorder that counts each call has seen them all; looks see some of them, and the machine's own count bounds the
 * rest.
 */
#include "analyze/trend.h"
#include "base/clock.h"
#include "base/num.h"
#include "detect/detectors.h"
#include "model/meta.h"
#include "run/exchange.h"

#define SEEN_MIN 6
/* A connection that lasts longer is not the cost of what is done over it. */
#define CONNECTION_NS_MAX (20 * NS_PER_MS)
/* Of the connections met, one in so many is met first in the second half, and one comes at least every so often. */
#define LATE_PARTS  10
#define SEEN_NS_MAX (200 * NS_PER_MS)
/* Questions on one connection: with more it was worth it. */
#define QUESTION_MAX 4

/* Connections that were made: counted ones; else those seen, or more when the machine opened more meanwhile. */
static uint64_t made_count(const struct scene *scene, const struct run_flow *flow, bool *ret_is_counted)
{
    const struct run_track *process = &scene->run->tracks.items[flow->process];
    uint64_t counted = flow->count[IO_CONNECT];
    *ret_is_counted = counted > 0;
    if (counted)
        return counted;
    const struct run_series *opens = trend_series(scene->run, RUN_NONE, SERIES_TCP_OPENS);
    double rate = trend_rate_between(opens, process->start_ns, process->end_ns);
    uint64_t life_ns = process->end_ns - process->start_ns;
    return num_max(flow->connection_count, num_u64(rate * (double)life_ns / (double)NS_PER_S));
}

static int claim_flow(const struct scene *scene, struct cause_claims *claims, const struct run_flow *flow,
                      struct err *err)
{
    const struct run_track *process = &scene->run->tracks.items[flow->process];
    bool is_counted;
    uint64_t made = made_count(scene, flow, &is_counted), life_ns = process->end_ns - process->start_ns;
    bool is_many = flow->connection_count >= SEEN_MIN || flow->count[IO_CONNECT] >= SEEN_MIN;
    /* The connections of a pool are met early, whatever others open meanwhile; new ones are met all the time. */
    bool is_ongoing = flow->connection_late_count * LATE_PARTS >= flow->connection_count &&
                      flow->connection_count * SEEN_NS_MAX >= life_ns;
    if (!is_many || !made || !(is_ongoing || is_counted) || life_ns / made > CONNECTION_NS_MAX)
        return 0;
    if (is_counted && flow->count[IO_WRITE] > made * QUESTION_MAX)
        return 0;
    struct cause_claim claim = {.cause = "connection-churn"};
    claim.critical_ns =
        scene_flow_ns(scene, flow, exchange_kernel_ns(scene->run, flow->process), &claim.where);
    if (num_ratio(claim.critical_ns, scene->wall_ns) < CLAIM_RATIO_MIN)
        return 0;
    claim.change = arena_printf(scene->arena, "cached:peer/%s=connection", flow->name);
    claim.title =
        arena_printf(scene->arena, "%s makes a new connection to %s again and again, about every %s",
                     scene_place(scene, &claim.where), flow->name, scene_duration(scene, life_ns / made));
    if (is_counted)
        claim_evidence(scene, &claim, "%llu connections, each of them counted", (unsigned long long)made);
    else
        claim_evidence(scene, &claim,
                       "%llu different connections were met; the machine opened %llu meanwhile",
                       (unsigned long long)flow->connection_count, (unsigned long long)made);
    if (flow->time_ns[IO_CONNECT])
        claim_evidence(scene, &claim, "connecting took %s", scene_duration(scene, flow->time_ns[IO_CONNECT]));
    return claim_add(claims, &claim, err);
}

int detect_connection_churn(const struct scene *scene, struct cause_claims *claims, struct err *err)
{
    int status = 0;
    for (size_t i = 0; i < scene->run->flows.count && !status; i++) {
        const struct run_flow *flow = &scene->run->flows.items[i];
        if (flow->peer != RUN_NONE && scene->run->peers.items[flow->peer].kind == PEER_SOCKET)
            status = claim_flow(scene, claims, flow, err);
    }
    return status;
}
