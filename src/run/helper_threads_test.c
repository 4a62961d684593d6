/* SPDX-License-Identifier: Apache-2.0 */
#include "run/helper_threads.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

int helper_threads_test(void);

#define PID  100
#define LIFE 1000000u

enum { PROCESS, MAIN, FIRST, TRACK_COUNT = 8 };

/* A process of a main thread and others, to be filled. */
struct fixture {
    struct run run;
    struct run_track *process;
};

static void begin(struct fixture *fixture, const char *program)
{
    *fixture = (struct fixture){0};
    for (uint32_t i = 0; i < TRACK_COUNT; i++) {
        struct run_track track = {.kind = i == PROCESS ? TRACK_PROCESS : TRACK_THREAD,
                                  .present = true,
                                  .name = program,
                                  .pid = PID,
                                  .tid = i == PROCESS ? PID : PID + i - MAIN,
                                  .end_ns = LIFE};
        assert_int_equal(vec_push(&fixture->run.tracks, track), 0);
    }
    fixture->process = &fixture->run.tracks.items[PROCESS];
    for (uint32_t i = MAIN; i < TRACK_COUNT; i++)
        assert_int_equal(vec_push(&fixture->process->actors, i), 0);
}

static void end(struct fixture *fixture)
{
    for (size_t i = 0; i < fixture->run.tracks.count; i++) {
        vec_free(&fixture->run.tracks.items[i].actors);
        vec_free(&fixture->run.tracks.items[i].waits);
        vec_free(&fixture->run.tracks.items[i].samples);
    }
    vec_free(&fixture->run.tracks);
    vec_free(&fixture->run.frames);
    vec_free(&fixture->run.stacks);
}

/* A stack: `inner`, called by `outer`. */
static uint32_t stack(struct fixture *fixture, const char *outer, const char *inner)
{
    const char *functions[] = {outer, inner};
    uint32_t parent = RUN_NONE;
    for (size_t i = 0; i < 2; i++) {
        struct run_frame frame = {.function = functions[i]};
        struct run_stack row = {.parent = parent, .frame = (uint32_t)fixture->run.frames.count};
        assert_int_equal(vec_push(&fixture->run.frames, frame), 0);
        parent = (uint32_t)fixture->run.stacks.count;
        assert_int_equal(vec_push(&fixture->run.stacks, row), 0);
    }
    return parent;
}

static bool is_helper(const struct fixture *fixture, uint32_t track)
{
    return fixture->run.tracks.items[track].is_helper;
}

static void threads_with_a_runtimes_names_are_its_own(void **state)
{
    struct fixture fixture;
    (void)state;
    begin(&fixture, "java");
    fixture.run.tracks.items[FIRST].name = "C2 CompilerThre";
    fixture.run.tracks.items[FIRST + 1].name = "GC Thread#1";
    fixture.run.tracks.items[FIRST + 2].name = "worker-1";
    fixture.run.tracks.items[FIRST + 3].name = NULL;
    helper_threads_mark(&fixture.run);
    assert_false(is_helper(&fixture, MAIN));
    assert_true(is_helper(&fixture, FIRST));
    assert_true(is_helper(&fixture, FIRST + 1));
    assert_false(is_helper(&fixture, FIRST + 2));
    assert_false(is_helper(&fixture, FIRST + 3));
    end(&fixture);
}

static void a_name_that_others_may_use_counts_in_java_alone(void **state)
{
    (void)state;
    for (int of_java = 0; of_java < 2; of_java++) {
        struct fixture fixture;
        begin(&fixture, "server");
        fixture.run.tracks.items[FIRST].name = "Service Thread";
        fixture.run.tracks.items[FIRST + 1].name = of_java ? "VM Thread" : "worker-1";
        helper_threads_mark(&fixture.run);
        assert_int_equal(is_helper(&fixture, FIRST), of_java);
        end(&fixture);
    }
}

static void threads_that_begin_in_a_runtime_are_its_own(void **state)
{
    struct fixture fixture;
    (void)state;
    begin(&fixture, "node");
    uint32_t pool = stack(&fixture, "node::(anonymous namespace)::PlatformWorkerThread", "pthread_cond_wait");
    uint32_t worker = stack(&fixture, "node::worker::Worker::StartThread", "epoll_wait");
    for (uint32_t i = FIRST; i < TRACK_COUNT; i++)
        fixture.run.tracks.items[i].run_ns = LIFE / 2;
    struct run_wait wait = {.stack = pool};
    assert_int_equal(vec_push(&fixture.run.tracks.items[FIRST].waits, wait), 0);
    struct run_sample sample = {.stack = pool};
    assert_int_equal(vec_push(&fixture.run.tracks.items[FIRST + 1].samples, sample), 0);
    wait.stack = worker;
    assert_int_equal(vec_push(&fixture.run.tracks.items[FIRST + 2].waits, wait), 0);
    helper_threads_mark(&fixture.run);
    assert_true(is_helper(&fixture, FIRST));
    assert_true(is_helper(&fixture, FIRST + 1));
    assert_false(is_helper(&fixture, FIRST + 2));
    assert_false(is_helper(&fixture, FIRST + 3)); /* it works, in whatever */
    end(&fixture);
}

static void only_nodes_threads_are_its_own_for_doing_little(void **state)
{
    struct fixture fixture;
    (void)state;
    begin(&fixture, "node");
    uint32_t worker = stack(&fixture, "node::worker::Worker::StartThread", "epoll_wait");
    struct run_wait wait = {.stack = worker};
    fixture.run.tracks.items[FIRST].run_ns = LIFE / 1000;
    fixture.run.tracks.items[FIRST + 1].run_ns = LIFE / 4;
    fixture.run.tracks.items[FIRST + 2].run_ns = LIFE / 1000;
    assert_int_equal(vec_push(&fixture.run.tracks.items[FIRST + 2].waits, wait), 0);
    helper_threads_mark(&fixture.run);
    assert_true(is_helper(&fixture, FIRST));
    assert_false(is_helper(&fixture, FIRST + 1));
    assert_false(is_helper(&fixture, FIRST + 2));
    end(&fixture);
    begin(&fixture, "server");
    fixture.run.tracks.items[FIRST].run_ns = LIFE / 1000;
    helper_threads_mark(&fixture.run);
    assert_false(is_helper(&fixture, FIRST));
    end(&fixture);
}

/* npm gives its process the name of what it does. */
static void who_was_started_as_node_is_node(void **state)
{
    struct fixture fixture;
    struct run_stage stage = {.name = "node"};
    struct run_span span = {.exec = true};
    (void)state;
    begin(&fixture, "npm ls");
    assert_int_equal(vec_push(&fixture.run.stages, stage), 0);
    assert_int_equal(vec_push(&fixture.process->spans, span), 0);
    fixture.run.tracks.items[FIRST].run_ns = LIFE / 1000;
    helper_threads_mark(&fixture.run);
    assert_true(is_helper(&fixture, FIRST));
    vec_free(&fixture.process->spans);
    vec_free(&fixture.run.stages);
    end(&fixture);
}

int helper_threads_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_with_a_runtimes_names_are_its_own),
        cmocka_unit_test(a_name_that_others_may_use_counts_in_java_alone),
        cmocka_unit_test(threads_that_begin_in_a_runtime_are_its_own),
        cmocka_unit_test(only_nodes_threads_are_its_own_for_doing_little),
        cmocka_unit_test(who_was_started_as_node_is_node),
    };
    return cmocka_run_group_tests_name("helper_threads", tests, NULL, NULL);
}
