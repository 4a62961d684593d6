/* SPDX-License-Identifier: Apache-2.0 */
/*
 * closed_network: a fixed number of customers (clients, workers, requests in flight) that go round between stations
 * (cores, disks, locks, pools, peers) and a pause of their own.
 *
 * A station's demand D is the time one customer needs there in all per round: visits x service time, or measured as
 * busy time / completions (the service demand law D = U / X, Denning and Buzen 1978). The solution assumes what every
 * product-form network does: service times exponential where customers queue in order, any where they share.
 *
 * Without stations of several servers it is exact mean value analysis (Reiser and Lavenberg 1980); with them it is Buzen's
 * convolution (1973) on logarithms, because the recursion of MVA for them loses all digits past saturation. Both give
 * the same figures. Pure functions; any thread.
 */
#ifndef TOLL_LAW_CLOSED_NETWORK_H
#define TOLL_LAW_CLOSED_NETWORK_H

#include <stddef.h>

#include "base/err.h"

#define NETWORK_STATIONS_MAX   1024u
#define NETWORK_POPULATION_MAX 100000u
/* Of networks with stations of several servers: work grows with its square. */
#define NETWORK_POPULATION_MAX_SERVERS 4000u

struct station {
    double demand_s;
    unsigned servers; /* 1 a queue; more: that many served at once; 0: a delay, nobody waits for anybody */
};

struct network {
    const struct station *stations;
    size_t station_count;
    double think_s; /* the pause between rounds: 0 for none */
};

/* The network with n customers. */
struct network_point {
    double throughput_per_s; /* rounds */
    double response_s;       /* a round without the pause */
};

struct station_load {
    double utilisation_ratio; /* busy servers / servers; busy servers for a delay */
    double residence_s;       /* time of one round spent here, waiting included */
    double count;             /* customers here */
};

/* Points of n = 1 … population into ret_points[0 … population - 1]; the stations at the full population into ret_loads
 * (station_count; NULL: not wanted). ERR_INPUT for an empty or unreasonable network. */
WARN_UNUSED int network_solve(const struct network *network, size_t population,
                              struct network_point *ret_points, struct station_load *ret_loads,
                              struct err *err);

/* What holds whatever the service times are like (Muntz and Wong 1974; Denning and Buzen 1978). */
struct network_bounds {
    double throughput_per_s_max; /* min(1 / Dmax, n / (D + Z)) */
    double throughput_per_s_min; /* n / (n D + Z): everybody waits for everybody */
    double response_s_min;       /* max(D, n Dmax - Z) */
    double capacity_per_s;       /* 1 / Dmax: what no population gets past; infinity with delays alone */
    double knee;                 /* N* = (D + Z) / Dmax: more customers than this must queue */
    size_t bottleneck; /* the station of Dmax (demand / servers), station_count when all are delays */
};

/* ERR_INPUT as network_solve. */
WARN_UNUSED int network_bounds(const struct network *network, double population,
                               struct network_bounds *ret_bounds, struct err *err);

#endif
