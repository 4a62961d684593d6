/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read_load_json: the JSON of load generators. Each describes a session by some numbers:
 * k6 (--summary-export, and handleSummary's data, where they stand under "values"; times in ms), vegeta (`report
 * -type=json`; ns), oha (-j, its schema.json; s), autocannon (-j; ms).
 */
#include <stdio.h>
#include <string.h>

#include "compare/measured.h"

struct json_metric {
    const char *object, *key; /* where it stands; the key may hold full stops */
    const char *metric, *unit;
    double scale;
};

static int metrics_read(const struct json_value *root, const struct json_metric *metrics, size_t count,
                        struct measured *measured, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        double value;
        struct series_kind kind = {.name = "",
                                   .metric = metrics[i].metric,
                                   .unit = metrics[i].unit,
                                   .higher_is_better = str_ends(metrics[i].unit, "per_s"),
                                   .is_summary = true};
        const struct json_value *found = json_member(json_find(root, metrics[i].object), metrics[i].key);
        if (!json_find_number(found, NULL, &value) || measured_find(measured, "", metrics[i].metric))
            continue;
        int status = measured_add(measured, &kind, value * metrics[i].scale, err);
        if (status)
            return status;
    }
    return 0;
}

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static int note_failed(bool has_failed, struct measured *measured, struct err *err)
{
    return has_failed ? measured_note(measured, "Sessions had requests that failed.", err) : 0;
}

/* --- k6 --- */

bool k6_recognise(const struct result_input *input)
{
    const struct json_value *metrics = json_find_object(input->json, "metrics");
    return json_find_object(metrics, "iterations") || json_find_object(metrics, "http_reqs") ||
           json_find_object(metrics, "iteration_duration");
}

int k6_read(const struct result_input *input, struct measured *measured, struct err *err)
{
    static const struct json_metric metrics[] = {
        {"metrics.http_reqs.values", "rate", "requests_per_s", "per_s", 1},
        {"metrics.http_reqs", "rate", "requests_per_s", "per_s", 1},
        {"metrics.http_req_duration.values", "med", "latency_ns_p50", "ns", 1e6},
        {"metrics.http_req_duration", "med", "latency_ns_p50", "ns", 1e6},
        {"metrics.http_req_duration.values", "p(95)", "latency_ns_p95", "ns", 1e6},
        {"metrics.http_req_duration", "p(95)", "latency_ns_p95", "ns", 1e6},
        {"metrics.http_req_duration.values", "p(99)", "latency_ns_p99", "ns", 1e6},
        {"metrics.http_req_duration", "p(99)", "latency_ns_p99", "ns", 1e6},
        {"metrics.iteration_duration.values", "med", "iteration_ns_p50", "ns", 1e6},
        {"metrics.iteration_duration", "med", "iteration_ns_p50", "ns", 1e6},
        {"metrics.iterations.values", "rate", "iterations_per_s", "per_s", 1},
        {"metrics.iterations", "rate", "iterations_per_s", "per_s", 1},
    };
    double ratio = 0;
    if (!json_find_number(input->json, "metrics.http_req_failed.values.rate", &ratio))
        (void)json_find_number(input->json, "metrics.http_req_failed.value", &ratio);
    int status = metrics_read(input->json, metrics, COUNT_OF(metrics), measured, err);
    return status ? status : note_failed(ratio > 0, measured, err);
}

/* --- vegeta --- */

bool vegeta_recognise(const struct result_input *input)
{
    double mean, rate;
    if (!input->json)
        return text_find(&input->text, "Latencies ") && text_find(&input->text, "[total, rate");
    return json_find_number(input->json, "latencies.mean", &mean) &&
           json_find_number(input->json, "rate", &rate);
}

int vegeta_read(const struct result_input *input, struct measured *measured, struct err *err)
{
    static const struct json_metric metrics[] = {
        {"latencies", "50th", "latency_ns_p50", "ns", 1},
        {"latencies", "95th", "latency_ns_p95", "ns", 1},
        {"latencies", "99th", "latency_ns_p99", "ns", 1},
        {NULL, "rate", "requests_per_s", "per_s", 1},
        {NULL, "throughput", "throughput_per_s", "per_s", 1},
    };
    double success = 1;
    if (!input->json)
        return vegeta_text_read(input, measured, err);
    (void)json_find_number(input->json, "success", &success);
    int status = metrics_read(input->json, metrics, COUNT_OF(metrics), measured, err);
    return status ? status : note_failed(success < 1, measured, err);
}

/* --- oha --- */

bool oha_recognise(const struct result_input *input)
{
    double rate;
    return json_find_number(input->json, "summary.requestsPerSec", &rate) &&
           json_find_object(input->json, "latencyPercentiles");
}

int oha_read(const struct result_input *input, struct measured *measured, struct err *err)
{
    static const struct json_metric metrics[] = {
        {"summary", "requestsPerSec", "requests_per_s", "per_s", 1},
        {"latencyPercentiles", "p50", "latency_ns_p50", "ns", 1e9},
        {"latencyPercentiles", "p95", "latency_ns_p95", "ns", 1e9},
        {"latencyPercentiles", "p99", "latency_ns_p99", "ns", 1e9},
    };
    double failed = 0;
    const struct json_value *errors = json_find(input->json, "errorDistribution");
    for (struct json_member_at at = json_members(errors); at.value; json_members_next(&at)) {
        double count = 0;
        (void)json_find_number(at.value, NULL, &count);
        failed += count;
    }
    int status = metrics_read(input->json, metrics, COUNT_OF(metrics), measured, err);
    return status ? status : note_failed(failed > 0, measured, err);
}

/* --- autocannon --- */

bool autocannon_recognise(const struct result_input *input)
{
    double average;
    return json_find_number(input->json, "requests.average", &average) &&
           json_find_object(input->json, "latency");
}

int autocannon_read(const struct result_input *input, struct measured *measured, struct err *err)
{
    static const struct json_metric metrics[] = {
        {"requests", "average", "requests_per_s", "per_s", 1},
        {"latency", "p50", "latency_ns_p50", "ns", 1e6},
        {"latency", "p97_5", "latency_ns_p97_5", "ns", 1e6},
        {"latency", "p99", "latency_ns_p99", "ns", 1e6},
    };
    double failed = 0, other = 0;
    (void)json_find_number(input->json, "errors", &failed);
    (void)json_find_number(input->json, "non2xx", &other);
    int status = metrics_read(input->json, metrics, COUNT_OF(metrics), measured, err);
    return status ? status : note_failed(failed > 0 || other > 0, measured, err);
}
