/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/law_numbers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "law/closed_network.h"
#include "law/queueing.h"
#include "law/scaling.h"
#include "law/usl.h"
#include "ops/number_rows.h"
#include "report/json_writer.h"

#define STATIONS_MAX 64u
#define WORKERS_MAX  1e9

/* The answer being written: lines of a person, or members of the JSON. */
struct answer {
    const struct law_request *request;
    struct str *text;
    struct json_writer json;
};

static void answer_open(struct answer *answer)
{
    if (!answer->request->json)
        return;
    json_open(&answer->json, NULL, '{');
    json_text(&answer->json, "schema", "toll.law/1");
    json_text(&answer->json, "law", answer->request->law);
}

static void answer_close(struct answer *answer)
{
    if (!answer->request->json)
        return;
    json_close(&answer->json, '}');
    json_end(&answer->json);
}

/* A figure as a line `label  value unit`, or as a member `key`. */
static void figure(struct answer *answer, const char *key, const char *label, double value, const char *unit)
{
    if (answer->request->json)
        json_number(&answer->json, key, value);
    else if (isinf(value))
        str_printf(answer->text, "%-22s no limit\n", label);
    else
        str_printf(answer->text, "%-22s %.6g%s%s\n", label, value, *unit ? " " : "", unit);
}

/* usl */

static void parameter(struct answer *answer, const char *key, const char *what,
                      const struct usl_parameter *parameter)
{
    if (!answer->request->json) {
        str_printf(answer->text, "%-8s %-11.6g %.6g to %-12.6g %s\n", key, parameter->value, parameter->low,
                   parameter->high, what);
        return;
    }
    json_open(&answer->json, key, '{');
    json_number(&answer->json, "value", parameter->value);
    json_number(&answer->json, "error", parameter->error);
    json_number(&answer->json, "low", parameter->low);
    json_number(&answer->json, "high", parameter->high);
    json_close(&answer->json, '}');
}

static void usl_text(const struct answer *answer, const struct usl_fit *fit)
{
    struct str *text = answer->text;
    str_printf(text, "residual %.3g%s, %zu degrees of freedom\n",
               answer->request->is_absolute ? fit->residual_error : 100 * fit->residual_error,
               answer->request->is_absolute ? "" : " %", fit->freedom);
    if (!fit->has_peak) {
        str_append(text, "No peak: throughput grows with every worker.");
        if (isfinite(fit->ceiling_throughput))
            str_printf(text, " It stays below %.6g.", fit->ceiling_throughput);
        if (isfinite(fit->peak_low) && fit->peak_low > 1)
            str_printf(text, " If there is a peak, it is past %.4g workers.", fit->peak_low);
        str_append(text, "\n");
    } else {
        str_printf(text, "Peak: %.6g at %.4g workers", fit->peak_throughput, fit->peak_workers);
        if (isinf(fit->peak_high))
            str_printf(text, " (at least %.4g; that there is one is not shown).", fit->peak_low);
        else
            str_printf(text, " (%.4g to %.4g).", fit->peak_low, fit->peak_high);
        str_append(text, " More workers than that make it slower.\n");
    }
    if (fit->is_peak_beyond)
        str_append(
            text, "The peak lies past twice the largest load measured: measure there before believing it.\n");
    if (fit->superlinear_count)
        str_printf(
            text,
            "%zu of the points do more than workers times one worker: was the first point measured cold?\n",
            fit->superlinear_count);
}

static void usl_points_json(struct answer *answer, const struct usl_fit *fit, const struct usl_point *points,
                            size_t count)
{
    struct usl usl = usl_of(fit);
    json_open(&answer->json, "points", '[');
    for (size_t i = 0; i < count; i++) {
        json_open(&answer->json, NULL, '{');
        json_number(&answer->json, "workers", points[i].workers);
        json_number(&answer->json, "throughput", points[i].throughput);
        json_number(&answer->json, "fitted", usl_throughput(&usl, points[i].workers));
        json_close(&answer->json, '}');
    }
    json_close(&answer->json, ']');
}

