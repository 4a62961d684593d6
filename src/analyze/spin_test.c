/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/replay_program.h"
#include "analyze/scenario.h"
#include "analyze/spin_change.h"
#include "analyze/whatif_replay.h"
#include "base/clock.h"
#include "model/meta.h"

/* A call chain whose innermost code only looks. */
static uint64_t looking_stack(struct scenario *s, const char *outer, const char *inner)
{
    uint64_t stack = scenario_stack(s, outer, inner);
    struct row_attr frame = {.owner_table = TABLE_FRAME, .owner = stack};
    assert_int_equal(sink_attr(&s->data.sink, &frame, ATTR_SPIN, "loop", NULL), 0);
    return stack;
}

static uint64_t library_stack(struct scenario *s, const char *outer, const char *function)
{
    uint64_t stack = scenario_stack(s, outer, "unused");
    struct row_frame frame = {.id = ++s->next_frame};
    struct row_stack row = {.id = frame.id, .parent = stack - 1, .frame = frame.id};
    assert_int_equal(sink_intern(&s->data.sink, function, &frame.function, NULL), 0);
    assert_int_equal(sink_intern(&s->data.sink, "/lib/libc.so.6", &frame.module, NULL), 0);
    assert_int_equal(sink_append(&s->data.sink, frame, &frame, NULL), 0);
    assert_int_equal(sink_append(&s->data.sink, stack, &row, NULL), 0);
    return row.id;
}

/* On one core a worker of 200 ms and a thread that spins until it is done take turns of 5 ms. */
static void on_one_core(struct scenario *s, bool by_call)
{
    scenario_init(s, 1, 401);
    uint64_t root = scenario_process(s, 0, "pair", 0, 401);
    uint64_t worker = scenario_thread(s, root, "pair", 0, 395),
             spinner = scenario_thread(s, root, "pair", 0, 400);
    uint64_t work = scenario_stack(s, "make", "compute");
    uint64_t look =
        by_call ? library_stack(s, "await", "__sched_yield") : looking_stack(s, "collect", "await");
    for (uint64_t ms = 0; ms < 400; ms += 10) {
        scenario_stack_samples(s, worker, work, ms, ms + 5);
        scenario_stack_samples(s, spinner, look, ms + 5, ms + 10);
        scenario_queue(s, spinner, ms, ms + 5);
        if (ms < 390)
            scenario_queue(s, worker, ms + 5, ms + 10);
    }
    scenario_wait(s, root, 1, 400, WAIT_CHILD, scenario_peer(s, PEER_PROCESS, "thread", "1003"));
}

static void expect_found(struct scenario *s)
{
    struct whatif whatif;
    struct whatif_result result;
    struct err err;
    scenario_walk(s);
    assert_int_equal(whatif_init(&s->run, &whatif, &err), 0);
    assert_int_equal(whatif.spins.items.count, 1);
    const struct spin *spin = &whatif.spins.items.items[0];
    assert_string_equal(s->run.frames.items[spin->frame].function, "await");
    assert_int_equal(spin->waker + 1, spin->actor);
    assert_in_range(spin->run_ns / NS_PER_MS, 195, 200);
    struct path path;
    uint64_t sum = 0;
    assert_int_equal(path_walk_spins(&s->run, &whatif.spins, &path, &err), 0);
    for (size_t i = 0; i < path.steps.count; i++)
        sum += path.steps.items[i].end_ns - path.steps.items[i].start_ns;
    assert_int_equal(sum, s->run.end_ns - s->run.start_ns);
    path_deinit(&path);
    if (whatif_text(&whatif, "set:function/await=block", &result, &err))
        fail_msg("%s", err.what);
    assert_in_range(result.wall_ns_after / NS_PER_MS, 195, 210);
    whatif_deinit(&whatif);
    scenario_deinit(s);
}

static void who_spins_gives_its_core_back_when_it_blocks(void **state)
{
    (void)state;
    struct scenario s;
    on_one_core(&s, false);
    expect_found(&s);
}

static void yielding_again_and_again_is_spinning(void **state)
{
    (void)state;
    struct scenario s;
    on_one_core(&s, true);
    expect_found(&s);
}

