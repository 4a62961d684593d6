/* SPDX-License-Identifier: Apache-2.0 */
#include "service/service.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/attribution.h"
#include "analyze/wait_place.h"
#include "base/num.h"
#include "service/capacity.h"
#include "service/forecast.h"
#include "service/requests.h"

#define RESOURCE_TOLD_MAX 12
#define CLEARED_MAX       8
/* What would bring more than this is not cleared. */
#define CLEARED_FACTOR_MAX 1.25
#define PLACE_LOOK_MAX     256
#define EVIDENCE_COUNT_MAX 8
/* Above it the prediction is told to be a bound. */
#define DRIFT_MAX 0.15

struct judging {
    const struct run *run;
    struct verdict *verdict;
    struct arena *arena;
    const struct capacity *capacity;
    struct service *service;
};

static const struct tier *tier_at(const struct judging *judging, uint32_t index)
{
    return index == TIER_NONE ? NULL : &judging->capacity->tiers->items.items[index];
}

static const char *tier_name(const struct judging *judging, uint32_t index)
{
    const struct tier *tier = tier_at(judging, index);
    return tier ? tier->name : NULL;
}

static const char *resource_name(const struct judging *judging, const struct resource *resource)
{
    const struct tiers *tiers = judging->capacity->tiers;
    switch (resource->kind) {
    case RESOURCE_WORKERS: return tier_name(judging, resource->tier);
    case RESOURCE_LOCK: return tiers->locks.items[resource->lock].address;
    case RESOURCE_CONNECTIONS:
    case RESOURCE_PEER: return tiers->links.items[resource->link].address;
    case RESOURCE_CORES: return "cores";
    case RESOURCE_DEVICE: return "disk";
    }
    return "";
}

static struct service_resource told(const struct judging *judging, const struct resource *resource)
{
    double rate = judging->capacity->requests_per_s;
    bool is_owned = resource->kind != RESOURCE_CORES && resource->kind != RESOURCE_DEVICE;
    return (struct service_resource){.kind = resource_kind_name(resource->kind),
                                     .name = resource_name(judging, resource),
                                     .process = is_owned ? tier_name(judging, resource->tier) : NULL,
                                     .utilisation_ratio = resource->use_ratio,
                                     .demand_ns = rate > 0 ? num_u64(resource->use_ratio / rate * 1e9) : 0,
                                     .capacity = (uint64_t)(resource->servers + 0.5)};
}

/* --- what a finding says --- */

static void add_evidence(const struct judging *judging, struct finding *finding, const char *text)
{
    const char **evidence = (const char **)(uintptr_t)finding->evidence;
    if (!evidence)
        evidence = arena_alloc(judging->arena, EVIDENCE_COUNT_MAX * sizeof *evidence);
    if (!evidence || !text || finding->evidence_count == EVIDENCE_COUNT_MAX)
        return;
    evidence[finding->evidence_count++] = text;
    finding->evidence = evidence;
}

/* Where the callers of a wait are not known, its frames are those of the C library alone. */
static bool is_of_a_library(const struct run *run, uint32_t stack)
{
    uint32_t frame = stack == RUN_NONE ? RUN_NONE : attribute_frame(run, stack);
    return frame != RUN_NONE && !attribute_is_own(&run->frames.items[frame]);
}

