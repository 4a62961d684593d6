/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/bootstrap.h"

#include <math.h>
#include <stdlib.h>

#include "stats/distribution.h"
#include "stats/quantile.h"
#include "stats/random.h"

static double resample(const struct bootstrap *options, struct random *random, size_t *indexes)
{
    for (size_t i = 0; i < options->count; i++)
        indexes[i] = (size_t)random_below(random, options->count);
    return options->statistic(options->context, indexes, options->count);
}

/* The jackknife's skewness: how fast the standard error changes with the value. */
static double acceleration(const struct bootstrap *options, size_t *indexes, double *without)
{
    double mean = 0, squares = 0, cubes = 0;
    for (size_t left_out = 0; left_out < options->count; left_out++) {
        for (size_t i = 0, at = 0; i < options->count; i++)
            if (i != left_out)
                indexes[at++] = i;
        without[left_out] = options->statistic(options->context, indexes, options->count - 1);
        mean += without[left_out] / (double)options->count;
    }
    for (size_t i = 0; i < options->count; i++) {
        double from = mean - without[i];
        squares += from * from;
        cubes += from * from * from;
    }
    return squares > 0 ? cubes / (6 * pow(squares, 1.5)) : 0;
}

/* The part of the resamples that the corrected bound leaves below it. */
static double corrected(double p, double bias, double accelerated)
{
    double z = bias + normal_quantile(p);
    return normal_cdf(bias + z / (1 - accelerated * z));
}

static int fill(const struct bootstrap *options, size_t resamples, size_t *indexes, double *values,
                double *without, struct bootstrap_interval *interval, struct err *err)
{
    struct random random;
    double below = 0, tail = (1 - options->confidence_ratio) / 2, most = (double)resamples;
    random_seed(&random, options->seed);
    for (size_t i = 0; i < options->count; i++)
        indexes[i] = i;
    interval->value = options->statistic(options->context, indexes, options->count);
    for (size_t i = 0; i < resamples; i++) {
        values[i] = resample(options, &random, indexes);
        below += values[i] < interval->value ? 1 : values[i] > interval->value ? 0 : 0.5;
    }
    sort_values(values, resamples);
    if (!isfinite(interval->value) || !isfinite(values[0]) || !isfinite(values[resamples - 1]))
        return err_set(err, ERR_INPUT, "could not bootstrap: the statistic is not a finite number");
    interval->bias = normal_quantile(fmin(fmax(below, 0.5), most - 0.5) / most);
    interval->acceleration = acceleration(options, indexes, without);
    interval->low = quantile_sorted(values, resamples,
                                    corrected(tail, interval->bias, interval->acceleration), QUANTILE_TYPE_6);
    interval->high = quantile_sorted(
        values, resamples, corrected(1 - tail, interval->bias, interval->acceleration), QUANTILE_TYPE_6);
    return 0;
}

int bootstrap_bca(const struct bootstrap *options, struct bootstrap_interval *ret_interval, struct err *err)
{
    size_t resamples = options->resamples ? options->resamples : BOOTSTRAP_RESAMPLES;
    if (options->count < 2 || resamples > BOOTSTRAP_RESAMPLES_MAX)
        return err_set(err, ERR_INPUT,
                       "could not bootstrap: it takes 2 observations and at most %u resamples",
                       BOOTSTRAP_RESAMPLES_MAX);
    if (!(options->confidence_ratio > 0 && options->confidence_ratio < 1))
        return err_set(err, ERR_INPUT, "could not bootstrap: a confidence is between 0 and 1");
    size_t *indexes = malloc(options->count * sizeof *indexes);
    double *values = malloc(resamples * sizeof *values), *without = malloc(options->count * sizeof *without);
    struct bootstrap_interval interval = {0};
    int status = indexes && values && without
                     ? fill(options, resamples, indexes, values, without, &interval, err)
                     : err_memory(err);
    free(without);
    free(values);
    free(indexes);
    if (!status)
        *ret_interval = interval;
    return status;
}
