/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fit of usl.h. Its parameters are (log gamma, sigma, q) or (log gamma, sigma, kappa): kappa = (1 - sigma) q, where
 * q = 1 / peak^2, so that the peak can be held while the rest is fitted, which is its profile.
 */
#include <math.h>
#include <string.h>

#include "law/usl.h"
#include "stats/distribution.h"

#define PARAMETERS       3
#define STEPS_MAX        500
#define HALVINGS_MAX     200
#define DAMPING_MAX      1e12
#define CONFIDENCE_RATIO 0.95

enum { GAMMA, SIGMA, KAPPA };

struct problem {
    const struct usl_point *points;
    size_t count;
    bool is_absolute;
    bool is_amdahl;    /* kappa stays 0 */
    bool is_peak_held; /* the third parameter is q, and it is held */
    bool is_free[PARAMETERS];
};

struct solution {
    double values[PARAMETERS]; /* log gamma, sigma, kappa or q */
    double squares;            /* the sum of squared residuals */
};

struct matrix {
    double at[PARAMETERS][PARAMETERS];
};

/* The residual of one point and its slopes. */
static double residual(const struct problem *problem, const double *values, const struct usl_point *point,
                       double *ret_slopes)
{
    double n = point->workers, pairs = n * (n - 1), scale = problem->is_absolute ? 1 : 1 / point->throughput;
    double kappa = problem->is_peak_held ? (1 - values[SIGMA]) * values[KAPPA] : values[KAPPA];
    double below = 1 + values[SIGMA] * (n - 1) + kappa * pairs, fit = exp(values[GAMMA]) * n / below * scale;
    ret_slopes[GAMMA] = -fit;
    ret_slopes[SIGMA] = fit * (n - 1 - (problem->is_peak_held ? values[KAPPA] * pairs : 0)) / below;
    ret_slopes[KAPPA] = fit * pairs / below;
    return point->throughput * scale - fit;
}

/* J'J, J'r and the sum of squares, over the free parameters; a held one has 1 on its diagonal and nothing else. */
static double normal_equations(const struct problem *problem, const double *values, struct matrix *ret_matrix,
                               double *ret_side)
{
    double squares = 0;
    memset(ret_matrix, 0, sizeof *ret_matrix);
    memset(ret_side, 0, PARAMETERS * sizeof *ret_side);
    for (size_t i = 0; i < problem->count; i++) {
        double slopes[PARAMETERS], error = residual(problem, values, &problem->points[i], slopes);
        squares += error * error;
        for (size_t row = 0; row < PARAMETERS; row++) {
            double slope = problem->is_free[row] ? slopes[row] : 0;
            ret_side[row] -= slope * error;
            for (size_t column = 0; column < PARAMETERS; column++)
                ret_matrix->at[row][column] += slope * (problem->is_free[column] ? slopes[column] : 0);
        }
    }
    for (size_t row = 0; row < PARAMETERS; row++)
        if (!problem->is_free[row])
            ret_matrix->at[row][row] = 1;
    return squares;
}

static double minor_of(const struct matrix *m, size_t row, size_t column)
{
    size_t r1 = (row + 1) % 3, r2 = (row + 2) % 3, c1 = (column + 1) % 3, c2 = (column + 2) % 3;
    return m->at[r1][c1] * m->at[r2][c2] - m->at[r1][c2] * m->at[r2][c1];
}

/* By cofactors, after each row and column was scaled to 1 on the diagonal; false when nothing is left of it. */
static bool invert(const struct matrix *matrix, struct matrix *ret_inverse)
{
    struct matrix scaled;
    double scale[PARAMETERS], determinant = 0;
    for (size_t i = 0; i < PARAMETERS; i++) {
        if (!(matrix->at[i][i] > 0) || !isfinite(matrix->at[i][i]))
            return false;
        scale[i] = 1 / sqrt(matrix->at[i][i]);
    }
    for (size_t i = 0; i < PARAMETERS; i++)
        for (size_t j = 0; j < PARAMETERS; j++)
            scaled.at[i][j] = matrix->at[i][j] * scale[i] * scale[j];
    for (size_t j = 0; j < PARAMETERS; j++)
        determinant += scaled.at[0][j] * minor_of(&scaled, 0, j);
    if (!(fabs(determinant) > 1e-18))
        return false;
    for (size_t i = 0; i < PARAMETERS; i++)
        for (size_t j = 0; j < PARAMETERS; j++)
            ret_inverse->at[i][j] = minor_of(&scaled, j, i) / determinant * scale[i] * scale[j];
    return true;
}

static double squares_at(const struct problem *problem, const double *values)
{
    double sum = 0, slopes[PARAMETERS];
    for (size_t i = 0; i < problem->count; i++) {
        double error = residual(problem, values, &problem->points[i], slopes);
        sum += error * error;
    }
    return sum;
}