static void usl_write(struct answer *answer, const struct usl_fit *fit, const struct usl_point *points,
                      size_t count)
{
    parameter(answer, "gamma", "throughput of one worker", &fit->gamma);
    parameter(answer, "sigma", "contention: the part that is serial", &fit->sigma);
    parameter(answer, "kappa", "coherency: what each pair costs", &fit->kappa);
    if (!answer->request->json) {
        usl_text(answer, fit);
        return;
    }
    struct json_writer *json = &answer->json;
    json_number(json, answer->request->is_absolute ? "residual_error" : "residual_error_ratio",
                fit->residual_error);
    json_u64(json, "freedom", fit->freedom);
    json_bool(json, "has_peak", fit->has_peak);
    json_number(json, "peak_workers", fit->peak_workers);
    json_number(json, "peak_workers_low", fit->peak_low);
    json_number(json, "peak_workers_high", fit->peak_high);
    json_number(json, "peak_throughput", fit->peak_throughput);
    json_number(json, "ceiling_throughput", fit->ceiling_throughput);
    json_bool(json, "peak_beyond_measurements", fit->is_peak_beyond);
    json_u64(json, "superlinear_count", fit->superlinear_count);
    usl_points_json(answer, fit, points, count);
}

static int fit_rows(const struct law_request *request, bool is_amdahl, struct usl_fit *ret_fit,
                    struct usl_point **ret_points, size_t *ret_count, struct err *err)
{
    struct number_rows rows;
    struct usl_options options = {.confidence_ratio = request->confidence_ratio,
                                  .is_absolute = request->is_absolute,
                                  .is_amdahl = is_amdahl};
    int status = number_rows_read(request->operands, request->operand_count, 2, &rows, err);
    if (status)
        return status;
    struct usl_point *points = calloc(rows.rows.count, sizeof *points);
    for (size_t i = 0; points && i < rows.rows.count; i++)
        points[i] = (struct usl_point){rows.rows.items[i].values[0], rows.rows.items[i].values[1]};
    status = points ? usl_fit(points, rows.rows.count, &options, ret_fit, err) : err_memory(err);
    *ret_count = rows.rows.count;
    number_rows_free(&rows);
    if (status)
        free(points);
    else
        *ret_points = points;
    return status;
}

static int answer_usl(struct answer *answer, struct err *err)
{
    struct usl_fit fit;
    struct usl_point *points;
    size_t count;
    int status = fit_rows(answer->request, false, &fit, &points, &count, err);
    if (status)
        return status;
    answer_open(answer);
    usl_write(answer, &fit, points, count);
    answer_close(answer);
    free(points);
    return 0;
}

/* amdahl */

static void amdahl_rows(struct answer *answer, double serial, const double *workers, size_t count)
{
    if (answer->request->json)
        json_open(&answer->json, "points", '[');
    else
        str_printf(answer->text, "%10s %12s %12s %12s\n", "workers", "speed-up", "of the limit", "Gustafson");
    for (size_t i = 0; i < count; i++) {
        double speedup = amdahl_speedup(serial, workers[i]), scaled = gustafson_speedup(serial, workers[i]);
        double part = isinf(amdahl_limit(serial)) ? 0 : speedup / amdahl_limit(serial);
        if (!answer->request->json) {
            str_printf(answer->text, "%10.6g %11.4gx %10.3g %% %11.4gx\n", workers[i], speedup, 100 * part,
                       scaled);
            continue;
        }
        json_open(&answer->json, NULL, '{');
        json_number(&answer->json, "workers", workers[i]);
        json_number(&answer->json, "speedup", speedup);
        json_number(&answer->json, "efficiency_ratio", speedup / workers[i]);
        json_number(&answer->json, "gustafson_speedup", scaled);
        json_close(&answer->json, '}');
    }
    if (answer->request->json)
        json_close(&answer->json, ']');
}

static void amdahl_write(struct answer *answer, double serial, const double *workers, size_t count)
{
    figure(answer, "parallel_ratio", "parallel part", 1 - serial, "");
    figure(answer, "serial_ratio", "serial part", serial, "");
    figure(answer, "limit", "limit, any workers", amdahl_limit(serial), "times");
    figure(answer, "workers_for_90_percent", "90 % of the limit at", amdahl_workers(serial, 0.9), "workers");
    amdahl_rows(answer, serial, workers, count);
}

