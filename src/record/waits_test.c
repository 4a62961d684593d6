/* SPDX-License-Identifier: Apache-2.0 */
/* Synthetic switches and looks into rows. */
#include "record/waits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/dataset.h"
#include "record/tracks.h"

int waits_test(void);

#define US 1000ull
#define MS 1000000ull

struct fixture {
    struct dataset dataset;
    struct emit emit;
    struct waits waits;
    struct process process;
    struct task task;
};

static void fixture_init(struct fixture *fixture)
{
    memset(fixture, 0, sizeof *fixture);
    dataset_init(&fixture->dataset);
    fixture->emit.sink = &fixture->dataset.sink;
    waits_init(&fixture->waits, &fixture->emit);
    fixture->waits.is_exact = true;
    snprintf(fixture->process.image, sizeof fixture->process.image, "program");
    fixture->task.process = &fixture->process;
    waits_init_task(&fixture->task.wait, 1, 0);
    waits_switch_in(&fixture->waits, &fixture->task, 0, 0);
}

static void fixture_deinit(struct fixture *fixture)
{
    waits_deinit_task(&fixture->task.wait);
    waits_deinit(&fixture->waits);
    dataset_deinit(&fixture->dataset);
}

static void out(struct fixture *fixture, uint64_t time_ns, bool preempted)
{
    waits_switch_out(&fixture->waits, &fixture->task, time_ns, preempted);
}

static void in(struct fixture *fixture, uint64_t time_ns)
{
    waits_switch_in(&fixture->waits, &fixture->task, time_ns, 0);
}

static void observe(struct fixture *fixture, uint64_t time_ns, enum wait_reason reason)
{
    struct wait_reason_seen seen = {.reason = reason, .peer = 7, .known = true};
    waits_observe(&fixture->task.wait, time_ns, &seen);
}

static size_t row_count(const struct fixture *fixture)
{
    return fixture->dataset.columns[TABLE_WAIT][0].count;
}

#define WAIT(fixture, field, row) ((fixture)->dataset.columns[TABLE_WAIT][COLUMN(wait, field)].items[row])

static void tell(struct fixture *fixture, uint64_t start_ns, uint64_t waker_track)
{
    struct wait_told told = {.interval = {.start_ns = start_ns,
                                          .end_ns = start_ns + 100 * US,
                                          .count = 1,
                                          .blocked_ns = 90 * US,
                                          .runnable_ns = 10 * US},
                             .reason = WAIT_PIPE,
                             .peer = 7,
                             .waker_track = waker_track,
                             .waker_source = WAKER_EXACT};
    waits_tell(&fixture->waits, &fixture->task, &told);
}

static void told_waits_are_one_row_as_long_as_the_same_track_ends_them(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_init(&fixture);
    tell(&fixture, 1 * MS, 3);
    tell(&fixture, 2 * MS, 3);
    tell(&fixture, 3 * MS, 4);
    waits_end(&fixture.waits, &fixture.task, 4 * MS);
    assert_int_equal(row_count(&fixture), 2);
    assert_int_equal(WAIT(&fixture, count, 0), 2);
    assert_int_equal(WAIT(&fixture, blocked_ns, 0), 180 * US);
    assert_int_equal(WAIT(&fixture, runnable_ns, 0), 20 * US);
    assert_int_equal(WAIT(&fixture, waker_track, 0), 3);
    assert_int_equal(WAIT(&fixture, waker_source, 0), WAKER_EXACT);
    assert_int_equal(WAIT(&fixture, waker_track, 1), 4);
    assert_int_equal(fixture.waits.seen_ns, 270 * US);
    fixture_deinit(&fixture);
}

static void a_told_wait_begins_no_earlier_than_the_last_one_ended(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_init(&fixture);
    tell(&fixture, 1 * MS, 3);
    tell(&fixture, 1 * MS + 50 * US, 4);
    waits_end(&fixture.waits, &fixture.task, 4 * MS);
    assert_int_equal(row_count(&fixture), 2);
    assert_int_equal(WAIT(&fixture, start_ns, 1), 1 * MS + 100 * US);
    assert_int_equal(WAIT(&fixture, runnable_ns, 1), 10 * US);
    assert_int_equal(WAIT(&fixture, blocked_ns, 1), 40 * US);
    fixture_deinit(&fixture);
}