/* Which code waits for the lock, from where most of the waiting was. */
static void lock_place(const struct judging *judging, const struct tier_lock *lock, struct where *ret_where)
{
    const struct tiers *tiers = judging->capacity->tiers;
    struct places *places = calloc(1, sizeof *places);
    size_t looked = 0;
    const struct tier *tier = &tiers->items.items[lock->tier];
    for (size_t i = 0; places && i < tier->workers.count; i++) {
        const struct run_track *track = &judging->run->tracks.items[tier->workers.items[i]];
        for (size_t j = 0; j < track->waits.count && looked < PLACE_LOOK_MAX; j++) {
            const struct run_wait *wait = &track->waits.items[j];
            struct where where = {0};
            if (wait->peer == RUN_NONE || tiers->places.items[wait->peer].group != lock->group ||
                !wait->blocked_ns)
                continue;
            looked++;
            if (is_of_a_library(judging->run, wait->stack))
                continue;
            if (place_wait(judging->run, tier->workers.items[i], wait, &where))
                places_add(places, &where, wait->blocked_ns);
        }
    }
    const struct place_tally *heaviest = places ? places_heaviest(places) : NULL;
    if (heaviest) {
        ret_where->function = heaviest->where.function;
        ret_where->file = heaviest->where.file;
        ret_where->line = heaviest->where.line;
    }
    free(places);
}

/* The function with the most samples of a tier's threads. */
static void hot_place(const struct judging *judging, const struct tier *tier, struct where *ret_where)
{
    struct places *places = calloc(1, sizeof *places);
    for (size_t i = 0; places && i < tier->workers.count; i++) {
        const struct run_track *track = &judging->run->tracks.items[tier->workers.items[i]];
        for (size_t j = 0; j < track->samples.count; j++) {
            struct where where = {0};
            attribute_function(judging->run, track->samples.items[j].stack, &where);
            if (where.function)
                places_add(places, &where, track->samples.items[j].weight);
        }
    }
    const struct place_tally *heaviest = places ? places_heaviest(places) : NULL;
    if (heaviest) {
        ret_where->function = heaviest->where.function;
        ret_where->file = heaviest->where.file;
        ret_where->line = heaviest->where.line;
    }
    free(places);
}

static void say_workers(const struct judging *judging, const struct resource *resource,
                        struct finding *finding)
{
    unsigned long long count = (unsigned long long)resource->servers;
    const char *name = resource_name(judging, resource);
    finding->cause = "config";
    finding->where.process = name;
    finding->change = arena_printf(judging->arena, "workers:process/%s=%llu", name, 2 * count);
    finding->assumption = "more requests wait than there are workers, and workers do not slow each other";
    finding->title = arena_printf(judging->arena, "%s has %llu worker%s, and %s busy all the time", name,
                                  count, count == 1 ? "" : "s", count == 1 ? "it is" : "all are");
    finding->fix = arena_printf(judging->arena, "let %s work on %llu requests at once instead of %llu", name,
                                2 * count, count);
    finding->effort = EFFORT_LOW;
}

static void say_connections(const struct judging *judging, const struct resource *resource,
                            struct finding *finding)
{
    unsigned long long count = (unsigned long long)resource->servers;
    const char *name = resource_name(judging, resource), *process = tier_name(judging, resource->tier);
    finding->cause = "config";
    finding->where.process = process;
    finding->where.peer = name;
    finding->change = arena_printf(judging->arena, "workers:peer/%s=%llu", name, 2 * count);
    finding->assumption = "the other end can do as many at once";
    finding->title = arena_printf(judging->arena, "%s has %llu connection%s to %s, in use all the time",
                                  process, count, count == 1 ? "" : "s", name);
    finding->fix =
        arena_printf(judging->arena, "open %llu connections to %s instead of %llu", 2 * count, name, count);
    finding->effort = EFFORT_LOW;
}

