/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <time.h>

#include "base/clock.h"
#include "report/json_writer.h"
#include "sweep/sweep_export.h"

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

/* exp of an interval; a rate's ratio is that of its costs the other way round. */
static void ratio_write(struct json_writer *json, const struct estimate *estimate, bool is_turned)
{
    double low = is_turned ? -estimate->high : estimate->low,
           high = is_turned ? -estimate->low : estimate->high;
    json_number(json, "ratio", exp(is_turned ? -estimate->value : estimate->value));
    json_number(json, "ratio_low", isfinite(low) ? exp(low) : NAN);
    json_number(json, "ratio_high", isfinite(high) ? exp(high) : NAN);
}

static void knobs_write(struct json_writer *json, const struct sweep_result *result, size_t value)
{
    json_open(json, "knobs", '{');
    for (size_t knob = 0; knob < result->knob_count; knob++) {
        const struct knob_value *about = &result->values.items[value].knobs[knob];
        if (result->knobs[knob].is_number)
            json_number(json, result->knobs[knob].name, about->number);
        else
            json_text(json, result->knobs[knob].name, about->text);
    }
    json_close(json, '}');
}

static void measured_write(struct json_writer *json, const struct sweep_result *result, size_t at)
{
    const struct sweep_value *value = &result->values.items[at];
    bool is_rate = sweep_is_rate(result->objective);
    json_u64(json, "run_count", value->count);
    json_number(json, "median", sweep_shown(result->objective, value->cost));
    json_number(json, "median_low",
                sweep_shown(result->objective, is_rate ? value->cost_high : value->cost_low));
    json_number(json, "median_high",
                sweep_shown(result->objective, is_rate ? value->cost_low : value->cost_high));
    ratio_write(json, &value->log_ratio, is_rate);
    json_number(json, "p_value_adjusted", value->p_value_adjusted);
    json_number(json, "cpu_ns", value->cpu_ns);
    json_number(json, "memory_bytes_max", value->memory_bytes);
    json_bool(json, "is_tied", value->is_tied);
    json_bool(json, "is_best", at == result->best);
    json_bool(json, "left_early", value->is_dropped);
}

