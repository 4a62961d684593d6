/* SPDX-License-Identifier: Apache-2.0 */
#include "service/forecast.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "law/closed_network.h"
#include "model/meta.h"

/* Stations that take less of a request than this are part of the delay. */
#define DEMAND_S_MIN 1e-9
/* Where the two models of the unchanged window are closer than this, nothing tells which one it follows. */
#define BETWEEN_RATIO_MIN 0.02

/* What a request needs, in seconds; a copy is changed. */
struct demands {
    double population; /* requests in hand at once */
    double workers;
    double clients; /* 0: not known */
    double cores;
    double *cpu_s;       /* by tier */
    double *lock_s;      /* by lock */
    double *link_s;      /* by link: on a connection, the peer's CPU time and queueing left out */
    double *connections; /* by link; 0: no pool */
    double delay_s;
};

static double *copy_of(const double *values, size_t count)
{
    double *copy = malloc((count + 1) * sizeof *copy);
    if (copy && values)
        memcpy(copy, values, count * sizeof *copy);
    else if (copy)
        memset(copy, 0, (count + 1) * sizeof *copy);
    return copy;
}

static void demands_free(struct demands *demands)
{
    free(demands->cpu_s);
    free(demands->lock_s);
    free(demands->link_s);
    free(demands->connections);
}

static int demands_copy(const struct tiers *tiers, const struct demands *from, struct demands *ret_copy)
{
    struct demands copy = *from;
    copy.cpu_s = copy_of(from->cpu_s, tiers->items.count);
    copy.lock_s = copy_of(from->lock_s, tiers->locks.count);
    copy.link_s = copy_of(from->link_s, tiers->links.count);
    copy.connections = copy_of(from->connections, tiers->links.count);
    *ret_copy = copy;
    return copy.cpu_s && copy.lock_s && copy.link_s && copy.connections ? 0 : -1;
}

static const struct resource *resource_of(const struct capacity *capacity, enum resource_kind kind,
                                          uint32_t link, uint32_t lock)
{
    for (size_t i = 0; i < capacity->resources.count; i++) {
        const struct resource *resource = &capacity->resources.items[i];
        if (resource->kind == kind && resource->link == link && resource->lock == lock)
            return resource;
    }
    return NULL;
}

/* A link of the serving tier, or of any when there is none: the time of a request on a connection. */
static void link_demand(const struct capacity *capacity, uint32_t index, struct demands *demands,
                        double *ret_hold_s)
{
    const struct tiers *tiers = capacity->tiers;
    const struct tier_link *link = &tiers->links.items[index];
    double wait_s = link->wait_ns / 1e9 / capacity->request_count;
    bool is_inside = link->to != TIER_NONE && link->to != link->tier;
    double queueing_s = is_inside ? wait_s * capacity_queueing_ratio(capacity, link->to) : 0;
    double cpu_s = is_inside ? fmin(capacity_cpu_s(capacity, link->to), wait_s - queueing_s) : 0;
    double locked_s = 0; /* locks there are stations of their own */
    for (size_t i = 0; is_inside && i < tiers->locks.count; i++)
        locked_s += tiers->locks.items[i].tier == link->to ? demands->lock_s[i] : 0;
    demands->link_s[index] = fmax(wait_s - queueing_s - cpu_s - locked_s, 0);
    if (resource_of(capacity, RESOURCE_CONNECTIONS, index, TIER_NONE))
        demands->connections[index] = link->connection_count;
    *ret_hold_s += wait_s;
}

static void fill_demands(const struct capacity *capacity, struct demands *demands)
{
    const struct tiers *tiers = capacity->tiers;
    const struct tier *serving = &tiers->items.items[capacity->serving];
    double busy_s = serving->busy_ns / 1e9 / capacity->request_count, linked_s = 0, locked_s = 0;
    demands->workers = (double)serving->workers.count;
    demands->population = serving->busy_ns / tiers->window_ns;
    demands->cores = capacity->cores;
    if (capacity->entry != TIER_NONE)
        demands->clients = tiers->items.items[capacity->entry].client_count;
    for (uint32_t i = 0; i < tiers->items.count; i++)
        demands->cpu_s[i] = capacity_cpu_s(capacity, i);
    for (uint32_t i = 0; i < tiers->locks.count; i++) {
        const struct resource *lock = resource_of(capacity, RESOURCE_LOCK, TIER_NONE, i);
        if (lock)
            demands->lock_s[i] = lock->use_ratio / capacity->requests_per_s;
        locked_s += lock && lock->tier == capacity->serving ? demands->lock_s[i] : 0;
    }
    for (uint32_t i = 0; i < tiers->links.count; i++)
        if (tiers->links.items[i].tier == capacity->serving)
            link_demand(capacity, i, demands, &linked_s);
    double queueing_s = capacity_queueing_ratio(capacity, capacity->serving) * busy_s;
    demands->delay_s =
        fmax(busy_s - queueing_s - linked_s - locked_s - serving->run_ns / 1e9 / capacity->request_count, 0);
}

