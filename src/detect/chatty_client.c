/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chatty-client and small-batches: a process asks a server for little, waits for the answer, and asks again, thousands
 * of times: most of that time goes into the trips. When it mainly sends (rows to a database), what it sends is a batch
 * that is too small; when it mainly gets, it asks too often. Connections that are made for each question are
 * connection-churn.
 */
#include "analyze/trips.h"
#include "base/num.h"
#include "detect/detectors.h"

#define TRIP_COUNT_MIN 500
#define CLAIM_MAX      3

static const uint32_t batch_sizes[] = {2, 5, 10, 20, 50, 100, 200, 500, 1000};

static void tell(const struct scene *scene, const struct trips *trips, struct cause_claim *claim)
{
    unsigned long long count = trips->count;
    const char *peer = trips->flow->name;
    if (trips->is_counted)
        claim_evidence(scene, claim, "%llu questions to %s, with %.0f bytes out and %.0f bytes back each",
                       count, peer, num_ratio(trips->sent_bytes, count),
                       num_ratio(trips->received_bytes, count));
    else
        claim_evidence(scene, claim, "%llu short waits for %s; how much was said is not counted here", count,
                       peer);
    if (trips->flow->wait_count)
        claim_evidence(scene, claim, "%llu waits for an answer, %s each",
                       (unsigned long long)trips->flow->wait_count,
                       scene_duration(scene, trips->flow->wait_ns / trips->flow->wait_count));
    if (trips->call_cpu_ns)
        claim_evidence(scene, claim, "the calls themselves take about %s of CPU time",
                       scene_duration(scene, trips->call_cpu_ns));
}

static int claim_trips(const struct scene *scene, struct cause_claims *claims, const struct trips *trips,
                       struct err *err)
{
    struct cause_claim claim = {.cause = trips->is_sending ? "small-batches" : "chatty-client"};
    claim.critical_ns = scene_flow_ns(scene, trips->flow, trips->call_cpu_ns, &claim.where);
    if (num_ratio(claim.critical_ns, scene->wall_ns) < CLAIM_RATIO_MIN)
        return 0;
    const char *change = arena_printf(scene->arena, "batch:peer/%s", trips->flow->name);
    if (!change)
        return err_memory(err);
    uint32_t size = 2;
    size_t count = sizeof batch_sizes / sizeof batch_sizes[0];
    int status = scene_best_value(scene, change, batch_sizes, count, &size, err);
    if (status)
        return status;
    claim.change = arena_printf(scene->arena, "%s=%u", change, size);
    claim.max_change = arena_printf(scene->arena, "%s=1000000", change);
    const char *place = scene_place(scene, &claim.where);
    unsigned long long trip_count = trips->count;
    claim.title = trips->is_sending
                      ? arena_printf(scene->arena, "%s sends %s %llu little pieces, and waits after each",
                                     place, trips->flow->name, trip_count)
                      : arena_printf(scene->arena, "%s asks %s %llu times for little, one answer at a time",
                                     place, trips->flow->name, trip_count);
    claim.fix = trips->is_sending
                    ? arena_printf(scene->arena, "send %u at once", size)
                    : arena_printf(scene->arena, "ask for %u at once, or send questions ahead", size);
    tell(scene, trips, &claim);
    return claim_add(claims, &claim, err);
}

/* Claims of flows that send, or of those that ask. */
static int claim_flows(const struct scene *scene, struct cause_claims *claims, bool is_sending,
                       struct err *err)
{
    size_t claimed = 0;
    for (size_t i = 0; i < scene->run->flows.count && claimed < CLAIM_MAX; i++) {
        struct trips trips;
        if (!trips_of(scene->run, &scene->run->flows.items[i], &trips) || trips.count < TRIP_COUNT_MIN ||
            trips.is_sending != is_sending || !trips.keeps_connection)
            continue;
        size_t before = claims->items.count;
        int status = claim_trips(scene, claims, &trips, err);
        if (status)
            return status;
        claimed += claims->items.count - before;
    }
    return 0;
}

int detect_chatty_client(const struct scene *scene, struct cause_claims *claims, struct err *err)
{
    return claim_flows(scene, claims, false, err);
}

int detect_small_batches(const struct scene *scene, struct cause_claims *claims, struct err *err)
{
    return claim_flows(scene, claims, true, err);
}
