/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/scenario.h"
#include "analyze/whatif_replay.h"
#include "base/clock.h"
#include "model/meta.h"

static void start(struct scenario *s, struct whatif *whatif)
{
    struct err err;
    scenario_walk(s);
    if (whatif_init(&s->run, whatif, &err))
        fail_msg("%s", err.what);
    assert_true(whatif->baseline_drift_ratio < 0.02);
}

static void near(const struct whatif *whatif, const char *change, uint64_t expected_ms)
{
    struct whatif_result result;
    struct err err;
    if (whatif_text(whatif, change, &result, &err))
        fail_msg("%s: %s", change, err.what);
    assert_in_range(result.wall_ns_after / NS_PER_MS, expected_ms * 96 / 100, expected_ms * 104 / 100 + 1);
}

/* A process whose threads compute for so long each, and whose main thread joins them, the longest last. */
static void crunch(struct scenario *s, uint64_t cores, const uint64_t *busy_ms, size_t count)
{
    uint64_t last = 0, longest = 0;
    for (size_t i = 0; i < count; i++)
        longest = busy_ms[i] > longest ? busy_ms[i] : longest;
    scenario_init(s, cores, longest + 2);
    uint64_t root = scenario_process(s, 0, "crunch", 0, longest + 2);
    for (size_t i = 0; i < count; i++) {
        uint64_t thread = scenario_thread(s, root, "crunch", 0, busy_ms[i]);
        last = busy_ms[i] == longest ? thread : last;
    }
    char tid[24];
    snprintf(tid, sizeof tid, "%llu", (unsigned long long)(last + 999));
    scenario_wait(s, root, 1, longest, WAIT_CHILD, scenario_peer(s, PEER_PROCESS, "thread", tid));
}

static void threads_of_one_process_are_a_group_the_busiest_first(void **state)
{
    (void)state;
    struct scenario s;
    struct siblings siblings;
    crunch(&s, 4, (uint64_t[]){100, 400, 200, 100}, 4);
    scenario_walk(&s);
    assert_int_equal(siblings_find(&s.run, &siblings, NULL), 0);
    assert_int_equal(siblings.groups.count, 1);
    const struct sibling_group *group = &siblings.groups.items[0];
    assert_int_equal(group->kind, SIBLING_THREAD);
    assert_string_equal(group->name, "crunch");
    assert_int_equal(group->members.count, 4);
    assert_int_equal(group->width, 4);
    assert_int_equal(group->members.items[0].busy_ns / NS_PER_MS, 400);
    assert_int_equal(group->busy_ns / NS_PER_MS, 800);
    assert_int_equal(siblings_usual_ns(group) / NS_PER_MS, 100);
    assert_false(siblings_one_is_long(group)); /* 200 is not like 100 */
    siblings_deinit(&siblings);
    scenario_deinit(&s);
}

static void work_shared_evenly_ends_with_the_mean(void **state)
{
    (void)state;
    struct scenario s;
    struct whatif whatif;
    crunch(&s, 4, (uint64_t[]){100, 400, 200, 100}, 4);
    start(&s, &whatif);
    near(&whatif, "set:process/crunch=even", 202);
    near(&whatif, "set:crunch=even", 202);
    whatif_deinit(&whatif);
    scenario_deinit(&s);
}

/* On two cores four even threads take the sum of the work over two. */
static void work_shared_evenly_still_needs_its_cores(void **state)
{
    (void)state;
    struct scenario s;
    struct whatif whatif;
    crunch(&s, 2, (uint64_t[]){400, 400}, 2);
    start(&s, &whatif);
    near(&whatif, "set:process/crunch=even", 402);
    near(&whatif, "workers:process/crunch=8", 402);
    whatif_deinit(&whatif);
    scenario_deinit(&s);
}

static void one_long_sibling_is_cut_to_what_is_usual(void **state)
{
    (void)state;
    struct scenario s;
    struct whatif whatif;
    crunch(&s, 4, (uint64_t[]){100, 110, 400, 105}, 4);
    start(&s, &whatif);
    assert_true(siblings_one_is_long(&whatif.siblings.groups.items[0]));
    near(&whatif, "set:process/crunch=median", 112);
    whatif_deinit(&whatif);
    scenario_deinit(&s);
}

