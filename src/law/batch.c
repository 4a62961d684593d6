/* SPDX-License-Identifier: Apache-2.0 */
#include "law/batch.h"

#include <math.h>
#include <stdbool.h>

#include "stats/distribution.h"

#define CONFIDENCE_RATIO 0.95

/* Sums over the points of u = 1 / y and v = 1 / (n y): the model divided by the cost is 1 = b u + a v. */
struct sums {
    double uu, uv, vv, u, v;
};

double batch_size_of_share(double fixed, double each, double share)
{
    return fixed <= 0 ? 0 : each > 0 && share > 0 ? fixed * (1 - share) / (each * share) : INFINITY;
}

double batch_item_cost(const struct batch_fit *fit, double size)
{
    return fit->fixed.value / size + fit->each.value;
}

static int check(const struct batch_point *points, size_t count, struct err *err)
{
    size_t different = 0;
    if (count > BATCH_POINTS_MAX)
        return err_set(err, ERR_INPUT, "could not fit the cost of batches: %zu points, %u at most", count,
                       BATCH_POINTS_MAX);
    for (size_t i = 0; i < count; i++) {
        size_t before = 0;
        if (!(isfinite(points[i].size) && points[i].size > 0 && isfinite(points[i].cost) &&
              points[i].cost > 0))
            return err_set(
                err, ERR_INPUT,
                "could not fit the cost of batches: point %zu, size %g and cost %g, is not above 0", i + 1,
                points[i].size, points[i].cost);
        while (before < i && fabs(points[before].size - points[i].size) > 0)
            before++;
        different += before == i;
        if (different >= BATCH_SIZES_MIN && i + 1 == count)
            return 0;
    }
    return err_set(err, ERR_INPUT,
                   "could not fit the cost of batches: it takes %u different sizes, there are %zu",
                   BATCH_SIZES_MIN, different);
}

static struct sums sums_of(const struct batch_point *points, size_t count)
{
    struct sums sums = {0};
    for (size_t i = 0; i < count; i++) {
        double u = 1 / points[i].cost, v = u / points[i].size;
        sums.uu += u * u;
        sums.uv += u * v;
        sums.vv += v * v;
        sums.u += u;
        sums.v += v;
    }
    return sums;
}

/* The relative squares that a fit leaves, and those about the weighted mean. */
static void squares_of(const struct batch_point *points, size_t count, const struct sums *sums,
                       const struct batch_fit *fit, double *ret_left, double *ret_all)
{
    double mean = sums->u / sums->uu, left = 0, all = 0;
    for (size_t i = 0; i < count; i++) {
        double residual = 1 - batch_item_cost(fit, points[i].size) / points[i].cost,
               off = 1 - mean / points[i].cost;
        left += residual * residual;
        all += off * off;
    }
    *ret_left = left;
    *ret_all = all;
}

static void interval_fill(struct batch_parameter *parameter, double variance, double t)
{
    parameter->error = sqrt(fmax(0, variance));
    parameter->low = fmax(0, parameter->value - t * parameter->error);
    parameter->high = parameter->value + t * parameter->error;
}

/* Both are free: the inverse of the normal matrix times the residual variance. */
static void errors_fill(struct batch_fit *fit, const struct sums *sums, double variance, double t)
{
    double a = fit->fixed.value, b = fit->each.value, determinant = sums->uu * sums->vv - sums->uv * sums->uv;
    double of_each = variance * sums->vv / determinant, of_fixed = variance * sums->uu / determinant;
    double of_both = -variance * sums->uv / determinant;
    interval_fill(&fit->fixed, of_fixed, t);
    interval_fill(&fit->each, of_each, t);
    double spread = t * sqrt(fmax(0, of_fixed / (a * a) + of_each / (b * b) - 2 * of_both / (a * b)));
    fit->size_low = fit->fixed.low > 0 ? fit->size * exp(-spread) : 0;
    fit->size_high = fit->each.low > 0 ? fit->size * exp(spread) : INFINITY;
}

int batch_fit(const struct batch_point *points, size_t count, double confidence_ratio,
              struct batch_fit *ret_fit, struct err *err)
{
    struct batch_fit fit = {0};
    double left, all, confidence = confidence_ratio > 0 ? confidence_ratio : CONFIDENCE_RATIO;
    int status = check(points, count, err);
    if (status)
        return status;
    struct sums sums = sums_of(points, count);
    double determinant = sums.uu * sums.vv - sums.uv * sums.uv;
    fit.each.value = (sums.u * sums.vv - sums.v * sums.uv) / determinant;
    fit.fixed.value = (sums.v * sums.uu - sums.u * sums.uv) / determinant;
    bool is_fixed_free = fit.fixed.value > 0, is_each_free = fit.each.value > 0;
    if (!is_fixed_free) {
        fit.fixed.value = 0;
        fit.each.value = sums.u / sums.uu;
    } else if (!is_each_free) {
        fit.each.value = 0;
        fit.fixed.value = sums.v / sums.vv;
    }
    fit.freedom = count - (size_t)is_fixed_free - (size_t)is_each_free;
    squares_of(points, count, &sums, &fit, &left, &all);
    fit.residual_error = sqrt(left / (double)fit.freedom);
    fit.r_squared_ratio = all > 0 ? fmax(0, 1 - left / all) : 0;
    fit.size = batch_size_of_share(fit.fixed.value, fit.each.value, BATCH_SHARE_RATIO);
    double variance = left / (double)fit.freedom,
           t = student_quantile((1 + confidence) / 2, (double)fit.freedom);
    if (is_fixed_free && is_each_free) {
        errors_fill(&fit, &sums, variance, t);
    } else if (is_fixed_free) {
        interval_fill(&fit.fixed, variance / sums.vv, t);
        fit.size_low = fit.size_high = INFINITY;
    } else {
        interval_fill(&fit.each, variance / sums.uu, t);
    }
    *ret_fit = fit;
    return 0;
}
