/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queueing: open queues with Poisson arrivals and exponential service (Kleinrock, Queueing Systems I, 1975, chapter 3),
 * and Little's law. Rates are per second, times in seconds, counts are means. Pure functions; any thread.
 */
#ifndef TOLL_LAW_QUEUEING_H
#define TOLL_LAW_QUEUEING_H

#include <stdbool.h>

#include "base/err.h"

/* The most servers of one queue. */
#define QUEUE_SERVERS_MAX 1000000u

/* M/M/c in the long run. */
struct queue {
    double utilisation_ratio; /* of each server: arrivals / (servers x service rate) */
    double wait_ratio;        /* the part of the arrivals that has to wait: Erlang C */
    double idle_ratio;        /* the part of the time in which nothing is there: P0 */
    double response_s;        /* waiting and service */
    double wait_s;            /* waiting alone, over all arrivals */
    double count;             /* how many are there, waiting or served */
    double waiting_count;     /* how many wait */
};

struct queue_load {
    double arrivals_per_s;
    double service_per_s; /* of one server, when it is busy */
    unsigned servers;
};

/* M/M/1 for one server, M/M/c else. ERR_INPUT when a rate is not above zero, or the arrivals are as much as the servers
 * can do: then the queue grows without end. */
WARN_UNUSED int queue_solve(const struct queue_load *load, struct queue *ret_queue, struct err *err);

/* The part of the arrivals that finds all `servers` busy when none may wait (Erlang B), and the part that has to wait when
 * all may (Erlang C; 1 when the load is as much as the servers can do). `load` is arrivals / service rate, in erlangs. */
double erlang_b(unsigned servers, double load);
double erlang_c(unsigned servers, double load);

/* The fewest servers with which at most `wait_ratio` of the arrivals wait; 0 when QUEUE_SERVERS_MAX are too few. */
unsigned erlang_servers(double load, double wait_ratio);

/* Little's law (Little 1961): the mean count N = X R, whatever the arrivals, the order or the service are, as long as
 * all three were measured over the same window and what entered also left. */
struct little {
    double count;
    double throughput_per_s;
    double response_s;
};

/* |N - X R| / N. Above LITTLE_RATIO_MAX one of the three was not measured over the same things: requests that timed out,
 * a queue inside the client, a window cut at its edges. */
#define LITTLE_RATIO_MAX 0.02

struct little_check {
    double expected_count; /* X R */
    double gap_ratio;
    bool holds;
};

/* ERR_INPUT when one of the three is not above zero. */
WARN_UNUSED int little_check(const struct little *measured, struct little_check *ret_check, struct err *err);

/* Fills in the one field that is 0 from the other two; ERR_INPUT unless exactly one is 0. */
WARN_UNUSED int little_complete(struct little *little, struct err *err);

#endif