static void say_lock(const struct judging *judging, const struct resource *resource, struct finding *finding)
{
    const struct tier_lock *lock = &judging->capacity->tiers->locks.items[resource->lock];
    finding->cause = "lock-contention";
    finding->where.process = tier_name(judging, lock->tier);
    finding->where.peer = lock->address;
    lock_place(judging, lock, &finding->where); /* who takes a lock is who holds it */
    finding->where_waiting = finding->where;
    finding->waiter_count = lock->waiter_count;
    finding->acquisition_count = lock->wait_count;
    finding->change = arena_printf(judging->arena, "remove:lock/%s", lock->address);
    finding->assumption = "the work under the lock can be done side by side";
    finding->title =
        finding->where.function
            ? arena_printf(judging->arena, "every request of %s goes through one lock, taken in %s",
                           finding->where.process, finding->where.function)
            : arena_printf(judging->arena, "every request of %s goes through one lock",
                           finding->where.process);
    finding->fix = "hold the lock for less: move slow work out of it, or split it";
    finding->effort = EFFORT_MEDIUM;
    if (lock->group == GROUP_SIBLINGS) {
        finding->title =
            arena_printf(judging->arena, "the workers of %s wait for each other: for a lock inside it",
                         finding->where.process);
        finding->fix = "hold the lock for less (shorter transactions), or let requests touch different data";
    }
    add_evidence(judging, finding,
                 arena_printf(judging->arena,
                              "%u threads waited for it %llu times; somebody waits %.0f %% of the time",
                              lock->waiter_count, (unsigned long long)lock->wait_count,
                              100 * lock->cover_ns / judging->capacity->tiers->window_ns));
}

static void say_peer(const struct judging *judging, const struct resource *resource, struct finding *finding)
{
    const struct tier_link *link = &judging->capacity->tiers->links.items[resource->link];
    const char *there = tier_name(judging, link->to), *process = tier_name(judging, link->tier);
    finding->cause = "network-wait";
    finding->where.process = process;
    finding->where.peer = link->address;
    if (link->to != TIER_NONE)
        hot_place(judging, tier_at(judging, link->to), &finding->where);
    finding->change = arena_printf(judging->arena, "speed:peer/%s=2", link->address);
    finding->assumption = "the other end needs half the CPU time for each request";
    finding->title = arena_printf(judging->arena, "%s%s%s at %s answers slowly: it uses up the cores",
                                  there ? there : "the server", finding->where.function ? " in " : "",
                                  finding->where.function ? finding->where.function : "", link->address);
    finding->fix =
        arena_printf(judging->arena, "ask %s for less, or make its answers cheaper (an index, a cache)",
                     there ? there : "it");
    finding->effort = EFFORT_MEDIUM;
    if (link->to != TIER_NONE)
        add_evidence(judging, finding,
                     arena_printf(judging->arena, "%s needs %.2f ms of CPU time for each request", there,
                                  1e3 * capacity_cpu_s(judging->capacity, link->to)));
}

static void say_cores(const struct judging *judging, const struct resource *resource, struct finding *finding)
{
    const struct tier *tier = tier_at(judging, resource->tier);
    finding->cause = "cpu-hot";
    finding->where.process = tier->name;
    hot_place(judging, tier, &finding->where);
    finding->change = arena_printf(judging->arena, "speed:process/%s=2", tier->name);
    finding->assumption = "it needs half the CPU time for each request";
    finding->title =
        finding->where.function
            ? arena_printf(judging->arena, "the cores are used up, most of all by %s in %s",
                           finding->where.function, tier->name)
            : arena_printf(judging->arena, "the cores are used up, most of all by %s", tier->name);
    finding->fix = "make this code faster, or give the service more cores";
    finding->effort = EFFORT_MEDIUM;
    add_evidence(judging, finding,
                 arena_printf(judging->arena,
                              "%.2f of %.2f cores that others leave are in use; %s needs %.2f ms of "
                              "CPU time for each request",
                              judging->capacity->cores_used, judging->capacity->cores, tier->name,
                              1e3 * capacity_cpu_s(judging->capacity, resource->tier)));
}

static void say_device(const struct judging *judging, const struct resource *resource,
                       struct finding *finding)
{
    (void)judging;
    finding->cause = resource->reason == WAIT_DISK_SYNC ? "disk-sync" : "disk-read";
    finding->change = NULL;
    finding->title = resource->reason == WAIT_DISK_SYNC ? "the disk is busy with syncs all the time"
                                                        : "the disk is busy all the time";
    finding->fix = resource->reason == WAIT_DISK_SYNC ? "sync once for several requests"
                                                      : "keep the data in memory, or read less of it";
    finding->effort = EFFORT_MEDIUM;
}

