/* SPDX-License-Identifier: Apache-2.0 */
#include "sweep/sweep_judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "law/knob_role.h"
#include "stats/distribution.h"
#include "stats/multiple.h"
#include "stats/quantile.h"
#include "stats/signed_rank.h"

#define DROP_LEVEL_RATIO   0.01 /* of the test by which a value leaves early, over all values */
#define DROP_LEAST_RATIO   0.1  /* and by so much worse at least */
#define STEAL_RATIO_DENIES 0.3
#define NS_PER_S_DOUBLE    1e9

static double cost_of(const struct sweep_result *result, const struct sweep_value *value,
                      const struct bench_run *run)
{
    switch (result->objective) {
    case SWEEP_WALL: return bench_metric_of(run, BENCH_WALL);
    case SWEEP_CPU: return fmax(bench_metric_of(run, BENCH_CPU), 1);
    case SWEEP_MEMORY: return fmax(bench_metric_of(run, BENCH_MEMORY), 1);
    case SWEEP_ROWS: return bench_metric_of(run, BENCH_WALL) / NS_PER_S_DOUBLE / value->rows;
    case SWEEP_PRINTED_MORE: return 1 / run->printed;
    case SWEEP_PRINTED_LESS: return run->printed;
    }
    return 1;
}

static const struct bench_arm *arm_of(const struct sweep_result *result, size_t value)
{
    return &result->bench.arms.items[result->values.items[value].arm];
}

/* Rounds from `first` up to below `end`. */
struct span {
    size_t first, end;
};

/* Before the confirmation, which is about two values alone. */
static struct span before_confirmation(const struct sweep_result *result)
{
    return (struct span){0, result->confirm_start};
}

/* ln(b / a) of the rounds that both ran in. `ret_logs` has room for a's runs. */
struct pair {
    const struct bench_arm *a, *b;
    const struct sweep_value *a_value, *b_value;
};

static size_t pair_logs(const struct sweep_result *result, const struct pair *pair, const struct span *span,
                        double *ret_logs)
{
    size_t count = 0;
    for (size_t i = 0, j = 0; i < pair->a->runs.count && j < pair->b->runs.count;) {
        const struct bench_run *a = &pair->a->runs.items[i], *b = &pair->b->runs.items[j];
        i += a->round <= b->round;
        j += b->round <= a->round;
        if (a->round == b->round && a->round >= span->first && a->round < span->end)
            ret_logs[count++] = log(cost_of(result, pair->b_value, b) / cost_of(result, pair->a_value, a));
    }
    return count;
}

static struct pair pair_of(const struct sweep_result *result, size_t a, size_t b)
{
    return (struct pair){arm_of(result, a), arm_of(result, b), &result->values.items[a],
                         &result->values.items[b]};
}

static double *room_for(const struct sweep_result *result)
{
    size_t most = 1;
    for (size_t i = 0; i < result->bench.arms.count; i++)
        most = result->bench.arms.items[i].runs.count > most ? result->bench.arms.items[i].runs.count : most;
    return calloc(most, sizeof(double));
}

/* Runs of the arm within the span: none for one that failed. */
static size_t runs_in(const struct bench_arm *arm, const struct span *span)
{
    size_t count = 0;
    for (size_t i = 0; i < arm->runs.count && !arm->failure; i++)
        count += arm->runs.items[i].round >= span->first && arm->runs.items[i].round < span->end;
    return count;
}

/* The mean log cost of a round over the values in it is taken from each: what made the whole round slow is not a value's. */
static double centred(const struct sweep_result *result, const bool *is_in, size_t value,
                      const struct span *span, double *logs, struct err *err)
{
    const struct bench_arm *arm = arm_of(result, value);
    size_t count = 0;
    for (size_t i = 0; i < arm->runs.count; i++) {
        size_t round = arm->runs.items[i].round, others = 0;
        double sum = 0;
        if (round < span->first || round >= span->end)
            continue;
        for (size_t other = 0; other < result->values.count; other++) {
            const struct bench_arm *beside = arm_of(result, other);
            for (size_t at = 0; is_in[other] && at < beside->runs.count; at++) {
                if (beside->runs.items[at].round != round)
                    continue;
                sum += log(cost_of(result, &result->values.items[other], &beside->runs.items[at]));
                others++;
            }
        }
        logs[count++] =
            log(cost_of(result, &result->values.items[value], &arm->runs.items[i])) - sum / (double)others;
    }
    double *sorted;
    if (!count || sorted_copy(logs, count, &sorted, err))
        return INFINITY;
    double median = median_sorted(sorted, count);
    free(sorted);
    return median;
}

