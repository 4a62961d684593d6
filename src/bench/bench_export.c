/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench_export.h"

#include <string.h>

#include "report/escape.h"
#include "report/json_writer.h"

#define SECOND_NS 1e9

static double mean_s(const struct bench_arm *arm, enum bench_metric metric)
{
    return arm->summaries[metric].description.mean / SECOND_NS;
}

void bench_hyperfine_json(const struct bench_result *result, struct str *text)
{
    struct json_writer json = {.str = text};
    json_open(&json, NULL, '{');
    json_open(&json, "results", '[');
    for (size_t i = 0; i < bench_arm_count(result); i++) {
        const struct bench_arm *arm = &result->arms.items[i];
        const struct description *wall = &arm->summaries[BENCH_WALL].description;
        json_open(&json, NULL, '{');
        json_text(&json, "command", arm->command);
        json_number(&json, "mean", wall->mean / SECOND_NS);
        if (wall->count > 1)
            json_number(&json, "stddev", wall->deviation / SECOND_NS);
        else
            json_nothing(&json, "stddev");
        json_number(&json, "median", wall->median / SECOND_NS);
        json_number(&json, "user", mean_s(arm, BENCH_USER));
        json_number(&json, "system", mean_s(arm, BENCH_SYSTEM));
        json_number(&json, "min", wall->min / SECOND_NS);
        json_number(&json, "max", wall->max / SECOND_NS);
        json_open(&json, "times", '[');
        for (size_t run = 0; run < arm->runs.count; run++)
            json_number(&json, NULL, (double)arm->runs.items[run].wall_ns / SECOND_NS);
        json_close(&json, ']');
        json_open(&json, "memory_usage_byte", '[');
        for (size_t run = 0; run < arm->runs.count; run++)
            json_u64(&json, NULL, arm->runs.items[run].memory_bytes_max);
        json_close(&json, ']');
        json_open(&json, "exit_codes", '[');
        for (size_t run = 0; run < arm->runs.count; run++)
            json_u64(&json, NULL, (uint64_t)arm->runs.items[run].exit_status);
        json_close(&json, ']');
        if (arm->parameter_count)
            json_open(&json, "parameters", '{');
        for (size_t at = 0; at < arm->parameter_count; at++)
            json_text(&json, arm->parameters[at].name, arm->parameters[at].value);
        if (arm->parameter_count)
            json_close(&json, '}');
        json_close(&json, '}');
    }
    json_close(&json, ']');
    json_close(&json, '}');
    json_end(&json);
}

/* RFC 4180: quoted where it holds a comma, a quote or the end of a line. */
static void cell(struct str *text, const char *value)
{
    if (!value[strcspn(value, ",\"\r\n")]) {
        str_append(text, value);
        return;
    }
    str_append(text, "\"");
    for (; *value; value++)
        str_printf(text, "%s%c", *value == '"' ? "\"" : "", *value);
    str_append(text, "\"");
}

void bench_csv(const struct bench_result *result, struct str *text)
{
    const struct bench_arm *first = &result->arms.items[0];
    str_append(text, "command,mean,stddev,median,user,system,min,max");
    for (size_t at = 0; at < first->parameter_count; at++) {
        str_append(text, ",parameter_");
        cell(text, first->parameters[at].name);
    }
    str_append(text, "\n");
    for (size_t i = 0; i < bench_arm_count(result); i++) {
        const struct bench_arm *arm = &result->arms.items[i];
        const struct description *wall = &arm->summaries[BENCH_WALL].description;
        cell(text, arm->command);
        str_printf(text, ",%.12g,%.12g,%.12g,%.12g,%.12g,%.12g,%.12g", wall->mean / SECOND_NS,
                   wall->deviation / SECOND_NS, wall->median / SECOND_NS, mean_s(arm, BENCH_USER),
                   mean_s(arm, BENCH_SYSTEM), wall->min / SECOND_NS, wall->max / SECOND_NS);
        for (size_t at = 0; at < arm->parameter_count; at++) {
            str_append(text, ",");
            cell(text, arm->parameters[at].value);
        }
        str_append(text, "\n");
    }
}

/* hyperfine's columns; the last one is toll's interval instead of a propagated deviation. */
void bench_markdown(const struct bench_result *result, struct str *text)
{
    bool in_seconds = result->arms.items[0].summaries[BENCH_WALL].description.mean >= SECOND_NS;
    const char *unit = in_seconds ? "s" : "ms";
    double scale = in_seconds ? SECOND_NS : 1e6;
    str_printf(text, "| Command | Mean [%s] | Min [%s] | Max [%s] | Relative |\n|:---|---:|---:|---:|---:|\n",
               unit, unit, unit);
    for (size_t i = 0; i < bench_arm_count(result); i++) {
        const struct bench_arm *arm = &result->arms.items[i];
        const struct description *wall = &arm->summaries[BENCH_WALL].description;
        const struct bench_comparison *comparison = bench_comparison_of(result, i, BENCH_WALL);
        str_append(text, "| ");
        escape_markdown_code(text, arm->command, true);
        str_printf(text, " | %.1f ± %.1f | %.1f | %.1f | ", wall->mean / scale, wall->deviation / scale,
                   wall->min / scale, wall->max / scale);
        if (comparison)
            str_printf(text, "%.3f (%.3f to %.3f) |\n", comparison->ratio, comparison->ratio_low,
                       comparison->ratio_high);
        else
            str_append(text, "1.00 |\n");
    }
}

bench_exporter *bench_exporter_find(const char *name)
{
    static const struct {
        const char *name;
        bench_exporter *exporter;
    } exporters[] = {{"hyperfine-json", bench_hyperfine_json},
                     {"csv", bench_csv},
                     {"markdown", bench_markdown},
                     {"html", bench_html}};
    for (size_t i = 0; i < sizeof exporters / sizeof exporters[0]; i++)
        if (strcmp(exporters[i].name, name) == 0)
            return exporters[i].exporter;
    return NULL;
}