static void say(const struct judging *judging, const struct resource *resource, struct finding *finding)
{
    switch (resource->kind) {
    case RESOURCE_WORKERS: say_workers(judging, resource, finding); break;
    case RESOURCE_CONNECTIONS: say_connections(judging, resource, finding); break;
    case RESOURCE_LOCK: say_lock(judging, resource, finding); break;
    case RESOURCE_PEER: say_peer(judging, resource, finding); break;
    case RESOURCE_CORES: say_cores(judging, resource, finding); break;
    case RESOURCE_DEVICE: say_device(judging, resource, finding); break;
    }
    const struct service_resource use = told(judging, resource);
    add_evidence(judging, finding,
                 arena_printf(judging->arena,
                              "in use %.0f %% of the time, %.2f ms for each request: at most %.0f "
                              "requests a second go through it",
                              100 * use.utilisation_ratio, (double)use.demand_ns / 1e6,
                              use.demand_ns ? 1e9 / (double)use.demand_ns : 0));
    if (judging->service->queue_count >= 1)
        add_evidence(judging, finding,
                     arena_printf(judging->arena, "%.0f clients wait to be accepted, on average",
                                  judging->service->queue_count));
}

/* What the change brings; no promise where it cannot be worked out. */
static int gain(const struct judging *judging, struct finding *finding, struct err *err)
{
    struct forecast forecast;
    struct err why = {0};
    const struct service *service = judging->service;
    if (!finding->change)
        return 0;
    int status = forecast_text(judging->capacity, finding->change, &forecast, &why);
    if (status && why.code != ERR_USAGE) {
        if (err)
            *err = why;
        return status;
    }
    if (status)
        return 0;
    bool is_latency = strcmp(finding->objective, "latency") == 0 && service->latency_ns_p50;
    double scale = is_latency ? forecast.latency_factor / forecast.factor : 1;
    finding->gain = (struct gain){.factor = forecast.factor * scale,
                                  .factor_low = forecast.factor_low * scale,
                                  .factor_high = forecast.factor_high * scale,
                                  .factor_max = forecast.factor_high * scale,
                                  .throughput_per_s_after = service->throughput_per_s * forecast.factor};
    if (is_latency)
        finding->gain.latency_ns_after = num_u64((double)service->latency_ns_p50 / finding->gain.factor);
    judging->service->drift_ratio = forecast.drift_ratio;
    finding->priority = priority_of(finding->gain.factor_low);
    finding->rationale = arena_printf(judging->arena,
                                      "a closed queueing network of the measured demands brings %.0f "
                                      "requests/s instead of %.0f; it gives the "
                                      "unchanged service within %.0f %%%s",
                                      finding->gain.throughput_per_s_after, service->throughput_per_s,
                                      100 * forecast.drift_ratio,
                                      forecast.drift_ratio > DRIFT_MAX ? ", so take it as a bound" : "");
    return 0;
}

static int find_limit(const struct judging *judging, struct finding *ret_finding, struct err *err)
{
    const struct resource *limit = &judging->capacity->resources.items[judging->capacity->limit];
    struct finding finding = {.objective = judging->verdict->run.objective,
                              .critical_ratio = limit->use_ratio,
                              .priority = PRIORITY_P2,
                              .rationale = "the resource that is used up first"};
    say(judging, limit, &finding);
    int status = gain(judging, &finding, err);
    if (!status && !finding.title)
        status = err_memory(err);
    *ret_finding = finding;
    return status;
}

/* --- latency: where an average request's time goes --- */