static int best_in(const struct sweep_result *result, const struct span *span, size_t *ret_best,
                   struct err *err)
{
    bool is_in[BENCH_ARMS_MAX] = {0};
    double lowest = INFINITY, *logs = room_for(result);
    size_t best = SWEEP_NONE;
    if (!logs)
        return err_memory(err);
    for (size_t i = 0; i < result->values.count && i < BENCH_ARMS_MAX; i++)
        is_in[i] = !result->values.items[i].is_dropped && runs_in(arm_of(result, i), span) > 0;
    for (size_t i = 0; i < result->values.count && i < BENCH_ARMS_MAX; i++) {
        double centre = is_in[i] ? centred(result, is_in, i, span, logs, err) : INFINITY;
        if (centre < lowest) {
            lowest = centre;
            best = i;
        }
    }
    free(logs);
    *ret_best = best;
    return 0;
}

int sweep_best(const struct sweep_result *result, size_t *ret_best, struct err *err)
{
    bool has_fine = result->fine_start != SWEEP_NONE && result->rounds[SWEEP_FINE] > 0;
    struct span span = {has_fine ? result->fine_start : 0, result->confirm_start};
    return best_in(result, &span, ret_best, err);
}

/* The best was chosen by the same runs that it is compared by: each comparison with it stands for those of all pairs, of which there are
 * k (k - 1) / 2 among k values. */
static double pairs_of(const struct sweep_result *result)
{
    double live = 0;
    for (size_t i = 0; i < result->values.count; i++)
        live += !result->values.items[i].is_dropped && !arm_of(result, i)->failure;
    return live > 2 ? live * (live - 1) / 2 : 1;
}

size_t sweep_rounds_least(const struct sweep_result *result)
{
    double least = ceil(log2(2 * pairs_of(result) / (1 - result->bench.confidence_ratio)) - 1e-9);
    return least > BENCH_ROUNDS_LEAST ? (size_t)least : BENCH_ROUNDS_LEAST;
}

/* A paired t-test, for so few pairs that no rank test can tell anything: a value that is far off need not wait for more. */
static struct estimate paired_t(const double *logs, size_t count, double level)
{
    double mean = 0, squares = 0, n = (double)count;
    for (size_t i = 0; i < count; i++)
        mean += logs[i] / n;
    for (size_t i = 0; i < count; i++)
        squares += (logs[i] - mean) * (logs[i] - mean);
    double error = sqrt(squares / (n - 1) / n), t = error > 0 ? fabs(mean) / error : INFINITY;
    double reach = student_quantile(1 - level / 2, n - 1) * error;
    return (struct estimate){.value = mean,
                             .low = mean - reach,
                             .high = mean + reach,
                             .confidence_ratio = 1 - level,
                             .p_value = isfinite(t) ? 2 * student_cdf(-t, n - 1) : 0};
}

int sweep_drop(struct sweep_result *result, size_t *ret_best, struct err *err)
{
    struct span span = {0, SIZE_MAX};
    double *logs = room_for(result);
    int status = logs ? best_in(result, &span, ret_best, err) : err_memory(err);
    for (size_t i = 0; !status && *ret_best != SWEEP_NONE && i < result->values.count; i++) {
        struct sweep_value *value = &result->values.items[i];
        struct pair pair = pair_of(result, *ret_best, i);
        if (i == *ret_best || i == result->today || pair.b->failure)
            continue;
        size_t count = pair_logs(result, &pair, &span, logs);
        if (count < SWEEP_COARSE_LEAST)
            continue;
        struct estimate estimate = paired_t(logs, count, 1 - result->bench.confidence_ratio);
        if (estimate.p_value <= DROP_LEVEL_RATIO / (double)(result->values.count - 1) &&
            estimate.value > log1p(DROP_LEAST_RATIO)) {
            value->is_dropped = true;
            value->reference = *ret_best;
            value->before = estimate;
        }
    }
    free(logs);
    return status;
}

