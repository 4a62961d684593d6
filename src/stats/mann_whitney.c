/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/mann_whitney.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "stats/distribution.h"
#include "stats/quantile.h"
#include "stats/rank_order.h"

/* Both samples in ascending order, and both together. */
struct samples {
    double *a, *b, *both;
    uint32_t *ranks; /* doubled, of `both` */
    size_t a_count, b_count;
    double ties;
};

static void samples_free(struct samples *samples)
{
    free(samples->a);
    free(samples->b);
    free(samples->both);
    free(samples->ranks);
}

static int samples_init(const struct sample *a, const struct sample *b, struct samples *samples,
                        struct err *err)
{
    size_t count = a->count + b->count;
    if (a->count < 1 || b->count < 1 || a->count > MANN_WHITNEY_VALUES_MAX ||
        b->count > MANN_WHITNEY_VALUES_MAX)
        return err_set(err, ERR_INPUT, "could not compare samples: each takes 1 to %u values",
                       MANN_WHITNEY_VALUES_MAX);
    samples->a_count = a->count;
    samples->b_count = b->count;
    int status = sorted_copy(a->values, a->count, &samples->a, err);
    if (!status)
        status = sorted_copy(b->values, b->count, &samples->b, err);
    if (status)
        return status;
    samples->both = malloc(count * sizeof *samples->both);
    samples->ranks = malloc(count * sizeof *samples->ranks);
    if (!samples->both || !samples->ranks)
        return err_memory(err);
    memcpy(samples->both, samples->a, a->count * sizeof *samples->both);
    memcpy(samples->both + a->count, samples->b, b->count * sizeof *samples->both);
    sort_values(samples->both, count);
    samples->ties = rank_doubled(samples->both, count, samples->ranks);
    return 0;
}

/* The doubled rank sum of b. */
static uint64_t rank_sum(const struct samples *samples)
{
    uint64_t sum = 0;
    for (size_t i = 0, at = 0; i < samples->b_count; i++) {
        while (samples->both[at] < samples->b[i])
            at++;
        sum += samples->ranks[at];
    }
    return sum;
}

static double u_of(const struct samples *samples)
{
    double b = (double)samples->b_count;
    return (double)rank_sum(samples) / 2 - b * (b + 1) / 2;
}

/* Differences b - a at or below the value: as a grows, more of b qualifies. */
static uint64_t differences_below(const void *context, double value)
{
    const struct samples *samples = context;
    uint64_t below = 0;
    size_t partners = 0;
    for (size_t i = 0; i < samples->a_count; i++) {
        while (partners < samples->b_count && samples->b[partners] - samples->a[i] <= value)
            partners++;
        below += partners;
    }
    return below;
}

static double difference_at(const struct samples *samples, uint64_t place)
{
    return rank_select(differences_below, samples, place, samples->b[0] - samples->a[samples->a_count - 1],
                       samples->b[samples->b_count - 1] - samples->a[0]);
}

/* chance[s]: of all ways to choose `chosen` of the ranks, the part whose sum is s. */
static double *sums_create(const uint32_t *ranks, size_t count, size_t chosen, size_t *ret_sum_max)
{
    size_t sum_max = 0;
    double ways = 1;
    for (size_t i = count - chosen; i < count; i++)
        sum_max += ranks[i];
    size_t width = sum_max + 1;
    double *table = calloc((chosen + 1) * width, sizeof *table);
    if (!table)
        return NULL;
    table[0] = 1;
    for (size_t i = 0; i < count; i++)
        for (size_t k = i + 1 < chosen ? i + 1 : chosen; k > 0; k--)
            for (size_t sum = sum_max + 1; sum-- > ranks[i];)
                table[k * width + sum] += table[(k - 1) * width + sum - ranks[i]];
    for (size_t k = 1; k <= chosen; k++)
        ways = ways * (double)(count - chosen + k) / (double)k;
    memmove(table, table + chosen * width, width * sizeof *table);
    for (size_t sum = 0; sum <= sum_max; sum++)
        table[sum] /= ways;
    *ret_sum_max = sum_max;
    return table;
}

static bool is_small(const struct samples *samples)
{
    return samples->a_count + samples->b_count <= MANN_WHITNEY_EXACT_MAX;
}

