/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "experiment/experiment.h"
#include "report/json_writer.h"

static void interval(struct json_writer *json, const char *key, double value, double low, double high)
{
    bool is_known = isfinite(low) && isfinite(high) && (low != 0 || high != 0);
    json_open(json, key, '{');
    json_number(json, "value", value);
    json_number(json, "low", is_known ? low : NAN);
    json_number(json, "high", is_known ? high : NAN);
    json_close(json, '}');
}

static void promise(struct json_writer *json, const struct experiment_promise *promise)
{
    if (!(promise->factor > 0)) {
        json_nothing(json, "claimed");
        return;
    }
    json_open(json, "claimed", '{');
    json_text(json, "source", promise->source);
    json_number(json, "factor", promise->factor);
    json_number(json, "factor_low", promise->factor_low > 0 ? promise->factor_low : NAN);
    json_number(json, "factor_high", promise->factor_high > 0 ? promise->factor_high : NAN);
    json_close(json, '}');
}

static void gain(struct json_writer *json, const struct experiment_result *result)
{
    if (!result->has_gain) {
        json_nothing(json, "measured");
        return;
    }
    json_open(json, "measured", '{');
    json_number(json, "factor", result->gain.factor);
    json_number(json, "factor_low", result->gain.factor_low > 0 ? result->gain.factor_low : NAN);
    json_number(json, "factor_high", result->gain.factor_high);
    json_bool(json, "is_bound", result->gain.is_bound);
    if (result->level_count)
        interval(json, "critical_ratio", result->share, result->share_low, result->share_high);
    json_close(json, '}');
}

static void calls(struct json_writer *json, const struct experiment_result *result)
{
    const struct experiment_stage *calls = &result->calls;
    json_open(json, "stage", '{');
    json_text(json, "name", result->stage);
    json_number(json, "call_count", calls->call_count > 0 ? calls->call_count : NAN);
    json_number(json, "wall_ns", calls->elapsed_ns > 0 ? calls->elapsed_ns : NAN);
    json_number(json, "running_ratio", calls->running_ratio > 0 ? calls->running_ratio : NAN);
    json_close(json, '}');
}

void experiment_json(const struct experiment_result *result, struct str *text)
{
    struct json_writer json = {.str = text};
    json_open(&json, NULL, '{');
    json_text(&json, "schema", "toll.experiment/1");
    json_text(&json, "outcome", experiment_outcome_name(result->outcome));
    json_text(&json, "sentence", result->sentence);
    json_text(&json, "change", result->change);
    json_text(&json, "means", experiment_means_name(result->means));
    json_text(&json, "command", result->command);
    promise(&json, &result->promise);
    gain(&json, result);
    if (result->stage)
        calls(&json, result);
    else
        json_nothing(&json, "stage");
    json_open(&json, "levels", '[');
    for (size_t i = 0; i < result->level_count; i++)
        json_number(&json, NULL, result->levels[i]);
    json_close(&json, ']');
    json_open(&json, "remarks", '[');
    for (size_t i = 0; i < result->remark_count; i++)
        json_text(&json, NULL, result->remarks[i]);
    json_close(&json, ']');
    if (result->has_bench)
        bench_json_measurement(&json, &result->bench);
    json_close(&json, '}');
    json_end(&json);
}
