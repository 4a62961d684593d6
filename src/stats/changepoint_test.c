/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/changepoint.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert_near.h"
#include "stats/random.h"

#define COUNT       200u
#define SIMULATIONS 100

static struct random source;

static size_t points_of(const double *values, size_t count, struct change_point *ret_points, size_t room)
{
    struct change_points found = {0};
    struct err err = {0};
    if (change_points_find(values, count, &found, &err))
        fail_msg("%s", err.what);
    for (size_t i = 0; i < found.points.count && i < room; i++)
        ret_points[i] = found.points.items[i];
    size_t points = found.points.count;
    change_points_free(&found);
    return points;
}

/* Normal, or with three degrees of freedom, or with autocorrelation. */
static double draw(int kind, double *state)
{
    double normal = random_normal(&source), squares = 0;
    if (kind == 2) {
        *state = 0.5 * *state + sqrt(0.75) * normal;
        return *state;
    }
    for (int i = 0; kind == 1 && i < 3; i++)
        squares += pow(random_normal(&source), 2);
    return kind == 1 ? normal / sqrt(squares) : normal;
}

static void of_series_without_a_change_few_have_an_alarm(void **state)
{
    (void)state;
    double values[COUNT], dependence = 0;
    random_seed(&source, 11);
    for (int kind = 0; kind < 3; kind++) {
        int alarms = 0;
        for (int i = 0; i < SIMULATIONS; i++) {
            for (size_t j = 0; j < COUNT; j++)
                values[j] = draw(kind, &dependence);
            alarms += points_of(values, COUNT, NULL, 0) > 0;
        }
        assert_in_range(alarms, 0, 5);
    }
}

static void a_shift_of_three_deviations_is_found_after_five_values(void **state)
{
    (void)state;
    double values[COUNT], dependence = 0;
    struct change_point point = {0};
    int found = 0;
    random_seed(&source, 12);
    for (int i = 0; i < SIMULATIONS; i++) {
        for (size_t j = 0; j < COUNT; j++)
            values[j] = 50 + draw(0, &dependence) + (j >= COUNT - 5 ? 3 : 0);
        found += points_of(values, COUNT, &point, 1) == 1 && point.index + 7 >= COUNT;
    }
    assert_in_range(found, 95, 100);
}

static void levels_and_pulses_are_found_where_they_are(void **state)
{
    (void)state;
    double values[COUNT], dependence = 0;
    struct change_point points[8] = {0};
    random_seed(&source, 13);
    for (size_t j = 0; j < COUNT; j++)
        values[j] = 100 + draw(0, &dependence) + (j >= 60 ? 8 : 0) + (j >= 120 && j < 132 ? 8 : 0);
    assert_int_equal(points_of(values, COUNT, points, 8), 3);
    assert_int_equal(points[0].index, 60);
    assert_int_equal(points[1].index, 120);
    assert_int_equal(points[2].index, 132);
    assert_near(points[0].before, 100, 0.6);
    assert_near(points[0].after, 108, 0.6);
    assert_near(points[1].after, 116, 0.9);
    for (int i = 0; i < 3; i++)
        assert_true(points[i].p_value > 0 && points[i].p_value <= CHANGEPOINT_LEVEL);
}

static void single_outliers_are_no_change(void **state)
{
    (void)state;
    double values[COUNT], dependence = 0;
    random_seed(&source, 14);
    for (size_t j = 0; j < COUNT; j++)
        values[j] = 100 + draw(0, &dependence) + (j == 50 || j == 120 || j == COUNT - 1 ? 1e6 : 0);
    assert_int_equal(points_of(values, COUNT, NULL, 0), 0);
}

static void values_that_repeat_to_the_digit_change_when_they_do(void **state)
{
    (void)state;
    double values[40];
    struct change_point point = {0};
    for (size_t i = 0; i < 40; i++)
        values[i] = 4096;
    assert_int_equal(points_of(values, 40, NULL, 0), 0);
    for (size_t i = 33; i < 40; i++)
        values[i] = 4104;
    assert_int_equal(points_of(values, 40, &point, 1), 1);
    assert_int_equal(point.index, 33);
    assert_near(point.after, 4104, 1e-9);
    for (size_t i = 33; i < 39; i++)
        values[i] = 4096;
    assert_int_equal(points_of(values, 40, &point, 1), 0);
}

static void the_unit_and_the_direction_make_no_difference(void **state)
{
    (void)state;
    double values[COUNT], other[COUNT], dependence = 0;
    struct change_point one[4] = {0}, two[4] = {0};
    random_seed(&source, 15);
    for (size_t j = 0; j < COUNT; j++) {
        values[j] = draw(2, &dependence) + (j >= 90 ? 5 : 0);
        other[j] = 7 - 1e9 * values[j];
    }
    size_t count = points_of(values, COUNT, one, 4);
    assert_in_range(count, 1, 4);
    assert_int_equal(points_of(other, COUNT, two, 4), count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(one[i].index, two[i].index);
}

static void few_values_have_no_change_and_odd_ones_are_refused(void **state)
{
    (void)state;
    double values[9] = {1, 1, 1, 1, 1, 9, 9, 9, 9};
    struct change_points found = {0};
    struct err err = {0};
    assert_int_equal(points_of(values, 9, NULL, 0), 0);
    assert_int_equal(points_of(values, 0, NULL, 0), 0);
    values[3] = NAN;
    assert_int_equal(change_points_find(values, 9, &found, &err), -ERR_INPUT);
    values[3] = INFINITY;
    assert_int_equal(change_points_find(values, 9, &found, &err), -ERR_INPUT);
    assert_non_null(strstr(err.what, "value 3"));
}

int changepoint_test(void);
int changepoint_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_series_without_a_change_few_have_an_alarm),
        cmocka_unit_test(a_shift_of_three_deviations_is_found_after_five_values),
        cmocka_unit_test(levels_and_pulses_are_found_where_they_are),
        cmocka_unit_test(single_outliers_are_no_change),
        cmocka_unit_test(values_that_repeat_to_the_digit_change_when_they_do),
        cmocka_unit_test(the_unit_and_the_direction_make_no_difference),
        cmocka_unit_test(few_values_have_no_change_and_odd_ones_are_refused),
    };
    return cmocka_run_group_tests_name("changepoint", tests, NULL, NULL);
}