static int exact_p(const struct samples *samples, double *ret_p, struct err *err)
{
    /* The smaller group is counted: its sum and the other's add up to the same total. */
    size_t a = samples->a_count, b = samples->b_count, sum_max, chosen = a < b ? a : b;
    uint64_t total = (uint64_t)(a + b) * (a + b + 1), sum = rank_sum(samples);
    if (a < b)
        sum = total - sum;
    double low = 0, high = 0, *chance = sums_create(samples->ranks, a + b, chosen, &sum_max);
    if (!chance)
        return err_memory(err);
    for (size_t s = 0; s <= sum_max; s++) {
        low += s <= sum ? chance[s] : 0;
        high += s >= sum ? chance[s] : 0;
    }
    free(chance);
    *ret_p = fmin(1, 2 * fmin(low, high));
    return 0;
}

static double normal_p(const struct samples *samples)
{
    double a = (double)samples->a_count, b = (double)samples->b_count, n = a + b;
    double spread = sqrt(a * b / 12 * (n + 1 - samples->ties / (n * (n - 1))));
    double from = fmax(0, fabs(u_of(samples) - a * b / 2) - 0.5);
    return spread > 0 ? fmin(1, 2 * normal_cdf(-from / spread)) : 1;
}

/* The largest k with P(U < k) <= tail, without ties. */
static int exact_place(const struct samples *samples, double tail, uint64_t *ret_place, double *ret_missed,
                       struct err *err)
{
    uint32_t ranks[MANN_WHITNEY_EXACT_MAX];
    size_t count = samples->a_count + samples->b_count, sum_max, place = 0;
    size_t chosen = samples->a_count < samples->b_count ? samples->a_count : samples->b_count;
    double below = 0, missed = 0;
    for (size_t i = 0; i < count; i++)
        ranks[i] = (uint32_t)i + 1;
    double *chance = sums_create(ranks, count, chosen, &sum_max);
    if (!chance)
        return err_memory(err);
    size_t least = chosen * (chosen + 1) / 2;
    for (size_t sum = least; sum <= sum_max; sum++) {
        below += chance[sum];
        if (below > tail)
            break;
        place = sum - least + 1;
        missed = below;
    }
    free(chance);
    *ret_place = place;
    *ret_missed = missed;
    return 0;
}

static int interval_fill(const struct samples *samples, double confidence_ratio, struct estimate *estimate,
                         struct err *err)
{
    double a = (double)samples->a_count, b = (double)samples->b_count;
    double tail = (1 - confidence_ratio) / 2, missed = tail;
    uint64_t all = (uint64_t)samples->a_count * samples->b_count, place = 0;
    if (is_small(samples)) {
        int status = exact_place(samples, tail, &place, &missed, err);
        if (status)
            return status;
    } else {
        double below = floor(a * b / 2 + normal_quantile(tail) * sqrt(a * b * (a + b + 1) / 12) - 0.5) + 1;
        place = below < 1 ? 0 : (uint64_t)below;
    }
    if (place < 1) {
        estimate->low = -INFINITY;
        estimate->high = INFINITY;
        return 0;
    }
    estimate->low = difference_at(samples, place);
    estimate->high = difference_at(samples, all + 1 - place);
    estimate->confidence_ratio = 1 - 2 * missed;
    return 0;
}

int mann_whitney(const struct sample *a, const struct sample *b, double confidence_ratio,
                 struct estimate *ret_estimate, struct err *err)
{
    struct samples samples = {0};
    int status = samples_init(a, b, &samples, err);
    if (!status) {
        struct estimate estimate = {.is_exact = is_small(&samples)};
        uint64_t all = (uint64_t)a->count * b->count;
        estimate.value = (difference_at(&samples, (all + 1) / 2) + difference_at(&samples, all / 2 + 1)) / 2;
        status = interval_fill(&samples, confidence_ratio, &estimate, err);
        if (!status && estimate.is_exact)
            status = exact_p(&samples, &estimate.p_value, err);
        else
            estimate.p_value = normal_p(&samples);
        if (!status)
            *ret_estimate = estimate;
    }
    samples_free(&samples);
    return status;
}

int mann_whitney_u(const struct sample *a, const struct sample *b, double *ret_u, struct err *err)
{
    struct samples samples = {0};
    int status = samples_init(a, b, &samples, err);
    if (!status)
        *ret_u = u_of(&samples);
    samples_free(&samples);
    return status;
}
