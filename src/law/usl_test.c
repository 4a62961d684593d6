/* SPDX-License-Identifier: Apache-2.0 */
#include "law/usl.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert_near.h"
#include "stats/random.h"

/* SPEC SDM91 (057.SDET) on a SPARCcenter 2000. */
static const struct usl_point spec[] = {{1, 64.9},     {18, 995.9},   {36, 1652.4}, {72, 1853.2},
                                        {108, 1828.9}, {144, 1775.0}, {216, 1702.2}};

/* R's package usl 2.0 and later; R 4.2's nls, which stops at a relative 1e-6 of the parameters, gives the same. */
static void an_absolute_fit_is_that_of_other_programs(void **state)
{
    (void)state;
    struct usl_options options = {.is_absolute = true};
    struct usl_fit fit;
    assert_int_equal(usl_fit(spec, 7, &options, &fit, NULL), 0);
    assert_near(fit.sigma.value, 0.0277284499807966, 5e-8);
    assert_near(fit.sigma.error, 0.00912172586462593, 1e-7);
    assert_near(fit.kappa.value, 0.000104365486647672, 1e-9);
    assert_near(fit.kappa.error, 1.98752622735977e-05, 1e-10);
    assert_near(fit.gamma.value, 89.9951901963109, 1e-4);
    assert_near(fit.gamma.error, 14.2134802010299, 1e-3);
    assert_near(fit.residual_error, 82.85, 5e-3);
    assert_int_equal(fit.freedom, 4);
    assert_near(fit.peak_workers, 96.51956, 5e-5);
    assert_near(fit.peak_throughput, 1883.9, 0.05);
    assert_near(fit.ceiling_throughput, 3245.589, 0.005);
}

/* R 4.2: nls of 1 ~ fit / X. */
static void a_relative_fit_is_that_of_r(void **state)
{
    (void)state;
    struct usl_fit fit;
    assert_int_equal(usl_fit(spec, 7, NULL, &fit, NULL), 0);
    assert_near(fit.gamma.value, 67.7089914549, 1e-4);
    assert_near(fit.gamma.error, 4.32322517156, 1e-4);
    assert_near(fit.sigma.value, 0.0135152373910, 5e-8);
    assert_near(fit.sigma.error, 0.00396632493080, 1e-8);
    assert_near(fit.kappa.value, 0.000115091070088, 1e-9);
    assert_near(fit.kappa.error, 2.24622390342e-05, 1e-9);
    assert_near(fit.residual_error, 0.0735017634635, 1e-9);
    assert_near(fit.kappa.low, 0.000115091070088 - 2.776445105 * 2.24622390342e-05, 1e-9);
    assert_true(fit.peak_low < fit.peak_workers && fit.peak_workers < fit.peak_high &&
                isfinite(fit.peak_high));
}

static void exact_values_give_exact_parameters(void **state)
{
    (void)state;
    const struct usl_point points[] = {{1, 1},        {2, 1.886792}, {4, 3.076923},
                                       {6, 3.529412}, {8, 3.539823}, {10, 3.355705}};
    struct usl_fit fit;
    assert_int_equal(usl_fit(points, 6, NULL, &fit, NULL), 0);
    assert_near(fit.gamma.value, 1, 1e-6);
    assert_near(fit.sigma.value, 0.02, 1e-6);
    assert_near(fit.kappa.value, 0.02, 1e-6);
    assert_near(fit.peak_workers, 7, 1e-4);
}

/* Where other libraries leave kappa out of N(X), or have a sign wrong in X(R). */
static void the_inverses_are_exact(void **state)
{
    (void)state;
    struct usl usl = {.gamma = 995.6486, .sigma = 0.02671591, .kappa = 7.690945e-4};
    assert_near(usl_workers_of_throughput(&usl, 12201), 29.57, 0.005);
    assert_near(usl_throughput_of_response(&usl, usl_response(&usl, 20)), 11063.6, 0.05);
    for (int i = 0; i < 68; i++) {
        double n = 1 + i / 2.0;
        assert_near(usl_workers_of_response(&usl, usl_response(&usl, n)), n, 1e-9);
        assert_near(usl_workers_of_throughput(&usl, usl_throughput(&usl, n)), n, 1e-8);
    }
    assert_true(isnan(usl_workers_of_throughput(&usl, 13000)));
    assert_true(isnan(usl_workers_of_response(&usl, 1e-6)));
    usl.kappa = 0;
    assert_near(usl_workers_of_response(&usl, usl_response(&usl, 40)), 40, 1e-9);
    assert_near(usl_workers_of_throughput(&usl, usl_throughput(&usl, 40)), 40, 1e-8);
    assert_true(isinf(usl_peak(&usl)));
    usl.sigma = 0;
    assert_near(usl_workers_of_throughput(&usl, usl_throughput(&usl, 40)), 40, 1e-8);
    usl = (struct usl){.gamma = 10, .sigma = 0.01, .kappa = 0.02};
    assert_near(usl_workers_of_response(&usl, usl_response(&usl, 9)), 9, 1e-9);
}

static size_t points_make(const struct usl *usl, double noise, struct random *random,
                          struct usl_point *points)
{
    static const double loads[] = {1, 2, 5, 10, 20, 50, 100};
    for (size_t i = 0; i < 7; i++)
        points[i] =
            (struct usl_point){loads[i], usl_throughput(usl, loads[i]) * (1 + noise * random_normal(random))};
    return 7;
}