static int median_of(const struct sweep_result *result, size_t at, enum bench_metric metric, double *values,
                     double *ret_median, struct err *err)
{
    const struct bench_arm *arm = arm_of(result, at);
    double *sorted;
    for (size_t i = 0; i < arm->runs.count; i++)
        values[i] = bench_metric_of(&arm->runs.items[i], metric);
    int status = sorted_copy(values, arm->runs.count, &sorted, err);
    if (status)
        return status;
    *ret_median = median_sorted(sorted, arm->runs.count);
    free(sorted);
    return 0;
}

/* What each value's runs are like by themselves. */
static int describe_value(struct sweep_result *result, size_t at, double *values, struct err *err)
{
    struct sweep_value *value = &result->values.items[at];
    const struct bench_arm *arm = arm_of(result, at);
    double *sorted;
    if (arm->failure || !arm->runs.count)
        return 0;
    value->count = arm->runs.count;
    for (size_t i = 0; i < arm->runs.count; i++)
        values[i] = cost_of(result, value, &arm->runs.items[i]);
    int status = sorted_copy(values, arm->runs.count, &sorted, err);
    if (status)
        return status;
    struct order_interval interval =
        quantile_interval(sorted, arm->runs.count, 0.5, result->bench.confidence_ratio);
    value->cost = median_sorted(sorted, arm->runs.count);
    value->cost_low = interval.low;
    value->cost_high = interval.high;
    free(sorted);
    status = median_of(result, at, BENCH_CPU, values, &value->cpu_ns, err);
    if (!status)
        status = median_of(result, at, BENCH_MEMORY, values, &value->memory_bytes, err);
    value->memory_bytes = fmax(value->memory_bytes, (double)arm->tree_bytes_max);
    return status;
}

/* Values that are left, against the best, by the rounds they share. */
static int compare_live(struct sweep_result *result, double confidence, double *logs, struct err *err)
{
    struct span span = before_confirmation(result);
    for (size_t i = 0; i < result->values.count; i++) {
        struct sweep_value *value = &result->values.items[i];
        struct pair pair = pair_of(result, result->best, i);
        if (i == result->best || value->is_dropped || !value->count)
            continue;
        size_t count = pair_logs(result, &pair, &span, logs);
        if (!count) {
            value->log_ratio = (struct estimate){
                log(value->cost / result->values.items[result->best].cost), -INFINITY, INFINITY, 0, 1, false};
            continue;
        }
        int status = signed_rank(logs, count, confidence, &value->log_ratio, err);
        if (status)
            return status;
        if (!isfinite(value->log_ratio.low) && count >= SWEEP_COARSE_LEAST)
            value->log_ratio = paired_t(logs, count, 1 - confidence);
        effect_widen(&value->log_ratio, autocorrelation_widening(logs, count));
    }
    return 0;
}

/* What left early was compared with the best of then, which is at most as good as the best of now: so much is added. */
static void compare_dropped(struct sweep_result *result)
{
    for (size_t i = 0; i < result->values.count; i++) {
        struct sweep_value *value = &result->values.items[i];
        if (!value->is_dropped)
            continue;
        value->log_ratio = value->before;
        if (value->reference == result->best || value->reference == SWEEP_NONE)
            continue;
        double further = result->values.items[value->reference].log_ratio.value;
        value->log_ratio.value += further;
        value->log_ratio.low += further;
        value->log_ratio.high += further;
    }
}

static int plateau(struct sweep_result *result, struct err *err)
{
    double p_values[BENCH_ARMS_MAX], level = 1 - result->bench.confidence_ratio, live = 0;
    for (size_t i = 0; i < result->values.count; i++)
        live += result->values.items[i].count && !result->values.items[i].is_dropped;
    for (size_t i = 0; i < result->values.count; i++) {
        const struct sweep_value *value = &result->values.items[i];
        p_values[i] = i == result->best || !value->count ? NAN
                      : value->is_dropped                ? value->before.p_value
                                          : fmin(value->log_ratio.p_value * fmax(live / 2, 1), 1);
    }
    int status = holm_adjust(p_values, result->values.count, p_values, err);
    if (status)
        return status;
    for (size_t i = 0; i < result->values.count; i++) {
        struct sweep_value *value = &result->values.items[i];
        if (!value->count)
            continue;
        bool is_worse = i != result->best && p_values[i] <= level &&
                        (value->is_dropped || value->log_ratio.low > 0) &&
                        value->log_ratio.value > log1p(result->bench.threshold_ratio);
        value->p_value_adjusted = i == result->best ? 1 : p_values[i];
        value->is_tied = !is_worse;
        result->tied_count += value->is_tied;
        if (!is_worse && i != result->best)
            result->smallest_effect_ratio =
                fmax(result->smallest_effect_ratio,
                     effect_smallest_ratio(&value->log_ratio, EFFECT_POWER_RATIO) - 1);
    }
    return 0;
}

