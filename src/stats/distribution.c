/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/distribution.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

#define FRACTION_STEPS_MAX 10000
#define SEARCH_STEPS_MAX   200

double normal_cdf(double x)
{
    return 0.5 * erfc(-x * M_SQRT1_2);
}

/* A start that is right to 3 digits (Abramowitz and Stegun 26.2.23), then Halley's steps on the complementary error
 * function, which keeps its digits in the tail; each about triples the digits. */
double normal_quantile(double p)
{
    if (!(p >= 0 && p <= 1))
        return NAN;
    if (p == 0 || p == 1)
        return p == 0 ? -INFINITY : INFINITY;
    double tail = fmin(p, 1 - p), t = sqrt(-2 * log(tail));
    double z =
        t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
    for (int step = 0; step < 3; step++) {
        double error = (0.5 * erfc(z * M_SQRT1_2) - tail) * sqrt(2 * M_PI) * exp(z * z / 2);
        z += error / (1 - z * error / 2);
    }
    return p < 0.5 ? -z : z;
}

/* One term c of the continued fraction into Lentz's product; tiny values stand in for 0. */
struct fraction {
    double value, above, below;
};

static void fraction_step(struct fraction *fraction, double term)
{
    double above = 1 + term / fraction->above, below = 1 + term * fraction->below;
    fraction->above = fabs(above) < DBL_MIN ? DBL_MIN : above;
    fraction->below = 1 / (fabs(below) < DBL_MIN ? DBL_MIN : below);
    fraction->value *= fraction->above * fraction->below;
}

/* Converges fast for x below (a + 1) / (a + b + 2). */
static double beta_fraction(double x, double a, double b)
{
    struct fraction fraction = {.above = 1};
    double below = 1 - (a + b) * x / (a + 1);
    fraction.below = 1 / (fabs(below) < DBL_MIN ? DBL_MIN : below);
    fraction.value = fraction.below;
    for (int m = 1; m <= FRACTION_STEPS_MAX; m++) {
        double before = fraction.value;
        fraction_step(&fraction, m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)));
        fraction_step(&fraction, -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)));
        if (fabs(fraction.value - before) <= DBL_EPSILON * fabs(fraction.value))
            break;
    }
    return fraction.value;
}

double beta_cdf(double x, double a, double b)
{
    if (!(a > 0 && b > 0) || isnan(x))
        return NAN;
    if (x <= 0 || x >= 1)
        return x <= 0 ? 0 : 1;
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2))
        return front * beta_fraction(x, a, b) / a;
    return 1 - front * beta_fraction(1 - x, b, a) / b;
}

/* Newton's steps, kept inside a bracket that halves when they would leave it. */
double beta_quantile(double p, double a, double b)
{
    double low = 0, high = 1, x = a / (a + b);
    if (!(p >= 0 && p <= 1) || !(a > 0 && b > 0))
        return NAN;
    if (p == 0 || p == 1)
        return p;
    double log_front = lgamma(a + b) - lgamma(a) - lgamma(b);
    for (int step = 0; step < SEARCH_STEPS_MAX; step++) {
        double error = beta_cdf(x, a, b) - p;
        if (error > 0)
            high = x;
        else
            low = x;
        double density = exp(log_front + (a - 1) * log(x) + (b - 1) * log1p(-x)), next = x - error / density;
        if (!(next > low && next < high))
            next = low + (high - low) / 2;
        if (fabs(next - x) <= 2 * DBL_EPSILON * x)
            return next;
        x = next;
    }
    return x;
}

double student_cdf(double t, double freedom)
{
    if (!(freedom > 0) || isnan(t))
        return NAN;
    double square = t * t;
    /* The smaller of the two tails, from whichever argument of the beta function keeps its digits. */
    double tail = square < freedom ? 0.5 * (1 - beta_cdf(square / (freedom + square), 0.5, freedom / 2))
                                   : 0.5 * beta_cdf(freedom / (freedom + square), freedom / 2, 0.5);
    return t > 0 ? 1 - tail : tail;
}

double student_quantile(double p, double freedom)
{
    if (!(p >= 0 && p <= 1) || !(freedom > 0))
        return NAN;
    if (p == 0 || p == 1)
        return p == 0 ? -INFINITY : INFINITY;
    double tail = fmin(p, 1 - p);
    /* Near the middle from t^2 / (n + t^2), in the tails from n / (n + t^2). */
    double t;
    if (tail > 0.25) {
        double part = beta_quantile(1 - 2 * tail, 0.5, freedom / 2);
        t = sqrt(freedom * part / (1 - part));
    } else {
        double part = beta_quantile(2 * tail, freedom / 2, 0.5);
        t = sqrt(freedom * (1 - part) / part);
    }
    return p < 0.5 ? -t : t;
}

double binomial_cdf(int64_t successes, int64_t trials, double p)
{
    if (trials < 0 || !(p >= 0 && p <= 1))
        return NAN;
    if (successes < 0)
        return 0;
    if (successes >= trials)
        return 1;
    return beta_cdf(1 - p, (double)(trials - successes), (double)successes + 1);
}

struct proportion_interval proportion_interval(int64_t successes, int64_t trials, double confidence_ratio)
{
    double tail = (1 - confidence_ratio) / 2, k = (double)successes, n = (double)trials;
    return (struct proportion_interval){
        .low_ratio = successes <= 0 ? 0 : beta_quantile(tail, k, n - k + 1),
        .high_ratio = successes >= trials ? 1 : beta_quantile(1 - tail, k + 1, n - k),
    };
}