/* The path does not stay with who spins: it goes on at who is spun for. */
static void the_path_goes_through_the_awaited(void **state)
{
    (void)state;
    struct scenario s;
    struct spins spins;
    struct path path;
    scenario_init(&s, 2, 101);
    uint64_t spinner = scenario_process(&s, 0, "pair", 0, 101);
    uint64_t worker = scenario_thread(&s, spinner, "pair", 1, 100);
    scenario_stack_samples(&s, worker, scenario_stack(&s, "make", "compute"), 1, 100);
    scenario_stack_samples(&s, spinner, looking_stack(&s, "main", "await"), 2, 100);
    scenario_walk(&s);
    assert_int_equal(spins_find(&s.run, &spins, NULL), 0);
    assert_int_equal(path_walk_spins(&s.run, &spins, &path, NULL), 0);
    uint64_t by_worker = 0, sum = 0;
    for (size_t i = 0; i < path.steps.count; i++) {
        const struct path_step *step = &path.steps.items[i];
        sum += step->end_ns - step->start_ns;
        by_worker += step->actor == worker - 1 ? step->end_ns - step->start_ns : 0;
    }
    assert_int_equal(sum, 101 * NS_PER_MS);
    assert_in_range(by_worker / NS_PER_MS, 97, 100);
    assert_int_equal(path.vias.count, 1);
    assert_int_equal(path.vias.items[0].reason, WAIT_POLL);
    path_deinit(&path);
    spins_deinit(&spins);
    scenario_deinit(&s);
}

/* A loop that computes is no spin; nor is a poll that sleeps between its looks; nor a read that brings something. */
static void work_is_no_spin(void **state)
{
    (void)state;
    struct scenario s;
    struct spins spins;
    scenario_init(&s, 2, 100);
    uint64_t root = scenario_process(&s, 0, "busy", 0, 100);
    uint64_t computes = scenario_thread(&s, root, "busy", 0, 99),
             polls = scenario_thread(&s, root, "busy", 0, 99);
    uint64_t poll = library_stack(&s, "serve", "poll");
    scenario_stack_samples(&s, computes, scenario_stack(&s, "make", "compute"), 0, 99);
    for (uint64_t ms = 0; ms < 99; ms += 3) {
        scenario_stack_samples(&s, polls, poll, ms, ms + 1);
        scenario_wait(&s, polls, ms + 1, ms + 3, WAIT_POLL, 0);
    }
    scenario_walk(&s);
    assert_int_equal(spins_find(&s.run, &spins, NULL), 0);
    assert_int_equal(spins.items.count, 0);
    spins_deinit(&spins);
    scenario_deinit(&s);
}

static void only_what_spins_can_be_made_to_block(void **state)
{
    (void)state;
    struct scenario s;
    struct whatif whatif;
    struct whatif_result result;
    struct err err;
    scenario_init(&s, 2, 100);
    uint64_t root = scenario_process(&s, 0, "busy", 0, 100);
    scenario_samples(&s, root, "compute", 0, 100);
    scenario_walk(&s);
    assert_int_equal(whatif_init(&s.run, &whatif, &err), 0);
    assert_int_equal(whatif_text(&whatif, "set:function/compute=block", &result, &err), -ERR_USAGE);
    assert_non_null(strstr(err.what, "nothing spins there"));
    whatif_deinit(&whatif);
    scenario_deinit(&s);
}

/* Three threads of 300 ms that never wait share two cores, so each ran for 200 ms: 40 of them behind the moment at which one of them
 * spins. */
static void a_spin_is_cut_from_running_that_took_longer(void **state)
{
    (void)state;
    struct scenario s;
    struct program program;
    struct err err;
    uint64_t ran_ns = 0;
    scenario_init(&s, 2, 300);
    uint64_t root = scenario_process(&s, 0, "busy", 0, 300);
    uint64_t spinner = scenario_thread(&s, root, "busy", 0, 300);
    (void)scenario_thread(&s, root, "busy", 0, 300);
    scenario_samples(&s, spinner, "await", 240, 300);
    scenario_walk(&s);
    assert_int_equal(program_build(&s.run, &program, &err), 0);
    struct spin spin = {.actor = (uint32_t)spinner - 1,
                        .start_ns = s.run.start_ns + 240 * NS_PER_MS,
                        .end_ns = s.run.end_ns,
                        .waker = RUN_NONE};
    struct spins spins = {0};
    assert_int_equal(vec_push(&spins.items, spin), 0);
    assert_int_equal(spin_change_block(&program, &spins, "await", &err), 0);
    const struct op_list *list = &program.actors[spinner - 1];
    for (size_t i = 0; i < list->ops.count; i++)
        ran_ns += list->ops.items[i].kind == OP_CPU ? list->ops.items[i].duration_ns : 0;
    assert_in_range(ran_ns / NS_PER_MS, 159, 160);
    spins_deinit(&spins);
    program_deinit(&program);
    scenario_deinit(&s);
}

int spin_test(void);
int spin_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_spins_gives_its_core_back_when_it_blocks),
        cmocka_unit_test(yielding_again_and_again_is_spinning),
        cmocka_unit_test(the_path_goes_through_the_awaited),
        cmocka_unit_test(work_is_no_spin),
        cmocka_unit_test(only_what_spins_can_be_made_to_block),
        cmocka_unit_test(a_spin_is_cut_from_running_that_took_longer),
    };
    return cmocka_run_group_tests_name("spin", tests, NULL, NULL);
}
