/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/gate_judge.h"

#include <math.h>
#include <stdlib.h>

#include "stats/describe.h"
#include "stats/distribution.h"
#include "stats/effect.h"
#include "stats/multiple.h"
#include "stats/quantile.h"
#include "stats/sequence.h"
#include "stats/signed_rank.h"

/* The machine is noisy for times when others keep so much of it busy, or the host takes so much away; a control that differs
 * from itself by so much says the same. */
#define NOISY_OUTSIDE_RATIO 0.25
#define NOISY_STEAL_RATIO   0.1
#define NOISY_CONTROL_RATIO 0.02
#define DENY_STEAL_RATIO    0.3
#define PERCENTILE          0.99

static double level_of(double confidence_ratio)
{
    return (1 - confidence_ratio) / 2;
}

size_t gate_rounds_least(size_t check_count, double confidence_ratio)
{
    double checks = check_count ? (double)check_count : 1;
    return (size_t)ceil(log2(checks / level_of(confidence_ratio)) + 1e-9);
}

size_t gate_p99_runs_least(double confidence_ratio)
{
    return quantile_bound_count(PERCENTILE, 1 - level_of(confidence_ratio));
}

static bool is_less_better(const struct gate_check *check)
{
    return !gate_metric_about(check->metric)->more_is_better;
}

/* ln of how much worse is allowed. */
static double log_limit(const struct gate_check *check)
{
    return check->limit == GATE_MAX_DECREASE ? -log1p(-check->bound) : log1p(check->bound);
}

static bool is_steady(const double *values, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (fabs(values[i] - values[0]) > 0)
            return false;
    return true;
}

/* The p-value with its z-score divided: an interval `wider` times as wide. */
static double p_widened(double p_value, double wider)
{
    if (p_value <= 0 || p_value >= 1)
        return p_value;
    return normal_cdf(normal_quantile(p_value) / wider);
}

static int median_fill(const double *values, size_t count, double confidence_ratio, double *ret_value,
                       double *ret_low, double *ret_high, struct err *err)
{
    double *sorted;
    int status = sorted_copy(values, count, &sorted, err);
    if (status)
        return status;
    struct order_interval interval = quantile_interval(sorted, count, 0.5, confidence_ratio);
    *ret_value = median_sorted(sorted, count);
    *ret_low = interval.confidence_ratio > 0 ? interval.low : NAN;
    *ret_high = interval.confidence_ratio > 0 ? interval.high : NAN;
    free(sorted);
    return 0;
}

static void decide_exactly(struct gate_outcome *outcome, bool is_kept)
{
    outcome->is_exact = true;
    outcome->p_fail_alone = is_kept ? 1 : 0;
    outcome->p_pass = is_kept ? 0 : 1;
}

static bool is_kept(const struct gate_check *check, double value)
{
    return check->limit == GATE_MIN ? value >= check->bound : value <= check->bound;
}

/* How many of `count` values lie strictly on either side of the limit: one on it speaks for neither. */
static void sign_test(const struct gate_check *check, const struct gate_samples *samples, double p,
                      double wider, struct gate_outcome *outcome)
{
    int64_t worse = 0, better = 0;
    for (size_t i = 0; i < samples->count; i++) {
        double beyond = samples->after[i] - check->bound;
        if (check->limit == GATE_MIN)
            beyond = -beyond;
        worse += beyond > 0;
        better += beyond <= 0;
    }
    /* The quantile p is above the limit when more than 1 - p of the values are. */
    outcome->p_fail_alone = p_widened(binomial_cdf(better, worse + better, p), wider);
    outcome->p_pass = p_widened(1 - binomial_cdf(better - 1, worse + better, p), wider);
}

/* Whether all values lie on one side of the limit, farther from it than from each other: then it does not matter how they
 * depend on those before them. */
static bool is_far(const struct gate_check *check, const struct gate_samples *samples)
{
    double least = INFINITY, most = -INFINITY;
    for (size_t i = 0; i < samples->count; i++) {
        least = fmin(least, samples->after[i]);
        most = fmax(most, samples->after[i]);
    }
    return fmax(check->bound - most, least - check->bound) > most - least;
}

