/* SPDX-License-Identifier: Apache-2.0 */
#include "record/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

int ledger_test(void);

#define MS 1000000ull

static size_t look(struct ledger *ledger, const uint64_t *milliseconds, uint64_t turns, bool blocked,
                   struct ledger_piece *ret_pieces)
{
    struct ledger_look at = {.time_ns = milliseconds[0] * MS,
                             .cpu_ns = milliseconds[1] * MS,
                             .queue_ns = milliseconds[2] * MS,
                             .turn_count = turns,
                             .blocked = blocked};
    return ledger_settle(ledger, &at, ret_pieces);
}

#define LOOK(ledger, turns, blocked, pieces, ...)                                                            \
    look(ledger, (uint64_t[]){__VA_ARGS__}, turns, blocked, pieces)

static void a_wait_without_a_turn_goes_on(void **state)
{
    struct ledger ledger;
    struct ledger_piece pieces[LEDGER_PIECE_MAX];
    (void)state;
    ledger_start(&ledger, &(struct ledger_look){.time_ns = 0});
    assert_int_equal(LOOK(&ledger, 1, true, pieces, 10, 4, 0), 0); /* ran 4, blocked since 4 */
    assert_int_equal(ledger.open_ns, 4 * MS);
    struct ledger_look same = {.time_ns = 20 * MS, .cpu_ns = 4 * MS, .turn_count = 1, .blocked = true};
    assert_false(ledger_changed(&ledger, &same));
    assert_int_equal(ledger_settle(&ledger, &same, pieces), 0);
    /* one turn of 2 ms somewhere between 20 and 30: the rest is halved between the two waits */
    assert_int_equal(LOOK(&ledger, 2, true, pieces, 30, 6, 0), 1);
    assert_int_equal(pieces[0].side, LEDGER_BEFORE);
    assert_int_equal(pieces[0].start_ns, 4 * MS);
    assert_int_equal(pieces[0].end_ns, 24 * MS);
    assert_int_equal(pieces[0].blocked_ns, 20 * MS);
    assert_int_equal(ledger.open_ns, 26 * MS);
}

static void running_then_blocking_is_exact(void **state)
{
    struct ledger ledger;
    struct ledger_piece pieces[LEDGER_PIECE_MAX];
    (void)state;
    ledger_start(&ledger, &(struct ledger_look){.time_ns = 0});
    assert_int_equal(LOOK(&ledger, 1, true, pieces, 1, 1, 0), 0);
    assert_int_equal(LOOK(&ledger, 2, false, pieces, 3, 1, 0), 0); /* running: nothing is settled yet */
    assert_int_equal(LOOK(&ledger, 2, true, pieces, 10, 7, 0), 1);
    assert_int_equal(pieces[0].blocked_ns + ledger.open_ns, 0 + pieces[0].blocked_ns + ledger.open_ns);
    /* 9 ms of wall, 6 of CPU: 3 blocked, half before, half behind */
    assert_int_equal(pieces[0].blocked_ns, 3 * MS / 2);
    assert_int_equal(ledger.open_ns, 10 * MS - 3 * MS / 2);
}

static void many_turns_become_one_row_of_equal_waits(void **state)
{
    struct ledger ledger;
    struct ledger_piece pieces[LEDGER_PIECE_MAX];
    (void)state;
    ledger_start(&ledger, &(struct ledger_look){.time_ns = 0});
    LOOK(&ledger, 1, true, pieces, 0, 0, 0);
    /* 10 turns in 22 ms: 2 of CPU, 9 waits between and two at the ends share 20 */
    assert_int_equal(LOOK(&ledger, 11, true, pieces, 22, 0, 0), 2);
    assert_int_equal(pieces[1].side, LEDGER_BETWEEN);
    assert_int_equal(pieces[1].count, 9);
    uint64_t total = pieces[0].blocked_ns + pieces[1].blocked_ns + (22 * MS - ledger.open_ns);
    assert_true(total <= 22 * MS && total > 22 * MS - 100);
    assert_true(pieces[0].end_ns <= pieces[1].start_ns && pieces[1].end_ns <= ledger.open_ns);
}

static void a_run_queues_delay_is_the_tail_of_a_wait(void **state)
{
    struct ledger ledger;
    struct ledger_piece pieces[LEDGER_PIECE_MAX];
    (void)state;
    ledger_start(&ledger, &(struct ledger_look){.time_ns = 0});
    LOOK(&ledger, 1, true, pieces, 0, 0, 0);
    assert_int_equal(LOOK(&ledger, 2, true, pieces, 10, 2, 4), 1);
    assert_int_equal(pieces[0].runnable_ns, 4 * MS);
    assert_int_equal(pieces[0].blocked_ns, 2 * MS);
    assert_int_equal(pieces[0].end_ns - pieces[0].start_ns, 6 * MS);
}

static void a_preempted_thread_only_waits_for_a_cpu(void **state)
{
    struct ledger ledger;
    struct ledger_piece pieces[LEDGER_PIECE_MAX];
    (void)state;
    ledger_start(&ledger, &(struct ledger_look){.time_ns = 0});
    assert_int_equal(LOOK(&ledger, 3, false, pieces, 10, 5, 5), 0); /* not long enough to settle */
    assert_int_equal(LOOK(&ledger, 5, false, pieces, 40, 20, 16), 2);
    assert_int_equal(pieces[0].blocked_ns + pieces[1].blocked_ns, 0);
    uint64_t total = pieces[0].runnable_ns + pieces[1].runnable_ns;
    assert_true(total <= 16 * MS && total > 16 * MS - 100);
}

