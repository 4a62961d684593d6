/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/compare.h"
#include "report/json_writer.h"

static void side_json(struct json_writer *json, const char *key, const struct comparison *comparison,
                      int index)
{
    const struct compare_side *side = &comparison->sides[index];
    json_open(json, key, '{');
    json_text(json, "title", side->title);
    json_open(json, "files", '[');
    for (size_t i = 0; i < side->file_count; i++)
        json_text(json, NULL, side->files[i]);
    json_close(json, ']');
    if (comparison->is_recordings) {
        json_number(json, "sample_count", side->sample_count);
        json_u64(json, "lost_count", side->lost_count);
        json_number(json, "outside_cores", side->outside_cores);
    }
    json_close(json, '}');
}

static void difference_json(struct json_writer *json, const struct difference *difference)
{
    json_open(json, NULL, '{');
    json_text(json, "kind", compare_kind_name(difference->kind));
    json_text(json, "name", difference->place);
    json_text(json, "detail", difference->detail[0] ? difference->detail : NULL);
    json_text(json, "peer", difference->peer[0] ? difference->peer : NULL);
    json_text(json, "metric", difference->metric);
    json_text(json, "unit", difference->unit);
    json_text(json, "better", difference->higher_is_better ? "higher" : "lower");
    json_text(json, "verdict", difference->kind == COMPARE_USAGE ? NULL : effect_name(difference->verdict));
    json_text(json, "denied_by", compare_denial_name(difference->denial));
    json_number(json, "a", difference->a);
    json_number(json, "b", difference->b);
    json_u64(json, "count_a", difference->count_a);
    json_u64(json, "count_b", difference->count_b);
    json_number(json, "ratio", difference->ratio);
    json_number(json, "ratio_low", difference->ratio_low);
    json_number(json, "ratio_high", difference->ratio_high);
    json_number(json, "smallest_effect_ratio", difference->smallest_effect_ratio);
    json_number(json, "p_value", difference->p_value);
    json_number(json, "p_value_adjusted", difference->p_value_adjusted);
    json_number(json, "confidence_ratio", difference->log_ratio.confidence_ratio);
    json_bool(json, "is_primary", difference->is_primary);
    json_bool(json, "is_paired", difference->is_paired);
    json_bool(json, "is_exact", difference->is_exact);
    json_bool(json, "is_assumed", difference->is_assumed);
    json_bool(json, "follows", difference->follows);
    json_close(json, '}');
}

static void texts_json(struct json_writer *json, const char *key, const char *const *texts, size_t count)
{
    json_open(json, key, '[');
    for (size_t i = 0; i < count; i++)
        json_text(json, NULL, texts[i]);
    json_close(json, ']');
}

/* Frames that changed, with their callers. */
static void frames_json(struct json_writer *json, const struct comparison *comparison)
{
    json_open(json, "frames", '[');
    for (size_t i = 0; i < comparison->flame.count; i++) {
        const struct flame_change *change = &comparison->flame.items[i];
        if (!change->is_changed)
            continue;
        json_open(json, NULL, '{');
        json_text(json, "function", change->name);
        json_text(json, "module", change->module);
        json_text(json, "caller", i ? comparison->flame.items[change->parent].name : NULL);
        json_number(json, "self_ns_a", change->self_a);
        json_number(json, "self_ns_b", change->self_b);
        json_number(json, "ratio", change->ratio);
        json_close(json, '}');
    }
    json_close(json, ']');
}

void compare_json_write(const struct comparison *comparison, struct str *text)
{
    struct json_writer json = {.str = text};
    json_open(&json, NULL, '{');
    json_text(&json, "schema", "toll.compare/1");
    json_text(&json, "format", comparison->format);
    side_json(&json, "a", comparison, 0);
    side_json(&json, "b", comparison, 1);
    json_number(&json, "confidence_ratio", comparison->options.confidence_ratio);
    json_number(&json, "threshold_ratio", comparison->options.threshold_ratio);
    if (comparison->is_recordings) {
        json_open(&json, "noise", '{');
        json_text(&json, "source", comparison->is_noise_measured ? "measured" : "assumed");
        json_number(&json, "deviation_ratio", comparison->noise_ratio);
        json_close(&json, '}');
        json_bool(&json, "is_per_second", comparison->is_rate);
    }
    json_open(&json, "comparisons", '[');
    for (size_t i = 0; i < comparison->differences.count; i++)
        difference_json(&json, &comparison->differences.items[i]);
    json_close(&json, ']');
    if (comparison->is_recordings)
        frames_json(&json, comparison);
    texts_json(&json, "only_a", comparison->only_a.items, comparison->only_a.count);
    texts_json(&json, "only_b", comparison->only_b.items, comparison->only_b.count);
    texts_json(&json, "notes", comparison->notes.items, comparison->notes.count);
    json_close(&json, '}');
    json_end(&json);
}