static int measure_alone(const struct gate_check *check, const struct gate_samples *samples,
                         double confidence_ratio, struct gate_outcome *outcome, struct err *err)
{
    bool is_p99 = check->metric == GATE_P99 && check->source.kind == GATE_FROM_RUNS;
    double wider = is_far(check, samples) ? 1 : autocorrelation_widening(samples->after, samples->count);
    if (is_p99) {
        double *sorted;
        int status = sorted_copy(samples->after, samples->count, &sorted, err);
        if (status)
            return status;
        struct order_interval interval =
            quantile_interval(sorted, samples->count, PERCENTILE, confidence_ratio);
        outcome->value = quantile_sorted(sorted, samples->count, PERCENTILE, QUANTILE_TYPE_8);
        outcome->value_low = interval.confidence_ratio > 0 ? interval.low : NAN;
        outcome->value_high = interval.confidence_ratio > 0 ? interval.high : NAN;
        free(sorted);
        sign_test(check, samples, PERCENTILE, wider, outcome);
        return 0;
    }
    if (samples->is_one || (samples->count > 1 && is_steady(samples->after, samples->count)))
        decide_exactly(outcome, is_kept(check, samples->after[0]));
    else
        sign_test(check, samples, 0.5, wider, outcome);
    return 0;
}

static int logs_of_pairs(const struct gate_samples *samples, double **ret_logs, bool *ret_has_ratio,
                         struct err *err)
{
    double *logs = calloc(samples->count + 1, sizeof *logs);
    if (!logs)
        return err_memory(err);
    *ret_has_ratio = true;
    for (size_t i = 0; i < samples->count; i++) {
        if (samples->after[i] <= 0 || samples->before[i] <= 0)
            *ret_has_ratio = false;
        else
            logs[i] = log(samples->after[i] / samples->before[i]);
    }
    *ret_logs = logs;
    return 0;
}

/* The control's interval leaves out 1: the machine itself makes that much of a difference. */
static double control_offset(const struct gate_check *check, const struct gate_conditions *conditions)
{
    if (!gate_metric_about(check->metric)->is_time || !conditions->has_control ||
        (conditions->control_low <= 1 && conditions->control_high >= 1) || conditions->control_ratio <= 0)
        return 0;
    return fabs(log(conditions->control_ratio));
}

/* One-sided, of "the median of `logs`, worse being more, is at most `limit`". */
static int signed_rank_above(const double *logs, size_t count, double limit, double *shifted, double *ret_p,
                             struct err *err)
{
    struct estimate estimate;
    for (size_t i = 0; i < count; i++)
        shifted[i] = logs[i] - limit;
    int status = signed_rank(shifted, count, 0.5, &estimate, err);
    if (!status)
        *ret_p = estimate.value > 0 ? estimate.p_value / 2 : 1 - estimate.p_value / 2;
    return status;
}

static int test_pairs(const struct gate_check *check, const struct gate_samples *samples, double *logs,
                      double *shifted, double offset, double confidence_ratio, struct gate_outcome *outcome,
                      struct err *err)
{
    size_t count = samples->count;
    struct estimate interval;
    double wider = autocorrelation_widening(logs, count), limit = log_limit(check), p_kept = 1;
    int status = signed_rank(logs, count, confidence_ratio, &interval, err);
    if (status)
        return status;
    effect_widen(&interval, wider);
    outcome->ratio = exp(interval.value);
    outcome->ratio_low = exp(interval.low - offset);
    outcome->ratio_high = exp(interval.high + offset);
    for (size_t i = 0; !is_less_better(check) && i < count; i++)
        logs[i] = -logs[i];
    status = signed_rank_above(logs, count, limit + offset, shifted, &outcome->p_fail_alone, err);
    for (size_t i = 0; i < count; i++)
        logs[i] = -logs[i];
    if (!status)
        status = signed_rank_above(logs, count, offset - limit, shifted, &p_kept, err);
    outcome->p_fail_alone = p_widened(outcome->p_fail_alone, wider);
    outcome->p_pass = p_widened(p_kept, wider);
    return status;
}

