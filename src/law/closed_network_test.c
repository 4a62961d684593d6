/* SPDX-License-Identifier: Apache-2.0 */
#include "law/closed_network.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert_near.h"

#define CUSTOMERS 60

/* K equal queues, no pause: X(n) = n / (D (n + K - 1)). */
static void equal_queues_have_their_closed_form(void **state)
{
    (void)state;
    struct station stations[4] = {{0.25, 1}, {0.25, 1}, {0.25, 1}, {0.25, 1}};
    struct network network = {.stations = stations, .station_count = 4};
    struct network_point points[CUSTOMERS];
    struct station_load loads[4];
    assert_int_equal(network_solve(&network, CUSTOMERS, points, loads, NULL), 0);
    for (int n = 1; n <= CUSTOMERS; n++)
        assert_near(points[n - 1].throughput_per_s, n / (0.25 * (n + 3)), 1e-12);
    for (int k = 0; k < 4; k++)
        assert_near(loads[k].count, CUSTOMERS / 4.0, 1e-9);
}

/* The machine repairmen model, M/M/c//n, summed state by state. */
static double repairmen(int customers, int servers, double demand, double think)
{
    long double weight = 1, sum = 1, served = 0;
    for (int j = 1; j <= customers; j++) {
        long double busy = j < servers ? j : servers;
        weight *= (customers - j + 1) / (long double)think * (long double)demand / busy;
        sum += weight;
        served += weight * busy / (long double)demand;
    }
    return (double)(served / sum);
}

static void a_pool_with_a_pause_is_the_repairmen_model(void **state)
{
    (void)state;
    for (unsigned servers = 1; servers <= 16; servers += 5) {
        struct station station = {0.08, servers};
        struct network network = {.stations = &station, .station_count = 1, .think_s = 0.3};
        struct network_point points[CUSTOMERS];
        struct station_load load;
        assert_int_equal(network_solve(&network, CUSTOMERS, points, &load, NULL), 0);
        for (int n = 1; n <= CUSTOMERS; n++)
            assert_near(points[n - 1].throughput_per_s / repairmen(n, (int)servers, 0.08, 0.3), 1, 1e-10);
        double throughput = points[CUSTOMERS - 1].throughput_per_s;
        assert_near(load.count, CUSTOMERS - throughput * 0.3, 1e-8);
        assert_near(load.residence_s, points[CUSTOMERS - 1].response_s, 1e-9);
        assert_near(load.utilisation_ratio, throughput * 0.08 / servers, 1e-12);
    }
}

/* A tiny station of two servers switches to the convolution; the rest must stay as the recursion has it. */
static void both_ways_give_the_same_figures(void **state)
{
    (void)state;
    struct station stations[4] = {{0.05, 1}, {0.03, 1}, {0.2, 0}, {0, 2}};
    struct network recursion = {.stations = stations, .station_count = 3, .think_s = 1};
    struct network convolution = {.stations = stations, .station_count = 4, .think_s = 1};
    struct network_point by_mva[CUSTOMERS], by_sums[CUSTOMERS];
    struct station_load mva_loads[3], sums_loads[4];
    assert_int_equal(network_solve(&recursion, CUSTOMERS, by_mva, mva_loads, NULL), 0);
    assert_int_equal(network_solve(&convolution, CUSTOMERS, by_sums, sums_loads, NULL), 0);
    for (int n = 0; n < CUSTOMERS; n++) {
        assert_near(by_sums[n].throughput_per_s / by_mva[n].throughput_per_s, 1, 1e-10);
        assert_near(by_sums[n].response_s, by_mva[n].response_s, 1e-9);
    }
    for (int k = 0; k < 3; k++)
        assert_near(sums_loads[k].count, mva_loads[k].count, 1e-8);
}

/* Far past saturation, where the recursion for several servers is known to lose all digits. */
static void a_saturated_pool_gives_its_capacity(void **state)
{
    (void)state;
    static struct network_point points[2000];
    struct station stations[2] = {{0.16, 16}, {0.001, 1}};
    struct network network = {.stations = stations, .station_count = 2, .think_s = 0.05};
    struct station_load loads[2];
    assert_int_equal(network_solve(&network, 2000, points, loads, NULL), 0);
    for (int n = 1; n < 2000; n++)
        assert_true(points[n].throughput_per_s >= points[n - 1].throughput_per_s * (1 - 1e-9));
    assert_near(points[1999].throughput_per_s, 100, 1e-6);
    assert_near(loads[0].count + loads[1].count + 0.05 * points[1999].throughput_per_s, 2000, 1e-4);
}