/* Short waits on a busy machine: the looks that find it on the run queue are no reason to call them running. */
static void who_gave_its_cpu_away_was_blocked(void **state)
{
    struct ledger ledger;
    struct ledger_piece pieces[LEDGER_PIECE_MAX];
    (void)state;
    ledger_start(&ledger, &(struct ledger_look){.time_ns = 0});
    struct ledger_look look = {.time_ns = 25 * MS, .cpu_ns = 5 * MS, .queue_ns = 10 * MS, .turn_count = 10};
    assert_true(ledger_is_due(&ledger, &look));
    look.has_slept = true;
    size_t count = ledger_settle(&ledger, &look, pieces);
    uint64_t blocked = 0;
    for (size_t i = 0; i < count; i++)
        blocked += pieces[i].blocked_ns;
    assert_true(blocked <= 10 * MS && blocked > 10 * MS - 100);
    assert_false(ledger_is_due(&ledger, &look));
}

static void late_counters_never_make_a_wait_of_running(void **state)
{
    struct ledger ledger;
    struct ledger_piece pieces[LEDGER_PIECE_MAX];
    (void)state;
    ledger_start(&ledger, &(struct ledger_look){.time_ns = 0});
    /* it ran all the time; the counter lags 3 ms behind at every look */
    for (uint64_t at = 25; at < 500; at += 25) {
        size_t count = LOOK(&ledger, at, false, pieces, at, at - 3, 0);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(pieces[i].blocked_ns, 0);
    }
}

/* 10 ms on a CPU, then 30 on its queue, which the counter tells when they are over; the looks are nearer together. */
static void a_long_stay_on_a_run_queue_is_no_running(void **state)
{
    struct ledger ledger;
    struct ledger_piece pieces[LEDGER_PIECE_MAX];
    uint64_t queued = 0;
    (void)state;
    ledger_start(&ledger, &(struct ledger_look){.time_ns = 0});
    for (uint64_t at = 27; at < 4000; at += 27) {
        uint64_t cycle = at / 40, within = at % 40;
        size_t count =
            LOOK(&ledger, cycle + 1, false, pieces, at, cycle * 10 + (within < 10 ? within : 10), cycle * 30);
        for (size_t i = 0; i < count; i++)
            queued += pieces[i].runnable_ns;
    }
    assert_in_range(queued, 2940 * MS, 3000 * MS);
}

static void a_new_thread_starts_on_a_run_queue(void **state)
{
    struct ledger ledger;
    struct ledger_piece pieces[LEDGER_PIECE_MAX];
    (void)state;
    ledger_start(&ledger, &(struct ledger_look){.time_ns = 100 * MS});
    assert_int_equal(LOOK(&ledger, 1, true, pieces, 110, 3, 2), 1);
    assert_int_equal(pieces[0].start_ns, 100 * MS);
    assert_int_equal(pieces[0].runnable_ns, 2 * MS);
    assert_int_equal(pieces[0].blocked_ns, 0);
    assert_int_equal(ledger.open_ns, 105 * MS);
}

/* The main command may be on a CPU already, its turn counted, when its ledger starts. */
static void who_starts_running_can_block_without_another_turn(void **state)
{
    struct ledger ledger;
    struct ledger_piece pieces[LEDGER_PIECE_MAX];
    (void)state;
    ledger_start(&ledger, &(struct ledger_look){.time_ns = 100 * MS, .cpu_ns = MS, .turn_count = 3});
    assert_int_equal(LOOK(&ledger, 3, true, pieces, 110, 3, 0), 0);
    assert_true(ledger.blocked);
    assert_int_equal(ledger.open_ns, 102 * MS);
    assert_int_equal(LOOK(&ledger, 3, true, pieces, 900, 3, 0), 0);
    assert_int_equal(ledger.seen_ns, 900 * MS);
    /* Its end is a blocked look: near the last one, not half way back to the start. */
    assert_int_equal(LOOK(&ledger, 4, true, pieces, 910, 3, 0), 1);
    assert_int_equal(ledger.open_ns, 905 * MS);
}

static void who_ended_just_now_has_waited_until_it_ran_last(void **state)
{
    struct ledger ledger;
    struct ledger_piece pieces[LEDGER_PIECE_MAX];
    struct ledger_look end = {
        .time_ns = 910 * MS, .cpu_ns = 5 * MS, .turn_count = 4, .blocked = true, .ended = true};
    (void)state;
    ledger_start(&ledger, &(struct ledger_look){.time_ns = 100 * MS, .cpu_ns = MS, .turn_count = 3});
    assert_int_equal(LOOK(&ledger, 3, true, pieces, 110, 3, 0), 0);
    assert_int_equal(LOOK(&ledger, 3, true, pieces, 900, 3, 0), 0);
    assert_int_equal(ledger_settle(&ledger, &end, pieces), 1);
    assert_int_equal(pieces[0].end_ns, 908 * MS);
    assert_int_equal(ledger.open_ns, 910 * MS);
}

int ledger_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wait_without_a_turn_goes_on),
        cmocka_unit_test(running_then_blocking_is_exact),
        cmocka_unit_test(many_turns_become_one_row_of_equal_waits),
        cmocka_unit_test(a_run_queues_delay_is_the_tail_of_a_wait),
        cmocka_unit_test(a_preempted_thread_only_waits_for_a_cpu),
        cmocka_unit_test(who_gave_its_cpu_away_was_blocked),
        cmocka_unit_test(late_counters_never_make_a_wait_of_running),
        cmocka_unit_test(a_long_stay_on_a_run_queue_is_no_running),
        cmocka_unit_test(a_new_thread_starts_on_a_run_queue),
        cmocka_unit_test(who_starts_running_can_block_without_another_turn),
        cmocka_unit_test(who_ended_just_now_has_waited_until_it_ran_last),
    };
    return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