static bool is_kept_ratio(const struct gate_check *check, double after, double before)
{
    double worse = is_less_better(check) ? after : before, better = is_less_better(check) ? before : after;
    return worse <= better * exp(log_limit(check)) * (1 + 1e-12);
}

static int measure_pairs(const struct gate_check *check, const struct gate_samples *samples,
                         const struct gate_conditions *conditions, double confidence_ratio,
                         struct gate_outcome *outcome, struct err *err)
{
    double *logs = NULL, low, high;
    bool has_ratio = true;
    int status =
        median_fill(samples->before, samples->count, confidence_ratio, &outcome->before, &low, &high, err);
    if (!status)
        status = logs_of_pairs(samples, &logs, &has_ratio, err);
    if (status)
        return status;
    if (samples->is_one || (samples->count > 1 && is_steady(samples->after, samples->count) &&
                            is_steady(samples->before, samples->count))) {
        decide_exactly(outcome, is_kept_ratio(check, samples->after[0], samples->before[0]));
        outcome->ratio = outcome->ratio_low = outcome->ratio_high =
            samples->before[0] > 0  ? samples->after[0] / samples->before[0]
            : samples->after[0] > 0 ? INFINITY
                                    : 1;
    } else if (!has_ratio) {
        outcome->why = "a run gave 0, which has no ratio";
    } else {
        double *shifted = calloc(samples->count, sizeof *shifted);
        status = shifted ? test_pairs(check, samples, logs, shifted, control_offset(check, conditions),
                                      confidence_ratio, outcome, err)
                         : err_memory(err);
        free(shifted);
    }
    free(logs);
    return status;
}

static int measure_history(const struct gate_check *check, const struct gate_samples *samples,
                           double confidence_ratio, struct gate_outcome *outcome, struct err *err)
{
    size_t count = samples->before_count;
    struct description about;
    outcome->is_unpaired = true;
    outcome->before_count = count;
    if (count < GATE_HISTORY_LEAST || outcome->value <= 0) {
        outcome->why = outcome->value <= 0
                           ? "the value is 0, which has no ratio"
                           : "the history of this machine has too few results yet, it takes five";
        return 0;
    }
    double *logs = calloc(count, sizeof *logs);
    if (!logs)
        return err_memory(err);
    for (size_t i = 0; i < count; i++)
        logs[i] = log(fmax(samples->before[i], 1e-300));
    int status = describe(logs, count, &about, err);
    free(logs);
    if (status)
        return status;
    double distance = log(outcome->value) - about.mean, freedom = (double)count - 1;
    double spread = about.deviation * sqrt(1 + 1 / (double)count), limit = log_limit(check);
    double worse = is_less_better(check) ? distance : -distance;
    outcome->before = exp(about.mean);
    outcome->ratio = exp(distance);
    if (spread <= 1e-9) {
        decide_exactly(outcome, worse <= limit * (1 + 1e-9) + 1e-9);
        outcome->ratio_low = outcome->ratio_high = outcome->ratio;
        return 0;
    }
    double reach = student_quantile(1 - level_of(confidence_ratio), freedom) * spread;
    outcome->ratio_low = exp(distance - reach);
    outcome->ratio_high = exp(distance + reach);
    outcome->p_fail_alone = student_cdf((limit - worse) / spread, freedom);
    outcome->p_pass = student_cdf((worse - limit) / spread, freedom);
    return 0;
}

int gate_measure(const struct gate_check *check, const struct gate_samples *samples,
                 const struct gate_conditions *conditions, double confidence_ratio,
                 struct gate_outcome *ret_outcome, struct err *err)
{
    struct gate_outcome outcome = {.verdict = GATE_INCONCLUSIVE,
                                   .before = NAN,
                                   .ratio = NAN,
                                   .ratio_low = NAN,
                                   .ratio_high = NAN,
                                   .p_fail = 1,
                                   .p_fail_alone = 1,
                                   .p_pass = 1,
                                   .count = samples->count};
    if (!samples->count)
        return err_set(err, ERR_BUG, "could not judge: there are no samples");
    int status = median_fill(samples->after, samples->count, confidence_ratio, &outcome.value,
                             &outcome.value_low, &outcome.value_high, err);
    if (status)
        return status;
    if (!gate_limit_is_relative(check->limit))
        status = measure_alone(check, samples, confidence_ratio, &outcome, err);
    else if (samples->design == GATE_BESIDE_HISTORY)
        status = measure_history(check, samples, confidence_ratio, &outcome, err);
    else
        status = measure_pairs(check, samples, conditions, confidence_ratio, &outcome, err);
    outcome.p_fail = outcome.p_fail_alone;
    if (!status)
        *ret_outcome = outcome;
    return status;
}