/* Both against the same reference in the confirmation's rounds. */
static int move_estimate(const struct sweep_result *result, const struct pair *pair, double *logs,
                         struct estimate *ret_estimate, double *ret_widening, size_t *ret_count,
                         struct err *err)
{
    struct span span = {result->confirm_start, SIZE_MAX};
    *ret_count = pair_logs(result, pair, &span, logs);
    if (!*ret_count)
        return 0;
    int status = signed_rank(logs, *ret_count, result->bench.confidence_ratio, ret_estimate, err);
    *ret_widening = autocorrelation_widening(logs, *ret_count);
    return status;
}

static int move_fill(struct sweep_result *result, double *logs, struct err *err)
{
    struct sweep_move *move = &result->move;
    const struct sweep_value *best;
    double widening = 1, of_control = 1;
    size_t control_count = 0;
    if (result->today == SWEEP_NONE || result->control_arm == SWEEP_NONE ||
        result->confirm_start == SWEEP_NONE)
        return 0;
    best = &result->values.items[result->best];
    struct pair pair = pair_of(result, result->today, result->best),
                control = {pair.b, &result->bench.arms.items[result->control_arm], best, best};
    int status = pair.a->failure ? 0
                                 : move_estimate(result, &pair, logs, &move->log_ratio, &widening,
                                                 &move->pair_count, err);
    if (!status && move->pair_count)
        status = move_estimate(result, &control, logs, &move->control, &of_control, &control_count, err);
    if (status || !move->pair_count || !control_count)
        return status;
    move->is_known = true;
    enum effect_verdict plain = effect_judge(&move->log_ratio, result->bench.threshold_ratio);
    effect_widen(&move->log_ratio, widening);
    move->verdict = effect_judge(&move->log_ratio, result->bench.threshold_ratio);
    if (move->verdict != plain && move->verdict == EFFECT_INCONCLUSIVE)
        move->denial = BENCH_DENIED_BY_AUTOCORRELATION;
    if (move->control.low > 0 || move->control.high < 0) {
        move->log_ratio.low -= fabs(move->control.value);
        move->log_ratio.high += fabs(move->control.value);
        plain = move->verdict;
        move->verdict = effect_judge(&move->log_ratio, result->bench.threshold_ratio);
        if (move->verdict != plain && move->verdict == EFFECT_INCONCLUSIVE)
            move->denial = BENCH_DENIED_BY_CONTROL;
    }
    if (result->bench.steal_ratio > STEAL_RATIO_DENIES && result->objective != SWEEP_MEMORY) {
        move->verdict = EFFECT_INCONCLUSIVE;
        move->denial = BENCH_DENIED_BY_STEAL;
    }
    return 0;
}

/* A law. */

/* What a name says about the law that holds. */
static enum sweep_law law_of_name(const char *name)
{
    static const enum sweep_law laws[] = {[KNOB_ROLE_OTHER] = SWEEP_LAW_AUTO,
                                          [KNOB_ROLE_WORKERS] = SWEEP_LAW_USL,
                                          [KNOB_ROLE_BATCH] = SWEEP_LAW_BATCH};
    return laws[knob_role_of_name(name)];
}

/* Times are in seconds, so that a and b are; a rate's costs are already. */
static double law_cost(const struct sweep_result *result, const struct sweep_value *value)
{
    bool is_ns = result->objective == SWEEP_WALL || result->objective == SWEEP_CPU;
    return is_ns ? value->cost / NS_PER_S_DOUBLE : value->cost;
}

static int fit_usl(struct sweep_result *result, struct usl_fit *ret_fit, struct err *err)
{
    struct usl_point points[BENCH_ARMS_MAX];
    struct usl_options options = {.confidence_ratio = result->bench.confidence_ratio};
    size_t count = 0;
    for (size_t i = 0; i < result->values.count; i++) {
        const struct sweep_value *value = &result->values.items[i];
        if (value->count && value->knobs[0].number >= 1)
            points[count++] = (struct usl_point){value->knobs[0].number, 1 / law_cost(result, value)};
    }
    if (count < USL_POINTS_MIN)
        return err_set(err, ERR_INPUT, "the Universal Scalability Law takes %u values, %zu were measured",
                       USL_POINTS_MIN, count);
    return usl_fit(points, count, &options, ret_fit, err);
}

