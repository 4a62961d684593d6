/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/signed_rank.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "stats/distribution.h"
#include "stats/quantile.h"
#include "stats/rank_order.h"

/* Differences in ascending order. */
struct differences {
    const double *sorted;
    size_t count;
};

/* Walsh averages at or below the value: as i grows, the last partner j of i falls. */
static uint64_t averages_below(const void *context, double value)
{
    const struct differences *all = context;
    uint64_t below = 0;
    size_t partners = all->count;
    for (size_t i = 0; i < all->count; i++) {
        while (partners > i && (all->sorted[i] + all->sorted[partners - 1]) / 2 > value)
            partners--;
        if (partners <= i)
            break;
        below += partners - i;
    }
    return below;
}

/* The Walsh average of that place, counted from 1. */
static double average_at(const struct differences *all, uint64_t place)
{
    return rank_select(averages_below, all, place, all->sorted[0], all->sorted[all->count - 1]);
}

/* Probabilities of each sum of a random half of the ranks: each rank counts or not, as a coin falls. */
static double *sums_create(const uint32_t *ranks, size_t count, size_t *ret_sum_max)
{
    size_t sum_max = 0, reached = 0;
    for (size_t i = 0; i < count; i++)
        sum_max += ranks[i];
    double *chance = calloc(sum_max + 1, sizeof *chance);
    if (!chance)
        return NULL;
    chance[0] = 1;
    for (size_t i = 0; i < count; i++) {
        reached += ranks[i];
        for (size_t sum = reached + 1; sum-- > 0;)
            chance[sum] = (chance[sum] + (sum >= ranks[i] ? chance[sum - ranks[i]] : 0)) / 2;
    }
    *ret_sum_max = sum_max;
    return chance;
}

double signed_rank_cdf(size_t w, size_t n)
{
    uint32_t ranks[SIGNED_RANK_EXACT_MAX];
    size_t sum_max;
    double below = 0;
    if (n > SIGNED_RANK_EXACT_MAX)
        return 1;
    for (size_t i = 0; i < n; i++)
        ranks[i] = (uint32_t)i + 1;
    double *chance = sums_create(ranks, n, &sum_max);
    for (size_t sum = 0; chance && sum <= w && sum <= sum_max; sum++)
        below += chance[sum];
    free(chance);
    return chance && w < sum_max ? below : 1;
}

/* The largest k with P(W < k) <= tail, and that probability: the k-th average from either end bounds the interval. */
static size_t exact_place(size_t n, double tail, double *ret_missed)
{
    uint32_t ranks[SIGNED_RANK_EXACT_MAX];
    size_t sum_max = 0, place = 0;
    double below = 0, missed = 0;
    for (size_t i = 0; i < n; i++)
        ranks[i] = (uint32_t)i + 1;
    double *chance = sums_create(ranks, n, &sum_max);
    for (size_t sum = 0; chance && sum <= sum_max; sum++) {
        below += chance[sum];
        if (below > tail)
            break;
        place = sum + 1;
        missed = below;
    }
    free(chance);
    *ret_missed = missed;
    return place;
}

static void interval_fill(const struct differences *all, double confidence_ratio, struct estimate *estimate)
{
    uint64_t n = all->count, averages = n * (n + 1) / 2, place;
    double tail = (1 - confidence_ratio) / 2, missed = tail;
    if (n <= SIGNED_RANK_EXACT_MAX) {
        place = exact_place(n, tail, &missed);
    } else {
        double mean = (double)averages / 2, spread = sqrt((double)averages * (2.0 * (double)n + 1) / 12);
        double below = floor(mean + normal_quantile(tail) * spread - 0.5) + 1;
        place = below < 1 ? 0 : (uint64_t)below;
    }
    if (place < 1) {
        estimate->low = -INFINITY;
        estimate->high = INFINITY;
        return;
    }
    estimate->low = average_at(all, place);
    estimate->high = average_at(all, averages + 1 - place);
    estimate->confidence_ratio = 1 - 2 * missed;
}

/* Two-sided, of doubled sums: twice the smaller tail, at most 1. */
static int exact_p(const uint32_t *ranks, size_t count, uint64_t positive, double *ret_p, struct err *err)
{
    size_t sum_max;
    double low = 0, high = 0, *chance = sums_create(ranks, count, &sum_max);
    if (!chance)
        return err_memory(err);
    for (size_t sum = 0; sum <= sum_max; sum++) {
        low += sum <= positive ? chance[sum] : 0;
        high += sum >= positive ? chance[sum] : 0;
    }
    free(chance);
    *ret_p = fmin(1, 2 * fmin(low, high));
    return 0;
}

static double normal_p(size_t count, double ties, double positive)
{
    double n = (double)count, mean = n * (n + 1) / 4;
    double spread = sqrt(n * (n + 1) * (2 * n + 1) / 24 - ties / 48), from = fabs(positive - mean);
    return fmin(1, 2 * normal_cdf(-fmax(0, from - 0.5) / spread));
}

struct magnitude {
    double size;
    bool is_positive;
};

static int by_size(const void *a, const void *b)
{
    double first = ((const struct magnitude *)a)->size, second = ((const struct magnitude *)b)->size;
    return (first > second) - (first < second);
}

static int p_value(const struct differences *all, struct magnitude *magnitudes, double *sizes,
                   uint32_t *ranks, struct estimate *estimate, struct err *err)
{
    size_t count = 0;
    uint64_t positive = 0;
    for (size_t i = 0; i < all->count; i++)
        if (fabs(all->sorted[i]) > 0)
            magnitudes[count++] = (struct magnitude){fabs(all->sorted[i]), all->sorted[i] > 0};
    qsort(magnitudes, count, sizeof *magnitudes, by_size);
    for (size_t i = 0; i < count; i++)
        sizes[i] = magnitudes[i].size;
    double ties = rank_doubled(sizes, count, ranks);
    for (size_t i = 0; i < count; i++)
        positive += magnitudes[i].is_positive ? ranks[i] : 0;
    estimate->p_value = 1;
    if (!count)
        return 0;
    if (count <= SIGNED_RANK_EXACT_MAX)
        return exact_p(ranks, count, positive, &estimate->p_value, err);
    estimate->p_value = normal_p(count, ties, (double)positive / 2);
    return 0;
}

int signed_rank(const double *values, size_t count, double confidence_ratio, struct estimate *ret_estimate,
                struct err *err)
{
    double *sorted;
    if (count < 1 || count > SIGNED_RANK_PAIRS_MAX)
        return err_set(err, ERR_INPUT, "could not compare pairs: it takes 1 to %u of them",
                       SIGNED_RANK_PAIRS_MAX);
    int status = sorted_copy(values, count, &sorted, err);
    if (status)
        return status;
    struct magnitude *magnitudes = malloc(count * sizeof *magnitudes);
    double *sizes = malloc(count * sizeof *sizes);
    uint32_t *ranks = malloc(count * sizeof *ranks);
    struct differences all = {sorted, count};
    struct estimate estimate = {.is_exact = count <= SIGNED_RANK_EXACT_MAX};
    if (magnitudes && sizes && ranks) {
        uint64_t averages = (uint64_t)count * (count + 1) / 2;
        estimate.value = (average_at(&all, (averages + 1) / 2) + average_at(&all, averages / 2 + 1)) / 2;
        interval_fill(&all, confidence_ratio, &estimate);
        status = p_value(&all, magnitudes, sizes, ranks, &estimate, err);
    } else {
        status = err_memory(err);
    }
    free(ranks);
    free(sizes);
    free(magnitudes);
    free(sorted);
    if (!status)
        *ret_estimate = estimate;
    return status;
}
