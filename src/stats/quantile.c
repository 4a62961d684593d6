/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/quantile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/search.h"
#include "stats/distribution.h"

static int by_value(const void *a, const void *b)
{
    double first = *(const double *)a, second = *(const double *)b;
    if (isnan(first) || isnan(second))
        return isnan(first) - isnan(second);
    return (first > second) - (first < second);
}

void sort_values(double *values, size_t count)
{
    if (count)
        qsort(values, count, sizeof *values, by_value);
}

int sorted_copy(const double *values, size_t count, double **ret_sorted, struct err *err)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return err_set(err, ERR_INPUT, "could not use value %zu: it is not a finite number", i + 1);
    double *sorted = malloc((count ? count : 1) * sizeof *sorted);
    if (!sorted)
        return err_memory(err);
    if (count)
        memcpy(sorted, values, count * sizeof *sorted);
    sort_values(sorted, count);
    *ret_sorted = sorted;
    return 0;
}

/* The place of p among the values, counted from 1, whole or between two. */
static double place(size_t count, double p, enum quantile_type type)
{
    double n = (double)count;
    switch (type) {
    case QUANTILE_TYPE_1: return ceil(n * p);
    case QUANTILE_TYPE_6: return p * (n + 1);
    case QUANTILE_TYPE_7: return 1 + p * (n - 1);
    case QUANTILE_TYPE_8: return p * (n + 1.0 / 3) + 1.0 / 3;
    }
    return 1 + p * (n - 1);
}

double quantile_sorted(const double *sorted, size_t count, double p, enum quantile_type type)
{
    if (!count)
        return 0;
    double at = fmin(fmax(place(count, p, type), 1), (double)count), below = floor(at);
    size_t index = (size_t)below - 1;
    if (index + 1 >= count)
        return sorted[count - 1];
    return sorted[index] + (at - below) * (sorted[index + 1] - sorted[index]);
}

double median_sorted(const double *sorted, size_t count)
{
    return quantile_sorted(sorted, count, 0.5, QUANTILE_TYPE_7);
}

/* The distances below and above the median are two sorted runs; merging them half way gives their median. */
double mad_sorted(const double *sorted, size_t count)
{
    double median = median_sorted(sorted, count), before = 0, distance = 0;
    size_t above = 0;
    if (!count)
        return 0;
    while (above < count && sorted[above] < median)
        above++;
    size_t below = above;
    for (size_t taken = 0; taken <= count / 2; taken++) {
        before = distance;
        if (above == count || (below > 0 && median - sorted[below - 1] <= sorted[above] - median))
            distance = median - sorted[--below];
        else
            distance = sorted[above++] - median;
    }
    return count % 2 ? distance : (before + distance) / 2;
}

bool is_outlier(double value, double median, double mad)
{
    return mad > 0 && fabs(value - median) / mad > OUTLIER_MADS;
}

/* The number B of values below the quantile is binomial; [x(r), x(s)] (counted from 1) misses it when B < r or B >= s. */
struct order_interval quantile_interval(const double *sorted, size_t count, double p, double confidence_ratio)
{
    double tail = (1 - confidence_ratio) / 2;
    int64_t n = (int64_t)count;
    struct order_interval interval = {0};
    if (!count)
        return interval;
    interval = (struct order_interval){.low = sorted[0], .high = sorted[count - 1], .high_index = count - 1};
    size_t low = search_first(r, count, binomial_cdf((int64_t)r, n, p) > tail);
    size_t high = 1 + search_first(s, count, 1 - binomial_cdf((int64_t)s, n, p) <= tail);
    if (low < 1 || high > count)
        return interval;
    interval.low_index = low - 1;
    interval.high_index = high - 1;
    interval.low = sorted[low - 1];
    interval.high = sorted[high - 1];
    interval.confidence_ratio = binomial_cdf((int64_t)high - 1, n, p) - binomial_cdf((int64_t)low - 1, n, p);
    return interval;
}

size_t quantile_bound_count(double p, double confidence_ratio)
{
    return (size_t)ceil(log1p(-confidence_ratio) / log(p));
}
