/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/judged_difference.h"

#include <math.h>
#include <stdlib.h>

#include "stats/multiple.h"

const char *compare_denial_name(enum compare_denial denial)
{
    switch (denial) {
    case COMPARE_DENIED_BY_RUNS: return "runs";
    case COMPARE_DENIED_BY_FEW: return "few";
    case COMPARE_DENIED_BY_ZERO: return "zero";
    case COMPARE_DENIED_BY_MANY: return "many";
    case COMPARE_DENIED_BY_COMMON: return "common";
    case COMPARE_DENIED_BY_MACHINE: return "machine";
    case COMPARE_DENIED_BY_NAME: return "name";
    case COMPARE_DENIED_BY_SIZE: return "size";
    case COMPARE_NOT_DENIED: break;
    }
    return NULL;
}

const char *compare_kind_name(enum compare_kind kind)
{
    static const char *const names[] = {"result", "run", "stage", "function", "wait", "usage"};
    return names[kind];
}

struct compare_options options_filled(const struct compare_options *options)
{
    struct compare_options filled = *options;
    if (!(filled.confidence_ratio > 0))
        filled.confidence_ratio = EFFECT_CONFIDENCE_RATIO;
    if (filled.threshold_ratio < 0)
        filled.threshold_ratio = EFFECT_THRESHOLD_RATIO;
    if (filled.noise_ratio < 0)
        filled.noise_ratio = COMPARE_NOISE_RATIO;
    return filled;
}

/* effect.h has the verdict of what there should be less of. */
static enum effect_verdict verdict_of(const struct difference *difference, double threshold)
{
    struct estimate estimate = difference->log_ratio;
    if (difference->higher_is_better) {
        estimate.low = -difference->log_ratio.high;
        estimate.high = -difference->log_ratio.low;
        estimate.value = -estimate.value;
    }
    return effect_judge(&estimate, threshold);
}

void difference_judge(struct difference *difference, const struct compare_options *options)
{
    const struct estimate *log_ratio = &difference->log_ratio;
    bool is_open = !isfinite(log_ratio->low) && !isfinite(log_ratio->high);
    difference->ratio = exp(log_ratio->value);
    difference->ratio_low = exp(log_ratio->low);
    difference->ratio_high = exp(log_ratio->high);
    difference->p_value = difference->p_value_adjusted = log_ratio->p_value;
    difference->smallest_effect_ratio =
        difference->is_exact ? 0 : effect_smallest_ratio(log_ratio, EFFECT_POWER_RATIO) - 1;
    if (is_open && !difference->is_exact && difference->denial == COMPARE_NOT_DENIED)
        difference->denial = COMPARE_DENIED_BY_FEW;
    difference->has_verdict = difference->denial == COMPARE_NOT_DENIED;
    difference->verdict =
        difference->has_verdict ? verdict_of(difference, options->threshold_ratio) : EFFECT_INCONCLUSIVE;
    if (!difference->has_verdict && difference->denial != COMPARE_DENIED_BY_FEW)
        difference->p_value = difference->p_value_adjusted = NAN;
}

bool difference_is_claim(const struct difference *difference)
{
    return difference->has_verdict &&
           (difference->verdict == EFFECT_SLOWER || difference->verdict == EFFECT_FASTER);
}

/* The p-values of the primary metrics, or of the others; what is no test is not a number and stays. */
static int holm_some(struct comparison *comparison, bool primary, double *p_values, struct err *err)
{
    size_t count = comparison->differences.count;
    double level = 1 - comparison->options.confidence_ratio;
    for (size_t i = 0; i < count; i++) {
        const struct difference *difference = &comparison->differences.items[i];
        bool is_tested = !difference->is_exact && difference->is_primary == primary;
        p_values[i] = is_tested ? difference->p_value : NAN;
    }
    int status = holm_adjust(p_values, count, p_values, err);
    for (size_t i = 0; !status && i < count; i++) {
        struct difference *difference = &comparison->differences.items[i];
        if (isnan(p_values[i]))
            continue;
        difference->p_value_adjusted = p_values[i];
        if (difference_is_claim(difference) && p_values[i] > level) {
            difference->verdict = EFFECT_INCONCLUSIVE;
            difference->denial = COMPARE_DENIED_BY_MANY;
        }
    }
    return status;
}

int differences_holm(struct comparison *comparison, struct err *err)
{
    double *p_values = calloc(comparison->differences.count + 1, sizeof *p_values);
    if (!p_values)
        return err_memory(err);
    for (size_t i = 0; i < comparison->differences.count; i++) {
        const struct difference *difference = &comparison->differences.items[i];
        if (difference->is_primary && isfinite(difference->smallest_effect_ratio))
            comparison->smallest_effect_ratio =
                fmax(comparison->smallest_effect_ratio, difference->smallest_effect_ratio);
    }
    int status = holm_some(comparison, true, p_values, err);
    if (!status)
        status = holm_some(comparison, false, p_values, err);
    free(p_values);
    return status;
}

bool comparison_is_slower(const struct comparison *comparison)
{
    for (size_t i = 0; i < comparison->differences.count; i++) {
        const struct difference *difference = &comparison->differences.items[i];
        if (difference_is_claim(difference) && difference->verdict == EFFECT_SLOWER)
            return true;
    }
    return false;
}

void comparison_free(struct comparison *comparison)
{
    vec_free(&comparison->differences);
    vec_free(&comparison->flame);
    vec_free(&comparison->notes);
    vec_free(&comparison->only_a);
    vec_free(&comparison->only_b);
    arena_free(&comparison->arena);
}
