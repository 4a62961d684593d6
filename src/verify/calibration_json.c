/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "report/json_writer.h"
#include "verify/calibration.h"

static void group_fields(struct json_writer *json, const struct calibration_group *group)
{
    json_u64(json, "count", group->count);
    json_number(json, "bias_ratio", group->bias);
    json_number(json, "bias_low", group->bias_low);
    json_number(json, "bias_high", group->bias_high);
    json_number(json, "error_ratio", group->error);
    json_u64(json, "interval_count", group->interval_count);
    json_u64(json, "inside_count", group->inside_count);
    json_u64(json, "overlap_count", group->overlap_count);
    json_number(json, "coverage_ratio", group->coverage_ratio);
    json_number(json, "coverage_low", group->coverage_low);
    json_number(json, "coverage_high", group->coverage_high);
}

static void groups_json(struct json_writer *json, const char *key, const char *name,
                        const struct calibration_groups *groups)
{
    json_open(json, key, '[');
    for (size_t i = 0; i < groups->list.count; i++) {
        json_open(json, NULL, '{');
        json_text(json, name, groups->list.items[i].name);
        group_fields(json, &groups->list.items[i]);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void point_json(struct json_writer *json, const struct calibration_point *point)
{
    char stamp[32] = "";
    time_t seconds = (time_t)(point->at_ns / (int64_t)NS_PER_S);
    struct tm parts;
    if (gmtime_r(&seconds, &parts))
        strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &parts);
    json_open(json, NULL, '{');
    json_text(json, "at", stamp);
    json_text(json, "name", point->name);
    json_text(json, "cause", point->cause);
    json_text(json, "change", point->change);
    json_number(json, "predicted", point->predicted);
    json_number(json, "predicted_low", point->predicted_low);
    json_number(json, "predicted_high", point->predicted_high);
    json_number(json, "measured", point->measured);
    json_number(json, "measured_low", point->measured_low);
    json_number(json, "measured_high", point->measured_high);
    if (calibration_has_interval(point))
        json_bool(json, "is_inside", calibration_is_inside(point));
    else
        json_nothing(json, "is_inside");
    json_close(json, '}');
}

void calibration_json(const struct calibration *calibration, const char *store, struct str *text)
{
    struct json_writer json = {.str = text};
    json_open(&json, NULL, '{');
    json_text(&json, "schema", "toll.calibration/1");
    json_text(&json, "store", store);
    json_bool(&json, "is_enough", calibration->all.count >= CALIBRATION_LEAST);
    group_fields(&json, &calibration->all);
    json_number(&json, "confidence_ratio", CALIBRATION_CONFIDENCE);
    groups_json(&json, "causes", "cause", &calibration->causes);
    groups_json(&json, "changes", "kind", &calibration->kinds);
    json_open(&json, "predictions", '[');
    for (size_t i = 0; i < calibration->points.count; i++)
        point_json(&json, &calibration->points.items[i]);
    json_close(&json, ']');
    json_close(&json, '}');
    json_end(&json);
}
