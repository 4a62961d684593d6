/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "analyze/scenario.h"
#include "base/clock.h"
#include "picture/picture.h"

struct drawn {
    struct scenario scenario;
    struct arena arena;
    struct timeline timeline;
};

static void draw(struct drawn *drawn)
{
    struct err err = {0};
    scenario_walk(&drawn->scenario);
    drawn->arena = (struct arena){0};
    assert_int_equal(
        picture_timeline(&drawn->scenario.run, &drawn->scenario.path, &drawn->arena, &drawn->timeline, &err),
        0);
}

static void undraw(struct drawn *drawn)
{
    arena_free(&drawn->arena);
    scenario_deinit(&drawn->scenario);
}

static void tracks_follow_those_that_started_them(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t parent, depth;
    } expected[] = {{"make", SIZE_MAX, 0}, {"cc", 0, 1}, {"as", 1, 2}, {"ld", 0, 1}, {"strip", 3, 2}};
    struct drawn drawn;
    scenario_init(&drawn.scenario, 2, 100);
    uint64_t make = scenario_process(&drawn.scenario, 0, "make", 0, 100);
    uint64_t cc = scenario_process(&drawn.scenario, make, "cc", 10, 80);
    uint64_t ld = scenario_process(&drawn.scenario, make, "ld", 20, 90);
    scenario_process(&drawn.scenario, ld, "strip", 30, 40);
    scenario_process(&drawn.scenario, cc, "as", 40, 70);
    draw(&drawn);
    assert_int_equal(drawn.timeline.track_count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(drawn.timeline.tracks[i].name, expected[i].name);
        assert_int_equal(drawn.timeline.tracks[i].parent, expected[i].parent);
        assert_int_equal(drawn.timeline.tracks[i].depth, expected[i].depth);
    }
    undraw(&drawn);
}

static void wake_ups_lead_from_row_to_row_and_interrupts_from_nowhere(void **state)
{
    (void)state;
    struct drawn drawn;
    scenario_init(&drawn.scenario, 2, 100);
    uint64_t root = scenario_process(&drawn.scenario, 0, "reader", 0, 100);
    uint64_t writer = scenario_process(&drawn.scenario, root, "writer", 0, 100);
    struct scenario_wake wake = {.thread = root,
                                 .waker = writer,
                                 .start_ms = 10,
                                 .end_ms = 30,
                                 .queued_ms = 5,
                                 .reason = WAIT_PIPE,
                                 .source = WAKER_EXACT};
    scenario_woken(&drawn.scenario, &wake);
    wake.start_ms = 40;
    wake.end_ms = 60;
    wake.reason = WAIT_SLEEP;
    wake.source = WAKER_INTERRUPT;
    scenario_woken(&drawn.scenario, &wake);
    draw(&drawn);
    assert_int_equal(drawn.timeline.wake_count, 1);
    assert_int_equal(drawn.timeline.wakes[0].from, 1);
    assert_int_equal(drawn.timeline.wakes[0].to, 0);
    assert_int_equal(drawn.timeline.wakes[0].from_ns, 25 * NS_PER_MS);
    assert_int_equal(drawn.timeline.wakes[0].to_ns, 30 * NS_PER_MS);
    undraw(&drawn);
}