/* The same excess, a bit in every round: the others wait for it each time, and none is done before it. */
static void who_has_more_in_every_round_is_no_straggler(void **state)
{
    (void)state;
    struct scenario s;
    struct siblings siblings;
    scenario_init(&s, 4, 402);
    uint64_t root = scenario_process(&s, 0, "rounds", 0, 402);
    uint64_t barrier = scenario_peer(&s, PEER_LOCK, PEER_NAME_CONDITION, "100:0x10");
    for (uint64_t i = 0; i < 4; i++) {
        uint64_t thread = scenario_thread(&s, root, "rounds", 0, 400);
        for (uint64_t ms = 0; ms < 400 && i; ms += 40)
            scenario_wait(&s, thread, ms + 15, ms + 40, WAIT_LOCK, barrier);
    }
    scenario_walk(&s);
    assert_int_equal(siblings_find(&s.run, &siblings, NULL), 0);
    const struct sibling_group *group = &siblings.groups.items[0];
    assert_int_equal(group->members.items[0].busy_ns / NS_PER_MS, 400);
    assert_int_equal(siblings_usual_ns(group) / NS_PER_MS, 150);
    assert_false(siblings_one_is_long(group));
    siblings_deinit(&siblings);
    scenario_deinit(&s);
}

/* Programs of one maker, and calls of one span on several threads, are siblings as threads are. */
static void programs_and_calls_are_siblings_too(void **state)
{
    (void)state;
    struct scenario s;
    struct siblings siblings;
    struct whatif whatif;
    scenario_init(&s, 4, 402);
    uint64_t shell = scenario_process(&s, 0, "sh", 0, 402);
    for (uint64_t i = 0; i < 4; i++)
        scenario_process(&s, shell, "convert", 1, i == 3 ? 400 : 100 + i);
    scenario_wait(&s, shell, 2, 400, WAIT_CHILD, 0);
    start(&s, &whatif);
    assert_int_equal(siblings_find(&s.run, &siblings, NULL), 0);
    assert_int_equal(siblings.groups.count, 1);
    assert_int_equal(siblings.groups.items[0].kind, SIBLING_PROGRAM);
    assert_string_equal(siblings.groups.items[0].name, "convert");
    assert_true(siblings_one_is_long(&siblings.groups.items[0]));
    near(&whatif, "set:process/convert=median", 103);
    siblings_deinit(&siblings);
    whatif_deinit(&whatif);
    scenario_deinit(&s);
    scenario_init(&s, 4, 202);
    uint64_t root = scenario_process(&s, 0, "render", 0, 202);
    for (uint64_t i = 0; i < 3; i++) {
        uint64_t thread = scenario_thread(&s, root, "render", 0, 201);
        scenario_span(&s, thread, "tile", 10, i ? 60 : 200);
    }
    scenario_walk(&s);
    assert_int_equal(siblings_find(&s.run, &siblings, NULL), 0);
    size_t spans = 0;
    for (size_t i = 0; i < siblings.groups.count; i++)
        spans += siblings.groups.items[i].kind == SIBLING_SPAN && siblings.groups.items[i].members.count == 3;
    assert_int_equal(spans, 1);
    siblings_deinit(&siblings);
    scenario_deinit(&s);
}

static void what_a_sibling_waits_for_the_others_is_not_its_work(void **state)
{
    (void)state;
    struct scenario s;
    struct siblings siblings;
    scenario_init(&s, 4, 202);
    uint64_t root = scenario_process(&s, 0, "crunch", 0, 202);
    uint64_t condition = scenario_peer(&s, PEER_LOCK, PEER_NAME_CONDITION, "100:0x10");
    uint64_t server = scenario_peer(&s, PEER_SOCKET, "", "10.0.0.1:80");
    uint64_t idle = scenario_thread(&s, root, "crunch", 0, 200);
    uint64_t busy = scenario_thread(&s, root, "crunch", 0, 200);
    scenario_wait(&s, idle, 20, 200, WAIT_LOCK, condition);
    scenario_wait(&s, busy, 20, 200, WAIT_NETWORK, server);
    scenario_walk(&s);
    assert_int_equal(siblings_find(&s.run, &siblings, NULL), 0);
    const struct sibling *members = siblings.groups.items[0].members.items;
    assert_int_equal(members[0].actor, busy - 1);
    assert_int_equal(members[0].busy_ns / NS_PER_MS, 200);
    assert_int_equal(members[0].cpu_ns / NS_PER_MS, 20);
    assert_int_equal(members[1].busy_ns / NS_PER_MS, 20);
    assert_int_equal((members[1].last_busy_ns - s.run.start_ns) / NS_PER_MS, 20);
    siblings_deinit(&siblings);
    scenario_deinit(&s);
}