/* Measured rows (workers, throughput): the serial part that fits them. */
static int amdahl_fitted(struct answer *answer, struct err *err)
{
    struct usl_fit fit;
    struct usl_point *points;
    size_t count;
    int status = fit_rows(answer->request, true, &fit, &points, &count, err);
    if (status)
        return status;
    double *workers = calloc(count, sizeof *workers);
    if (!workers) {
        free(points);
        return err_memory(err);
    }
    for (size_t i = 0; i < count; i++)
        workers[i] = points[i].workers;
    answer_open(answer);
    parameter(answer, "gamma", "throughput of one worker", &fit.gamma);
    parameter(answer, "sigma", "the serial part", &fit.sigma);
    amdahl_write(answer, fit.sigma.value, workers, count);
    answer_close(answer);
    free(workers);
    free(points);
    return 0;
}

static int answer_amdahl(struct answer *answer, struct err *err)
{
    static const double usual[] = {2, 4, 8, 16, 32, 64, 128};
    const struct law_request *request = answer->request;
    double parallel = request->parallel_ratio, workers = request->workers;
    if (parallel <= 0 && request->operand_count == 2 &&
        num_parse_double(request->operands[0], &parallel) == 0) {
        if (num_parse_double(request->operands[1], &workers))
            return err_set(err, ERR_USAGE, "could not apply Amdahl's law: '%s' is no number of workers",
                           request->operands[1]);
    } else if (parallel <= 0) {
        return amdahl_fitted(answer, err);
    }
    if (!(parallel > 0 && parallel <= 1))
        return err_set(err, ERR_USAGE,
                       "could not apply Amdahl's law: the parallel part is above 0 and at most 1, not %g",
                       parallel);
    if (!(workers >= 0 && workers <= WORKERS_MAX) || (workers > 0 && workers < 1))
        return err_set(err, ERR_USAGE, "could not apply Amdahl's law: %g is no number of workers", workers);
    answer_open(answer);
    amdahl_write(answer, 1 - parallel, workers > 0 ? &workers : usual,
                 workers > 0 ? 1 : sizeof usual / sizeof usual[0]);
    answer_close(answer);
    return 0;
}

/* little */

static int little_row(struct answer *answer, const struct little *given, struct err *err)
{
    struct little little = *given;
    struct little_check check = {0};
    bool is_checked = little.count > 0 && little.throughput_per_s > 0 && little.response_s > 0;
    int status = is_checked ? little_check(&little, &check, err) : little_complete(&little, err);
    if (status)
        return status;
    if (answer->request->json)
        json_open(&answer->json, NULL, '{');
    figure(answer, "count", "in flight, N", little.count, "");
    figure(answer, "throughput_per_s", "throughput, X", little.throughput_per_s, "/s");
    figure(answer, "response_s", "response time, R", little.response_s, "s");
    if (is_checked) {
        figure(answer, "expected_count", "X times R", check.expected_count, "");
        figure(answer, "gap_ratio", "gap, |N - X R| / N", check.gap_ratio, "");
        if (answer->request->json)
            json_bool(&answer->json, "holds", check.holds);
        else
            str_append(answer->text,
                       check.holds
                           ? "The three fit together.\n"
                           : "They do not fit together: requests that timed out, a queue inside the client, "
                             "or different windows.\n");
    }
    if (answer->request->json)
        json_close(&answer->json, '}');
    return 0;
}

static int answer_little(struct answer *answer, struct err *err)
{
    const struct law_request *request = answer->request;
    struct little given = {request->count, request->throughput_per_s, request->response_s};
    struct number_rows rows = {0};
    bool is_given = given.count > 0 || given.throughput_per_s > 0 || given.response_s > 0;
    int status = is_given ? 0 : number_rows_read(request->operands, request->operand_count, 3, &rows, err);
    if (status)
        return status;
    answer_open(answer);
    if (request->json)
        json_open(&answer->json, "rows", '[');
    if (is_given)
        status = little_row(answer, &given, err);
    for (size_t i = 0; !status && i < rows.rows.count; i++) {
        const double *values = rows.rows.items[i].values;
        given = (struct little){values[0], values[1], values[2]};
        status = little_row(answer, &given, err);
    }
    if (request->json)
        json_close(&answer->json, ']');
    answer_close(answer);
    number_rows_free(&rows);
    return status;
}

/* queue */