static void a_wait_takes_the_reason_of_the_look_within_it(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_init(&fixture);
    out(&fixture, 10 * MS, false);
    observe(&fixture, 15 * MS, WAIT_NETWORK);
    in(&fixture, 30 * MS);
    out(&fixture, 31 * MS, false);
    observe(&fixture, 33 * MS, WAIT_SLEEP);
    in(&fixture, 50 * MS);
    waits_end(&fixture.waits, &fixture.task, 60 * MS);
    assert_int_equal(row_count(&fixture), 2);
    assert_int_equal(WAIT(&fixture, reason, 0), WAIT_NETWORK);
    assert_int_equal(WAIT(&fixture, start_ns, 0), 10 * MS);
    assert_int_equal(WAIT(&fixture, end_ns, 0), 30 * MS);
    assert_int_equal(WAIT(&fixture, blocked_ns, 0), 20 * MS);
    assert_int_equal(WAIT(&fixture, peer, 0), 7);
    assert_int_equal(WAIT(&fixture, reason, 1), WAIT_SLEEP);
    fixture_deinit(&fixture);
}

static void preempted_is_queueing_for_a_cpu_only(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_init(&fixture);
    out(&fixture, 10 * MS, true);
    in(&fixture, 30 * MS);
    waits_end(&fixture.waits, &fixture.task, 40 * MS);
    assert_int_equal(row_count(&fixture), 1);
    assert_int_equal(WAIT(&fixture, reason, 0), WAIT_CPU_QUEUE);
    assert_int_equal(WAIT(&fixture, blocked_ns, 0), 0);
    assert_int_equal(WAIT(&fixture, runnable_ns, 0), 20 * MS);
    fixture_deinit(&fixture);
}

static void an_unseen_wait_takes_the_reason_of_its_length(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_init(&fixture);
    out(&fixture, 10 * MS, false);
    observe(&fixture, 11 * MS, WAIT_NETWORK);
    in(&fixture, 18 * MS); /* 8 ms: network */
    out(&fixture, 20 * MS, false);
    observe(&fixture, 20 * MS + 50 * US, WAIT_LOCK);
    in(&fixture, 20 * MS + 100 * US); /* 100 us: lock */
    out(&fixture, 30 * MS, false);
    in(&fixture, 37 * MS);
    out(&fixture, 50 * MS, false);
    in(&fixture, 50 * MS + 90 * US);
    waits_end(&fixture.waits, &fixture.task, 60 * MS);
    assert_int_equal(row_count(&fixture), 4);
    assert_int_equal(WAIT(&fixture, reason, 2), WAIT_NETWORK);
    assert_int_equal(WAIT(&fixture, reason, 3), WAIT_LOCK);
    assert_int_equal(fixture.waits.inferred_ns, 7 * MS + 90 * US);
    assert_int_equal(fixture.waits.unknown_ns, 0);
    fixture_deinit(&fixture);
}

static void waits_before_the_first_look_learn_from_it(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_init(&fixture);
    out(&fixture, 1 * MS, false);
    in(&fixture, 5 * MS);
    assert_int_equal(row_count(&fixture), 0);
    out(&fixture, 6 * MS, false);
    observe(&fixture, 7 * MS, WAIT_PIPE);
    in(&fixture, 10 * MS);
    waits_end(&fixture.waits, &fixture.task, 60 * MS);
    assert_int_equal(row_count(&fixture), 2);
    assert_int_equal(WAIT(&fixture, reason, 0), WAIT_PIPE);
    fixture_deinit(&fixture);
}

static void equal_short_waits_share_rows_of_limited_length(void **state)
{
    struct fixture fixture;
    uint64_t count = 0, blocked_ns = 0;
    (void)state;
    fixture_init(&fixture);
    for (uint64_t i = 0; i < 1000; i++) {
        out(&fixture, i * 100 * US + 40 * US, false);
        if (i == 0)
            observe(&fixture, 50 * US, WAIT_DISK_SYNC);
        in(&fixture, i * 100 * US + 100 * US);
    }
    waits_end(&fixture.waits, &fixture.task, 200 * MS);
    assert_true(row_count(&fixture) >= 10 && row_count(&fixture) < 15);
    for (size_t i = 0; i < row_count(&fixture); i++) {
        assert_true(WAIT(&fixture, end_ns, i) - WAIT(&fixture, start_ns, i) <= WAIT_RUN_NS);
        count += WAIT(&fixture, count, i);
        blocked_ns += WAIT(&fixture, blocked_ns, i);
    }
    assert_int_equal(count, 1000);
    assert_int_equal(blocked_ns, 60 * MS);
    fixture_deinit(&fixture);
}

