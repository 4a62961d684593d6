/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/gate_phrases.h"

#include <math.h>
#include <stdio.h>

struct amount gate_limit_text(const struct gate_check *check)
{
    struct amount text;
    enum amount_unit unit = gate_metric_about(check->metric)->unit;
    switch (check->limit) {
    case GATE_MAX:
        snprintf(text.text, sizeof text.text, "at most %.36s", amount_text(check->bound, unit).text);
        break;
    case GATE_MIN:
        snprintf(text.text, sizeof text.text, "at least %.36s", amount_text(check->bound, unit).text);
        break;
    case GATE_MAX_INCREASE:
        snprintf(text.text, sizeof text.text, "at most +%.36s", amount_percent(check->bound).text);
        break;
    case GATE_MAX_DECREASE:
        snprintf(text.text, sizeof text.text, "at most -%.36s", amount_percent(check->bound).text);
        break;
    }
    return text;
}

void gate_values_text(struct str *text, const struct gate_check *check, const struct gate_outcome *outcome,
                      const char *arrow)
{
    enum amount_unit unit = gate_metric_about(check->metric)->unit;
    if (isfinite(outcome->before))
        str_printf(text, "%s %s ", amount_text(outcome->before, unit).text, arrow);
    str_append(text, amount_text(outcome->value, unit).text);
}

void gate_ratio_text(struct str *text, const struct gate_outcome *outcome)
{
    if (isnan(outcome->ratio))
        return;
    str_append(text, amount_factor(outcome->ratio).text);
    if (!outcome->is_exact && isfinite(outcome->ratio_low) && isfinite(outcome->ratio_high))
        str_printf(text, " (%s to %s)", amount_factor(outcome->ratio_low).text,
                   amount_factor(outcome->ratio_high).text);
}

static const char *whose(const struct gate_result *result, const struct gate_check *check)
{
    switch (result->config->gates.items[check->gate].baseline.kind) {
    case GATE_AGAINST_HISTORY: return "the history's";
    case GATE_AGAINST_COMMAND:
    case GATE_AGAINST_REVISION:
    case GATE_AGAINST_NOTHING: break;
    }
    return "the baseline's";
}

void gate_sentence(struct str *text, const struct gate_result *result, size_t index)
{
    const struct gate_check *check = &result->config->checks.items[index];
    const struct gate_check_result *checked = &result->checks[index];
    const struct gate_outcome *outcome = &checked->outcome;
    const struct gate_metric_about *about = gate_metric_about(check->metric);
    str_printf(text, "%s is ", about->key);
    if (isnan(outcome->ratio)) {
        str_append(text, amount_text(outcome->value, about->unit).text);
        if (!outcome->is_exact && isfinite(outcome->value_low))
            str_printf(text, " (%s to %s)", amount_text(outcome->value_low, about->unit).text,
                       amount_text(outcome->value_high, about->unit).text);
    } else {
        str_printf(text, "%s of %s", amount_factor(outcome->ratio).text, whose(result, check));
        if (!outcome->is_exact && isfinite(outcome->ratio_low) && isfinite(outcome->ratio_high))
            str_printf(text, " (%s to %s)", amount_factor(outcome->ratio_low).text,
                       amount_factor(outcome->ratio_high).text);
    }
    str_printf(text, ", %s is allowed", gate_limit_text(check).text);
    if (outcome->why)
        str_printf(text, ": %s", outcome->why);
    else if (outcome->verdict == GATE_FAIL && checked->was_repeated)
        str_append(text, "; it failed again in fresh processes");
}

const char *gate_mark(enum gate_verdict verdict)
{
    static const char *const marks[] = {"ok", "FAIL", "?", "noisy"};
    return marks[verdict];
}

size_t gate_count(const struct gate_result *result, enum gate_verdict verdict)
{
    size_t count = 0;
    for (size_t i = 0; i < result->config->checks.count; i++)
        count += result->was_judged[i] &&
                 (verdict == GATE_VERDICT_ANY || result->checks[i].outcome.verdict == verdict);
    return count;
}

void gate_summary(struct str *text, const struct gate_result *result)
{
    static const struct {
        enum gate_verdict verdict;
        const char *said;
    } parts[] = {{GATE_FAIL, "failed"},
                 {GATE_NOISY, "on too noisy a machine"},
                 {GATE_INCONCLUSIVE, "inconclusive"},
                 {GATE_PASS, "passed"}};
    bool is_first = true;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        size_t count = gate_count(result, parts[i].verdict);
        if (!count)
            continue;
        str_printf(text, "%s%zu %s%s", is_first ? "" : ", ", count,
                   is_first ? count == 1 ? "check " : "checks " : "", parts[i].said);
        is_first = false;
    }
}