static const char *cause_of(int doing)
{
    switch (doing) {
    case DOING_CPU: return "cpu-hot";
    case WAIT_CPU_QUEUE: return "cpu-contention";
    case WAIT_DISK_READ: return "disk-read";
    case WAIT_DISK_SYNC:
    case WAIT_DISK_WRITE: return "disk-sync";
    case WAIT_SLEEP: return "sleep-poll";
    case WAIT_LOCK: return "lock-contention";
    case WAIT_PIPE: return "pipe-backpressure";
    case WAIT_CHILD: return "child-wait";
    default: return "network-wait";
    }
}

/* The largest part of the path is what to look at; what halving it brings ranks it, nothing is promised. */
static int find_slowest(const struct judging *judging, struct finding *ret_finding)
{
    const struct service *service = judging->service;
    const struct path_entry *top = &service->path_p50[0];
    struct arena *arena = judging->arena;
    double left = 1 - top->ratio;
    struct finding finding = {.objective = "latency",
                              .cause = cause_of(top->doing),
                              .where = top->where,
                              .critical_ratio = top->ratio,
                              .priority = priority_of(1 / (1 - top->ratio / 2)),
                              .effort = EFFORT_MEDIUM,
                              .gain = {.factor_max = left > 0.001 ? 1 / left : 1000},
                              .rationale = "its share of an average request near the median"};
    finding.title =
        arena_printf(arena, "%.0f %% of a request's time is %s of %s%s%s", 100 * top->ratio,
                     top->doing == DOING_CPU ? "computing" : doing_name(top->doing), top->where.process,
                     top->where.peer ? ", at " : "", top->where.peer ? top->where.peer : "");
    finding.fix = top->doing == DOING_CPU ? "make this code faster, or call it less"
                                          : "ask for less, ask earlier, or make the other end faster";
    if (top->doing == WAIT_SLEEP)
        finding.fix = "wait for the event itself instead of sleeping";
    if (top->where.peer && top->doing != WAIT_LOCK)
        finding.change = arena_printf(arena, "speed:peer/%s=2", top->where.peer);
    *ret_finding = finding;
    return finding.title ? 0 : -1;
}

static int fill_findings(const struct judging *judging, struct err *err)
{
    struct verdict *verdict = judging->verdict;
    bool is_latency = strcmp(verdict->run.objective, "latency") == 0;
    struct finding *findings = arena_alloc(judging->arena, 2 * sizeof *findings);
    if (!findings)
        return err_memory(err);
    size_t count = 0;
    int status = 0;
    if (judging->capacity->limit != TIER_NONE)
        status = find_limit(judging, &findings[count++], err);
    if (!status && is_latency && !count && judging->service->path_p50_count)
        status = find_slowest(judging, &findings[count++]) ? err_memory(err) : 0;
    verdict->findings = findings;
    verdict->finding_count = status ? 0 : count;
    return status;
}

/* --- what is not to blame --- */

static int clear_resource(const struct judging *judging, const struct resource *resource,
                          struct cleared *cleared, bool *ret_cleared, struct err *err)
{
    struct finding said = {.objective = "throughput"};
    struct forecast forecast;
    struct err why = {0};
    say(judging, resource, &said);
    *ret_cleared = false;
    if (!said.change)
        return 0;
    int status = forecast_text(judging->capacity, said.change, &forecast, &why);
    if (status && why.code != ERR_USAGE) {
        if (err)
            *err = why;
        return status;
    }
    *cleared = (struct cleared){.where = {.process = said.where.process, .peer = said.where.peer},
                                .critical_ratio = resource->use_ratio,
                                .factor_max = status ? 1 : fmax(forecast.factor, 1)};
    *ret_cleared = cleared->factor_max < CLEARED_FACTOR_MAX;
    return 0;
}

static int fill_cleared(const struct judging *judging, struct err *err)
{
    struct verdict *verdict = judging->verdict;
    struct cleared *cleared = arena_alloc(judging->arena, CLEARED_MAX * sizeof *cleared);
    if (!cleared)
        return err_memory(err);
    size_t count = 0;
    int status = 0;
    for (size_t i = 0; i < judging->capacity->resources.count && count < CLEARED_MAX && !status; i++) {
        const struct resource *resource = &judging->capacity->resources.items[i];
        bool is_cleared = false;
        if (resource->use_ratio >= SATURATED_RATIO || resource->kind == RESOURCE_CORES)
            continue;
        status = clear_resource(judging, resource, &cleared[count], &is_cleared, err);
        count += is_cleared && !status;
    }
    verdict->cleared = cleared;
    verdict->cleared_count = status ? 0 : count;
    return status;
}

