/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/noise.h"

#include <math.h>

#include "compare/compare.h"
#include "stats/distribution.h"

double reading_effective_count(const struct reading *reading)
{
    if (!(reading->squares > 0))
        return 0;
    double count = reading->value * reading->value / reading->squares;
    return count < reading->count ? count : reading->count;
}

double noise_mean(const struct noise_side *side)
{
    double sum = 0;
    for (size_t i = 0; i < side->count; i++)
        sum += side->readings[i].value;
    return side->count ? sum / (double)side->count : 0;
}

static double effective_sum(const struct noise_side *side)
{
    double sum = 0;
    for (size_t i = 0; i < side->count; i++)
        sum += reading_effective_count(&side->readings[i]);
    return sum;
}

/* Half of a sample or of a part: so that the logarithm of nothing is one. */
static double half_part(const struct noise_side *side, const struct noise_side *other)
{
    double value = 0, count = 0;
    const struct noise_side *sides[] = {side, other};
    for (size_t s = 0; s < 2; s++)
        for (size_t i = 0; i < sides[s]->count; i++) {
            value += sides[s]->readings[i].value;
            count += sides[s]->readings[i].count;
        }
    if (count > 0)
        return value / count / 2;
    return value > 0 ? value * 1e-6 : 1;
}

/* --- one recording a side --- */

/* Of a sum of measured parts: how far they differ among themselves, squared, over their number. */
static double measured_variance(const struct reading *reading)
{
    double n = reading->count, value = reading->value;
    if (n < 2 || !(value > 0))
        return 0;
    double spread = (n * reading->squares / (value * value) - 1) * n / (n - 1);
    return spread > 0 ? spread / n : 0;
}

static double machine_variance(const struct reading *reading)
{
    double part = reading->value > 0 ? reading->machine / reading->value : 0;
    return part * part;
}

/* A value that is next to nothing varies by as much as itself. */
static double least_doubt(const struct noise_terms *terms, const struct noise_side *a,
                          const struct noise_side *b)
{
    double mean = (noise_mean(a) + noise_mean(b)) / 2, part = mean > 0 ? terms->least_deviation / mean : 0;
    return part * part;
}

/* Two-sided, from how many of its own half widths the value is away from 0. */
static double p_of(double value, double half, double confidence)
{
    double z = normal_quantile((1 + confidence) / 2);
    return half > 0 ? 2 * normal_cdf(-fabs(value) / half * z) : fabs(value) > 0 ? 0 : 1;
}

static struct estimate around(double value, double below, double above, double confidence)
{
    struct estimate estimate = {
        .value = value, .low = value - below, .high = value + above, .confidence_ratio = confidence};
    estimate.p_value = p_of(value, value > 0 ? below : above, confidence);
    return estimate;
}

/* Nothing on one side: the interval has one end, and that is what counts. */
static struct estimate one_sided(double bound, double more, bool is_new, double confidence)
{
    double end = is_new ? bound - more : bound + more;
    struct estimate estimate = {.value = is_new ? INFINITY : -INFINITY,
                                .low = is_new ? end : -INFINITY,
                                .high = is_new ? INFINITY : end,
                                .confidence_ratio = confidence};
    estimate.p_value = (is_new ? end > 0 : end < 0) ? 1 - confidence : 1;
    return estimate;
}

static struct estimate sampled_ratio(const struct noise *noise, const struct noise_terms *terms,
                                     const struct noise_side *a, const struct noise_side *b)
{
    double confidence = noise->confidence_ratio, alpha = (1 - confidence) / 2;
    double z = normal_quantile(1 - alpha), more = z * terms->factor * noise->run_deviation * M_SQRT2;
    double n_a = effective_sum(a), n_b = effective_sum(b);
    double mean_a = noise_mean(a), mean_b = noise_mean(b);
    if (!(n_a > 0) && !(n_b > 0))
        return (struct estimate){.low = -INFINITY, .high = INFINITY, .p_value = 1};
    /* What one sample weighs on either side, in logarithms; the same where one side has none. */
    double weight = n_a > 0 && n_b > 0 ? log(mean_b / n_b) - log(mean_a / n_a) : 0;
    double low_share = n_b > 0 ? beta_quantile(alpha, n_b, n_a + 1) : 0;
    double high_share = n_a > 0 ? beta_quantile(1 - alpha, n_b + 1, n_a) : 1;
    double low = log(low_share / (1 - low_share)) + weight,
           high = log(high_share / (1 - high_share)) + weight;
    if (!(n_a > 0))
        return one_sided(low, more, true, confidence);
    if (!(n_b > 0))
        return one_sided(high, more, false, confidence);
    double value = log(mean_b / mean_a);
    return around(value, hypot(value - low, more), hypot(high - value, more), confidence);
}