/* --- the network --- */

struct solved {
    double exact_per_s, bound_per_s;
};

static size_t put(struct station *stations, size_t count, double demand_s, double servers, double *delay_s)
{
    if (demand_s < DEMAND_S_MIN)
        return count;
    if (servers <= 0 || count == NETWORK_STATIONS_MAX - 1) {
        *delay_s += demand_s;
        return count;
    }
    /* A part of a server counts as a slower whole one. */
    double whole = fmax(ceil(servers), 1);
    stations[count] = (struct station){.demand_s = demand_s * whole / servers, .servers = (unsigned)whole};
    return count + 1;
}

static int solve(const struct tiers *tiers, const struct demands *demands, struct solved *ret_solved,
                 struct err *err)
{
    struct station *stations = calloc(NETWORK_STATIONS_MAX, sizeof *stations);
    double population = fmax(fmin(demands->population, 2000), 1), delay_s = demands->delay_s, cpu_s = 0;
    size_t low = (size_t)floor(population), count = 0;
    struct network_point *points = calloc(low + 1, sizeof *points);
    int status = stations && points ? 0 : err_memory(err);
    for (uint32_t i = 0; i < tiers->items.count; i++)
        cpu_s += demands->cpu_s[i];
    if (!status) {
        count = put(stations, count, cpu_s, demands->cores, &delay_s);
        for (uint32_t i = 0; i < tiers->locks.count; i++)
            count = put(stations, count, demands->lock_s[i], 1, &delay_s);
        for (uint32_t i = 0; i < tiers->links.count; i++)
            count = put(stations, count, demands->link_s[i], demands->connections[i], &delay_s);
        stations[count++] = (struct station){.demand_s = fmax(delay_s, DEMAND_S_MIN)};
    }
    struct network network = {.stations = stations, .station_count = count};
    struct network_bounds bounds;
    if (!status)
        status = network_solve(&network, low + 1, points, NULL, err);
    if (!status)
        status = network_bounds(&network, population, &bounds, err);
    if (!status) {
        double part = population - (double)low; /* a population that is no whole number lies between two */
        ret_solved->exact_per_s =
            low ? points[low - 1].throughput_per_s * (1 - part) + points[low].throughput_per_s * part
                : points[0].throughput_per_s * part;
        ret_solved->bound_per_s = bounds.throughput_per_s_max;
    }
    free(stations);
    free(points);
    return status;
}

/* --- changes --- */

static bool is_name(const struct change *change, enum change_kind kind, const char *name)
{
    return (change->kind == kind || change->kind == CHANGE_ANY) && name && strcmp(change->name, name) == 0;
}

/* More workers take more of the requests that wait; there are no more requests than clients. */
static void change_workers(const struct capacity *capacity, const struct change *change,
                           struct demands *demands)
{
    const struct resource *limit =
        capacity->limit == TIER_NONE ? NULL : &capacity->resources.items[capacity->limit];
    demands->workers = change->value;
    double wanted = limit ? change->value : fmin(demands->population, change->value);
    /* Fewer clients than requests in hand were not all that there are. */
    demands->population = demands->clients > demands->population ? fmin(wanted, demands->clients) : wanted;
}

/* All that happens at the tier: its CPU time, and for those in front of it the time on a connection. */
static void change_speed(const struct tiers *tiers, uint32_t tier, double speed, struct demands *demands)
{
    demands->cpu_s[tier] /= speed;
    for (uint32_t i = 0; i < tiers->links.count; i++)
        if (tiers->links.items[i].to == tier && tiers->links.items[i].tier != tier)
            demands->link_s[i] /= speed;
}

static bool apply_tier(const struct capacity *capacity, const struct change *change, struct demands *demands)
{
    const struct tiers *tiers = capacity->tiers;
    for (uint32_t i = 0; i < tiers->items.count; i++) {
        if (!is_name(change, CHANGE_PROCESS, tiers->items.items[i].name))
            continue;
        if (change->op == CHANGE_WORKERS && i == capacity->serving)
            change_workers(capacity, change, demands);
        else if (change->op == CHANGE_SPEED)
            change_speed(tiers, i, change->value, demands);
        else
            return false;
        if (change->op == CHANGE_SPEED && i == capacity->serving)
            demands->delay_s /= change->value;
        return true;
    }
    return false;
}