/* One damped step (Marquardt 1963: the diagonal grows in proportion). True when it made the fit better. */
static bool step(const struct problem *problem, double damping, struct solution *solution, double *ret_moved)
{
    struct matrix matrix, inverse;
    struct solution next = *solution;
    double side[PARAMETERS], moved = 0;
    normal_equations(problem, solution->values, &matrix, side);
    for (size_t i = 0; i < PARAMETERS; i++)
        matrix.at[i][i] *= 1 + damping;
    if (!invert(&matrix, &inverse))
        return false;
    for (size_t i = 0; i < PARAMETERS; i++) {
        double by = 0;
        for (size_t j = 0; j < PARAMETERS; j++)
            by += inverse.at[i][j] * side[j];
        next.values[i] += problem->is_free[i] ? by : 0;
        moved = fmax(moved, fabs(by) / (fabs(next.values[i]) + 1e-12));
    }
    next.squares = squares_at(problem, next.values);
    if (!(next.squares <= solution->squares))
        return false;
    *ret_moved = moved;
    *solution = next;
    return true;
}

static void minimise(const struct problem *problem, struct solution *solution)
{
    double damping = 1e-3, moved = 1;
    solution->squares = squares_at(problem, solution->values);
    for (int i = 0; i < STEPS_MAX && moved > 1e-12 && damping < DAMPING_MAX; i++)
        damping *= step(problem, damping, solution, &moved) ? 0.1 : 10;
}

static bool is_within(double value)
{
    return value >= 0 && value <= 1;
}

/* The best gamma for given sigma and kappa starts the search: with relative residuals N / X is linear in it. */
static double gamma_start(const struct usl_point *points, size_t count)
{
    double most = 0;
    for (size_t i = 0; i < count; i++)
        most = fmax(most, points[i].throughput / points[i].workers);
    return log(most);
}

/* The best over which of sigma and kappa (or, with the peak held, sigma alone) stand at 0, from several starts. */
static struct solution solve(struct problem *problem, double third)
{
    static const double starts[] = {0.01, 1e-4, 0.2, 0.02, 0.001, 1e-6};
    struct solution best = {.squares = INFINITY};
    for (unsigned held = 0; held < (problem->is_peak_held ? 2u : 4u); held++) {
        for (size_t start = 0; start < 3; start++) {
            struct solution next = {.values = {gamma_start(problem->points, problem->count)}};
            problem->is_free[GAMMA] = true;
            problem->is_free[SIGMA] = !(held & 1u);
            problem->is_free[KAPPA] = !problem->is_peak_held && !problem->is_amdahl && !(held & 2u);
            next.values[SIGMA] = problem->is_free[SIGMA] ? starts[2 * start] : 0;
            next.values[KAPPA] = problem->is_free[KAPPA] ? starts[2 * start + 1] : third;
            minimise(problem, &next);
            if (is_within(next.values[SIGMA]) && is_within(next.values[KAPPA]) && next.squares < best.squares)
                best = next;
        }
    }
    return best;
}

/* The least sum of squares with the peak held at 1 / sqrt(q). */
static double profile(const struct problem *problem, double q)
{
    struct problem held = *problem;
    held.is_peak_held = true;
    return solve(&held, q).squares;
}

/* Between a q that fits and one that does not (log scale), the last that does. */
static double profile_edge(const struct problem *problem, double fits, double fits_not, double limit)
{
    for (int i = 0; i < HALVINGS_MAX && fabs(log(fits_not / fits)) > 1e-6; i++) {
        double middle = sqrt(fits * fits_not);
        if (profile(problem, middle) <= limit)
            fits = middle;
        else
            fits_not = middle;
    }
    return fits;
}

/* The peaks whose fit is not worse than the best by more than t^2 / freedom (Bates and Watts 1988, section 6.1). */
static void peak_interval(const struct problem *problem, double t, const struct solution *best,
                          struct usl_fit *fit)
{
    double limit = best->squares * (1 + t * t / (double)fit->freedom) + 1e-24, most = 0;
    for (size_t i = 0; i < problem->count; i++)
        most = fmax(most, problem->points[i].workers);
    /* A peak a hundred thousand times past all loads cannot be told from none. */
    double q_none = 1 / (most * most * 1e10), q = 1 / (fit->peak_workers * fit->peak_workers);
    if (!(q > q_none))
        q = q_none;
    fit->peak_high =
        profile(problem, q_none) <= limit ? INFINITY : 1 / sqrt(profile_edge(problem, q, q_none, limit));
    fit->peak_low = profile(problem, 1) <= limit ? 1 : 1 / sqrt(profile_edge(problem, q, 1, limit));
}

static struct usl_parameter parameter(double value, double error, double t, double most)
{
    return (struct usl_parameter){.value = value,
                                  .error = error,
                                  .low = fmax(0, value - t * error),
                                  .high = fmin(most, value + t * error)};
}

/* More than gamma N by more than twice the residual error. */
static bool is_superlinear(const struct problem *problem, const struct usl_point *point,
                           const struct usl_fit *fit)
{
    double linear = fit->gamma.value * point->workers;
    double unit = problem->is_absolute ? 1 : point->throughput;
    return point->throughput - linear > 2 * fit->residual_error * unit + 1e-9 * linear;
}

