/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/judge.h"

#include <math.h>
#include <stdlib.h>

#include "stats/multiple.h"
#include "stats/quantile.h"
#include "stats/signed_rank.h"

/* So much of the machine taken away that nothing it says can be held against it. */
#define STEAL_RATIO_DENIES 0.3

const char *bench_metric_name(enum bench_metric metric)
{
    static const char *const names[] = {"wall_ns",   "cpu_ns",           "user_ns",
                                        "system_ns", "memory_bytes_max", "instructions"};
    return names[metric];
}

double bench_metric_of(const struct bench_run *run, enum bench_metric metric)
{
    switch (metric) {
    case BENCH_WALL: return (double)run->wall_ns;
    case BENCH_CPU: return (double)(run->user_ns + run->system_ns);
    case BENCH_USER: return (double)run->user_ns;
    case BENCH_SYSTEM: return (double)run->system_ns;
    case BENCH_MEMORY: return (double)run->memory_bytes_max;
    case BENCH_INSTRUCTIONS: return (double)run->counts[COUNTER_INSTRUCTIONS];
    }
    return 0;
}

size_t bench_arm_count(const struct bench_result *result)
{
    return result->arms.count - result->has_control;
}

const struct bench_comparison *bench_comparison_of(const struct bench_result *result, size_t arm,
                                                   enum bench_metric metric)
{
    for (size_t i = 0; i < result->comparisons.count; i++)
        if (result->comparisons.items[i].arm == arm && result->comparisons.items[i].metric == metric)
            return &result->comparisons.items[i];
    return NULL;
}

static size_t pair_count(const struct bench_arm *a, const struct bench_arm *b)
{
    return a->runs.count < b->runs.count ? a->runs.count : b->runs.count;
}

/* ln(b / a) of each round into `ret_logs`; false when a value is 0, which has no ratio. */
static bool logs_fill(const struct bench_arm *a, const struct bench_arm *b, enum bench_metric metric,
                      double *ret_logs)
{
    for (size_t i = 0; i < pair_count(a, b); i++) {
        double below = bench_metric_of(&a->runs.items[i], metric),
               above = bench_metric_of(&b->runs.items[i], metric);
        if (below <= 0 || above <= 0)
            return false;
        ret_logs[i] = log(above / below);
    }
    return true;
}

/* So that all intervals together cover what one alone would (Bonferroni). */
static double confidence_each(const struct bench_result *result)
{
    size_t others = bench_arm_count(result) > 1 ? bench_arm_count(result) - 1 : 1;
    return 1 - (1 - result->confidence_ratio) / (double)others;
}

size_t judge_pairs_least(const struct bench_result *result)
{
    double least = ceil(log2(2 / (1 - confidence_each(result))) - 1e-9);
    return least > BENCH_ROUNDS_LEAST ? (size_t)least : BENCH_ROUNDS_LEAST;
}

static int estimate_pairs(const struct bench_result *result, const struct bench_comparison *comparison,
                          double *logs, struct estimate *ret_plain, struct estimate *ret_wide,
                          double *ret_autocorrelation, struct err *err)
{
    double confidence = comparison->metric == BENCH_WALL ? confidence_each(result) : result->confidence_ratio;
    int status = signed_rank(logs, comparison->pair_count, confidence, ret_plain, err);
    if (status)
        return status;
    *ret_wide = *ret_plain;
    *ret_autocorrelation = autocorrelation(logs, comparison->pair_count);
    effect_widen(ret_wide, autocorrelation_widening(logs, comparison->pair_count));
    return 0;
}

/* What repeats to the digit on both sides needs no statistics. */
static bool is_steady(const struct bench_arm *arm, enum bench_metric metric)
{
    double first = bench_metric_of(&arm->runs.items[0], metric);
    for (size_t i = 1; i < arm->runs.count; i++)
        if (fabs(bench_metric_of(&arm->runs.items[i], metric) - first) > 0)
            return false;
    return true;
}

static void ratios_fill(struct bench_comparison *comparison, double threshold_ratio)
{
    const struct estimate *wide = &comparison->log_ratio;
    comparison->ratio = exp(wide->value);
    comparison->ratio_low = exp(wide->low);
    comparison->ratio_high = exp(wide->high);
    comparison->verdict = effect_judge(wide, threshold_ratio);
    comparison->smallest_effect_ratio =
        comparison->is_exact ? 0 : effect_smallest_ratio(wide, EFFECT_POWER_RATIO) - 1;
}

