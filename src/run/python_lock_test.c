/* SPDX-License-Identifier: Apache-2.0 */
#include "run/python_lock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "model/meta.h"

int python_lock_test(void);

enum { OWN, LIBRARY, NATIVE, STACK_COUNT };
enum { PLACE, GIL, PEER_COUNT };
#define TRACK_COUNT 4u

static int setup(void **state)
{
    static struct run run;
    static const struct run_frame frames[] = {
        [OWN] = {.module = MODULE_NAME_PYTHON, .function = "worker", .file = "/srv/app.py"},
        [LIBRARY] = {.module = MODULE_NAME_PYTHON,
                     .function = "wait",
                     .file = "/usr/lib/python3.11/threading.py"},
        [NATIVE] = {.module = "/usr/bin/python3.11", .function = "PyThread_acquire_lock_timed", .file = ""}};
    static const struct run_peer peers[] = {[PLACE] = {.kind = PEER_LOCK, .name = PEER_NAME_CONDITION},
                                            [GIL] = {.kind = PEER_LOCK, .name = PEER_NAME_GIL}};
    memset(&run, 0, sizeof run);
    for (uint32_t i = 0; i < STACK_COUNT; i++) {
        /* the interpreter's code is called by the program's own */
        struct run_stack stack = {.parent = i == NATIVE ? OWN : RUN_NONE, .frame = i, .depth = 1};
        if (vec_push(&run.frames, frames[i]) || vec_push(&run.stacks, stack))
            return -1;
    }
    for (uint32_t i = 0; i < PEER_COUNT; i++)
        if (vec_push(&run.peers, peers[i]))
            return -1;
    for (uint32_t i = 0; i < TRACK_COUNT; i++)
        if (vec_push(&run.tracks, (struct run_track){.actor = true}))
            return -1;
    *state = &run;
    return 0;
}

static int teardown(void **state)
{
    struct run *run = *state;
    for (size_t i = 0; i < run->tracks.count; i++)
        vec_free(&run->tracks.items[i].waits);
    vec_free(&run->tracks);
    vec_free(&run->peers);
    vec_free(&run->stacks);
    vec_free(&run->frames);
    return 0;
}

static void wait_add(struct run *run, uint32_t track, uint32_t waker, uint32_t stack)
{
    struct run_wait wait = {.blocked_ns = 1000,
                            .count = 1,
                            .peer = PLACE,
                            .waker = waker,
                            .waker_source = waker == RUN_NONE ? WAKER_NONE : WAKER_EXACT,
                            .stack = stack,
                            .reason = WAIT_LOCK};
    assert_false(vec_push(&run->tracks.items[track].waits, wait));
}

/* Threads 0 to 2 give it to each other in turn. */
static void turns_add(struct run *run, uint32_t stack)
{
    for (uint32_t i = 0; i < 9; i++)
        wait_add(run, i % 3, (i + 2) % 3, stack);
}

static const char *name_of(struct run *run)
{
    assert_int_equal(python_lock_name(run, NULL), 0);
    return run->peers.items[PLACE].name;
}

static void what_threads_take_in_turn_in_their_own_code_is_a_lock(void **state)
{
    struct run *run = *state;
    turns_add(run, NATIVE);
    wait_add(run, 1, 3, OWN); /* who always came first never waited */
    assert_string_equal(name_of(run), "lock");
}

static void waits_in_the_standard_library_are_for_conditions(void **state)
{
    struct run *run = *state;
    turns_add(run, LIBRARY);
    assert_string_equal(name_of(run), "condition");
}

static void one_wait_elsewhere_says_that_it_is_no_lock(void **state)
{
    struct run *run = *state;
    turns_add(run, OWN);
    wait_add(run, 0, 1, LIBRARY);
    assert_string_equal(name_of(run), "condition");
}

