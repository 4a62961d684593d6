/* SPDX-License-Identifier: Apache-2.0 */
/*
 * changepoint_bench: how often change points are found that are none, and those that are, in simulated series; and what one
 * series of 1,000 takes. SIMULATIONS sets how many of each (2000).
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "stats/changepoint.h"
#include "stats/random.h"

#define COUNT       200u
#define COUNT_MAX   1000u
#define AFTER       5u
#define NEAR        2u /* a change this close to where it is counts as found */
#define SHIFT       3.0
#define WARM_UP     100u
#define SIMULATIONS 2000

enum noise { NORMAL, STUDENT_3, LAPLACE, AUTOREGRESSIVE_5, AUTOREGRESSIVE_8, CAUCHY };

static const char *const names[] = {"normal", "Student's t, 3 degrees", "Laplace", "AR(1) 0.5", "AR(1) 0.8",
                                    "Cauchy"};

static struct random source;

/* Of deviation 1 where it has one. */
static double draw(enum noise noise, double *state)
{
    double normal = random_normal(&source), squares = 0, dependence = noise == AUTOREGRESSIVE_5 ? 0.5 : 0.8;
    switch (noise) {
    case STUDENT_3:
        for (int i = 0; i < 3; i++)
            squares += pow(random_normal(&source), 2);
        return normal / sqrt(squares / 3) / sqrt(3);
    case LAPLACE: {
        double uniform = random_uniform(&source) - 0.5;
        return (uniform < 0 ? 1 : -1) * log1p(-2 * fabs(uniform)) / sqrt(2);
    }
    case AUTOREGRESSIVE_5:
    case AUTOREGRESSIVE_8:
        *state = dependence * *state + sqrt(1 - dependence * dependence) * normal;
        return *state;
    case CAUCHY: return normal / random_normal(&source);
    case NORMAL: break;
    }
    return normal;
}

static void fill(enum noise noise, size_t count, double shift, double *values)
{
    double state = 0;
    for (size_t i = 0; i < WARM_UP; i++)
        draw(noise, &state);
    for (size_t i = 0; i < count; i++)
        values[i] = 100 + draw(noise, &state) + (i + AFTER >= count ? shift : 0);
}

static size_t find(const double *values, size_t count, bool *ret_is_near)
{
    struct change_points found = {0};
    struct err err;
    size_t points = 0;
    *ret_is_near = false;
    if (change_points_find(values, count, &found, &err)) {
        fprintf(stderr, "changepoint_bench: %s\n", err.what);
        exit(1);
    }
    points = found.points.count;
    for (size_t i = 0; i < points; i++) {
        size_t at = found.points.items[i].index, wanted = count - AFTER;
        *ret_is_near = *ret_is_near || (at + NEAR >= wanted && at <= wanted + NEAR);
    }
    change_points_free(&found);
    return points;
}

static void false_alarms(enum noise noise, size_t simulations, const char *limit)
{
    double values[COUNT_MAX];
    size_t alarms = 0;
    bool is_near;
    for (size_t i = 0; i < simulations; i++) {
        fill(noise, COUNT, 0, values);
        alarms += find(values, COUNT, &is_near) > 0;
    }
    printf("series of 200 with a false change point: %s | %.1f %% | %s | %zu series\n", names[noise],
           100.0 * (double)alarms / (double)simulations, limit, simulations);
    fflush(stdout);
}

static void power(enum noise noise, size_t simulations, const char *limit)
{
    double values[COUNT_MAX];
    size_t found = 0;
    bool is_near;
    for (size_t i = 0; i < simulations; i++) {
        fill(noise, COUNT, SHIFT, values);
        find(values, COUNT, &is_near);
        found += is_near;
    }
    printf("a 3-sigma shift, five points after it, found: %s | %.1f %% | %s | %zu series\n", names[noise],
           100.0 * (double)found / (double)simulations, limit, simulations);
    fflush(stdout);
}

/* With a change every 100 points, which is more work than none. */
static void speed(void)
{
    double values[COUNT_MAX], state = 0;
    uint64_t best = UINT64_MAX;
    bool is_near;
    for (int turn = 0; turn < 5; turn++) {
        for (size_t i = 0; i < COUNT_MAX; i++)
            values[i] = draw(NORMAL, &state) + (i / 100 % 2 ? 3 : 0);
        uint64_t start = clock_monotonic_ns();
        find(values, COUNT_MAX, &is_near);
        uint64_t took = clock_monotonic_ns() - start;
        best = took < best ? took : best;
    }
    printf("change points of 1,000 values, nine changes | %.1f ms | at most 100 ms |\n",
           (double)best / NS_PER_MS);
}

int main(void)
{
    const char *asked = getenv("SIMULATIONS");
    size_t simulations = asked ? strtoul(asked, NULL, 10) : SIMULATIONS;
    random_seed(&source, 2026);
    false_alarms(NORMAL, simulations, "at most 5 %");
    false_alarms(STUDENT_3, simulations, "at most 5 %");
    false_alarms(LAPLACE, simulations, "at most 5 %");
    false_alarms(CAUCHY, simulations, "at most 5 %");
    false_alarms(AUTOREGRESSIVE_5, simulations, "at most 5 %");
    false_alarms(AUTOREGRESSIVE_8, simulations, "");
    power(NORMAL, simulations, "at least 95 %");
    power(STUDENT_3, simulations, "at least 95 %");
    power(LAPLACE, simulations, "at least 95 %");
    power(AUTOREGRESSIVE_5, simulations, "");
    power(AUTOREGRESSIVE_8, simulations, "");
    speed();
    return 0;
}