/* The spread of the pairs, estimated from the interval, which outliers do not stretch as they do a deviation. */
static size_t pairs_needed(const struct bench_comparison *comparison, const struct bench_result *result)
{
    double half = (comparison->log_ratio.high - comparison->log_ratio.low) / 2;
    if (!isfinite(half))
        return SIZE_MAX;
    struct effect_plan plan = {.deviation = half / 1.96 * sqrt((double)comparison->pair_count * 3 / M_PI),
                               .effect_ratio = result->threshold_ratio,
                               .confidence_ratio = result->confidence_ratio,
                               .power_ratio = EFFECT_POWER_RATIO};
    return effect_pairs_needed(&plan);
}

static void deny(struct bench_comparison *comparison, enum effect_verdict before, enum bench_denial by)
{
    if (comparison->verdict != before && comparison->verdict == EFFECT_INCONCLUSIVE && !comparison->denial)
        comparison->denial = by;
}

/* The control's interval leaves out 1: the machine itself makes that much of a difference, either way. */
static double control_offset(const struct bench_result *result)
{
    const struct estimate *control = &result->control.log_ratio;
    if (!result->has_control || !result->control.pair_count || (control->low <= 0 && control->high >= 0))
        return 0;
    return fabs(control->value);
}

static void qualify(struct bench_result *result, struct bench_comparison *comparison)
{
    enum effect_verdict plain = effect_judge(&comparison->plain, result->threshold_ratio);
    ratios_fill(comparison, result->threshold_ratio);
    deny(comparison, plain, BENCH_DENIED_BY_AUTOCORRELATION);
    bool is_time = comparison->metric != BENCH_MEMORY && comparison->metric != BENCH_INSTRUCTIONS;
    double offset = is_time ? control_offset(result) : 0;
    if (offset > 0) {
        enum effect_verdict before = comparison->verdict;
        comparison->log_ratio.low -= offset;
        comparison->log_ratio.high += offset;
        ratios_fill(comparison, result->threshold_ratio);
        deny(comparison, before, BENCH_DENIED_BY_CONTROL);
    }
    if (result->steal_ratio > STEAL_RATIO_DENIES && is_time && comparison->verdict != EFFECT_INCONCLUSIVE) {
        comparison->verdict = EFFECT_INCONCLUSIVE;
        comparison->denial = BENCH_DENIED_BY_STEAL;
    }
    comparison->pairs_needed = comparison->is_exact ? 0 : pairs_needed(comparison, result);
}

/* False when the metric has no ratio: a value is 0. */
static int compare(struct bench_result *result, struct bench_comparison *comparison, double *logs,
                   bool *ret_has_ratio, struct err *err)
{
    const struct bench_arm *a = &result->arms.items[comparison->baseline],
                           *b = &result->arms.items[comparison->arm];
    comparison->pair_count = pair_count(a, b);
    *ret_has_ratio = comparison->pair_count && logs_fill(a, b, comparison->metric, logs);
    if (!*ret_has_ratio)
        return 0;
    if (is_steady(a, comparison->metric) && is_steady(b, comparison->metric)) {
        comparison->is_exact = true;
        comparison->plain = (struct estimate){logs[0], logs[0], logs[0], 1, fabs(logs[0]) > 0 ? 0 : 1, true};
        comparison->log_ratio = comparison->plain;
    } else {
        int status = estimate_pairs(result, comparison, logs, &comparison->plain, &comparison->log_ratio,
                                    &comparison->autocorrelation, err);
        if (status)
            return status;
    }
    comparison->p_value = comparison->p_value_adjusted = comparison->plain.p_value;
    qualify(result, comparison);
    return 0;
}

static int summarise(struct bench_result *result, struct bench_arm *arm, enum bench_metric metric,
                     double *values, struct err *err)
{
    struct bench_summary *summary = &arm->summaries[metric];
    double *sorted;
    size_t count = arm->runs.count;
    for (size_t i = 0; i < count; i++)
        values[i] = bench_metric_of(&arm->runs.items[i], metric);
    int status = describe(values, count, &summary->description, err);
    if (!status)
        status = sequence_drift(values, count, &summary->drift, err);
    if (!status)
        status = sorted_copy(values, count, &sorted, err);
    if (status)
        return status;
    struct order_interval interval = quantile_interval(sorted, count, 0.5, result->confidence_ratio);
    free(sorted);
    summary->median_low = interval.low;
    summary->median_high = interval.high;
    summary->median_confidence_ratio = interval.confidence_ratio;
    summary->autocorrelation = autocorrelation(values, count);
    return 0;
}

