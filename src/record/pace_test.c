/* SPDX-License-Identifier: Apache-2.0 */
/* How often the recorder looks at the machine and at its processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"
#include "model/dataset.h"
#include "record/observe.h"
#include "record/system.h"

#define CALM_MAX_NS (125 * NS_PER_MS)

static void a_long_run_has_points_of_the_machine_less_often(void **state)
{
    (void)state;
    struct dataset data;
    struct system system;
    uint64_t start_ns = clock_monotonic_ns(), old_ns = start_ns + 1000 * NS_PER_S;
    dataset_init(&data);
    struct emit emit = {.sink = &data.sink};

    system_init(&system, &emit, start_ns);
    uint64_t due_ns = system_tick(&system, start_ns + SYSTEM_PERIOD_NS, 0, false);
    assert_int_equal(due_ns, start_ns + 2 * SYSTEM_PERIOD_NS);
    assert_true(system.rest_due_ns <= due_ns); /* all metrics in each of the first rounds */

    due_ns = system_tick(&system, old_ns, 0, false);
    assert_int_equal(due_ns, old_ns + SYSTEM_CPU_NS_MAX);
    uint64_t rest_due_ns = system.rest_due_ns;
    assert_true(rest_due_ns > due_ns && rest_due_ns <= old_ns + SYSTEM_REST_NS_MAX);
    system_tick(&system, due_ns, 0, false);
    assert_int_equal(system.rest_due_ns, rest_due_ns); /* the CPUs alone */
    system_tick(&system, due_ns + SYSTEM_PERIOD_NS, 0, true);
    assert_true(system.rest_due_ns > rest_due_ns); /* at the end all of them */
    system_deinit(&system);
    dataset_deinit(&data);
}

/* The longest pause between ticks over some time of the recorder's clock. */
static uint64_t pause_max(struct observe *observe, uint64_t *now_ns, uint64_t span_ns)
{
    uint64_t end_ns = *now_ns + span_ns, most_ns = 0;

    while (*now_ns < end_ns) {
        uint64_t due_ns = observe_tick(observe, *now_ns);
        most_ns = due_ns - *now_ns > most_ns ? due_ns - *now_ns : most_ns;
        *now_ns = due_ns;
    }
    return most_ns;
}

static void nothing_new_for_a_second_is_looked_for_less_often_until_something_is(void **state)
{
    (void)state;
    struct dataset data;
    struct tracks tracks;
    struct waits waits;
    struct peers peers;
    struct resolve resolve;
    uint64_t now_ns = clock_monotonic_ns();
    dataset_init(&data);
    struct emit emit = {.sink = &data.sink};
    tracks_init(&tracks, &emit);
    waits_init(&waits, &emit);
    peers_init(&peers, &emit);
    resolve_init(&resolve);
    struct observe observe = {
        .emit = &emit, .tracks = &tracks, .waits = &waits, .peers = &peers, .resolve = &resolve};
    observe.is_exact = observe.is_told = true;
    observe_init(&observe);

    assert_true(pause_max(&observe, &now_ns, NS_PER_S / 2) <= 25 * NS_PER_MS);
    pause_max(&observe, &now_ns, 2 * NS_PER_S);
    uint64_t calm_ns = pause_max(&observe, &now_ns, NS_PER_S);
    assert_true(calm_ns > 50 * NS_PER_MS && calm_ns <= CALM_MAX_NS);

    struct reason_found found = {.peer_kind = PEER_SOCKET};
    snprintf(found.address, sizeof found.address, "192.0.2.1:80");
    assert_int_equal(peers_put(&peers, &found), 1);
    assert_true(pause_max(&observe, &now_ns, NS_PER_S / 2) <= 25 * NS_PER_MS);
    observe_deinit(&observe);
    resolve_deinit(&resolve);
    peers_deinit(&peers);
    waits_deinit(&waits);
    tracks_deinit(&tracks);
    dataset_deinit(&data);
}

int pace_test(void);
int pace_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_run_has_points_of_the_machine_less_often),
        cmocka_unit_test(nothing_new_for_a_second_is_looked_for_less_often_until_something_is),
    };
    return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
