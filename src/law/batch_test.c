/* SPDX-License-Identifier: Apache-2.0 */
#include "law/batch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert_near.h"
#include "stats/random.h"

static const double sizes[] = {1, 3, 10, 30, 100, 300, 1000};
#define SIZE_COUNT (sizeof sizes / sizeof sizes[0])

static void make(struct batch_point *points, double fixed, double each, double noise, struct random *random)
{
    for (size_t i = 0; i < SIZE_COUNT; i++) {
        double shake = noise > 0 ? 1 + noise * random_normal(random) : 1;
        points[i] = (struct batch_point){sizes[i], (fixed / sizes[i] + each) * shake};
    }
}

static void an_exact_cost_comes_back(void **state)
{
    (void)state;
    struct batch_point points[SIZE_COUNT];
    struct batch_fit fit;
    make(points, 0.002, 0.00001, 0, NULL);
    assert_int_equal(batch_fit(points, SIZE_COUNT, 0, &fit, NULL), 0);
    assert_near(fit.fixed.value, 0.002, 1e-12);
    assert_near(fit.each.value, 0.00001, 1e-14);
    assert_near(fit.r_squared_ratio, 1, 1e-9);
    assert_near(fit.size, 19 * 200, 1e-6);
    assert_int_equal(fit.freedom, SIZE_COUNT - 2);
    assert_near(batch_item_cost(&fit, 10), 0.00021, 1e-12);
}

/* lm(1 ~ 0 + I(1/y) + I(1/(n*y))) in R 4.2 with n = 1, 2, 4, 8, 16 and y = 11, 6.2, 3.4, 2.3, 1.6. */
static void the_fit_has_the_values_of_r(void **state)
{
    (void)state;
    static const struct batch_point points[] = {{1, 11}, {2, 6.2}, {4, 3.4}, {8, 2.3}, {16, 1.6}};
    struct batch_fit fit;
    assert_int_equal(batch_fit(points, 5, 0, &fit, NULL), 0);
    assert_near(fit.each.value, 0.979487656696, 1e-6);
    assert_near(fit.fixed.value, 10.11662800061, 1e-6);
    assert_near(fit.each.error, 0.0470837411544, 1e-6);
    assert_near(fit.fixed.error, 0.25096443356, 1e-6);
    assert_near(fit.residual_error, 0.0284453907405, 1e-6);
}

static void intervals_hold_the_truth_as_often_as_they_say(void **state)
{
    (void)state;
    struct random random;
    size_t fixed = 0, each = 0, size = 0, trials = 2000;
    random_seed(&random, 5);
    for (size_t trial = 0; trial < trials; trial++) {
        struct batch_point points[SIZE_COUNT];
        struct batch_fit fit;
        make(points, 1, 0.02, 0.03, &random);
        assert_int_equal(batch_fit(points, SIZE_COUNT, 0.95, &fit, NULL), 0);
        fixed += fit.fixed.low <= 1 && fit.fixed.high >= 1;
        each += fit.each.low <= 0.02 && fit.each.high >= 0.02;
        size += fit.size_low <= 19 * 50 && fit.size_high >= 19 * 50;
    }
    assert_true(fixed > trials * 93 / 100 && each > trials * 93 / 100 && size > trials * 93 / 100);
    assert_true(fixed < trials * 97 / 100 && each < trials * 97 / 100 && size < trials * 97 / 100);
}

static void a_cost_without_one_part_has_none(void **state)
{
    (void)state;
    struct batch_point points[SIZE_COUNT];
    struct batch_fit fit;
    make(points, 1, 0, 0, NULL);
    points[0].cost *= 1.01;
    points[SIZE_COUNT - 1].cost *= 0.98;
    assert_int_equal(batch_fit(points, SIZE_COUNT, 0, &fit, NULL), 0);
    assert_near(fit.fixed.value, 1, 0.02);
    assert_true(fit.each.low <= 0 && isinf(fit.size_high));
    for (size_t i = 0; i < SIZE_COUNT; i++)
        points[i].cost = 1 + 0.001 * (double)i;
    assert_int_equal(batch_fit(points, SIZE_COUNT, 0, &fit, NULL), 0);
    assert_near(fit.fixed.value, 0, 0);
    assert_near(fit.size, 0, 0);
}

static void what_cannot_be_fitted_is_refused(void **state)
{
    (void)state;
    struct batch_point few[] = {{1, 1}, {2, 1}, {4, 1}, {4, 2}}, bad[] = {{1, 1}, {2, 1}, {3, 1}, {0, 1}};
    struct batch_fit fit;
    struct err err = {0};
    assert_int_equal(batch_fit(few, 4, 0, &fit, &err), -ERR_INPUT);
    assert_non_null(strstr(err.what, "4 different sizes, there are 3"));
    assert_int_equal(batch_fit(bad, 4, 0, &fit, &err), -ERR_INPUT);
    assert_int_equal(batch_fit(NULL, 0, 0, &fit, &err), -ERR_INPUT);
}

int batch_test(void);
int batch_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exact_cost_comes_back),
        cmocka_unit_test(the_fit_has_the_values_of_r),
        cmocka_unit_test(intervals_hold_the_truth_as_often_as_they_say),
        cmocka_unit_test(a_cost_without_one_part_has_none),
        cmocka_unit_test(what_cannot_be_fitted_is_refused),
    };
    return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