/* Holm over the wall times of all arms. */
static int adjust(struct bench_result *result, struct err *err)
{
    double p_values[BENCH_ARMS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < result->comparisons.count && count < BENCH_ARMS_MAX; i++)
        if (result->comparisons.items[i].metric == BENCH_WALL)
            p_values[count++] = result->comparisons.items[i].p_value;
    int status = holm_adjust(p_values, count, p_values, err);
    for (size_t i = 0, at = 0; !status && i < result->comparisons.count && at < count; i++)
        if (result->comparisons.items[i].metric == BENCH_WALL)
            result->comparisons.items[i].p_value_adjusted = p_values[at++];
    return status;
}

static int compare_all(struct bench_result *result, double *logs, struct err *err)
{
    static const enum bench_metric compared[] = {BENCH_WALL, BENCH_CPU, BENCH_MEMORY, BENCH_INSTRUCTIONS};
    bool has_ratio;
    int status = 0;
    if (result->has_control) {
        struct bench_comparison control = {.arm = result->arms.count - 1};
        status = compare(result, &control, logs, &has_ratio, err);
        result->control = control;
    }
    for (size_t m = 0; m < sizeof compared / sizeof compared[0]; m++) {
        for (size_t arm = 1; !status && arm < bench_arm_count(result); arm++) {
            struct bench_comparison comparison = {
                .arm = arm, .baseline = result->arms.items[arm].baseline, .metric = compared[m]};
            status = compare(result, &comparison, logs, &has_ratio, err);
            if (!status && has_ratio && vec_push(&result->comparisons, comparison))
                status = err_memory(err);
        }
    }
    return status ? status : adjust(result, err);
}

int judge(struct bench_result *result, struct err *err)
{
    int status = 0;
    double *values = calloc(result->rounds + 1, sizeof *values);
    if (!values)
        return err_memory(err);
    for (size_t arm = 0; arm < result->arms.count; arm++)
        for (int metric = 0; !status && metric < BENCH_METRIC_COUNT; metric++)
            status = summarise(result, &result->arms.items[arm], (enum bench_metric)metric, values, err);
    if (!status)
        status = compare_all(result, values, err);
    free(values);
    return status;
}

/* One arm alone: how well its median is known. */
static int precision_alone(const struct bench_result *result, double *values, double *ret_half,
                           struct err *err)
{
    const struct bench_arm *arm = &result->arms.items[0];
    double *sorted;
    for (size_t i = 0; i < arm->runs.count; i++)
        values[i] = bench_metric_of(&arm->runs.items[i], BENCH_WALL);
    int status = sorted_copy(values, arm->runs.count, &sorted, err);
    if (status)
        return status;
    struct order_interval interval =
        quantile_interval(sorted, arm->runs.count, 0.5, result->confidence_ratio);
    double median = median_sorted(sorted, arm->runs.count),
           wider = autocorrelation_widening(values, arm->runs.count);
    *ret_half = interval.confidence_ratio > 0 && median > 0
                    ? wider * (interval.high - interval.low) / 2 / median
                    : INFINITY;
    free(sorted);
    return 0;
}

static int precision_pairs(const struct bench_result *result, double *logs, double *ret_half,
                           double *ret_ratio, struct err *err)
{
    double widest = 0;
    for (size_t arm = 1; arm < bench_arm_count(result); arm++) {
        struct bench_comparison comparison = {.arm = arm, .baseline = result->arms.items[arm].baseline};
        const struct bench_arm *a = &result->arms.items[comparison.baseline], *b = &result->arms.items[arm];
        struct estimate plain, wide;
        double lag;
        comparison.pair_count = pair_count(a, b);
        if (!logs_fill(a, b, BENCH_WALL, logs)) {
            widest = INFINITY;
            continue;
        }
        int status = estimate_pairs(result, &comparison, logs, &plain, &wide, &lag, err);
        if (status)
            return status;
        widest = fmax(widest, (wide.high - wide.low) / 2);
        if (arm == 1)
            *ret_ratio = exp(wide.value);
    }
    *ret_half = widest;
    return 0;
}

int judge_precision(const struct bench_result *result, double *ret_half_ratio, double *ret_ratio,
                    struct err *err)
{
    double half = INFINITY, ratio = 0;
    size_t count = result->arms.items[0].runs.count;
    if (count < judge_pairs_least(result)) {
        *ret_half_ratio = half;
        *ret_ratio = ratio;
        return 0;
    }
    double *values = calloc(count, sizeof *values);
    if (!values)
        return err_memory(err);
    int status = bench_arm_count(result) == 1 ? precision_alone(result, values, &half, err)
                                              : precision_pairs(result, values, &half, &ratio, err);
    free(values);
    if (!status) {
        *ret_half_ratio = half;
        *ret_ratio = ratio;
    }
    return status;
}
