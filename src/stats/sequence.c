/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/sequence.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats/distribution.h"
#include "stats/quantile.h"

double autocorrelation(const double *values, size_t count)
{
    double mean = 0, squares = 0, products = 0;
    if (count < 3)
        return 0;
    for (size_t i = 0; i < count; i++)
        mean += values[i] / (double)count;
    for (size_t i = 0; i < count; i++) {
        squares += (values[i] - mean) * (values[i] - mean);
        products += i ? (values[i] - mean) * (values[i - 1] - mean) : 0;
    }
    return squares > 0 ? products / squares : 0;
}

double autocorrelation_limit(size_t count)
{
    return count ? 1.6448536269514722 / sqrt((double)count) : 1;
}

double autocorrelation_widening(const double *values, size_t count)
{
    double r = autocorrelation(values, count);
    if (r <= autocorrelation_limit(count))
        return 1;
    r = fmin(r, 0.99);
    return sqrt((1 + r) / (1 - r));
}

/* The variance of Mann's S is less by what ties take away. */
static double ties_of(const double *sorted, size_t count)
{
    double ties = 0;
    for (size_t first = 0, after; first < count; first = after) {
        for (after = first + 1; after < count && !(sorted[after] > sorted[first]);)
            after++;
        double tied = (double)(after - first);
        ties += tied * (tied - 1) * (2 * tied + 5);
    }
    return ties;
}

/* `values` are sorted on the way. */
static void drift_fill(double *values, size_t count, double *slopes, struct drift *drift)
{
    size_t at = 0;
    double rises = 0, n = (double)count;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = i + 1; j < count; j++) {
            double rise = values[j] - values[i];
            slopes[at++] = rise / (double)(j - i);
            rises += (rise > 0) - (rise < 0);
        }
    }
    sort_values(slopes, at);
    sort_values(values, count);
    double variance = (n * (n - 1) * (2 * n + 5) - ties_of(values, count)) / 18;
    drift->slope = median_sorted(slopes, at);
    drift->p_value = variance > 0 ? fmin(1, 2 * normal_cdf(-fmax(0, fabs(rises) - 1) / sqrt(variance))) : 1;
}

int sequence_drift(const double *values, size_t count, struct drift *ret_drift, struct err *err)
{
    struct drift drift = {.p_value = 1};
    size_t points = count, step = 1;
    if (count < 4) {
        *ret_drift = drift;
        return 0;
    }
    double *copy = malloc(count * sizeof *copy);
    if (!copy)
        return err_memory(err);
    memcpy(copy, values, count * sizeof *copy);
    for (; points > SEQUENCE_POINTS_MAX; points /= 2, step *= 2)
        for (size_t i = 0; i < points / 2; i++)
            copy[i] = (copy[2 * i] + copy[2 * i + 1]) / 2;
    double *slopes = malloc((points * (points - 1) / 2 + 1) * sizeof *slopes);
    if (slopes)
        drift_fill(copy, points, slopes, &drift);
    free(copy);
    if (!slopes)
        return err_memory(err);
    free(slopes);
    drift.slope /= (double)step;
    drift.change = drift.slope * (double)(count - 1);
    *ret_drift = drift;
    return 0;
}