static void of_many_equal_waits_some_of_all_times_keep_their_wakers(void **state)
{
    (void)state;
    enum { COUNT = 3 * TIMELINE_WAKE_MAX };
    struct drawn drawn;
    scenario_init(&drawn.scenario, 2, COUNT * 3 + 100);
    uint64_t root = scenario_process(&drawn.scenario, 0, "reader", 0, COUNT * 3 + 100);
    uint64_t writer = scenario_process(&drawn.scenario, root, "writer", 0, COUNT * 3 + 100);
    struct scenario_wake wake = {.thread = root, .waker = writer, .reason = WAIT_PIPE, .source = WAKER_EXACT};
    for (uint64_t i = 0; i < COUNT; i++) {
        wake.start_ms = i * 3 + 1;
        wake.end_ms = i * 3 + 3;
        scenario_woken(&drawn.scenario, &wake);
    }
    wake.start_ms = COUNT * 3 + 10;
    wake.end_ms = COUNT * 3 + 60;
    scenario_woken(&drawn.scenario, &wake);
    draw(&drawn);
    assert_in_range(drawn.timeline.wake_count, TIMELINE_WAKE_MAX / 2, TIMELINE_WAKE_MAX);
    assert_int_equal(drawn.timeline.wake_count + drawn.timeline.wake_hidden_count, COUNT + 1);
    assert_in_range(drawn.timeline.wakes[drawn.timeline.wake_count / 2].to_ns, COUNT * NS_PER_MS,
                    COUNT * 2 * NS_PER_MS);
    assert_int_equal(drawn.timeline.wakes[drawn.timeline.wake_count - 1].to_ns, (COUNT * 3 + 60) * NS_PER_MS);
    undraw(&drawn);
}

/* 60,000 sleeps of 1 ms and ten of a second, running in between. */
static void many_short_waits_are_drawn_together_and_none_of_the_time_is_lost(void **state)
{
    (void)state;
    enum { SHORT = 60000, LONG = 10 };
    struct drawn drawn;
    scenario_init(&drawn.scenario, 2, SHORT * 2 + LONG * 1000);
    uint64_t root = scenario_process(&drawn.scenario, 0, "busy", 0, SHORT * 2 + LONG * 1000);
    uint64_t at = 0, drawn_ns = 0, long_count = 0, last_ns = 0;
    for (size_t i = 0; i < SHORT; i++, at += 2) {
        scenario_wait(&drawn.scenario, root, at + 1, at + 2, WAIT_SLEEP, 0);
        if (i % (SHORT / LONG) == 7) {
            scenario_wait(&drawn.scenario, root, at + 2, at + 1002, WAIT_LOCK, 0);
            at += 1000;
        }
    }
    draw(&drawn);
    const struct timeline_track *track = &drawn.timeline.tracks[0];
    assert_in_range(track->interval_count, 1000, TIMELINE_INTERVAL_MAX);
    assert_true(drawn.timeline.resolution_ns >= 2 * NS_PER_MS &&
                drawn.timeline.resolution_ns < 20 * NS_PER_MS);
    for (size_t i = 0; i < track->interval_count; i++) {
        assert_int_equal(track->intervals[i].start_ns, last_ns);
        last_ns = track->intervals[i].end_ns;
        drawn_ns += last_ns - track->intervals[i].start_ns;
        long_count += track->intervals[i].doing == WAIT_LOCK;
    }
    assert_int_equal(long_count, LONG);
    /* The path goes from the start to the end as well, in steps that are mostly what they are called. */
    last_ns = 0;
    uint64_t lock_ns = 0;
    assert_in_range(drawn.timeline.step_count, 10, 4000);
    for (size_t i = 0; i < drawn.timeline.step_count; i++) {
        const struct timeline_step *step = &drawn.timeline.steps[i];
        assert_int_equal(step->start_ns, last_ns);
        assert_int_equal(step->track, 0);
        last_ns = step->end_ns;
        lock_ns += step->doing == WAIT_LOCK ? last_ns - step->start_ns : 0;
    }
    assert_int_equal(last_ns, (SHORT * 2 + LONG * 1000) * NS_PER_MS);
    assert_int_equal(lock_ns, LONG * NS_PER_S);
    assert_int_equal(drawn_ns, (SHORT * 2 + LONG * 1000) * NS_PER_MS);
    undraw(&drawn);
}

int timeline_test(void);
int timeline_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tracks_follow_those_that_started_them),
        cmocka_unit_test(wake_ups_lead_from_row_to_row_and_interrupts_from_nowhere),
        cmocka_unit_test(of_many_equal_waits_some_of_all_times_keep_their_wakers),
        cmocka_unit_test(many_short_waits_are_drawn_together_and_none_of_the_time_is_lost),
    };
    return cmocka_run_group_tests_name("timeline", tests, NULL, NULL);
}