/* What stands at 0 has an upper bound all the same: as if it had been free there. */
static void bounds_fill(const struct problem *problem, const double *values, double width,
                        struct usl_fit *fit)
{
    struct problem free = *problem;
    struct matrix matrix, inverse;
    double side[PARAMETERS];
    free.is_free[SIGMA] = true;
    free.is_free[KAPPA] = !problem->is_amdahl;
    normal_equations(&free, values, &matrix, side);
    if (!invert(&matrix, &inverse))
        return;
    if (!problem->is_free[SIGMA])
        fit->sigma.high = fmin(1, width * sqrt(fmax(0, inverse.at[SIGMA][SIGMA])));
    if (!problem->is_free[KAPPA] && !problem->is_amdahl)
        fit->kappa.high = fmin(1, width * sqrt(fmax(0, inverse.at[KAPPA][KAPPA])));
}

static void fill(struct problem *problem, double confidence_ratio, struct usl_fit *fit)
{
    struct solution best = solve(problem, 0);
    struct matrix matrix, inverse;
    double side[PARAMETERS], errors[PARAMETERS] = {0};
    problem->is_free[SIGMA] = best.values[SIGMA] > 0;
    problem->is_free[KAPPA] = best.values[KAPPA] > 0;
    fit->freedom = problem->count - 1 - problem->is_free[SIGMA] - problem->is_free[KAPPA];
    double variance = best.squares / (double)fit->freedom;
    double t = student_quantile((1 + confidence_ratio) / 2, (double)fit->freedom);
    normal_equations(problem, best.values, &matrix, side);
    if (invert(&matrix, &inverse))
        for (size_t i = 0; i < PARAMETERS; i++)
            errors[i] = problem->is_free[i] ? sqrt(fmax(0, inverse.at[i][i]) * variance) : 0;
    double gamma = exp(best.values[GAMMA]);
    fit->residual_error = sqrt(variance);
    fit->gamma = parameter(gamma, gamma * errors[GAMMA], t, INFINITY);
    fit->sigma = parameter(best.values[SIGMA], errors[SIGMA], t, 1);
    fit->kappa = parameter(best.values[KAPPA], errors[KAPPA], t, 1);
    bounds_fill(problem, best.values, sqrt(variance) * t, fit);
    struct usl usl = usl_of(fit);
    fit->has_peak = usl.kappa > 0;
    fit->ceiling_throughput = usl.sigma > 0 ? usl.gamma / usl.sigma : INFINITY;
    fit->peak_workers = usl_peak(&usl);
    fit->peak_throughput = fit->has_peak ? usl_throughput(&usl, fit->peak_workers) : fit->ceiling_throughput;
    if (problem->is_amdahl)
        fit->peak_low = fit->peak_high = INFINITY;
    else
        peak_interval(problem, t, &best, fit);
    double most = 0;
    for (size_t i = 0; i < problem->count; i++) {
        most = fmax(most, problem->points[i].workers);
        fit->superlinear_count += is_superlinear(problem, &problem->points[i], fit);
    }
    fit->is_peak_beyond = fit->has_peak && fit->peak_workers > 2 * most;
}

static int check(const struct usl_point *points, size_t count, struct err *err)
{
    size_t loads = 0;
    if (count < USL_POINTS_MIN || count > USL_POINTS_MAX) {
        err_set(err, ERR_INPUT,
                "could not fit the Universal Scalability Law: it takes %u points or more, not %zu",
                USL_POINTS_MIN, count);
        err_hint(err, "1, 2, 5, 10, 20, 50 and 100 workers, three times each, fit well");
        return -ERR_INPUT;
    }
    for (size_t i = 0; i < count; i++) {
        bool is_new = true;
        if (!isfinite(points[i].workers) || !isfinite(points[i].throughput) || points[i].workers < 1 ||
            points[i].throughput <= 0)
            return err_set(
                err, ERR_INPUT,
                "could not fit the Universal Scalability Law: point %zu needs a number of workers of at "
                "least 1 and a throughput above 0",
                i + 1);
        for (size_t j = 0; j < i && loads < USL_LOADS_MIN && is_new; j++)
            is_new = fabs(points[j].workers - points[i].workers) > 0;
        loads += is_new;
    }
    if (loads < USL_LOADS_MIN)
        return err_set(
            err, ERR_INPUT,
            "could not fit the Universal Scalability Law: it takes %u different numbers of workers, not %zu",
            USL_LOADS_MIN, loads);
    return 0;
}

int usl_fit(const struct usl_point *points, size_t count, const struct usl_options *options,
            struct usl_fit *ret_fit, struct err *err)
{
    int status = check(points, count, err);
    if (status)
        return status;
    struct problem problem = {.points = points,
                              .count = count,
                              .is_absolute = options && options->is_absolute,
                              .is_amdahl = options && options->is_amdahl};
    struct usl_fit fit = {0};
    fill(&problem, options && options->confidence_ratio > 0 ? options->confidence_ratio : CONFIDENCE_RATIO,
         &fit);
    *ret_fit = fit;
    return 0;
}