static bool apply_link(const struct capacity *capacity, const struct change *change, struct demands *demands)
{
    const struct tiers *tiers = capacity->tiers;
    bool is_found = false;
    for (uint32_t i = 0; i < tiers->links.count; i++) {
        const struct tier_link *link = &tiers->links.items[i];
        if (!is_name(change, CHANGE_PEER, link->address))
            continue;
        double speed = change->op == CHANGE_REMOVE ? INFINITY : change->value;
        if (change->op == CHANGE_WORKERS)
            demands->connections[i] = change->value;
        else if (change->op == CHANGE_SPEED || change->op == CHANGE_REMOVE)
            demands->link_s[i] /= speed;
        else
            return false;
        if (change->op != CHANGE_WORKERS && link->to != TIER_NONE && !is_found)
            demands->cpu_s[link->to] /= speed;
        is_found = true;
    }
    return is_found;
}

static bool apply_lock(const struct capacity *capacity, const struct change *change, struct demands *demands)
{
    const struct tiers *tiers = capacity->tiers;
    for (uint32_t i = 0; i < tiers->locks.count; i++) {
        if (!is_name(change, CHANGE_LOCK, tiers->locks.items[i].address) || change->op != CHANGE_REMOVE)
            continue;
        demands->delay_s += demands->lock_s[i]; /* the work that was done under it remains */
        demands->lock_s[i] = 0;
        return true;
    }
    return false;
}

static int unknown(const struct change *change, struct err *err)
{
    struct str text = {0};
    change_print(change, &text);
    err_set(err, ERR_USAGE, "could not work out change '%s': the service has nothing of that kind and name",
            str_text(&text));
    str_free(&text);
    err_hint(err,
             "for a service there are workers:process/NAME=N, workers:peer/ADDRESS=N, remove:lock/ADDRESS, "
             "speed:process/NAME=F, speed:peer/ADDRESS=F and cores:N; 'toll report FILE' lists the names");
    return -ERR_USAGE;
}

static int apply(const struct capacity *capacity, const struct change *change, struct demands *demands,
                 struct err *err)
{
    if (change->op == CHANGE_CORES) {
        demands->cores = fmax(demands->cores + change->value - capacity->tiers->run->cpu_count, 0.5);
        return 0;
    }
    if (apply_tier(capacity, change, demands) || apply_link(capacity, change, demands) ||
        apply_lock(capacity, change, demands))
        return 0;
    return unknown(change, err);
}

static double between(const struct solved *solved, double weight)
{
    return solved->exact_per_s + weight * (solved->bound_per_s - solved->exact_per_s);
}

/* Where the measured window lies between the exact solution and the bound: 0 to 1. */
static double weight_of(const struct solved *solved, double measured)
{
    double room = solved->bound_per_s - solved->exact_per_s;
    if (room < BETWEEN_RATIO_MIN * measured)
        return 0.5;
    return fmin(fmax((measured - solved->exact_per_s) / room, 0), 1);
}

static void judge(const struct capacity *capacity, const struct solved *before, const struct solved *after,
                  const double *populations, struct forecast *ret_forecast)
{
    double measured = capacity->requests_per_s, weight = weight_of(before, measured);
    double low = after->exact_per_s / before->exact_per_s, high = after->bound_per_s / before->bound_per_s;
    double modelled = between(before, weight);
    ret_forecast->factor = between(after, weight) / modelled;
    ret_forecast->factor_low = fmin(fmin(low, high), ret_forecast->factor);
    ret_forecast->factor_high = fmax(fmax(low, high), ret_forecast->factor);
    ret_forecast->latency_factor = populations[0] / populations[1] * ret_forecast->factor;
    ret_forecast->drift_ratio = fabs(modelled - measured) / measured;
}

int forecast_changes(const struct capacity *capacity, const struct change *changes, size_t count,
                     struct forecast *ret_forecast, struct err *err)
{
    const struct tiers *tiers = capacity->tiers;
    struct demands before = {0}, after = {0};
    struct solved solved_before, solved_after;
    if (capacity->serving == TIER_NONE || capacity->request_count <= 0)
        return err_set(err, ERR_USAGE,
                       "could not work out a change: no requests were found in the recording");
    int status = demands_copy(tiers, &before, &before) ? err_memory(err) : 0;
    if (!status)
        fill_demands(capacity, &before);
    if (!status && demands_copy(tiers, &before, &after))
        status = err_memory(err);
    for (size_t i = 0; i < count && !status; i++)
        status = apply(capacity, &changes[i], &after, err);
    if (!status)
        status = solve(tiers, &before, &solved_before, err);
    if (!status)
        status = solve(tiers, &after, &solved_after, err);
    if (!status)
        judge(capacity, &solved_before, &solved_after, (double[]){before.population, after.population},
              ret_forecast);
    demands_free(&before);
    demands_free(&after);
    return status;
}

int forecast_text(const struct capacity *capacity, const char *text, struct forecast *ret_forecast,
                  struct err *err)
{
    struct change change;
    int status = change_parse(text, &change, err);
    return status ? status : forecast_changes(capacity, &change, 1, ret_forecast, err);
}