/* Two workers wait 10 ms for a server ten times each; four do the same in half the time. */
static void a_larger_pool_shares_the_same_work(void **state)
{
    (void)state;
    struct scenario s;
    struct whatif whatif;
    scenario_init(&s, 4, 202);
    uint64_t root = scenario_process(&s, 0, "fetch", 0, 202);
    uint64_t server = scenario_peer(&s, PEER_SOCKET, "", "10.0.0.1:80");
    uint64_t threads[2] = {scenario_thread(&s, root, "fetch", 0, 200),
                           scenario_thread(&s, root, "fetch", 0, 200)};
    for (uint64_t ms = 0; ms < 200; ms += 20)
        for (size_t i = 0; i < 2; i++)
            scenario_wait(&s, threads[i], ms, ms + 18, WAIT_NETWORK, server);
    scenario_wait(&s, root, 1, 200, WAIT_CHILD, scenario_peer(&s, PEER_PROCESS, "thread", "1003"));
    start(&s, &whatif);
    near(&whatif, "workers:process/fetch=4", 102);
    near(&whatif, "workers:process/fetch=2", 202);
    whatif_deinit(&whatif);
    scenario_deinit(&s);
}

static void a_function_spread_over_workers_leaves_the_rest_in_line(void **state)
{
    (void)state;
    struct scenario s;
    struct whatif whatif;
    scenario_init(&s, 4, 200);
    uint64_t root = scenario_process(&s, 0, "feeder", 0, 200);
    scenario_samples(&s, root, "make_item", 0, 160);
    scenario_samples(&s, root, "store", 160, 200);
    start(&s, &whatif);
    near(&whatif, "workers:function/make_item=4", 40 + 40);
    near(&whatif, "workers:function/make_item=100", 40 + 40);
    whatif_deinit(&whatif);
    scenario_deinit(&s);
}

static void sharing_needs_siblings_and_a_known_way(void **state)
{
    (void)state;
    struct scenario s;
    struct whatif whatif;
    struct whatif_result result;
    struct err err;
    scenario_init(&s, 4, 200);
    scenario_process(&s, 0, "alone", 0, 200);
    start(&s, &whatif);
    assert_int_equal(whatif_text(&whatif, "set:process/alone=even", &result, &err), -ERR_USAGE);
    assert_non_null(strstr(err.what, "side by side"));
    assert_int_equal(whatif_text(&whatif, "set:process/alone=odd", &result, &err), -ERR_USAGE);
    assert_non_null(strstr(err.hint, "median"));
    whatif_deinit(&whatif);
    scenario_deinit(&s);
}

int siblings_test(void);
int siblings_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_of_one_process_are_a_group_the_busiest_first),
        cmocka_unit_test(work_shared_evenly_ends_with_the_mean),
        cmocka_unit_test(work_shared_evenly_still_needs_its_cores),
        cmocka_unit_test(one_long_sibling_is_cut_to_what_is_usual),
        cmocka_unit_test(who_has_more_in_every_round_is_no_straggler),
        cmocka_unit_test(programs_and_calls_are_siblings_too),
        cmocka_unit_test(what_a_sibling_waits_for_the_others_is_not_its_work),
        cmocka_unit_test(a_larger_pool_shares_the_same_work),
        cmocka_unit_test(a_function_spread_over_workers_leaves_the_rest_in_line),
        cmocka_unit_test(sharing_needs_siblings_and_a_known_way),
    };
    return cmocka_run_group_tests_name("siblings", tests, NULL, NULL);
}
