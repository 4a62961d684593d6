/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/outlook.h"

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

#define COUNT_MAX   100u
#define SIMULATIONS 500

static struct random source;

static struct outlook outlook_for(const double *values, size_t count, size_t ahead)
{
    struct outlook outlook;
    struct err err = {0};
    if (outlook_of(values, count, ahead, &outlook, &err))
        fail_msg("%s", err.what);
    return outlook;
}

/* Normal, of three degrees of freedom, or with autocorrelation. */
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

/* Of all series: how many next values lie within, and how many have a trend. */
static void simulate(int kind, size_t count, double slope, unsigned *ret_within, unsigned *ret_trends)
{
    double values[COUNT_MAX + 1], state = 0;
    *ret_within = *ret_trends = 0;
    for (int i = 0; i < SIMULATIONS; i++) {
        for (size_t j = 0; j <= count; j++)
            values[j] = 100 + slope * (double)j + draw(kind, &state);
        struct outlook outlook = outlook_for(values, count, 1);
        *ret_within += values[count] >= outlook.next.low && values[count] <= outlook.next.high;
        *ret_trends += outlook.has_trend;
    }
}

static void the_next_value_lies_within_in_about_95_of_100_series(void **state)
{
    (void)state;
    static const size_t counts[] = {12, 30, 80};
    unsigned within, trends;
    random_seed(&source, 21);
    for (int kind = 0; kind < 3; kind++) {
        for (size_t i = 0; i < 3; i++) {
            simulate(kind, counts[i], 0, &within, &trends);
            assert_in_range(within, SIMULATIONS * 90 / 100, SIMULATIONS * 985 / 1000);
        }
    }
    simulate(0, 50, 0.2, &within, &trends);
    assert_in_range(within, SIMULATIONS * 92 / 100, SIMULATIONS * 98 / 100);
    assert_true(trends == SIMULATIONS);
}

static void few_series_without_a_trend_have_one(void **state)
{
    (void)state;
    unsigned within, trends;
    random_seed(&source, 22);
    for (int kind = 0; kind < 3; kind++) {
        simulate(kind, 60, 0, &within, &trends);
        assert_in_range(trends, 0, SIMULATIONS * 3 / 100);
    }
}

static void a_line_is_followed(void **state)
{
    (void)state;
    double values[20];
    for (size_t i = 0; i < 20; i++)
        values[i] = 5 + 2 * (double)i + (i % 2 ? 0.1 : -0.1);
    struct outlook outlook = outlook_for(values, 20, 10);
    assert_true(outlook.has_trend);
    assert_near(outlook.slope, 2, 0.02);
    assert_near(outlook.next.value, 45, 0.2);
    assert_near(outlook.later.value, 63, 0.3);
    assert_true(outlook.later.high - outlook.later.low > outlook.next.high - outlook.next.low);
}

static void constant_values_stay_as_they_are(void **state)
{
    (void)state;
    double values[40];
    for (size_t i = 0; i < 40; i++)
        values[i] = 7;
    struct outlook outlook = outlook_for(values, 40, 10);
    assert_false(outlook.has_trend);
    assert_near(outlook.next.low, 7, 1e-12);
    assert_near(outlook.later.high, 7, 1e-12);
    assert_near(outlook.level, 7, 1e-12);
}

static void two_values_have_no_interval_and_none_is_refused(void **state)
{
    (void)state;
    const double values[] = {1, NAN};
    struct outlook outlook = outlook_for((const double[]){3, 4}, 2, 5);
    struct err err = {0};
    assert_near(outlook.next.value, 3.5, 1e-12);
    assert_true(isnan(outlook.next.low) && isnan(outlook.later.high));
    assert_int_equal(outlook_of(values, 0, 1, &outlook, &err), -ERR_INPUT);
    assert_int_equal(outlook_of(values, 2, 1, &outlook, &err), -ERR_INPUT);
}

int outlook_test(void);
int outlook_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_value_lies_within_in_about_95_of_100_series),
        cmocka_unit_test(few_series_without_a_trend_have_one),
        cmocka_unit_test(a_line_is_followed),
        cmocka_unit_test(constant_values_stay_as_they_are),
        cmocka_unit_test(two_values_have_no_interval_and_none_is_refused),
    };
    return cmocka_run_group_tests_name("outlook", tests, NULL, NULL);
}