static int open_queue(struct answer *answer, const struct queue_load *load, struct err *err)
{
    struct queue queue;
    int status = queue_solve(load, &queue, err);
    if (status)
        return status;
    if (answer->request->json)
        json_open(&answer->json, NULL, '{');
    figure(answer, "arrivals_per_s", "arrivals", load->arrivals_per_s, "/s");
    figure(answer, "service_per_s", "service, each server", load->service_per_s, "/s");
    figure(answer, "servers", "servers", load->servers, "");
    figure(answer, "utilisation_ratio", "utilisation", queue.utilisation_ratio, "");
    figure(answer, "wait_ratio", "have to wait", queue.wait_ratio, "");
    figure(answer, "idle_ratio", "nothing there", queue.idle_ratio, "");
    figure(answer, "count", "there, L", queue.count, "");
    figure(answer, "waiting_count", "waiting, Lq", queue.waiting_count, "");
    figure(answer, "response_s", "response time, W", queue.response_s, "s");
    figure(answer, "wait_s", "waiting time, Wq", queue.wait_s, "s");
    if (answer->request->json)
        json_close(&answer->json, '}');
    return 0;
}

static int open_queues(struct answer *answer, struct err *err)
{
    const struct law_request *request = answer->request;
    struct number_rows rows = {0};
    struct number_row given = {{request->arrivals_per_s, request->service_per_s, request->servers}, 3};
    bool is_given = given.values[0] > 0 || given.values[1] > 0;
    int status = is_given ? 0 : number_rows_read(request->operands, request->operand_count, 2, &rows, err);
    if (status)
        return status;
    answer_open(answer);
    if (request->json)
        json_open(&answer->json, "queues", '[');
    for (size_t i = 0; !status && i < (is_given ? 1 : rows.rows.count); i++) {
        const struct number_row *row = is_given ? &given : &rows.rows.items[i];
        double servers = row->count > 2 && row->values[2] > 0 ? row->values[2] : 1;
        struct queue_load load = {row->values[0], row->values[1], servers < 1e9 ? (unsigned)servers : 0};
        if (servers > load.servers || servers < load.servers)
            status =
                err_set(err, ERR_USAGE, "could not solve the queue: %g is no number of servers", servers);
        else
            status = open_queue(answer, &load, err);
    }
    if (request->json)
        json_close(&answer->json, ']');
    answer_close(answer);
    number_rows_free(&rows);
    return status;
}

struct named_station {
    char name[64];
    struct station station;
};

/* "NAME=DEMAND" or "NAME=DEMAND/SERVERS" */
static int read_station(const char *text, struct named_station *ret_station, struct err *err)
{
    struct named_station station = {.station.servers = 1};
    const char *equals = strchr(text, '='), *slash = equals ? strchr(equals, '/') : NULL;
    char demand[64];
    uint64_t servers = 1;
    size_t length = !equals ? 0 : slash ? (size_t)(slash - equals - 1) : strlen(equals + 1);
    if (equals && length < sizeof demand) {
        snprintf(demand, sizeof demand, "%.*s", (int)length, equals + 1);
        snprintf(station.name, sizeof station.name, "%.*s", (int)(equals - text), text);
        if (!num_parse_double(demand, &station.station.demand_s) &&
            (!slash || !num_parse_u64(slash + 1, &servers)) && servers <= QUEUE_SERVERS_MAX) {
            station.station.servers = (unsigned)servers;
            *ret_station = station;
            return 0;
        }
    }
    err_set(err, ERR_USAGE, "could not understand station '%s'", text);
    err_hint(err, "NAME=DEMAND, NAME=DEMAND/SERVERS, or NAME=DEMAND/0 where nobody waits; the demand in "
                  "seconds a round");
    return -ERR_USAGE;
}

