/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/gate_export.h"
#include "gate/gate_phrases.h"
#include "report/escape.h"

static const char *sign(enum gate_verdict verdict)
{
    static const char *const signs[] = {"✅", "❌", "❔", "🌫️"};
    return signs[verdict];
}

static void row(const struct gate_result *result, size_t index, struct str *text)
{
    const struct gate_check *check = &result->config->checks.items[index];
    const struct gate_outcome *outcome = &result->checks[index].outcome;
    struct str values = {0}, ratio = {0};
    gate_values_text(&values, check, outcome, "→");
    gate_ratio_text(&ratio, outcome);
    str_printf(text, "| %s %s | ", sign(outcome->verdict), gate_verdict_name(outcome->verdict));
    escape_markdown(text, result->config->gates.items[check->gate].name);
    str_printf(text, " | %s | %s | %s | %s |\n", gate_metric_about(check->metric)->key, str_text(&values),
               str_text(&ratio), gate_limit_text(check).text);
    str_free(&values);
    str_free(&ratio);
}

static void sentences(const struct gate_result *result, struct str *text)
{
    bool is_first = true;
    for (size_t i = 0; i < result->config->checks.count; i++) {
        struct str sentence = {0};
        if (!result->was_judged[i] || result->checks[i].outcome.verdict == GATE_PASS)
            continue;
        gate_sentence(&sentence, result, i);
        str_append(text, is_first ? "\n- **" : "- **");
        escape_markdown(text, result->config->gates.items[result->config->checks.items[i].gate].name);
        str_append(text, "**: ");
        escape_markdown(text, str_text(&sentence));
        str_append(text, ".\n");
        str_free(&sentence);
        is_first = false;
    }
}

void gate_markdown(const struct gate_result *result, struct str *text)
{
    struct str summary = {0};
    gate_summary(&summary, result);
    str_printf(text, "### toll gate: %s\n\n", str_text(&summary));
    str_append(text, "| verdict | gate | metric | measured | ratio | budget |\n|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < result->config->checks.count; i++)
        if (result->was_judged[i])
            row(result, i, text);
    sentences(result, text);
    if (result->baseline_text) {
        str_append(text, "\nMeasured in turn with ");
        escape_markdown(text, result->baseline_text);
        str_append(text, "; a ratio is this one's over the baseline's.\n");
    }
    str_free(&summary);
}
