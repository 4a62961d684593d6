/* SPDX-License-Identifier: Apache-2.0 */
#include "report/json_writer.h"
#include "store/history_show.h"

static void head(struct json_writer *json, const struct history_look *look)
{
    json_open(json, NULL, '{');
    json_text(json, "schema", "toll.history/1");
    json_text(json, "store", look->path);
}

void overview_json(const struct overview *overview, const struct history_look *look, struct str *text)
{
    struct json_writer json = {.str = text};
    head(&json, look);
    json_u64(&json, "series_count", overview->series_count);
    json_u64(&json, "result_count", overview->result_count);
    json_open(&json, "series", '[');
    for (size_t i = 0; i < overview->rows.count; i++) {
        const struct overview_row *row = &overview->rows.items[i];
        json_open(&json, NULL, '{');
        json_text(&json, "name", row->name);
        json_text(&json, "metric", row->metric);
        json_text(&json, "kind", row->kind);
        json_text(&json, "unit", row->unit);
        json_text(&json, "better", row->more_is_better ? "higher" : "lower");
        json_u64(&json, "count", row->count);
        json_text(&json, "first_at", history_stamp_utc(row->first_at_ns).text);
        json_text(&json, "last_at", history_stamp_utc(row->last_at_ns).text);
        json_number(&json, "last_value", row->values[row->value_count - 1]);
        json_number(&json, "last_change_ratio", overview_change(row));
        json_open(&json, "newest", '[');
        for (size_t j = 0; j < row->value_count; j++)
            json_number(&json, NULL, row->values[j]);
        json_close(&json, ']');
        json_close(&json, '}');
    }
    json_close(&json, ']');
    json_close(&json, '}');
    json_end(&json);
}

static void result_json(struct json_writer *json, const struct history_result *result)
{
    json_open(json, NULL, '{');
    json_u64(json, "id", (uint64_t)result->id);
    json_text(json, "at", history_stamp_utc(result->at_ns).text);
    json_u64(json, "at_ns", (uint64_t)result->at_ns);
    json_number(json, "value", result->value);
    json_number(json, "value_low", result->value_low);
    json_number(json, "value_high", result->value_high);
    json_u64(json, "count", result->count);
    json_text(json, "verdict", result->verdict);
    json_number(json, "predicted", result->predicted);
    json_number(json, "predicted_low", result->predicted_low);
    json_number(json, "predicted_high", result->predicted_high);
    json_text(json, "machine", result->machine);
    json_text(json, "revision", result->revision);
    json_text(json, "tags", result->tags);
    json_close(json, '}');
}

static void change_json(struct json_writer *json, const struct series_change *change)
{
    const struct change_point *point = &change->point;
    json_open(json, NULL, '{');
    json_u64(json, "index", point->index);
    json_text(json, "at", history_stamp_utc(change->at_ns).text);
    json_text(json, "revision", change->revision);
    json_number(json, "p_value", point->p_value);
    json_number(json, "before", point->before);
    json_number(json, "after", point->after);
    json_number(json, "ratio", change->ratio);
    json_number(json, "ratio_low", change->ratio_low);
    json_number(json, "ratio_high", change->ratio_high);
    json_number(json, "worse_ratio", change->worse_ratio);
    json_close(json, '}');
}

static void prediction_json(struct json_writer *json, const char *key, const struct prediction *prediction,
                            size_t ahead)
{
    json_open(json, key, '{');
    json_u64(json, "ahead", ahead);
    json_number(json, "value", prediction->value);
    json_number(json, "value_low", prediction->low);
    json_number(json, "value_high", prediction->high);
    json_number(json, "confidence_ratio", OUTLOOK_CONFIDENCE);
    json_close(json, '}');
}

static void outlook_json(struct json_writer *json, const struct series *series)
{
    const struct outlook *outlook = &series->outlook;
    json_open(json, "level", '{');
    json_number(json, "value", outlook->level);
    json_u64(json, "since_index", series->level_start);
    json_u64(json, "count", outlook->count);
    json_close(json, '}');
    json_open(json, "trend", '{');
    json_bool(json, "is_trend", outlook->has_trend);
    json_number(json, "slope", outlook->slope);
    json_number(json, "p_value", outlook->p_value);
    json_close(json, '}');
    prediction_json(json, "forecast", &outlook->next, 1);
    prediction_json(json, "forecast_later", &outlook->later, outlook->ahead);
}

static void alert_json(struct json_writer *json, const struct series *series)
{
    const struct series_alert *alert = &series->alert;
    json_number(json, "alert_limit_ratio", alert->limit_ratio);
    if (alert->kind == SERIES_NO_ALERT) {
        json_nothing(json, "alert");
        return;
    }
    json_open(json, "alert", '{');
    json_text(json, "kind", series_alert_name(alert->kind));
    json_number(json, "worse_ratio", alert->worse_ratio);
    json_number(json, "before", alert->before);
    json_number(json, "now", alert->now);
    json_u64(json, "since_index", alert->since);
    json_text(json, "since_at", history_stamp_utc(series->results.items[alert->since].at_ns).text);
    json_close(json, '}');
}

static void one_json(struct json_writer *json, const struct series *series)
{
    json_open(json, NULL, '{');
    json_text(json, "name", series->name);
    json_text(json, "metric", series->metric);
    json_text(json, "kind", series->kind);
    json_text(json, "unit", series->unit);
    json_text(json, "better", series->more_is_better ? "higher" : "lower");
    json_text(json, "machine", series->machine);
    json_u64(json, "left_out_count", series->left_out);
    json_u64(json, "count", series->results.count);
    json_open(json, "change_points", '[');
    for (size_t i = 0; i < series->changes.count; i++)
        change_json(json, &series->changes.items[i]);
    json_close(json, ']');
    outlook_json(json, series);
    alert_json(json, series);
    json_open(json, "results", '[');
    for (size_t i = 0; i < series->results.count; i++)
        result_json(json, &series->results.items[i]);
    json_close(json, ']');
    json_close(json, '}');
}

void series_json(const struct series *series, size_t count, const struct history_look *look, struct str *text)
{
    struct json_writer json = {.str = text};
    head(&json, look);
    json_u64(&json, "series_count", count);
    json_open(&json, "series", '[');
    for (size_t i = 0; i < count; i++)
        one_json(&json, &series[i]);
    json_close(&json, ']');
    json_close(&json, '}');
    json_end(&json);
}