static void network_write(struct answer *answer, const struct named_station *named,
                          const struct network *network, const struct network_point *point,
                          const struct station_load *loads, const struct network_bounds *bounds)
{
    const char *first = bounds->bottleneck < network->station_count ? named[bounds->bottleneck].name : NULL;
    figure(answer, "customers", "customers", answer->request->customers, "");
    figure(answer, "throughput_per_s", "throughput", point->throughput_per_s, "/s");
    figure(answer, "response_s", "response time", point->response_s, "s");
    figure(answer, "capacity_per_s", "capacity", bounds->capacity_per_s, "/s");
    figure(answer, "knee_customers", "queues from", bounds->knee, "customers on");
    figure(answer, "throughput_per_s_max", "throughput, at most", bounds->throughput_per_s_max, "/s");
    figure(answer, "throughput_per_s_min", "throughput, at least", bounds->throughput_per_s_min, "/s");
    figure(answer, "response_s_min", "response, at least", bounds->response_s_min, "s");
    if (answer->request->json) {
        json_text(&answer->json, "bottleneck", first);
        json_open(&answer->json, "stations", '[');
    } else {
        str_printf(answer->text, "%-16s %12s %12s %12s\n", "station", "busy", "there", "time");
    }
    for (size_t i = 0; i < network->station_count; i++) {
        if (!answer->request->json) {
            char busy[32] = "-";
            if (named[i].station.servers)
                snprintf(busy, sizeof busy, "%.3g %%", 100 * loads[i].utilisation_ratio);
            str_printf(answer->text, "%-16s %12s %12.4g %10.4g s%s\n", named[i].name, busy, loads[i].count,
                       loads[i].residence_s, i == bounds->bottleneck ? "  the bottleneck" : "");
            continue;
        }
        json_open(&answer->json, NULL, '{');
        json_text(&answer->json, "name", named[i].name);
        json_number(&answer->json, "demand_s", named[i].station.demand_s);
        json_u64(&answer->json, "servers", named[i].station.servers);
        json_number(&answer->json, "utilisation_ratio", loads[i].utilisation_ratio);
        json_number(&answer->json, "count", loads[i].count);
        json_number(&answer->json, "residence_s", loads[i].residence_s);
        json_close(&answer->json, '}');
    }
    if (answer->request->json)
        json_close(&answer->json, ']');
}

static int closed_queue(struct answer *answer, struct err *err)
{
    const struct law_request *request = answer->request;
    struct named_station named[STATIONS_MAX];
    struct station stations[STATIONS_MAX];
    struct station_load loads[STATIONS_MAX];
    struct network network = {stations, request->station_count, request->think_s};
    struct network_bounds bounds;
    if (request->station_count > STATIONS_MAX)
        return err_set(err, ERR_USAGE, "could not solve the network: it takes %u stations at most",
                       STATIONS_MAX);
    for (size_t i = 0; i < request->station_count; i++) {
        int status = read_station(request->stations[i], &named[i], err);
        if (status)
            return status;
        stations[i] = named[i].station;
    }
    if (!(request->customers >= 1 && request->customers <= NETWORK_POPULATION_MAX))
        return err_set(err, ERR_USAGE, "could not solve the network: it takes --customers from 1 to %u",
                       NETWORK_POPULATION_MAX);
    size_t customers = (size_t)request->customers;
    struct network_point *points = calloc(customers, sizeof *points);
    if (!points)
        return err_memory(err);
    int status = network_solve(&network, customers, points, loads, err);
    if (!status)
        status = network_bounds(&network, (double)customers, &bounds, err);
    if (!status) {
        answer_open(answer);
        network_write(answer, named, &network, &points[customers - 1], loads, &bounds);
        answer_close(answer);
    }
    free(points);
    return status;
}

static int answer_queue(struct answer *answer, struct err *err)
{
    return answer->request->station_count ? closed_queue(answer, err) : open_queues(answer, err);
}

int ops_law(const struct law_request *request, struct str *ret_text, struct err *err)
{
    static const struct {
        const char *law;
        int (*answer)(struct answer *answer, struct err *err);
    } laws[] = {
        {"usl", answer_usl}, {"amdahl", answer_amdahl}, {"little", answer_little}, {"queue", answer_queue}};
    struct answer answer = {.request = request, .text = ret_text, .json = {.str = ret_text}};
    for (size_t i = 0; i < sizeof laws / sizeof laws[0]; i++) {
        if (strcmp(laws[i].law, request->law) != 0)
            continue;
        int status = laws[i].answer(&answer, err);
        return status ? status : ret_text->failed ? err_memory(err) : 0;
    }
    err_set(err, ERR_USAGE, "could not apply law '%s': toll has no such law", request->law);
    err_hint(err, "choose one of: usl, amdahl, little, queue");
    return -ERR_USAGE;
}