/* Assumed of one recording: what differs from run to run. */
static double runs_variance(const struct noise *noise, double factor, const struct reading *reading)
{
    double part = reading->value > 0 ? reading->waited / reading->value : 0;
    double deviation = noise->run_deviation * (factor + part * (COMPARE_WAIT_FACTOR - 1));
    return deviation * deviation;
}

static struct estimate measured_ratio(const struct noise *noise, const struct noise_terms *terms,
                                      const struct noise_side *a, const struct noise_side *b)
{
    double confidence = noise->confidence_ratio, z = normal_quantile((1 + confidence) / 2);
    double mean_a = noise_mean(a), mean_b = noise_mean(b), variance = 2 * least_doubt(terms, a, b);
    const struct reading *readings[] = {a->readings, b->readings};
    for (size_t i = 0; i < 2; i++)
        variance += measured_variance(readings[i]) + machine_variance(readings[i]) +
                    runs_variance(noise, terms->factor, readings[i]);
    double half = z * sqrt(variance);
    if (!(mean_a > 0) && !(mean_b > 0))
        return (struct estimate){.low = -INFINITY, .high = INFINITY, .p_value = 1};
    if (!(mean_a > 0) || !(mean_b > 0)) {
        /* As if half a part had been there. */
        double least = half_part(a, b);
        double bound = log((mean_b > 0 ? mean_b : least) / (mean_a > 0 ? mean_a : least));
        return one_sided(bound, half, mean_b > 0, confidence);
    }
    return around(log(mean_b / mean_a), half, half, confidence);
}

static struct estimate exact_ratio(const struct noise_side *a, const struct noise_side *b)
{
    double mean_a = noise_mean(a), mean_b = noise_mean(b);
    double value = mean_a > 0 && mean_b > 0 ? log(mean_b / mean_a)
                   : mean_b > mean_a        ? INFINITY
                   : mean_a > mean_b        ? -INFINITY
                                            : 0;
    return (struct estimate){.value = value,
                             .low = value,
                             .high = value,
                             .confidence_ratio = 1,
                             .p_value = fabs(value) > 0 ? 0 : 1,
                             .is_exact = true};
}

/* --- several --- */

struct logs {
    double mean, squares; /* of the logarithms, and the sum of their squared deviations */
    size_t count;
};

/* ln(value / rest), or of the value alone when there is no rest. */
static struct logs logs_of(const struct noise_side *side, const struct noise_side *rest, double least,
                           double rest_least)
{
    struct logs logs = {0};
    for (size_t i = 0; i < side->count; i++) {
        double log_value = log(side->readings[i].value + least);
        if (rest)
            log_value -= log(rest->readings[i].value + rest_least);
        double before = log_value - logs.mean;
        logs.count++;
        logs.mean += before / (double)logs.count;
        logs.squares += before * (log_value - logs.mean);
    }
    return logs;
}

static double counting_variance(const struct noise_side *side)
{
    double sum = 0;
    for (size_t i = 0; i < side->count; i++) {
        double count = reading_effective_count(&side->readings[i]);
        sum += count > 0 ? 1 / (count + 0.5) : 0;
    }
    return side->count ? sum / (double)side->count : 0;
}