static void what_others_end_who_never_wait_is_a_queue(void **state)
{
    struct run *run = *state;
    for (uint32_t i = 0; i < 9; i++)
        wait_add(run, i % 2, 3, OWN);
    assert_string_equal(name_of(run), "condition");
}

/* Threads 0 to 2 for 90 of each 100 ns, by whom it ended is not known: one after the other does not, or all do at once. */
static void rounds_add(struct run *run, bool is_together)
{
    for (uint32_t i = 0; i < 4; i++)
        run->tracks.items[i].end_ns = 1000;
    for (uint32_t i = 0; i < 30; i++) {
        struct run_wait wait = {.start_ns = i / 3 * 100,
                                .count = 1,
                                .peer = PLACE,
                                .waker = RUN_NONE,
                                .stack = NATIVE,
                                .reason = WAIT_LOCK};
        wait.end_ns = wait.start_ns + 90;
        wait.blocked_ns = 90;
        if (is_together || i / 3 % 3 != i % 3)
            assert_false(vec_push(&run->tracks.items[i % 3].waits, wait));
    }
}

static void where_one_does_not_wait_he_may_have_the_lock(void **state)
{
    struct run *run = *state;
    rounds_add(run, false);
    assert_string_equal(name_of(run), "lock");
}

static void what_all_wait_for_at_once_is_a_queue(void **state)
{
    struct run *run = *state;
    rounds_add(run, true);
    assert_string_equal(name_of(run), "condition");
}

/* The third has ended, and cannot have it. */
static void only_who_lives_may_have_the_lock(void **state)
{
    struct run *run = *state;
    rounds_add(run, false);
    run->tracks.items[2].waits.count = 1;
    run->tracks.items[2].end_ns = 200;
    assert_string_equal(name_of(run), "condition");
}

static void one_waiter_alone_waits_for_no_lock(void **state)
{
    struct run *run = *state;
    for (uint32_t i = 0; i < 9; i++)
        wait_add(run, 0, RUN_NONE, OWN);
    assert_string_equal(name_of(run), "condition");
}

static void the_gil_behind_a_lock_belongs_to_the_wait_for_it(void **state)
{
    struct run *run = *state;
    struct run_wait lock = {
        .start_ns = 0, .end_ns = 60000000, .blocked_ns = 60000000, .count = 1, .waker = 1};
    struct run_wait gil = {
        .start_ns = 60050000, .end_ns = 60400000, .blocked_ns = 350000, .count = 1, .peer = GIL, .waker = 1};
    turns_add(run, OWN);
    assert_false(python_lock_goes_on(run, &lock, &gil)); /* it is not known to be a lock */
    assert_int_equal(python_lock_name(run, NULL), 0);
    assert_true(python_lock_goes_on(run, &lock, &gil));
    gil.waker = 2; /* another had it meanwhile */
    assert_false(python_lock_goes_on(run, &lock, &gil));
    gil.waker = 1;
    gil.start_ns = 61000000; /* it ran before */
    assert_false(python_lock_goes_on(run, &lock, &gil));
    gil.start_ns = 60050000;
    lock.blocked_ns = 1000; /* the GIL was what it waited for */
    assert_false(python_lock_goes_on(run, &lock, &gil));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int python_lock_test(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_threads_take_in_turn_in_their_own_code_is_a_lock),
        TEST(waits_in_the_standard_library_are_for_conditions),
        TEST(one_wait_elsewhere_says_that_it_is_no_lock),
        TEST(what_others_end_who_never_wait_is_a_queue),
        TEST(where_one_does_not_wait_he_may_have_the_lock),
        TEST(what_all_wait_for_at_once_is_a_queue),
        TEST(only_who_lives_may_have_the_lock),
        TEST(one_waiter_alone_waits_for_no_lock),
        TEST(the_gil_behind_a_lock_belongs_to_the_wait_for_it),
    };
    return cmocka_run_group_tests_name("python_lock", tests, NULL, NULL);
}
