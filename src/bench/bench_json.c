/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "bench/bench_export.h"
#include "report/json_writer.h"

static void counts_json(struct json_writer *json, const struct bench_run *run)
{
    static const char *const names[COUNTER_COUNT] = {"instructions", "cycles", "branch_misses",
                                                     "cache_misses"};
    for (int i = 0; i < COUNTER_COUNT; i++)
        if (run->counts[i])
            json_u64(json, names[i], run->counts[i]);
}

static void run_json(struct json_writer *json, const struct bench_run *run)
{
    json_open(json, NULL, '{');
    json_u64(json, "round", run->round);
    json_u64(json, "position", run->position);
    json_u64(json, "start_ns", run->start_ns);
    json_u64(json, "wall_ns", run->wall_ns);
    json_u64(json, "user_ns", run->user_ns);
    json_u64(json, "system_ns", run->system_ns);
    json_u64(json, "memory_bytes_max", run->memory_bytes_max);
    json_u64(json, "context_switches_voluntary", run->switches_voluntary);
    json_u64(json, "context_switches_involuntary", run->switches_involuntary);
    json_u64(json, "faults_minor", run->faults_minor);
    json_u64(json, "faults_major", run->faults_major);
    json_u64(json, "read_bytes", run->read_bytes);
    json_u64(json, "write_bytes", run->write_bytes);
    counts_json(json, run);
    json_u64(json, "exit_status", (uint64_t)run->exit_status);
    json_close(json, '}');
}

static void runs_json(struct json_writer *json, const struct bench_arm *arm)
{
    json_open(json, "runs", '[');
    for (size_t i = 0; i < arm->runs.count; i++)
        run_json(json, &arm->runs.items[i]);
    json_close(json, ']');
}

static void summary_json(struct json_writer *json, const char *key, const struct bench_summary *summary)
{
    const struct description *description = &summary->description;
    json_open(json, key, '{');
    json_number(json, "median", description->median);
    json_number(json, "median_low", summary->median_low);
    json_number(json, "median_high", summary->median_high);
    json_number(json, "median_confidence_ratio", summary->median_confidence_ratio);
    json_number(json, "mean", description->mean);
    json_number(json, "deviation", description->deviation);
    json_number(json, "mad", description->mad);
    json_number(json, "min", description->min);
    json_number(json, "max", description->max);
    json_u64(json, "outlier_count", description->outlier_count);
    json_number(json, "autocorrelation", summary->autocorrelation);
    json_number(json, "drift", summary->drift.change);
    json_number(json, "drift_p_value", summary->drift.p_value);
    json_close(json, '}');
}

static void arm_json(struct json_writer *json, const struct bench_arm *arm, const char *recording)
{
    json_open(json, NULL, '{');
    json_text(json, "name", arm->name);
    json_text(json, "command", arm->command);
    json_open(json, "words", '[');
    for (size_t i = 0; arm->words[i]; i++)
        json_text(json, NULL, arm->words[i]);
    json_close(json, ']');
    json_open(json, "parameters", '{');
    for (size_t i = 0; i < arm->parameter_count; i++)
        json_text(json, arm->parameters[i].name, arm->parameters[i].value);
    json_close(json, '}');
    if (arm->tree_bytes_max)
        json_u64(json, "tree_bytes_max", arm->tree_bytes_max);
    else
        json_nothing(json, "tree_bytes_max");
    json_u64(json, "left_process_count", arm->left_count);
    if (recording)
        json_text(json, "recording", recording);
    for (int metric = 0; metric < BENCH_METRIC_COUNT; metric++)
        if (metric != BENCH_INSTRUCTIONS || arm->summaries[metric].description.max > 0)
            summary_json(json, bench_metric_name((enum bench_metric)metric), &arm->summaries[metric]);
    runs_json(json, arm);
    json_close(json, '}');
}

static const char *denial_name(enum bench_denial denial)
{
    switch (denial) {
    case BENCH_DENIED_BY_CONTROL: return "control";
    case BENCH_DENIED_BY_AUTOCORRELATION: return "autocorrelation";
    case BENCH_DENIED_BY_STEAL: return "steal";
    case BENCH_NOT_DENIED: break;
    }
    return NULL;
}