/* Smyth's moderated t: the variance from the recordings themselves, drawn to the typical one. */
static struct estimate logs_ratio(double confidence, const struct logs *a, const struct logs *b,
                                  double typical, double counting)
{
    double own = (double)(a->count + b->count) - 2, freedom = own + NOISE_PRIOR_FREEDOM;
    double prior = counting + typical;
    double variance = fmax((a->squares + b->squares + NOISE_PRIOR_FREEDOM * prior) / freedom, counting);
    double error = sqrt(variance * (1 / (double)a->count + 1 / (double)b->count)), value = b->mean - a->mean;
    double half = student_quantile((1 + confidence) / 2, freedom) * error;
    struct estimate estimate = {
        .value = value, .low = value - half, .high = value + half, .confidence_ratio = confidence};
    estimate.p_value = error > 0 ? 2 * student_cdf(-fabs(value) / error, freedom) : fabs(value) > 0 ? 0 : 1;
    return estimate;
}

/* What is known to be doubt in a recording: too few samples, or a time that was up to other programs. */
static double counting_of(enum reading_kind kind, const struct noise_side *a, const struct noise_side *b)
{
    double sum = 0;
    if (kind == READING_SAMPLED)
        return (counting_variance(a) + counting_variance(b)) / 2;
    for (size_t i = 0; i < a->count; i++)
        sum += machine_variance(&a->readings[i]);
    for (size_t i = 0; i < b->count; i++)
        sum += machine_variance(&b->readings[i]);
    return sum / (double)(a->count + b->count);
}

double noise_excess_variance(enum reading_kind kind, const struct noise_side *a, const struct noise_side *b)
{
    double freedom = (double)(a->count + b->count) - 2, least = half_part(a, b);
    if (freedom < 1 || !(noise_mean(a) > 0) || !(noise_mean(b) > 0))
        return NAN;
    struct logs logs_a = logs_of(a, NULL, least, 0), logs_b = logs_of(b, NULL, least, 0);
    return (logs_a.squares + logs_b.squares) / freedom - counting_of(kind, a, b);
}

double noise_typical_variance(const double *sorted, size_t count, size_t recording_count)
{
    if (!count || recording_count < 3)
        return 0;
    /* The median of chi-squared over its degrees of freedom, by Wilson and Hilferty 1931. */
    double below = 1 - 2 / (9 * (double)(recording_count - 2));
    double median = count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
    return median > 0 ? median / (below * below * below) : 0;
}

struct estimate noise_ratio(const struct noise *noise, const struct noise_terms *terms,
                            const struct noise_side *a, const struct noise_side *b)
{
    enum reading_kind kind = terms->kind;
    if (kind == READING_EXACT)
        return exact_ratio(a, b);
    if (a->count + b->count > 2) {
        if (!(noise_mean(a) > 0) && !(noise_mean(b) > 0))
            return (struct estimate){.low = -INFINITY, .high = INFINITY, .p_value = 1};
        double least = half_part(a, b);
        struct logs logs_a = logs_of(a, NULL, least, 0), logs_b = logs_of(b, NULL, least, 0);
        return logs_ratio(noise->confidence_ratio, &logs_a, &logs_b, noise->typical_variance[kind],
                          counting_of(kind, a, b) + least_doubt(terms, a, b));
    }
    return kind == READING_SAMPLED ? sampled_ratio(noise, terms, a, b) : measured_ratio(noise, terms, a, b);
}

struct estimate noise_share_ratio(const struct noise *noise, const struct noise_side *a,
                                  const struct noise_side *b, const struct noise_side *rest_a,
                                  const struct noise_side *rest_b)
{
    double least = half_part(a, b), rest_least = half_part(rest_a, rest_b);
    struct logs logs_a = logs_of(a, rest_a, least, rest_least),
                logs_b = logs_of(b, rest_b, least, rest_least);
    if (a->count + b->count > 2) {
        double counting = counting_of(READING_SAMPLED, a, b) + counting_of(READING_SAMPLED, rest_a, rest_b);
        return logs_ratio(noise->confidence_ratio, &logs_a, &logs_b, noise->typical_variance[READING_SAMPLED],
                          counting);
    }
    double variance = 2 * noise->run_deviation * noise->run_deviation;
    const struct noise_side *all[] = {a, b, rest_a, rest_b};
    for (size_t i = 0; i < 4; i++)
        variance += 1 / (effective_sum(all[i]) + 0.5);
    double half = normal_quantile((1 + noise->confidence_ratio) / 2) * sqrt(variance);
    return around(logs_b.mean - logs_a.mean, half, half, noise->confidence_ratio);
}
