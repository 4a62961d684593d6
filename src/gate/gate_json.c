/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "gate/gate_export.h"
#include "report/json_writer.h"

static void moment(struct json_writer *json, const char *key, uint64_t realtime_ns)
{
    char text[32];
    time_t seconds = (time_t)(realtime_ns / NS_PER_S);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    json_text(json, key, text);
}

static void outcome_fields(struct json_writer *json, const struct gate_outcome *outcome)
{
    json_number(json, "value", outcome->value);
    json_number(json, "value_low", outcome->value_low);
    json_number(json, "value_high", outcome->value_high);
    json_number(json, "baseline_value", outcome->before);
    json_number(json, "ratio", outcome->ratio);
    json_number(json, "ratio_low", outcome->ratio_low);
    json_number(json, "ratio_high", outcome->ratio_high);
    json_number(json, "p_value", outcome->p_fail_alone);
    json_number(json, "p_value_adjusted", outcome->p_fail);
    json_number(json, "p_value_pass", outcome->p_pass);
    json_u64(json, "count", outcome->count);
    json_u64(json, "history_count", outcome->before_count);
    json_bool(json, "is_exact", outcome->is_exact);
    json_bool(json, "is_unpaired", outcome->is_unpaired);
    json_text(json, "why", outcome->why);
}

static void check(struct json_writer *json, const struct gate_result *result, size_t index)
{
    static const char *const units[] = {"ns", "bytes", "per_s", "count", "money"};
    const struct gate_check *asked = &result->config->checks.items[index];
    const struct gate_check_result *checked = &result->checks[index];
    const struct gate_metric_about *about = gate_metric_about(asked->metric);
    json_open(json, NULL, '{');
    json_text(json, "gate", result->config->gates.items[asked->gate].name);
    json_text(json, "metric", about->series);
    json_text(json, "unit", units[about->unit]);
    json_text(json, "limit", gate_limit_name(asked->limit));
    json_number(json, "bound", asked->bound);
    json_u64(json, "line", asked->line);
    json_text(json, "verdict", gate_verdict_name(checked->outcome.verdict));
    outcome_fields(json, &checked->outcome);
    if (checked->was_repeated) {
        json_open(json, "repeated", '{');
        json_text(json, "verdict", gate_verdict_name(checked->again.verdict));
        outcome_fields(json, &checked->again);
        json_close(json, '}');
    } else {
        json_nothing(json, "repeated");
    }
    json_close(json, '}');
}

static void conditions_fields(struct json_writer *json, const struct gate_conditions *conditions)
{
    json_u64(json, "cpu_count", conditions->cpu_count);
    json_number(json, "steal_ratio", conditions->steal_ratio);
    json_number(json, "outside_cores", conditions->outside_cores);
    json_number(json, "control_ratio", conditions->has_control ? conditions->control_ratio : NAN);
    json_number(json, "control_ratio_low", conditions->has_control ? conditions->control_low : NAN);
    json_number(json, "control_ratio_high", conditions->has_control ? conditions->control_high : NAN);
}

static void gate_fields(struct json_writer *json, const struct gate_result *result, size_t index)
{
    static const char *const kinds[] = {NULL, "revision", "command", "history"};
    const struct gate *gate = &result->config->gates.items[index];
    const struct gate_measured *measured = &result->gates[index];
    json_open(json, NULL, '{');
    json_text(json, "name", gate->name);
    json_text(json, "command", gate->command);
    json_text(json, "baseline", kinds[gate->baseline.kind]);
    json_u64(json, "line", gate->line);
    json_u64(json, "rounds", measured->rounds);
    json_u64(json, "seed", measured->seed);
    json_u64(json, "duration_ns", measured->duration_ns);
    conditions_fields(json, &measured->conditions);
    if (measured->rounds_again) {
        json_open(json, "repeated", '{');
        json_u64(json, "rounds", measured->rounds_again);
        json_u64(json, "seed", measured->seed_again);
        conditions_fields(json, &measured->conditions_again);
        json_close(json, '}');
    } else {
        json_nothing(json, "repeated");
    }
    json_close(json, '}');
}

static bool is_gate_judged(const struct gate_result *result, size_t gate)
{
    for (size_t i = 0; i < result->config->checks.count; i++)
        if (result->was_judged[i] && result->config->checks.items[i].gate == gate)
            return true;
    return false;
}

void gate_json(const struct gate_result *result, struct str *text)
{
    struct json_writer json = {.str = text};
    json_open(&json, NULL, '{');
    json_text(&json, "schema", "toll.gate/1");
    json_text(&json, "verdict", gate_verdict_name(result->verdict));
    json_u64(&json, "exit_status", (uint64_t)gate_exit_status(result->verdict));
    json_text(&json, "config", result->config->path);
    json_text(&json, "name", result->config->name);
    moment(&json, "started_at", result->started_at_ns);
    json_u64(&json, "duration_ns", result->duration_ns);
    json_number(&json, "confidence_ratio", result->config->confidence_ratio);
    json_text(&json, "revision", result->revision);
    json_text(&json, "baseline", result->baseline_text);
    json_text(&json, "machine", result->machine);
    json_open(&json, "checks", '[');
    for (size_t i = 0; i < result->config->checks.count; i++)
        if (result->was_judged[i])
            check(&json, result, i);
    json_close(&json, ']');
    json_open(&json, "gates", '[');
    for (size_t i = 0; i < result->config->gates.count; i++)
        if (is_gate_judged(result, i))
            gate_fields(&json, result, i);
    json_close(&json, ']');
    json_close(&json, '}');
    json_end(&json);
}