/* --- all of it --- */

static int fill_resources(const struct judging *judging, struct err *err)
{
    const struct capacity *capacity = judging->capacity;
    size_t count = num_min(capacity->resources.count, RESOURCE_TOLD_MAX);
    struct service_resource *resources = arena_alloc(judging->arena, (count + 1) * sizeof *resources);
    struct service *service = judging->service;
    if (!resources)
        return err_memory(err);
    for (size_t i = 0; i < count; i++)
        resources[i] = told(judging, &capacity->resources.items[i]);
    service->resources = resources;
    service->resource_count = count;
    if (capacity->limit != TIER_NONE)
        service->saturated = resources[capacity->limit];
    else
        service->saturated =
            (struct service_resource){.kind = "load",
                                      .name = "the load offered",
                                      .utilisation_ratio = count ? resources[0].utilisation_ratio : 0,
                                      .demand_ns = count ? resources[0].demand_ns : 0,
                                      .capacity = count ? resources[0].capacity : 0};
    return 0;
}

static int judge(struct judging *judging, struct err *err)
{
    const struct capacity *capacity = judging->capacity;
    struct service *service = judging->service;
    const struct tier *entry = tier_at(judging, capacity->entry);
    service->entry = entry ? entry->name : NULL;
    service->serving = tier_name(judging, capacity->serving);
    service->request_source = capacity->request_source;
    service->throughput_per_s = capacity->requests_per_s;
    service->request_count = num_u64(capacity->request_count + 0.5);
    service->client_count = entry ? entry->client_count : 0;
    service->queue_count = capacity->queue_count;
    int status = fill_resources(judging, err);
    if (!status)
        status = requests_measure(capacity, judging->arena, service, err);
    if (!status)
        status = fill_findings(judging, err);
    return status ? status : fill_cleared(judging, err);
}

int service_judge(const struct run *run, struct verdict *verdict, struct err *err)
{
    struct tiers tiers;
    struct capacity capacity = {0};
    struct service *service = arena_alloc(&verdict->arena, sizeof *service);
    if (!service)
        return err_memory(err);
    struct judging judging = {
        .run = run, .verdict = verdict, .arena = &verdict->arena, .capacity = &capacity, .service = service};
    int status = tiers_find(run, &tiers, err);
    if (!status)
        status = capacity_find(&tiers, &capacity, err);
    if (!status)
        status = judge(&judging, err);
    if (!status)
        verdict->service = service;
    capacity_free(&capacity);
    tiers_free(&tiers);
    return status;
}

int service_predict(const struct run *run, const struct change *changes, size_t count,
                    struct service_prediction *ret_prediction, struct err *err)
{
    struct tiers tiers;
    struct capacity capacity = {0};
    struct forecast forecast;
    int status = tiers_find(run, &tiers, err);
    if (!status)
        status = capacity_find(&tiers, &capacity, err);
    if (!status)
        status = forecast_changes(&capacity, changes, count, &forecast, err);
    if (!status)
        *ret_prediction = (struct service_prediction){
            .throughput_per_s_before = capacity.requests_per_s,
            .throughput_per_s_after = capacity.requests_per_s * forecast.factor,
            .throughput_per_s_low = capacity.requests_per_s * forecast.factor_low,
            .throughput_per_s_high = capacity.requests_per_s * forecast.factor_high,
            .factor = forecast.factor,
            .drift_ratio = forecast.drift_ratio};
    capacity_free(&capacity);
    tiers_free(&tiers);
    return status;
}
