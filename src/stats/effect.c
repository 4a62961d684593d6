/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/effect.h"

#include <math.h>
#include <stdint.h>

#include "stats/distribution.h"

#define PAIRS_MIN 6

const char *effect_name(enum effect_verdict verdict)
{
    switch (verdict) {
    case EFFECT_FASTER: return "faster";
    case EFFECT_SLOWER: return "slower";
    case EFFECT_EQUIVALENT: return "equivalent";
    case EFFECT_INCONCLUSIVE: break;
    }
    return "inconclusive";
}

enum effect_verdict effect_judge(const struct estimate *log_ratio, double threshold_ratio)
{
    double matters = log1p(threshold_ratio);
    if (log_ratio->low > matters)
        return EFFECT_SLOWER;
    if (log_ratio->high < -matters)
        return EFFECT_FASTER;
    if (log_ratio->low >= -matters && log_ratio->high <= matters)
        return EFFECT_EQUIVALENT;
    return EFFECT_INCONCLUSIVE;
}

/* The half width is z standard errors; an effect of z(confidence) + z(power) of them is seen with that power. */
double effect_smallest_ratio(const struct estimate *log_ratio, double power_ratio)
{
    double half = (log_ratio->high - log_ratio->low) / 2, covered = log_ratio->confidence_ratio;
    if (!isfinite(half) || covered <= 0)
        return INFINITY;
    return exp(half * (1 + normal_quantile(power_ratio) / normal_quantile((1 + covered) / 2)));
}

size_t effect_pairs_needed(const struct effect_plan *plan)
{
    double z = normal_quantile((1 + plan->confidence_ratio) / 2) + normal_quantile(plan->power_ratio);
    double effect = log1p(plan->effect_ratio), count = z * plan->deviation / effect;
    count = ceil(count * count * M_PI / 3);
    if (!(count < 1e15))
        return SIZE_MAX;
    return count < PAIRS_MIN ? PAIRS_MIN : (size_t)count;
}

void effect_widen(struct estimate *estimate, double factor)
{
    estimate->low = estimate->value - (estimate->value - estimate->low) * factor;
    estimate->high = estimate->value + (estimate->high - estimate->value) * factor;
}

enum effect_tier effect_tier(const struct estimate *log_ratio)
{
    double careful = fmax(0, fmax(log_ratio->low, -log_ratio->high));
    if (careful > log(5))
        return EFFECT_P0;
    if (careful > log(2))
        return EFFECT_P1;
    return careful > log(1.2) ? EFFECT_P2 : EFFECT_P3;
}
