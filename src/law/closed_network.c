/* SPDX-License-Identifier: Apache-2.0 */
#include "law/closed_network.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool is_shared(const struct station *station)
{
    return station->servers > 1;
}

static int check(const struct network *network, struct err *err)
{
    double demand = 0;
    if (network->station_count < 1 || network->station_count > NETWORK_STATIONS_MAX)
        return err_set(err, ERR_INPUT, "could not solve the network: it needs 1 to %u stations",
                       NETWORK_STATIONS_MAX);
    if (!isfinite(network->think_s) || network->think_s < 0)
        return err_set(err, ERR_INPUT, "could not solve the network: the pause is not a time");
    for (size_t i = 0; i < network->station_count; i++) {
        if (!isfinite(network->stations[i].demand_s) || network->stations[i].demand_s < 0)
            return err_set(err, ERR_INPUT,
                           "could not solve the network: the demand of station %zu is not a time", i + 1);
        demand += network->stations[i].demand_s;
    }
    if (demand <= 0)
        return err_set(err, ERR_INPUT, "could not solve the network: no station has a demand");
    return 0;
}

/* Each arriving customer meets the queue that the network without it would have (the arrival theorem). counts[k] holds
 * the queue of n - 1 customers and then that of n. */
static struct network_point mva_step(const struct network *network, size_t n, double *counts)
{
    double response = 0;
    for (size_t k = 0; k < network->station_count; k++) {
        const struct station *station = &network->stations[k];
        response += station->demand_s * (station->servers ? 1 + counts[k] : 1);
    }
    double throughput = (double)n / (response + network->think_s);
    for (size_t k = 0; k < network->station_count; k++) {
        const struct station *station = &network->stations[k];
        counts[k] = throughput * station->demand_s * (station->servers ? 1 + counts[k] : 1);
    }
    return (struct network_point){throughput, response};
}

/* log(exp(a) + exp(b)) */
static double log_add(double a, double b)
{
    double most = fmax(a, b);
    return isinf(most) && most < 0 ? most : most + log1p(exp(fmin(a, b) - most));
}

/* Folds one station into log G(0 … population). A queue: G'(n) = G(n) + D G'(n-1). */
static void fold_queue(double log_demand, size_t population, double *constants)
{
    for (size_t n = 1; n <= population; n++)
        constants[n] = log_add(constants[n], log_demand + constants[n - 1]);
}

/* log of D^j / product of min(i, servers) for i = 1 … j: the weight of j customers at the station. */
static void weights_fill(const struct station *station, size_t population, double *weights)
{
    weights[0] = 0;
    for (size_t j = 1; j <= population; j++)
        weights[j] = weights[j - 1] + log(station->demand_s) - log(fmin((double)j, station->servers));
}

/* G'(n) = sum over j of weight(j) G(n - j), from the largest n down so that it can be done in place. */
static void fold_shared(const double *weights, size_t population, double *constants)
{
    for (size_t n = population + 1; n-- > 0;) {
        double most = -INFINITY, sum = 0;
        for (size_t j = 0; j <= n; j++)
            most = fmax(most, weights[j] + constants[n - j]);
        for (size_t j = 0; j <= n && most > -INFINITY; j++)
            sum += exp(weights[j] + constants[n - j] - most);
        constants[n] = most > -INFINITY ? most + log(sum) : most;
    }
}

/* log G of all stations but `without` (station_count: of all). */
static void constants_fill(const struct network *network, size_t population, size_t without, double *weights,
                           double *constants)
{
    double delay = network->think_s;
    for (size_t k = 0; k < network->station_count; k++)
        if (network->stations[k].servers == 0)
            delay += network->stations[k].demand_s;
    /* All delays together are one: Z^n / n!. */
    for (size_t n = 0; n <= population; n++)
        constants[n] = n == 0 ? 0 : delay > 0 ? (double)n * log(delay) - lgamma((double)n + 1) : -INFINITY;
    for (size_t k = 0; k < network->station_count; k++) {
        const struct station *station = &network->stations[k];
        if (k == without || station->servers == 0 || station->demand_s <= 0)
            continue;
        if (is_shared(station)) {
            weights_fill(station, population, weights);
            fold_shared(weights, population, constants);
        } else {
            fold_queue(log(station->demand_s), population, constants);
        }
    }
}

