/* SPDX-License-Identifier: Apache-2.0 */
#include "analyze/core_load.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analyze/scenario.h"
#include "analyze/whatif_replay.h"
#include "base/clock.h"

/* For 600 ms, as far apart as the machine's counters are looked at. */
static void outside_points(struct scenario *s, struct scenario_series *outside)
{
    uint64_t id = scenario_series(s, outside);
    for (uint64_t ms = 100; ms <= 600; ms += 100) {
        outside->start_ms = outside->end_ms = ms;
        scenario_points(s, id, outside);
    }
}

/* Two cores, three threads that always want one. In turn, `queued` of them have none. */
static void start_crowd(struct scenario *s, unsigned queued, double outside_cores)
{
    uint64_t threads[3];
    struct scenario_series outside = {
        .name = "cpu.outside", .unit = "cores", .low = outside_cores, .high = outside_cores};
    scenario_init(s, 2, 600);
    threads[0] = scenario_process(s, 0, "main", 0, 600);
    threads[1] = scenario_thread(s, threads[0], "worker", 0, 600);
    threads[2] = scenario_thread(s, threads[0], "worker", 0, 600);
    for (uint64_t turn = 0; turn < 60; turn++)
        for (unsigned i = 0; i < queued; i++)
            scenario_queue(s, threads[(turn + i) % 3], turn * 10, turn * 10 + 10);
    outside_points(s, &outside);
    scenario_walk(s);
}

static void others_that_take_nothing_from_the_run_do_not_compete(void **state)
{
    (void)state;
    struct scenario s;
    struct whatif whatif = {0};
    start_crowd(&s, 1, 1.2);
    assert_int_equal(whatif_init(&s.run, &whatif, NULL), 0);
    assert_true(whatif.program.background_threads < 0.5);
    assert_true(whatif.baseline_drift_ratio < 0.05);
    whatif_deinit(&whatif);
    scenario_deinit(&s);
}

/* One core is left to three threads: 3 * 2 / (3 + 3). */
static void others_compete_by_what_they_took_from_the_run(void **state)
{
    (void)state;
    struct scenario s;
    struct whatif whatif = {0};
    start_crowd(&s, 2, 1.2);
    assert_int_equal(whatif_init(&s.run, &whatif, NULL), 0);
    assert_true(whatif.program.background_threads > 2.6 && whatif.program.background_threads < 3.1);
    assert_true(whatif.baseline_drift_ratio < 0.05);
    whatif_deinit(&whatif);
    scenario_deinit(&s);
}

/* Two of three queue while one of the cores is idle: nobody took it. */
static void queueing_for_nobody_is_no_competition(void **state)
{
    (void)state;
    struct scenario s;
    struct whatif whatif = {0};
    start_crowd(&s, 2, 0);
    assert_int_equal(whatif_init(&s.run, &whatif, NULL), 0);
    assert_true(whatif.program.background_threads <= 1);
    whatif_deinit(&whatif);
    scenario_deinit(&s);
}

/* A second thread for a third of the time: what it lost to others was recorded as queueing, and is not lost twice. */
static void as_many_threads_as_cores_lose_what_was_recorded(void **state)
{
    (void)state;
    struct scenario s;
    struct whatif whatif = {0};
    struct scenario_series outside = {.name = "cpu.outside", .unit = "cores", .low = 1, .high = 1};
    scenario_init(&s, 2, 600);
    uint64_t root = scenario_process(&s, 0, "main", 0, 600);
    (void)scenario_thread(&s, root, "worker", 100, 300);
    for (uint64_t ms = 100; ms < 300; ms += 20)
        scenario_queue(&s, root, ms, ms + 5);
    outside_points(&s, &outside);
    scenario_walk(&s);
    assert_int_equal(whatif_init(&s.run, &whatif, NULL), 0);
    assert_true(whatif.program.background_threads > 0);
    assert_true(whatif.program.usual_runnable > 1.9);
    assert_true(whatif.baseline_drift_ratio < 0.01);
    whatif_deinit(&whatif);
    scenario_deinit(&s);
}

/* A row of several waits is some of its time away: three threads that are mostly away are no crowd. */
static void a_row_of_several_waits_is_runnable_for_its_part(void **state)
{
    (void)state;
    struct scenario s;
    struct core_load load;
    scenario_init(&s, 2, 100);
    uint64_t root = scenario_process(&s, 0, "main", 0, 100);
    uint64_t far = scenario_peer(&s, PEER_SOCKET, "socket", "10.0.0.1:80");
    struct row_wait row = {.track = root,
                           .start_ns = 10,
                           .end_ns = 90,
                           .count = 40,
                           .blocked_ns = 60,
                           .reason = WAIT_NETWORK,
                           .peer = far};
    scenario_waits(&s, &row);
    scenario_walk(&s);
    assert_int_equal(core_load_measure(&s.run, 2, &load), 0);
    assert_true(core_load_runnable_at(&load, s.run.start_ns + 5 * NS_PER_MS) > 0.99);
    double within = core_load_runnable_at(&load, s.run.start_ns + 50 * NS_PER_MS);
    assert_true(within > 0.24 && within < 0.26);
    core_load_deinit(&load);
    scenario_deinit(&s);
}

/* Four programs of 400 ms on two cores, that a recorder saw from outside: none is known to have queued. A thread beside them whose CPU
 * clock told that it ran a quarter of the time did so. */
