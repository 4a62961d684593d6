/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue-growth: more comes into a queue than is taken out, for as long as it comes. Queues are the program's own, told
 * by a counter whose name says so, and the kernel's: bytes that wait in a socket, clients that wait to be accepted.
 */
#include <string.h>

#include "analyze/trend.h"
#include "base/clock.h"
#include "base/num.h"
#include "base/str.h"
#include "detect/detectors.h"
#include "model/meta.h"

#define ITEM_RISE_MIN 16
#define BYTE_RISE_MIN 65536
#define WARNING_S     3600

static const char *const queue_words[] = {"queue",    "backlog",   "pending",     "waiting", "depth",
                                          "buffered", "in_flight", "outstanding", "unsent",  "lag"};

/* A counter of what was done so far rises as well; its name tells it from a queue. */
static bool is_queue(const char *name)
{
    for (size_t i = 0; i < sizeof queue_words / sizeof queue_words[0]; i++) {
        if (strcasestr(name, queue_words[i]))
            return true;
    }
    return false;
}

static bool is_bytes(const struct run_series *series)
{
    return strcmp(series->unit, "bytes") == 0 || strcasestr(series->name, "bytes");
}

static const char *unit_of(const struct run_series *series)
{
    if (is_bytes(series))
        return "bytes";
    return series->unit[0] ? series->unit : "items";
}

/* A socket that parent and child hold is one queue. */
static bool is_claimed(const struct cause_claims *claims, const struct run_series *series)
{
    for (size_t i = 0; i < claims->items.count; i++) {
        const struct cause_claim *claim = &claims->items.items[i];
        if (strcmp(claim->cause, "queue-growth") == 0 && strcmp(claim->where.peer, series->name) == 0 &&
            str_starts(series->name, "queue."))
            return true;
    }
    return false;
}

/* How it is called: the kernel's queues by what waits at which address, a counter by its name. */
static const char *queue_name(const struct scene *scene, const struct run_series *series)
{
    static const struct {
        const char *prefix, *words;
    } kernel[] = {{SERIES_QUEUE_RECEIVE, "data that came from"},
                  {SERIES_QUEUE_SEND, "data on its way to"},
                  {SERIES_QUEUE_ACCEPT, "clients that connected to"}};
    for (size_t i = 0; i < sizeof kernel / sizeof kernel[0]; i++) {
        if (str_starts(series->name, kernel[i].prefix))
            return arena_printf(scene->arena, "%s %s", kernel[i].words,
                                series->name + strlen(kernel[i].prefix));
    }
    return arena_printf(scene->arena, "'%s'", series->name);
}

/* The process's memory meanwhile, and when it will be the machine's. */
static double tell_memory(const struct scene *scene, const struct run_series *series,
                          const struct trend *trend, struct cause_claim *claim)
{
    const struct run_series *memory = trend_series(scene->run, series->process, SERIES_RSS);
    const struct run_series *total = trend_series(scene->run, RUN_NONE, SERIES_MEMORY_TOTAL);
    double rate = trend_rate_between(memory, trend->start_ns, trend->end_ns);
    if (rate < 1e5)
        return 0;
    double left_s = total ? (total->last.value - memory->last.value) / rate : 0;
    claim_evidence(scene, claim, "the memory of the process grew by %.1f MB a second meanwhile%s%s",
                   rate / 1e6, left_s > 0 ? "; at that pace it fills the machine's in " : "",
                   left_s > 0 ? scene_duration(scene, num_u64(left_s * (double)NS_PER_S)) : "");
    return left_s;
}

static int claim_series(const struct scene *scene, struct cause_claims *claims,
                        const struct run_series *series, const struct trend *trend, struct err *err)
{
    const char *name = run_process_name(scene->run, series->process, trend->end_ns);
    const char *queue = queue_name(scene, series), *unit = unit_of(series);
    struct cause_claim claim = {
        .cause = "queue-growth",
        .where = {.process = name, .stage = scene->run->has_spans ? NULL : name, .peer = series->name},
        .is_growth = true};
    claim.title =
        arena_printf(scene->arena, "%s takes in more than it works off: %s grow by %.0f %s a second", name,
                     queue ? queue : series->name, trend->rate_per_s, unit);
    claim_evidence(scene, &claim, "from %.0f to %.0f %s in %s", trend->low, trend->high, unit,
                   scene_duration(scene, trend->end_ns - trend->start_ns));
    double left_s = tell_memory(scene, series, trend, &claim);
    if (trend->is_lasting)
        claim_evidence(scene, &claim, "it still grew when the run ended");
    else
        claim_evidence(scene, &claim,
                       "it was worked off after nothing came in any more: %.0f %s were left at the end",
                       trend->last, unit);
    bool is_soon = trend->is_lasting && left_s > 0 && left_s < WARNING_S;
    claim.priority = is_soon ? PRIORITY_P2 : PRIORITY_P3;
    return claim_add(claims, &claim, err);
}

int detect_queue_growth(const struct scene *scene, struct cause_claims *claims, struct err *err)
{
    for (size_t i = 0; i < scene->run->series.count; i++) {
        const struct run_series *series = &scene->run->series.items[i];
        struct trend trend;
        if (series->process == RUN_NONE || !is_queue(series->name) || !trend_of(series, &trend) ||
            trend.high - trend.low < (is_bytes(series) ? BYTE_RISE_MIN : ITEM_RISE_MIN) ||
            is_claimed(claims, series))
            continue;
        int status = claim_series(scene, claims, series, &trend, err);
        if (status)
            return status;
    }
    return 0;
}
