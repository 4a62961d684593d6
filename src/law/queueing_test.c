/* SPDX-License-Identifier: Apache-2.0 */
/* Values: Allen, Probability, Statistics and Queueing Theory (1990); the manual of R's package queueing 0.2. */
#include "law/queueing.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert_near.h"

static void one_server_has_the_values_of_the_table(void **state)
{
    (void)state;
    struct queue queue;
    struct queue_load load = {.arrivals_per_s = 0.25, .service_per_s = 1.0 / 3, .servers = 1};
    assert_int_equal(queue_solve(&load, &queue, NULL), 0);
    assert_near(queue.utilisation_ratio, 0.75, 1e-12);
    assert_near(queue.wait_ratio, 0.75, 1e-12);
    assert_near(queue.idle_ratio, 0.25, 1e-12);
    assert_near(queue.count, 3, 1e-12);
    assert_near(queue.response_s, 12, 1e-11);
    assert_near(queue.wait_s, 9, 1e-11);
    assert_near(queue.waiting_count, 2.25, 1e-12);
}

static void two_servers_have_the_values_of_the_table(void **state)
{
    (void)state;
    struct queue queue;
    struct queue_load load = {.arrivals_per_s = 5, .service_per_s = 10, .servers = 2};
    assert_int_equal(queue_solve(&load, &queue, NULL), 0);
    assert_near(queue.count, 0.5333333333, 1e-10);
    assert_near(queue.response_s, 0.1066666667, 1e-10);
    assert_near(queue.wait_s, 0.0066666667, 1e-10);
    assert_near(queue.idle_ratio, 0.6, 1e-12);
}

static void erlang_formulas_have_their_published_values(void **state)
{
    (void)state;
    assert_near(erlang_b(10, 5), 0.01838457, 5e-9);
    assert_near(erlang_c(10, 5), 0.03610536, 5e-9);
    assert_near(erlang_c(1, 0.75), 0.75, 1e-12);
    assert_near(erlang_c(4, 4), 1, 0);
    assert_int_equal(erlang_servers(5, 0.03610537), 10);
    assert_int_equal(erlang_servers(5, 0.0361), 11);
    assert_int_equal(erlang_servers(1e9, 0.5), 0);
}

/* P0 as the sum that defines it. */
static void hundreds_of_servers_lose_no_digits(void **state)
{
    (void)state;
    struct queue queue;
    struct queue_load load = {.arrivals_per_s = 95, .service_per_s = 1, .servers = 100};
    long double sum = 0, term = 1;
    for (int k = 0; k < 100; k++) {
        sum += term;
        term *= 95.0L / (k + 1);
    }
    sum += term / (1 - 0.95L);
    assert_int_equal(queue_solve(&load, &queue, NULL), 0);
    assert_true(fabsl(queue.idle_ratio * sum - 1) < 1e-10L);
    assert_near(queue.wait_ratio, (double)(term / (1 - 0.95L) / sum), 1e-12);
    load = (struct queue_load){.arrivals_per_s = 10, .service_per_s = 1, .servers = 5000};
    assert_int_equal(queue_solve(&load, &queue, NULL), 0);
    assert_near(queue.idle_ratio, exp(-10), 1e-12);
}

static void a_queue_that_grows_without_end_is_refused_with_the_servers_it_needs(void **state)
{
    (void)state;
    struct queue queue;
    struct err err = {0};
    struct queue_load load = {.arrivals_per_s = 30, .service_per_s = 10, .servers = 3};
    assert_int_equal(queue_solve(&load, &queue, &err), -ERR_INPUT);
    assert_non_null(strstr(err.hint, "at least 4 servers"));
    load.servers = 0;
    assert_int_equal(queue_solve(&load, &queue, &err), -ERR_INPUT);
    load = (struct queue_load){.arrivals_per_s = -1, .service_per_s = 10, .servers = 1};
    assert_int_equal(queue_solve(&load, &queue, &err), -ERR_INPUT);
}

static void littles_law_names_the_gap(void **state)
{
    (void)state;
    struct little_check result;
    struct little measured = {.count = 50, .throughput_per_s = 1000, .response_s = 0.0495};
    assert_int_equal(little_check(&measured, &result, NULL), 0);
    assert_near(result.expected_count, 49.5, 1e-12);
    assert_near(result.gap_ratio, 0.01, 1e-12);
    assert_true(result.holds);
    measured.response_s = 0.040;
    assert_int_equal(little_check(&measured, &result, NULL), 0);
    assert_false(result.holds);
    measured.count = 0;
    assert_int_equal(little_check(&measured, &result, NULL), -ERR_INPUT);
}

static void littles_law_completes_two_of_three(void **state)
{
    (void)state;
    struct little little = {.count = 50, .throughput_per_s = 1000};
    assert_int_equal(little_complete(&little, NULL), 0);
    assert_near(little.response_s, 0.05, 1e-15);
    little.count = 0;
    assert_int_equal(little_complete(&little, NULL), 0);
    assert_near(little.count, 50, 1e-12);
    little.throughput_per_s = 0;
    assert_int_equal(little_complete(&little, NULL), 0);
    assert_near(little.throughput_per_s, 1000, 1e-9);
    assert_int_equal(little_complete(&little, NULL), -ERR_INPUT);
}

int queueing_test(void);
int queueing_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_server_has_the_values_of_the_table),
        cmocka_unit_test(two_servers_have_the_values_of_the_table),
        cmocka_unit_test(erlang_formulas_have_their_published_values),
        cmocka_unit_test(hundreds_of_servers_lose_no_digits),
        cmocka_unit_test(a_queue_that_grows_without_end_is_refused_with_the_servers_it_needs),
        cmocka_unit_test(littles_law_names_the_gap),
        cmocka_unit_test(littles_law_completes_two_of_three),
    };
    return cmocka_run_group_tests_name("queueing", tests, NULL, NULL);
}