/* What makes a time say little, as a text; NULL: nothing. */
static const char *noise_of(const struct gate_conditions *conditions)
{
    if (conditions->steal_ratio > NOISY_STEAL_RATIO)
        return "other guests of this host took much of the machine";
    if (conditions->outside_cores > NOISY_OUTSIDE_RATIO * conditions->cpu_count)
        return "other programs kept much of the machine busy";
    if (conditions->has_control && (conditions->control_low > 1 + NOISY_CONTROL_RATIO ||
                                    conditions->control_high < 1 / (1 + NOISY_CONTROL_RATIO)))
        return "the baseline differed from itself";
    return NULL;
}

static const char *why_open(const struct gate_check *check, const struct gate_outcome *outcome,
                            double confidence_ratio)
{
    if (outcome->why)
        return outcome->why;
    if (check->metric == GATE_P99 && check->source.kind == GATE_FROM_RUNS &&
        outcome->count < gate_p99_runs_least(confidence_ratio))
        return "p99 of the runs takes some hundred of them to be shown within a limit (runs: 400)";
    if (outcome->count < gate_rounds_least(1, confidence_ratio) && !outcome->is_unpaired)
        return "there are too few runs";
    if (outcome->is_unpaired)
        return "the history varies too much to tell";
    return "the limit is within what the runs vary by";
}

/* Interleaved pairs bear much; an absolute time, or one beside a history, has nothing that bore the same. */
static void judge_noise(const struct gate_check *check, const struct gate_conditions *conditions,
                        struct gate_outcome *outcome)
{
    const char *noise = noise_of(conditions);
    bool is_alone = !gate_limit_is_relative(check->limit) || outcome->is_unpaired;
    if (!gate_metric_about(check->metric)->is_time || !noise || outcome->verdict == GATE_PASS)
        return;
    if (outcome->verdict == GATE_FAIL && !is_alone && conditions->steal_ratio <= DENY_STEAL_RATIO)
        return;
    outcome->verdict = GATE_NOISY;
    outcome->why = noise;
}

int gate_judge(const struct gate_judged *judged, size_t count, double confidence_ratio, struct err *err)
{
    double p_values[GATE_CHECKS_MAX], level = level_of(confidence_ratio);
    if (count > GATE_CHECKS_MAX)
        return err_set(err, ERR_BUG, "could not judge over %u checks", GATE_CHECKS_MAX);
    for (size_t i = 0; i < count; i++)
        p_values[i] = judged[i].outcome->p_fail_alone;
    int status = count ? holm_adjust(p_values, count, p_values, err) : 0;
    for (size_t i = 0; !status && i < count; i++) {
        struct gate_outcome *outcome = judged[i].outcome;
        outcome->p_fail = p_values[i];
        outcome->verdict = outcome->p_fail < level   ? GATE_FAIL
                           : outcome->p_pass < level ? GATE_PASS
                                                     : GATE_INCONCLUSIVE;
        outcome->why = outcome->verdict == GATE_INCONCLUSIVE
                           ? why_open(judged[i].check, outcome, confidence_ratio)
                           : NULL;
        judge_noise(judged[i].check, judged[i].conditions, outcome);
    }
    return status;
}

void gate_confirm(struct gate_check_result *result)
{
    if (!result->was_repeated || result->outcome.verdict != GATE_FAIL || result->again.verdict == GATE_FAIL)
        return;
    result->outcome.verdict = result->again.verdict == GATE_NOISY ? GATE_NOISY : GATE_INCONCLUSIVE;
    result->outcome.why = result->again.verdict == GATE_NOISY
                              ? result->again.why
                              : "it failed once and not once more in fresh processes";
}