/* The mean number of customers at a station of several servers, with the full population. */
static double shared_count(const struct network *network, size_t population, size_t k, double log_all,
                           double *weights, double *constants)
{
    double count = 0;
    if (network->stations[k].demand_s <= 0)
        return 0;
    constants_fill(network, population, k, weights, constants);
    weights_fill(&network->stations[k], population, weights);
    for (size_t j = 1; j <= population; j++)
        count += (double)j * exp(weights[j] + constants[population - j] - log_all);
    return count;
}

/* Queues by the arrival theorem, stations of several servers from the constants. counts[k] at the full population. */
static void convolve(const struct network *network, size_t population, double *scratch,
                     struct network_point *ret_points, double *counts)
{
    double *constants = scratch, *weights = scratch + population + 1;
    constants_fill(network, population, network->station_count, weights, constants);
    for (size_t n = 1; n <= population; n++) {
        double throughput = exp(constants[n - 1] - constants[n]);
        ret_points[n - 1] = (struct network_point){throughput, (double)n / throughput - network->think_s};
        for (size_t k = 0; k < network->station_count; k++) {
            const struct station *station = &network->stations[k];
            if (!is_shared(station))
                counts[k] = throughput * station->demand_s * (station->servers ? 1 + counts[k] : 1);
        }
    }
    double log_all = constants[population];
    for (size_t k = 0; k < network->station_count; k++)
        if (is_shared(&network->stations[k]))
            counts[k] = shared_count(network, population, k, log_all, weights, constants);
}

static void loads_fill(const struct network *network, double throughput, const double *counts,
                       struct station_load *ret_loads)
{
    for (size_t k = 0; k < network->station_count; k++) {
        const struct station *station = &network->stations[k];
        double busy = throughput * station->demand_s;
        ret_loads[k] =
            (struct station_load){.utilisation_ratio = station->servers ? busy / station->servers : busy,
                                  .residence_s = counts[k] / throughput,
                                  .count = counts[k]};
    }
}

int network_solve(const struct network *network, size_t population, struct network_point *ret_points,
                  struct station_load *ret_loads, struct err *err)
{
    bool shared = false;
    int status = check(network, err);
    if (status)
        return status;
    for (size_t k = 0; k < network->station_count; k++)
        shared = shared || is_shared(&network->stations[k]);
    size_t population_max = shared ? NETWORK_POPULATION_MAX_SERVERS : NETWORK_POPULATION_MAX;
    if (population < 1 || population > population_max)
        return err_set(err, ERR_INPUT, "could not solve the network: it takes 1 to %zu customers",
                       population_max);
    double *counts = calloc(network->station_count + 2 * (population + 1), sizeof *counts);
    if (!counts)
        return err_memory(err);
    if (shared) {
        convolve(network, population, counts + network->station_count, ret_points, counts);
    } else {
        for (size_t n = 1; n <= population; n++)
            ret_points[n - 1] = mva_step(network, n, counts);
    }
    if (ret_loads)
        loads_fill(network, ret_points[population - 1].throughput_per_s, counts, ret_loads);
    free(counts);
    return 0;
}

int network_bounds(const struct network *network, double population, struct network_bounds *ret_bounds,
                   struct err *err)
{
    double total = 0, most = 0;
    int status = check(network, err);
    if (status)
        return status;
    if (!isfinite(population) || population <= 0)
        return err_set(err, ERR_INPUT,
                       "could not bound the network: the number of customers must be above zero");
    struct network_bounds bounds = {.bottleneck = network->station_count};
    for (size_t k = 0; k < network->station_count; k++) {
        const struct station *station = &network->stations[k];
        total += station->demand_s;
        if (station->servers && station->demand_s / station->servers > most) {
            most = station->demand_s / station->servers;
            bounds.bottleneck = k;
        }
    }
    double round = total + network->think_s;
    bounds.capacity_per_s = most > 0 ? 1 / most : INFINITY;
    bounds.knee = most > 0 ? round / most : INFINITY;
    bounds.throughput_per_s_max = fmin(bounds.capacity_per_s, population / round);
    bounds.throughput_per_s_min = population / (population * total + network->think_s);
    bounds.response_s_min = fmax(total, population * most - network->think_s);
    *ret_bounds = bounds;
    return 0;
}
