/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "bench/bench_export.h"
#include "report/json_writer.h"
#include "verify/outcome.h"
#include "verify/verify_export.h"

static void lines_json(struct json_writer *json, const char *key, const struct verify_lines *lines)
{
    json_open(json, key, '[');
    for (size_t i = 0; i < lines->list.count; i++)
        json_text(json, NULL, lines->list.items[i]);
    json_close(json, ']');
}

static void preflight_json(struct json_writer *json, const struct preflight *preflight)
{
    json_open(json, "preflight", '{');
    json_text(json, "kind", verify_kind_name(preflight->kind));
    json_text(json, "before", preflight->before);
    json_text(json, "after", preflight->after);
    json_text(json, "command", preflight->command);
    json_text(json, "build", preflight->build);
    json_text(json, "revision_before", preflight->base);
    json_text(json, "revision_after", preflight->head);
    lines_json(json, "changes", &preflight->changes);
    lines_json(json, "risks", &preflight->risks);
    lines_json(json, "verify", &preflight->checks);
    lines_json(json, "revert", &preflight->reverts);
    json_number(json, "outside_cores", preflight->outside_cores);
    json_close(json, '}');
}

static void prediction_json(struct json_writer *json, const struct verify_prediction *prediction)
{
    if (!prediction->is_given) {
        json_nothing(json, "prediction");
        return;
    }
    json_open(json, "prediction", '{');
    json_number(json, "ratio", prediction->ratio);
    json_number(json, "low", prediction->ratio_low);
    json_number(json, "high", prediction->ratio_high);
    json_number(json, "factor", 1 / prediction->ratio);
    json_number(json, "factor_low", 1 / prediction->ratio_high);
    json_number(json, "factor_high", 1 / prediction->ratio_low);
    json_text(json, "source", prediction->source);
    json_text(json, "change", prediction->change);
    json_text(json, "cause", prediction->cause);
    if (prediction->finding)
        json_u64(json, "finding", prediction->finding);
    else
        json_nothing(json, "finding");
    json_number(json, "baseline_drift_ratio", prediction->drift_ratio);
    json_close(json, '}');
}

/* Metrics with one verdict, by name; `decides` those that the whole verdict hangs on, or the others. */
static void metrics_json(struct json_writer *json, const char *key, const struct outcome *outcome,
                         enum effect_verdict verdict)
{
    json_open(json, key, '[');
    for (size_t i = 0; i < outcome->metric_count; i++)
        if (outcome->metrics[i].verdict == verdict)
            json_text(json, NULL, bench_metric_name(outcome->metrics[i].comparison->metric));
    json_close(json, ']');
}

static void outcome_json(struct json_writer *json, const struct outcome *outcome)
{
    json_open(json, "outcome", '{');
    json_text(json, "verdict", outcome->is_interrupted ? NULL : effect_name(outcome->verdict));
    json_bool(json, "is_regression", !outcome->is_interrupted && outcome->verdict == EFFECT_SLOWER);
    json_open(json, "decided_by", '[');
    for (size_t i = 0; i < outcome->metric_count; i++)
        if (outcome->metrics[i].decides)
            json_text(json, NULL, bench_metric_name(outcome->metrics[i].comparison->metric));
    json_close(json, ']');
    metrics_json(json, "better", outcome, EFFECT_FASTER);
    metrics_json(json, "worse", outcome, EFFECT_SLOWER);
    if (outcome->has_interval) {
        json_bool(json, "is_inside", outcome->is_inside);
        json_bool(json, "overlaps", outcome->overlaps);
    } else {
        json_nothing(json, "is_inside");
        json_nothing(json, "overlaps");
    }
    json_number(json, "error_ratio", outcome->has_error ? outcome->error_ratio : NAN);
    json_u64(json, "exit_status", (uint64_t)outcome_exit_status(outcome));
    json_close(json, '}');
}

static void advice_json(struct json_writer *json, const struct verify_story *story)
{
    const struct outcome *outcome = story->outcome;
    json_open(json, "advice", '{');
    if (outcome->is_interrupted || outcome->verdict == EFFECT_INCONCLUSIVE)
        json_text(json, "action", "measure");
    else
        json_text(json, "action", outcome->verdict == EFFECT_SLOWER ? "revert" : "keep");
    lines_json(json, "revert", &story->preflight->reverts);
    json_close(json, '}');
}

void verify_json(const struct verify_story *story, struct str *text)
{
    struct json_writer json = {.str = text};
    const struct bench_comparison *wall =
        story->result ? bench_comparison_of(story->result, 1, BENCH_WALL) : NULL;
    json_open(&json, NULL, '{');
    json_text(&json, "schema", "toll.verify/1");
    preflight_json(&json, story->preflight);
    prediction_json(&json, &story->preflight->prediction);
    if (story->outcome) {
        outcome_json(&json, story->outcome);
        advice_json(&json, story);
        json_text(&json, "history", story->history_error ? NULL : story->history_path);
    }
    if (wall)
        bench_json_comparison(&json, "comparison", story->result, wall);
    else
        json_nothing(&json, "comparison");
    if (story->result)
        bench_json_measurement(&json, story->result);
    json_close(&json, '}');
    json_end(&json);
}
