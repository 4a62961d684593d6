/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "gate/gate_export.h"
#include "gate/gate_phrases.h"
#include "report/escape.h"

static double seconds_of(const struct gate_result *result, size_t gate)
{
    return (double)result->gates[gate].duration_ns / (double)NS_PER_S;
}

/* Of all figures of a check, as lines: where the format has no place for numbers. */
static void figures(const struct gate_result *result, size_t index, struct str *text)
{
    const struct gate_check *check = &result->config->checks.items[index];
    const struct gate_outcome *outcome = &result->checks[index].outcome;
    struct str values = {0}, ratio = {0};
    gate_values_text(&values, check, outcome, "->");
    gate_ratio_text(&ratio, outcome);
    str_printf(text, "%s: %s", gate_metric_about(check->metric)->key, str_text(&values));
    if (ratio.length)
        str_printf(text, ", %s", str_text(&ratio));
    str_printf(text, ", %s, %zu run%s, p %.3g", gate_limit_text(check).text, outcome->count,
               outcome->count == 1 ? "" : "s", outcome->p_fail);
    str_free(&values);
    str_free(&ratio);
}

static void testcase(const struct gate_result *result, size_t index, struct str *text)
{
    const struct gate_check *check = &result->config->checks.items[index];
    const struct gate_check_result *checked = &result->checks[index];
    struct str sentence = {0}, line = {0};
    gate_sentence(&sentence, result, index);
    figures(result, index, &line);
    str_append(text, "    <testcase classname=\"");
    escape_markup(text, result->config->gates.items[check->gate].name);
    str_printf(text, "\" name=\"%s %s\" time=\"%.3f\">\n", gate_metric_about(check->metric)->key,
               gate_limit_name(check->limit), seconds_of(result, check->gate));
    if (checked->outcome.verdict == GATE_FAIL) {
        str_append(text, "      <failure type=\"regression\" message=\"");
        escape_markup(text, str_text(&sentence));
        str_append(text, "\">");
        escape_markup(text, result->config->path);
        str_printf(text, ":%u: ", check->line);
        escape_markup(text, str_text(&sentence));
        str_append(text, "</failure>\n");
    } else if (checked->outcome.verdict != GATE_PASS) {
        str_printf(text, "      <skipped message=\"%s: ", gate_verdict_name(checked->outcome.verdict));
        escape_markup(text, str_text(&sentence));
        str_append(text, "\"/>\n");
    }
    str_append(text, "      <system-out>");
    escape_markup(text, str_text(&line));
    str_append(text, "</system-out>\n    </testcase>\n");
    str_free(&sentence);
    str_free(&line);
}

static void property(struct str *text, const char *name, const char *value)
{
    if (!value)
        return;
    str_printf(text, "      <property name=\"%s\" value=\"", name);
    escape_markup(text, value);
    str_append(text, "\"/>\n");
}

void gate_junit(const struct gate_result *result, struct str *text)
{
    char moment[32];
    time_t at = (time_t)(result->started_at_ns / NS_PER_S);
    struct tm parts;
    double seconds = (double)result->duration_ns / (double)NS_PER_S;
    size_t tests = gate_count(result, GATE_VERDICT_ANY), failures = gate_count(result, GATE_FAIL);
    size_t skipped = gate_count(result, GATE_INCONCLUSIVE) + gate_count(result, GATE_NOISY);
    gmtime_r(&at, &parts);
    strftime(moment, sizeof moment, "%Y-%m-%dT%H:%M:%S", &parts);
    str_append(text, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    str_printf(text,
               "<testsuites name=\"toll gate\" tests=\"%zu\" failures=\"%zu\" errors=\"0\" time=\"%.3f\">\n",
               tests, failures, seconds);
    str_append(text, "  <testsuite name=\"");
    escape_markup(text, result->config->name ? result->config->name : "toll gate");
    str_printf(
        text,
        "\" tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\" time=\"%.3f\" timestamp=\"%s\">\n",
        tests, failures, skipped, seconds, moment);
    str_append(text, "    <properties>\n");
    property(text, "verdict", gate_verdict_name(result->verdict));
    property(text, "baseline", result->baseline_text);
    property(text, "revision", result->revision);
    property(text, "machine", result->machine);
    str_append(text, "    </properties>\n");
    for (size_t i = 0; i < result->config->checks.count; i++)
        if (result->was_judged[i])
            testcase(result, i, text);
    str_append(text, "  </testsuite>\n</testsuites>\n");
}