static void values_write(struct json_writer *json, const struct sweep_result *result)
{
    json_open(json, "values", '[');
    for (size_t i = 0; i < result->values.count; i++) {
        const struct sweep_value *value = &result->values.items[i];
        const struct bench_arm *arm = &result->bench.arms.items[value->arm];
        json_open(json, NULL, '{');
        knobs_write(json, result, i);
        json_text(json, "command", arm->command);
        json_text(json, "joined", value->joined == SWEEP_COARSE ? "coarse" : "fine");
        json_text(json, "status", arm->failure ? "failed" : value->count ? "measured" : "not measured");
        json_text(json, "failure", arm->failure);
        if (arm->failure_status)
            json_u64(json, "exit_status", (uint64_t)arm->failure_status);
        json_bool(json, "is_today", i == result->today);
        if (value->count)
            measured_write(json, result, i);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void parameter_write(struct json_writer *json, const char *name, double value, double low, double high)
{
    json_open(json, name, '{');
    json_number(json, "value", value);
    json_number(json, "low", low);
    json_number(json, "high", high);
    json_close(json, '}');
}

static void usl_write(struct json_writer *json, const struct usl_fit *fit)
{
    parameter_write(json, "gamma", fit->gamma.value, fit->gamma.low, fit->gamma.high);
    parameter_write(json, "sigma", fit->sigma.value, fit->sigma.low, fit->sigma.high);
    parameter_write(json, "kappa", fit->kappa.value, fit->kappa.low, fit->kappa.high);
    parameter_write(json, "peak", fit->peak_workers, fit->peak_low, fit->peak_high);
    json_bool(json, "has_peak", fit->has_peak);
    json_bool(json, "is_peak_beyond", fit->is_peak_beyond);
    json_number(json, "peak_throughput", fit->peak_throughput);
    json_number(json, "residual_error_ratio", fit->residual_error);
}

static void batch_write(struct json_writer *json, const struct batch_fit *fit)
{
    parameter_write(json, "fixed", fit->fixed.value, fit->fixed.low, fit->fixed.high);
    parameter_write(json, "each", fit->each.value, fit->each.low, fit->each.high);
    parameter_write(json, "size_95", fit->size, fit->size_low, fit->size_high);
    json_number(json, "r_squared_ratio", fit->r_squared_ratio);
    json_number(json, "residual_error_ratio", fit->residual_error);
}

static void fit_write(struct json_writer *json, const struct sweep_result *result)
{
    const struct sweep_fit *fit = &result->fit;
    if (fit->law == SWEEP_LAW_NONE && !fit->refusal) {
        json_nothing(json, "fit");
        return;
    }
    json_open(json, "fit", '{');
    json_text(json, "law", fit->law == SWEEP_LAW_USL ? "usl" : fit->law == SWEEP_LAW_BATCH ? "batch" : NULL);
    json_text(json, "refusal", fit->refusal);
    if (fit->law == SWEEP_LAW_USL)
        usl_write(json, &fit->usl);
    else if (fit->law == SWEEP_LAW_BATCH)
        batch_write(json, &fit->batch);
    json_close(json, '}');
}

static void today_write(struct json_writer *json, const struct sweep_result *result)
{
    const struct sweep_move *move = &result->move;
    if (result->today == SWEEP_NONE) {
        json_nothing(json, "today");
        return;
    }
    json_open(json, "today", '{');
    knobs_write(json, result, result->today);
    json_bool(json, "is_best", result->today == result->best);
    json_bool(json, "is_tied", result->values.items[result->today].is_tied);
    if (move->is_known) {
        /* The best's cost over today's: below 1 is better. */
        json_open(json, "move", '{');
        json_text(json, "verdict", effect_name(move->verdict));
        json_text(json, "denied_by", denial_name(move->denial));
        ratio_write(json, &move->log_ratio, sweep_is_rate(result->objective));
        json_number(json, "gain", exp(-move->log_ratio.value));
        json_number(json, "gain_low", isfinite(move->log_ratio.high) ? exp(-move->log_ratio.high) : NAN);
        json_number(json, "gain_high", isfinite(move->log_ratio.low) ? exp(-move->log_ratio.low) : NAN);
        json_u64(json, "pair_count", move->pair_count);
        json_open(json, "control", '{');
        ratio_write(json, &move->control, sweep_is_rate(result->objective));
        json_close(json, '}');
        json_close(json, '}');
    } else {
        json_nothing(json, "move");
    }
    json_close(json, '}');
}

static void best_write(struct json_writer *json, const struct sweep_result *result)
{
    struct str change = {0};
    json_open(json, "best", '{');
    knobs_write(json, result, result->best);
    json_number(json, "median", sweep_shown(result->objective, result->values.items[result->best].cost));
    json_close(json, '}');
    json_open(json, "plateau", '{');
    json_bool(json, "is_flat", sweep_is_flat(result));
    json_u64(json, "value_count", result->tied_count);
    json_number(json, "smallest_effect_ratio", result->smallest_effect_ratio);
    json_open(json, "values", '[');
    for (size_t i = 0; i < result->values.count; i++) {
        if (!result->values.items[i].is_tied)
            continue;
        json_open(json, NULL, '{');
        for (size_t knob = 0; knob < result->knob_count; knob++)
            json_text(json, result->knobs[knob].name, result->values.items[i].knobs[knob].text);
        json_close(json, '}');
    }
    json_close(json, ']');
    json_close(json, '}');
    json_open(json, "changes", '[');
    for (size_t knob = 0;
         knob < result->knob_count && !sweep_is_flat(result) && result->best != result->today; knob++) {
        str_clear(&change);
        sweep_change(result, result->best, knob, &change);
        json_text(json, NULL, str_text(&change));
    }
    json_close(json, ']');
    str_free(&change);
}

void sweep_json(const struct sweep_result *result, struct str *text)
{
    const struct bench_result *bench = &result->bench;
    struct json_writer json = {.str = text};
    time_t seconds = (time_t)(bench->started_at_ns / NS_PER_S);
    struct tm parts;
    char stamp[32] = "";
    if (gmtime_r(&seconds, &parts))
        strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &parts);
    json_open(&json, NULL, '{');
    json_text(&json, "schema", "toll.tune/1");
    json_text(&json, "started_at", stamp);
    json_u64(&json, "duration_ns", bench->duration_ns);
    json_u64(&json, "seed", bench->seed);
    json_text(&json, "stopped_by", stop_name(bench->stop));
    json_text(&json, "objective", sweep_objective_name(result->objective));
    json_text(&json, "better", sweep_is_rate(result->objective) ? "more" : "less");
    json_text(&json, "cache", page_cache_name(result->cache));
    json_number(&json, "confidence_ratio", bench->confidence_ratio);
    json_number(&json, "threshold_ratio", bench->threshold_ratio);
    json_open(&json, "rounds", '{');
    json_u64(&json, "coarse", result->rounds[SWEEP_COARSE]);
    json_u64(&json, "fine", result->rounds[SWEEP_FINE]);
    json_u64(&json, "confirm", result->rounds[SWEEP_CONFIRM]);
    json_close(&json, '}');
    json_open(&json, "machine", '{');
    json_u64(&json, "cpu_count", bench->cpu_count);
    json_number(&json, "steal_ratio", bench->steal_ratio);
    json_number(&json, "outside_cores", bench->outside_cores);
    json_close(&json, '}');
    best_write(&json, result);
    today_write(&json, result);
    fit_write(&json, result);
    values_write(&json, result);
    json_close(&json, '}');
    json_end(&json);
}