static void without_coherency_cost_there_is_a_ceiling_and_a_bound(void **state)
{
    (void)state;
    struct usl usl = {.gamma = 50, .sigma = 0.1};
    struct usl_point points[7];
    struct random random;
    struct usl_fit fit;
    random_seed(&random, 3);
    size_t count = points_make(&usl, 0, &random, points);
    points[6].throughput *= 1.001;
    assert_int_equal(usl_fit(points, count, NULL, &fit, NULL), 0);
    assert_false(fit.has_peak);
    assert_true(fit.kappa.value == 0 && fit.kappa.error == 0 && fit.kappa.high > 0 &&
                isinf(fit.peak_workers) && isinf(fit.peak_high));
    assert_near(fit.peak_throughput, 500, 5);
    assert_true(fit.peak_low > 100 && isfinite(fit.peak_low));
}

static void amdahls_law_is_the_same_without_coherency_cost(void **state)
{
    (void)state;
    struct usl usl = {.gamma = 50, .sigma = 0.05};
    struct usl_options options = {.is_amdahl = true};
    struct usl_point points[7];
    struct random random;
    struct usl_fit fit;
    random_seed(&random, 3);
    size_t count = points_make(&usl, 0, &random, points);
    points[6].throughput *= 0.99;
    assert_int_equal(usl_fit(points, count, &options, &fit, NULL), 0);
    assert_near(fit.sigma.value, 0.05, 1e-3);
    assert_true(fit.kappa.value == 0 && !fit.has_peak && isinf(fit.peak_low));
    assert_int_equal(fit.freedom, 5);
}

static void linear_scaling_has_no_limit(void **state)
{
    (void)state;
    struct usl usl = {.gamma = 50};
    struct usl_point points[7];
    struct random random;
    struct usl_fit fit;
    random_seed(&random, 3);
    size_t count = points_make(&usl, 0, &random, points);
    assert_int_equal(usl_fit(points, count, NULL, &fit, NULL), 0);
    assert_near(fit.gamma.value, 50, 1e-6);
    assert_near(fit.sigma.value, 0, 1e-6);
    assert_near(fit.kappa.value, 0, 1e-8);
}

/* The true peak within the interval: a quarter of the simulations of the benchmark, so that the test is quick. */
static void the_interval_of_the_peak_covers_it(void **state)
{
    (void)state;
    struct usl usl = {.gamma = 1000, .sigma = 0.03, .kappa = 1e-4};
    struct random random;
    int covered = 0;
    random_seed(&random, 20);
    for (int i = 0; i < 100; i++) {
        struct usl_point points[7];
        struct usl_fit fit;
        size_t count = points_make(&usl, 0.03, &random, points);
        assert_int_equal(usl_fit(points, count, NULL, &fit, NULL), 0);
        covered += fit.peak_low <= usl_peak(&usl) && usl_peak(&usl) <= fit.peak_high;
    }
    assert_true(covered >= 90);
}

static void a_peak_far_past_the_loads_is_called_a_guess(void **state)
{
    (void)state;
    struct usl usl = {.gamma = 1000, .sigma = 0.01, .kappa = 1e-6};
    struct usl_point points[7];
    struct random random;
    struct usl_fit fit;
    random_seed(&random, 3);
    size_t count = points_make(&usl, 0, &random, points);
    assert_int_equal(usl_fit(points, count, NULL, &fit, NULL), 0);
    assert_true(fit.is_peak_beyond);
    assert_near(fit.peak_workers, 994.99, 0.5);
}

static void too_few_points_are_refused(void **state)
{
    (void)state;
    struct usl_point points[] = {{5, 10}, {20, 30}, {50, 40}, {100, 41}, {200, 40}, {300, 30}};
    struct usl_fit fit;
    struct err err = {0};
    assert_int_equal(usl_fit(points, 5, NULL, &fit, &err), -ERR_INPUT);
    assert_non_null(strstr(err.what, "6 points"));
    assert_int_equal(usl_fit(points, 6, NULL, &fit, &err), 0);
    points[3].workers = points[4].workers = points[5].workers = 50;
    assert_int_equal(usl_fit(points, 6, NULL, &fit, &err), -ERR_INPUT);
    assert_non_null(strstr(err.what, "4 different"));
    points[0].throughput = 0;
    assert_int_equal(usl_fit(points, 6, NULL, &fit, &err), -ERR_INPUT);
}

int usl_test(void);
int usl_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_absolute_fit_is_that_of_other_programs),
        cmocka_unit_test(a_relative_fit_is_that_of_r),
        cmocka_unit_test(exact_values_give_exact_parameters),
        cmocka_unit_test(the_inverses_are_exact),
        cmocka_unit_test(without_coherency_cost_there_is_a_ceiling_and_a_bound),
        cmocka_unit_test(amdahls_law_is_the_same_without_coherency_cost),
        cmocka_unit_test(linear_scaling_has_no_limit),
        cmocka_unit_test(the_interval_of_the_peak_covers_it),
        cmocka_unit_test(a_peak_far_past_the_loads_is_called_a_guess),
        cmocka_unit_test(too_few_points_are_refused),
    };
    return cmocka_run_group_tests_name("usl", tests, NULL, NULL);
}