static void the_run_queues_counter_becomes_the_tails_of_waits(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_init(&fixture);
    waits_queue(&fixture.waits, &fixture.task, 100 * MS); /* where the counter stood */
    out(&fixture, 10 * MS, true);
    in(&fixture, 15 * MS); /* 5 ms of it are explained */
    out(&fixture, 20 * MS, false);
    observe(&fixture, 21 * MS, WAIT_DISK_SYNC);
    in(&fixture, 30 * MS);
    out(&fixture, 40 * MS, false);
    observe(&fixture, 41 * MS, WAIT_DISK_SYNC);
    in(&fixture, 42 * MS);
    waits_queue(&fixture.waits, &fixture.task, 114 * MS); /* 14: 5 and 9 more */
    waits_end(&fixture.waits, &fixture.task, 60 * MS);
    assert_int_equal(row_count(&fixture), 3);
    assert_int_equal(WAIT(&fixture, runnable_ns, 0), 5 * MS);
    assert_int_equal(WAIT(&fixture, runnable_ns, 1) + WAIT(&fixture, runnable_ns, 2), 9 * MS);
    assert_int_equal(WAIT(&fixture, runnable_ns, 2), 2 * MS); /* all it has */
    assert_int_equal(WAIT(&fixture, blocked_ns, 1), 3 * MS);
    fixture_deinit(&fixture);
}

static void a_long_wait_is_written_before_it_ends(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_init(&fixture);
    out(&fixture, 10 * MS, false);
    observe(&fixture, 15 * MS, WAIT_CHILD);
    waits_checkpoint(&fixture.waits, &fixture.task, 300 * MS);
    assert_int_equal(row_count(&fixture), 0);
    waits_checkpoint(&fixture.waits, &fixture.task, 900 * MS);
    assert_int_equal(row_count(&fixture), 1);
    in(&fixture, 1000 * MS);
    waits_end(&fixture.waits, &fixture.task, 1100 * MS);
    assert_int_equal(row_count(&fixture), 2);
    assert_int_equal(WAIT(&fixture, end_ns, 0), 900 * MS);
    assert_int_equal(WAIT(&fixture, start_ns, 1), 900 * MS);
    assert_int_equal(WAIT(&fixture, reason, 1), WAIT_CHILD);
    fixture_deinit(&fixture);
}

static void time_on_a_cpu_becomes_slices(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_init(&fixture);
    out(&fixture, 1 * MS, true);
    in(&fixture, 1 * MS + 10 * US); /* a gap not worth two slices */
    out(&fixture, 2 * MS, true);
    in(&fixture, 5 * MS);
    waits_end(&fixture.waits, &fixture.task, 6 * MS);
    assert_int_equal(fixture.dataset.columns[TABLE_SLICE][0].count, 2);
    assert_int_equal(fixture.task.wait.run_ns, 3 * MS - 10 * US);
    assert_int_equal(fixture.process.cpu_ns, 3 * MS - 10 * US);
    fixture_deinit(&fixture);
}

int waits_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(told_waits_are_one_row_as_long_as_the_same_track_ends_them),
        cmocka_unit_test(a_told_wait_begins_no_earlier_than_the_last_one_ended),
        cmocka_unit_test(a_wait_takes_the_reason_of_the_look_within_it),
        cmocka_unit_test(preempted_is_queueing_for_a_cpu_only),
        cmocka_unit_test(an_unseen_wait_takes_the_reason_of_its_length),
        cmocka_unit_test(waits_before_the_first_look_learn_from_it),
        cmocka_unit_test(equal_short_waits_share_rows_of_limited_length),
        cmocka_unit_test(the_run_queues_counter_becomes_the_tails_of_waits),
        cmocka_unit_test(a_long_wait_is_written_before_it_ends),
        cmocka_unit_test(time_on_a_cpu_becomes_slices),
    };
    return cmocka_run_group_tests_name("waits", tests, NULL, NULL);
}
