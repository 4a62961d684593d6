/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/outcome.h"

#include <string.h>

#include "stats/multiple.h"
#include "verify/prediction.h"

static const struct {
    enum bench_metric metric;
    const char *name;
} metrics[VERIFY_METRICS_MAX] = {
    {BENCH_WALL, "wall"}, {BENCH_CPU, "cpu"}, {BENCH_MEMORY, "memory"}, {BENCH_INSTRUCTIONS, "instructions"}};

bool outcome_metric_find(const char *name, enum bench_metric *ret_metric)
{
    for (size_t i = 0; i < VERIFY_METRICS_MAX; i++)
        if (strcmp(name, metrics[i].name) == 0 || strcmp(name, bench_metric_name(metrics[i].metric)) == 0) {
            *ret_metric = metrics[i].metric;
            return true;
        }
    return false;
}

const struct verify_metric *outcome_metric(const struct outcome *outcome, enum bench_metric metric)
{
    for (size_t i = 0; i < outcome->metric_count; i++)
        if (outcome->metrics[i].comparison->metric == metric)
            return &outcome->metrics[i];
    return NULL;
}

/* Holm among those that decide, or among those that do not. One alone keeps its verdict. */
static int adjust(const struct bench_result *result, struct outcome *outcome, bool decides, struct err *err)
{
    double p_values[VERIFY_METRICS_MAX];
    struct verify_metric *family[VERIFY_METRICS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < outcome->metric_count; i++) {
        if (outcome->metrics[i].decides != decides)
            continue;
        p_values[count] = outcome->metrics[i].comparison->p_value;
        family[count++] = &outcome->metrics[i];
    }
    int status = count ? holm_adjust(p_values, count, p_values, err) : 0;
    for (size_t i = 0; !status && i < count; i++) {
        family[i]->p_value_adjusted = p_values[i];
        bool is_claim = family[i]->verdict == EFFECT_FASTER || family[i]->verdict == EFFECT_SLOWER;
        if (count > 1 && is_claim && p_values[i] > 1 - result->confidence_ratio)
            family[i]->verdict = EFFECT_INCONCLUSIVE;
    }
    return status;
}

static enum effect_verdict overall(const struct outcome *outcome)
{
    bool seen[4] = {false};
    for (size_t i = 0; i < outcome->metric_count; i++)
        if (outcome->metrics[i].decides)
            seen[outcome->metrics[i].verdict] = true;
    if (seen[EFFECT_SLOWER])
        return EFFECT_SLOWER;
    if (seen[EFFECT_INCONCLUSIVE])
        return EFFECT_INCONCLUSIVE;
    return seen[EFFECT_FASTER] ? EFFECT_FASTER : EFFECT_EQUIVALENT;
}

int outcome_judge(const struct bench_result *result, const bool *decides,
                  const struct verify_prediction *prediction, struct outcome *ret_outcome, struct err *err)
{
    struct outcome outcome = {.is_interrupted = result->stop == BENCH_STOP_INTERRUPT};
    for (size_t i = 0; i < VERIFY_METRICS_MAX; i++) {
        const struct bench_comparison *comparison = bench_comparison_of(result, 1, metrics[i].metric);
        if (!comparison && decides[metrics[i].metric])
            return err_set(err, ERR_ENVIRONMENT, "could not compare metric '%s': it was not measured here",
                           metrics[i].name);
        if (comparison)
            outcome.metrics[outcome.metric_count++] =
                (struct verify_metric){.comparison = comparison,
                                       .decides = decides[metrics[i].metric],
                                       .verdict = comparison->verdict};
    }
    int status = adjust(result, &outcome, true, err);
    if (!status)
        status = adjust(result, &outcome, false, err);
    if (status)
        return status;
    outcome.verdict = overall(&outcome);
    const struct verify_metric *wall = outcome_metric(&outcome, BENCH_WALL);
    if (wall)
        prediction_hold(prediction, wall->comparison, &outcome);
    *ret_outcome = outcome;
    return 0;
}

int outcome_exit_status(const struct outcome *outcome)
{
    if (outcome->is_interrupted)
        return OUTCOME_EXIT_INTERRUPTED;
    switch (outcome->verdict) {
    case EFFECT_SLOWER: return 1;
    case EFFECT_INCONCLUSIVE: return OUTCOME_EXIT_INCONCLUSIVE;
    case EFFECT_FASTER:
    case EFFECT_EQUIVALENT: break;
    }
    return 0;
}
