/* SPDX-License-Identifier: Apache-2.0 */
#include "law/queueing.h"

#include <math.h>

static bool is_positive(double value)
{
    return isfinite(value) && value > 0;
}

/* B(k) = a B(k-1) / (k + a B(k-1)), from B(0) = 1: every term is positive, so nothing is lost. */
double erlang_b(unsigned servers, double load)
{
    double blocked = 1;
    for (unsigned k = 1; k <= servers && blocked > 0; k++)
        blocked = load * blocked / (k + load * blocked);
    return blocked;
}

double erlang_c(unsigned servers, double load)
{
    if (load >= servers)
        return 1;
    double blocked = erlang_b(servers, load);
    return servers * blocked / (servers - load * (1 - blocked));
}

unsigned erlang_servers(double load, double wait_ratio)
{
    double blocked = 1;
    for (unsigned k = 1; k <= QUEUE_SERVERS_MAX; k++) {
        blocked = load * blocked / (k + load * blocked);
        if (load < k && k * blocked / (k - load * (1 - blocked)) <= wait_ratio)
            return k;
    }
    return 0;
}

/* P0 of M/M/c = B(c) (1 - rho) c! / (a^c (1 - rho (1 - B(c)))), its logarithm taken because a^c / c! may be huge. */
static double idle_ratio(unsigned servers, double load)
{
    double used = load / servers, blocked = erlang_b(servers, load);
    double log_states = servers * log(load) - lgamma(servers + 1.0);
    return blocked > 0 ? exp(log(blocked) - log_states) * (1 - used) / (1 - used * (1 - blocked))
                       : exp(-load);
}

int queue_solve(const struct queue_load *load, struct queue *ret_queue, struct err *err)
{
    if (!is_positive(load->arrivals_per_s) || !is_positive(load->service_per_s))
        return err_set(err, ERR_INPUT, "could not solve the queue: rates must be above zero");
    if (load->servers < 1 || load->servers > QUEUE_SERVERS_MAX)
        return err_set(err, ERR_INPUT, "could not solve the queue: it needs 1 to %u servers",
                       QUEUE_SERVERS_MAX);
    double erlangs = load->arrivals_per_s / load->service_per_s;
    if (erlangs >= load->servers) {
        err_set(err, ERR_INPUT, "could not solve the queue: %.6g arrive each second, %u server%s can do %.6g",
                load->arrivals_per_s, load->servers, load->servers == 1 ? "" : "s",
                load->servers * load->service_per_s);
        err_hint(err, "it would grow without end: at least %.0f servers are needed", floor(erlangs) + 1);
        return -ERR_INPUT;
    }
    struct queue queue = {.utilisation_ratio = erlangs / load->servers,
                          .wait_ratio = erlang_c(load->servers, erlangs),
                          .idle_ratio = idle_ratio(load->servers, erlangs)};
    queue.wait_s = queue.wait_ratio / (load->servers * load->service_per_s - load->arrivals_per_s);
    queue.response_s = queue.wait_s + 1 / load->service_per_s;
    queue.waiting_count = load->arrivals_per_s * queue.wait_s;
    queue.count = load->arrivals_per_s * queue.response_s;
    *ret_queue = queue;
    return 0;
}

int little_check(const struct little *measured, struct little_check *ret_check, struct err *err)
{
    if (!is_positive(measured->count) || !is_positive(measured->throughput_per_s) ||
        !is_positive(measured->response_s))
        return err_set(
            err, ERR_INPUT,
            "could not check Little's law: count, throughput and response time must be above zero");
    double expected = measured->throughput_per_s * measured->response_s;
    double gap = fabs(measured->count - expected) / measured->count;
    *ret_check =
        (struct little_check){.expected_count = expected, .gap_ratio = gap, .holds = gap <= LITTLE_RATIO_MAX};
    return 0;
}

int little_complete(struct little *little, struct err *err)
{
    bool has_count = is_positive(little->count), has_rate = is_positive(little->throughput_per_s);
    bool has_time = is_positive(little->response_s);
    if (has_count + has_rate + has_time != 2)
        return err_set(err, ERR_INPUT,
                       "could not apply Little's law: two of count, throughput and response time are needed");
    if (!has_count)
        little->count = little->throughput_per_s * little->response_s;
    else if (!has_rate)
        little->throughput_per_s = little->count / little->response_s;
    else
        little->response_s = little->count / little->throughput_per_s;
    return 0;
}