static int fit_batch(struct sweep_result *result, struct batch_fit *ret_fit, struct err *err)
{
    struct batch_point points[BENCH_ARMS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < result->values.count; i++) {
        const struct sweep_value *value = &result->values.items[i];
        if (value->count && value->knobs[0].number > 0)
            points[count++] = (struct batch_point){value->knobs[0].number, law_cost(result, value)};
    }
    if (count < BATCH_SIZES_MIN)
        return err_set(err, ERR_INPUT, "the cost of batches takes %u values, %zu were measured",
                       BATCH_SIZES_MIN, count);
    return batch_fit(points, count, result->bench.confidence_ratio, ret_fit, err);
}

/* The law that is asked for; else the one that the knob's name says; else scalability when there is a
 * peak, and batches when there is none. None is no failure. */
static int fit_fill(struct sweep_result *result, enum sweep_law law, struct err *err)
{
    struct sweep_fit *fit = &result->fit;
    struct err usl_err = {0}, batch_err = {0};
    bool is_auto = law == SWEEP_LAW_AUTO;
    fit->law = SWEEP_LAW_NONE;
    if (law == SWEEP_LAW_NONE || (is_auto && (result->knob_count > 1 || !result->knobs[0].is_number ||
                                              result->objective == SWEEP_MEMORY)))
        return 0;
    if (is_auto)
        law = law_of_name(result->knobs[0].name);
    bool has_usl = law != SWEEP_LAW_BATCH && fit_usl(result, &fit->usl, &usl_err) == 0;
    bool has_batch = law != SWEEP_LAW_USL && fit_batch(result, &fit->batch, &batch_err) == 0;
    /* Without a coherency cost both are the same line in 1 / n. */
    if (has_usl && (!has_batch || fit->usl.kappa.low > 0))
        fit->law = SWEEP_LAW_USL;
    else if (has_batch)
        fit->law = SWEEP_LAW_BATCH;
    double left = fit->law == SWEEP_LAW_USL ? fit->usl.residual_error : fit->batch.residual_error;
    bool is_fitted = fit->law != SWEEP_LAW_NONE;
    /* Nobody asked for it: a law that does not hold would only mislead. */
    if (is_fitted && is_auto && left > SWEEP_POORLY_RATIO)
        fit->law = SWEEP_LAW_NONE;
    if (fit->law != SWEEP_LAW_NONE)
        return 0;
    fit->refusal = is_fitted ? arena_printf(&result->bench.arena,
                                            "the one that could hold leaves %.0f %% unexplained", 100 * left)
                             : arena_string(&result->bench.arena,
                                            law == SWEEP_LAW_BATCH ? batch_err.what : usl_err.what);
    return fit->refusal ? 0 : err_memory(err);
}

int sweep_judge(struct sweep_result *result, enum sweep_law law, struct err *err)
{
    double *values = room_for(result);
    int status = values ? 0 : err_memory(err);
    for (size_t i = 0; !status && i < result->values.count; i++) {
        status = describe_value(result, i, values, err);
        result->failed_count += arm_of(result, i)->failure != NULL;
    }
    if (!status)
        status = sweep_best(result, &result->best, err);
    if (!status && result->best == SWEEP_NONE)
        status = err_set(err, ERR_ENVIRONMENT, "could not tune: no value was measured");
    if (!status)
        status =
            compare_live(result, 1 - (1 - result->bench.confidence_ratio) / pairs_of(result), values, err);
    if (!status) {
        compare_dropped(result);
        status = plateau(result, err);
    }
    if (!status)
        status = move_fill(result, values, err);
    /* Rounds of their own told today's value from the best, which those of all values could not. */
    if (!status && result->move.is_known && result->move.verdict == EFFECT_FASTER &&
        result->values.items[result->today].is_tied) {
        result->values.items[result->today].is_tied = false;
        result->tied_count--;
    }
    if (!status)
        status = fit_fill(result, law, err);
    free(values);
    return status;
}
