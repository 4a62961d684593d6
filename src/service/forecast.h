/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forecast: the throughput of a service after a change, from a closed queueing network of the measured demands.
 *
 * The requests in the hands of the serving tier's workers are the customers; what they need is stations: the cores (CPU
 * time of all recorded programs), each lock (one server), each pool of connections (its size), and a delay for all the
 * rest. That workers bound the number of customers, and connections that of those at a peer, is the decomposition
 * of Chandy, Herzog and Woo (1975). The network is solved exactly (law/closed_network.h), which assumes exponential
 * times; whatever the times are like, throughput is at most min(1 / Dmax, n / D) (Muntz and Wong 1974). The prediction
 * lies between the two, where the measured window lies between them, and the two are its interval. Pure.
 */
#ifndef TOLL_SERVICE_FORECAST_H
#define TOLL_SERVICE_FORECAST_H

#include "model/change.h"
#include "service/capacity.h"

struct forecast {
    double factor, factor_low, factor_high; /* throughput after / before */
    double latency_factor;                  /* a request's time with a worker, before / after */
    double drift_ratio;                     /* of the unchanged model: |modelled - measured| / measured */
};

/* Changes that a service can be asked about: workers:process/NAME=N, workers:peer/ADDRESS=N (connections),
 * remove:lock/ADDRESS, speed:process/NAME=F, speed:peer/ADDRESS=F, remove:peer/ADDRESS, cores:run/…=N. ERR_USAGE for others
 * and for names that are not in the recording. */
WARN_UNUSED int forecast_changes(const struct capacity *capacity, const struct change *changes, size_t count,
                                 struct forecast *ret_forecast, struct err *err);

/* The same from a text. */
WARN_UNUSED int forecast_text(const struct capacity *capacity, const char *change,
                              struct forecast *ret_forecast, struct err *err);

#endif