static void more_running_than_cores_is_queueing_that_nobody_saw(void **state)
{
    (void)state;
    struct scenario s;
    struct whatif whatif = {0};
    uint64_t measured_ns = 0;
    scenario_init(&s, 2, 400);
    uint64_t root = scenario_process(&s, 0, "sh", 0, 400);
    uint64_t measured = scenario_process(&s, root, "clocked", 0, 400);
    uint64_t far = scenario_peer(&s, PEER_SOCKET, "socket", "10.0.0.1:80");
    struct row_wait row = {.track = measured,
                           .start_ns = 0,
                           .end_ns = 400,
                           .count = 100,
                           .blocked_ns = 300,
                           .reason = WAIT_NETWORK,
                           .peer = far};
    for (unsigned i = 0; i < 3; i++)
        (void)scenario_process(&s, root, "work", 0, 400);
    scenario_waits(&s, &row);
    scenario_walk(&s);
    assert_int_equal(whatif_init(&s.run, &whatif, NULL), 0);
    assert_true(whatif.baseline_drift_ratio < 0.15);
    const struct op_list *list = &whatif.program.actors[measured - 1];
    for (size_t i = 0; i < list->ops.count; i++)
        measured_ns += list->ops.items[i].kind == OP_CPU ? list->ops.items[i].duration_ns : 0;
    assert_int_equal(measured_ns, 100 * NS_PER_MS);
    whatif_deinit(&whatif);
    scenario_deinit(&s);
}

/* Four threads side by side on nobody knows how many cores: the replay, which has one, does not hide that. */
static void side_by_side_on_unknown_cores_is_no_queueing(void **state)
{
    (void)state;
    struct scenario s;
    struct whatif whatif = {0};
    scenario_init(&s, 0, 400);
    uint64_t root = scenario_process(&s, 0, "trace", 0, 400);
    for (unsigned i = 0; i < 3; i++)
        (void)scenario_thread(&s, root, "trace", 0, 399);
    scenario_walk(&s);
    assert_int_equal(whatif_init(&s.run, &whatif, NULL), 0);
    assert_true(whatif.baseline_drift_ratio > 1);
    whatif_deinit(&whatif);
    scenario_deinit(&s);
}

/* How much running is cut of each of three threads on two cores, whose queueing is told for `first_ms` every 200 ms and for `other_ms`
 * every 40 ms between, of all three at one place. */
static double cut_of_three(uint64_t first_ms, uint64_t other_ms)
{
    struct scenario s;
    struct core_load load;
    size_t step = 0;
    scenario_init(&s, 2, 400);
    uint64_t root = scenario_process(&s, 0, "main", 0, 400);
    uint64_t threads[3] = {root, scenario_thread(&s, root, "worker", 0, 400),
                           scenario_thread(&s, root, "worker", 0, 400)};
    for (uint64_t ms = 0; ms < 400; ms += 40)
        for (size_t i = 0; i < 3; i++)
            scenario_queue(&s, threads[i], ms + 20, ms + 20 + (ms % 200 ? other_ms : first_ms));
    scenario_walk(&s);
    assert_int_equal(core_load_measure(&s.run, 2, &load), 0);
    double cut_ns = core_load_squeezed_ns(&load, s.run.start_ns, s.run.end_ns, &step);
    core_load_deinit(&load);
    scenario_deinit(&s);
    return cut_ns;
}

/* Looks tell how long each of three threads queued, and put all of it at one place: nothing is missing. */
static void running_that_is_told_to_overlap_is_kept(void **state)
{
    (void)state;
    assert_true(cut_of_three(20, 20) < 1);
}

/* Of each thread 116 ms are told as queueing, where 133 are missing: 17 are taken, and not all that seems to be side by side. */
static void running_that_overlaps_is_cut_by_what_is_too_much(void **state)
{
    (void)state;
    double cut_ns = cut_of_three(10, 12);
    assert_true(cut_ns > 16e6 && cut_ns < 18e6);
}

/* Up to 40 threads on two cores, that begin and end in turn. */
static void what_stretches_lack_adds_up(void **state)
{
    (void)state;
    struct scenario s;
    struct core_load load;
    double sum_ns = 0;
    size_t step = 0, whole = 0;
    scenario_init(&s, 2, 400);
    uint64_t root = scenario_process(&s, 0, "main", 0, 400);
    for (uint64_t i = 0; i < 40; i++)
        (void)scenario_thread(&s, root, "worker", i * 3, 399 - i * 2);
    scenario_walk(&s);
    assert_int_equal(core_load_measure(&s.run, 2, &load), 0);
    for (uint64_t ms = 0; ms < 400; ms += ms % 7 + 1)
        sum_ns += core_load_squeezed_ns(&load, s.run.start_ns + ms * NS_PER_MS,
                                        s.run.start_ns + (ms + ms % 7 + 1) * NS_PER_MS, &step);
    double whole_ns = core_load_squeezed_ns(&load, s.run.start_ns, s.run.end_ns, &whole);
    assert_true(whole_ns > 300e6 && fabs(sum_ns - whole_ns) < 1e3);
    core_load_deinit(&load);
    scenario_deinit(&s);
}

int core_load_test(void);
int core_load_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(others_that_take_nothing_from_the_run_do_not_compete),
        cmocka_unit_test(others_compete_by_what_they_took_from_the_run),
        cmocka_unit_test(queueing_for_nobody_is_no_competition),
        cmocka_unit_test(as_many_threads_as_cores_lose_what_was_recorded),
        cmocka_unit_test(more_running_than_cores_is_queueing_that_nobody_saw),
        cmocka_unit_test(side_by_side_on_unknown_cores_is_no_queueing),
        cmocka_unit_test(running_that_is_told_to_overlap_is_kept),
        cmocka_unit_test(running_that_overlaps_is_cut_by_what_is_too_much),
        cmocka_unit_test(what_stretches_lack_adds_up),
        cmocka_unit_test(a_row_of_several_waits_is_runnable_for_its_part),
    };
    return cmocka_run_group_tests_name("core_load", tests, NULL, NULL);
}