/* Lazowska and others, Quantitative System Performance (1984), section 5.2: bounds of D = 5, 4, 3, Z = 15. */
static void bounds_name_the_bottleneck_and_the_knee(void **state)
{
    (void)state;
    struct station stations[3] = {{5, 1}, {4, 1}, {3, 1}};
    struct network network = {.stations = stations, .station_count = 3, .think_s = 15};
    struct network_bounds bounds;
    struct network_point points[CUSTOMERS];
    assert_int_equal(network_bounds(&network, 10, &bounds, NULL), 0);
    assert_int_equal(bounds.bottleneck, 0);
    assert_near(bounds.capacity_per_s, 0.2, 1e-12);
    assert_near(bounds.knee, 5.4, 1e-12);
    assert_near(bounds.throughput_per_s_max, 0.2, 1e-12);
    assert_near(bounds.throughput_per_s_min, 10.0 / (10 * 12 + 15), 1e-12);
    assert_near(bounds.response_s_min, 35, 1e-12);
    assert_int_equal(network_solve(&network, CUSTOMERS, points, NULL, NULL), 0);
    for (int n = 1; n <= CUSTOMERS; n++) {
        assert_int_equal(network_bounds(&network, n, &bounds, NULL), 0);
        assert_true(points[n - 1].throughput_per_s <= bounds.throughput_per_s_max * (1 + 1e-12));
        assert_true(points[n - 1].throughput_per_s >= bounds.throughput_per_s_min * (1 - 1e-12));
        assert_true(points[n - 1].response_s >= bounds.response_s_min * (1 - 1e-12));
    }
}

static void unreasonable_networks_are_refused(void **state)
{
    (void)state;
    struct station nothing = {0, 1}, negative = {-1, 1}, pool = {1, 2};
    struct network_point point;
    struct network_bounds bounds;
    struct network network = {.stations = &nothing, .station_count = 1};
    assert_int_equal(network_solve(&network, 1, &point, NULL, NULL), -ERR_INPUT);
    network.stations = &negative;
    assert_int_equal(network_solve(&network, 1, &point, NULL, NULL), -ERR_INPUT);
    assert_int_equal(network_bounds(&network, 1, &bounds, NULL), -ERR_INPUT);
    network.stations = &pool;
    assert_int_equal(network_solve(&network, 0, &point, NULL, NULL), -ERR_INPUT);
    assert_int_equal(network_solve(&network, NETWORK_POPULATION_MAX_SERVERS + 1, &point, NULL, NULL),
                     -ERR_INPUT);
    assert_int_equal(network_bounds(&network, NAN, &bounds, NULL), -ERR_INPUT);
    network.station_count = 0;
    assert_int_equal(network_solve(&network, 1, &point, NULL, NULL), -ERR_INPUT);
}

static void delays_alone_have_no_capacity(void **state)
{
    (void)state;
    struct station delay = {2, 0};
    struct network network = {.stations = &delay, .station_count = 1};
    struct network_bounds bounds;
    assert_int_equal(network_bounds(&network, 7, &bounds, NULL), 0);
    assert_true(isinf(bounds.capacity_per_s) && isinf(bounds.knee));
    assert_int_equal(bounds.bottleneck, 1);
    assert_near(bounds.throughput_per_s_max, 3.5, 1e-12);
}

int closed_network_test(void);
int closed_network_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_queues_have_their_closed_form),
        cmocka_unit_test(a_pool_with_a_pause_is_the_repairmen_model),
        cmocka_unit_test(both_ways_give_the_same_figures),
        cmocka_unit_test(a_saturated_pool_gives_its_capacity),
        cmocka_unit_test(bounds_name_the_bottleneck_and_the_knee),
        cmocka_unit_test(unreasonable_networks_are_refused),
        cmocka_unit_test(delays_alone_have_no_capacity),
    };
    return cmocka_run_group_tests_name("closed_network", tests, NULL, NULL);
}