static void comparison_fields(struct json_writer *json, const struct bench_result *result,
                              const struct bench_comparison *comparison)
{
    json_text(json, "metric", bench_metric_name(comparison->metric));
    json_text(json, "verdict", effect_name(comparison->verdict));
    json_text(json, "denied_by", denial_name(comparison->denial));
    json_number(json, "ratio", comparison->ratio);
    json_number(json, "ratio_low", comparison->ratio_low);
    json_number(json, "ratio_high", comparison->ratio_high);
    json_number(json, "smallest_effect_ratio", comparison->smallest_effect_ratio);
    json_number(json, "p_value", comparison->p_value);
    json_number(json, "p_value_adjusted", comparison->p_value_adjusted);
    json_number(json, "confidence_ratio", comparison->log_ratio.confidence_ratio);
    json_number(json, "autocorrelation", comparison->autocorrelation);
    json_u64(json, "pair_count", comparison->pair_count);
    if (comparison->pairs_needed < SIZE_MAX)
        json_u64(json, "pairs_needed", comparison->pairs_needed);
    else
        json_nothing(json, "pairs_needed");
    json_bool(json, "is_exact", comparison->is_exact);
    json_text(json, "arm", result->arms.items[comparison->arm].name);
    json_text(json, "baseline", result->arms.items[comparison->baseline].name);
}

/* The wall time's verdict, the other metrics within it. */
void bench_json_comparison(struct json_writer *json, const char *key, const struct bench_result *result,
                           const struct bench_comparison *comparison)
{
    json_open(json, key, '{');
    comparison_fields(json, result, comparison);
    json_open(json, "metrics", '[');
    for (size_t i = 0; i < result->comparisons.count; i++) {
        const struct bench_comparison *other = &result->comparisons.items[i];
        if (other->arm != comparison->arm || other->metric == BENCH_WALL)
            continue;
        json_open(json, NULL, '{');
        comparison_fields(json, result, other);
        json_close(json, '}');
    }
    json_close(json, ']');
    json_close(json, '}');
}

static const char *stop_name(enum bench_stop stop)
{
    switch (stop) {
    case BENCH_STOP_PRECISION: return "precision";
    case BENCH_STOP_ROUNDS: return "rounds";
    case BENCH_STOP_TIME: return "time";
    case BENCH_STOP_INTERRUPT: break;
    }
    return "interrupt";
}

static void head_json(struct json_writer *json, const struct bench_result *result)
{
    char stamp[32] = "";
    time_t seconds = (time_t)(result->started_at_ns / NS_PER_S);
    struct tm parts;
    if (gmtime_r(&seconds, &parts))
        strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &parts);
    json_text(json, "started_at", stamp);
    json_u64(json, "duration_ns", result->duration_ns);
    json_u64(json, "seed", result->seed);
    json_u64(json, "rounds", result->rounds);
    json_text(json, "stopped_by", stop_name(result->stop));
    json_number(json, "confidence_ratio", result->confidence_ratio);
    json_number(json, "threshold_ratio", result->threshold_ratio);
    json_number(json, "precision_ratio", result->precision_ratio);
    json_open(json, "machine", '{');
    json_u64(json, "cpu_count", result->cpu_count);
    json_number(json, "steal_ratio", result->steal_ratio);
    json_number(json, "outside_cores", result->outside_cores);
    json_close(json, '}');
}

/* The control and the arms. */
static void sides_json(struct json_writer *json, const struct bench_result *result,
                       const char *const *recordings)
{
    if (result->has_control) {
        json_open(json, "control", '{');
        comparison_fields(json, result, &result->control);
        runs_json(json, &result->arms.items[result->arms.count - 1]);
        json_close(json, '}');
    } else {
        json_nothing(json, "control");
    }
    json_open(json, "arms", '[');
    for (size_t i = 0; i < bench_arm_count(result); i++)
        arm_json(json, &result->arms.items[i], recordings ? recordings[i] : NULL);
    json_close(json, ']');
}

void bench_json_measurement(struct json_writer *json, const struct bench_result *result)
{
    head_json(json, result);
    sides_json(json, result, NULL);
}

void bench_json(const struct bench_result *result, const struct bench_look *look, struct str *text)
{
    struct json_writer json = {.str = text};
    json_open(&json, NULL, '{');
    json_text(&json, "schema", "toll.bench/1");
    head_json(&json, result);
    json_open(&json, "comparisons", '[');
    for (size_t i = 0; i < result->comparisons.count; i++)
        if (result->comparisons.items[i].metric == BENCH_WALL)
            bench_json_comparison(&json, NULL, result, &result->comparisons.items[i]);
    json_close(&json, ']');
    sides_json(&json, result, look->recordings);
    json_close(&json, '}');
    json_end(&json);
}
