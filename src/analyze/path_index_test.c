/* SPDX-License-Identifier: Apache-2.0 */
#include "analyze/path_index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analyze/scenario.h"
#include "base/clock.h"

int path_index_test(void);

/* A shell runs two children, one after the other: 20 to 60 and 70 to 90 of 100 ms. */
static void what_an_actor_made_of_the_path_is_cut_to_the_window(void **state)
{
    struct scenario s;
    struct path_index index;
    (void)state;
    scenario_init(&s, 2, 100);
    uint64_t shell = scenario_process(&s, 0, "shell", 0, 100);
    uint64_t one = scenario_process(&s, shell, "one", 20, 60);
    scenario_process(&s, shell, "two", 70, 90);
    scenario_child_wait(&s, shell, 20, 60, 0);
    scenario_child_wait(&s, shell, 70, 90, 0);
    scenario_walk(&s);
    assert_int_equal(path_index_init(&index, &s.run, &s.path, NULL), 0);
    uint32_t actor = (uint32_t)one - 1, process = s.run.tracks.items[actor].process;
    uint64_t start_ns = s.run.start_ns;
    assert_int_equal(path_index_actor_ns(&index, actor, start_ns, s.run.end_ns), 40 * NS_PER_MS);
    assert_int_equal(path_index_process_ns(&index, process, start_ns, s.run.end_ns), 40 * NS_PER_MS);
    assert_int_equal(path_index_actor_ns(&index, actor, start_ns + 50 * NS_PER_MS, s.run.end_ns),
                     10 * NS_PER_MS);
    assert_int_equal(path_index_actor_ns(&index, actor, start_ns, start_ns + 30 * NS_PER_MS), 10 * NS_PER_MS);
    assert_int_equal(path_index_actor_ns(&index, actor, start_ns + 60 * NS_PER_MS, s.run.end_ns), 0);
    path_index_deinit(&index);
    scenario_deinit(&s);
}

static void the_parts_of_all_processes_are_the_whole_path(void **state)
{
    struct scenario s;
    struct path_index index;
    uint64_t sum = 0;
    (void)state;
    scenario_convoy(&s);
    scenario_walk(&s);
    assert_int_equal(path_index_init(&index, &s.run, &s.path, NULL), 0);
    for (uint32_t i = 0; i < s.run.tracks.count; i++)
        sum += path_index_actor_ns(&index, i, s.run.start_ns, s.run.end_ns);
    assert_int_equal(sum, s.run.end_ns - s.run.start_ns);
    path_index_deinit(&index);
    scenario_deinit(&s);
}

int path_index_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_an_actor_made_of_the_path_is_cut_to_the_window),
        cmocka_unit_test(the_parts_of_all_processes_are_the_whole_path),
    };
    return cmocka_run_group_tests_name("path_index", tests, NULL, NULL);
}
