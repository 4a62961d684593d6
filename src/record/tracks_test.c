/* SPDX-License-Identifier: Apache-2.0 */
#include "record/tracks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "model/dataset.h"

int tracks_test(void);

#define PID 4000000000ull /* nobody has it */

/* A thread that a look finds is taken for the first thread's, which is a guess; who made it tells of it later. */
static void a_maker_that_is_told_is_recorded_and_a_guessed_one_is_not(void **state)
{
    struct dataset data;
    struct tracks tracks;
    struct emit emit = {.sink = &data.sink};
    (void)state;
    dataset_init(&data);
    tracks_init(&tracks, &emit);
    struct track_fork fork = {.pid = PID, .tid = PID, .time_ns = NS_PER_S, .name = "program"};
    assert_non_null(tracks_fork(&tracks, &fork));
    fork = (struct track_fork){
        .pid = PID, .tid = PID + 1, .parent_pid = PID, .parent_tid = PID, .time_ns = 2 * NS_PER_S};
    assert_non_null(tracks_fork(&tracks, &fork));
    fork.tid = PID + 2;
    fork.is_found = true;
    struct task *found = tracks_fork(&tracks, &fork);
    assert_non_null(found);
    struct track_fork told = {
        .pid = PID, .tid = PID + 2, .parent_pid = PID, .parent_tid = PID + 1, .time_ns = 2 * NS_PER_S - 1};
    tracks_made(&tracks, found, &told);
    assert_int_equal(data.columns[TABLE_EDGE][COLUMN(edge, source)].count, 3);
    const uint64_t *sources = data.columns[TABLE_EDGE][COLUMN(edge, source)].items;
    assert_int_equal(sources[0], EDGE_RECORDED);
    assert_int_equal(sources[1], EDGE_INFERRED);
    assert_int_equal(sources[2], EDGE_RECORDED);
    tracks_deinit(&tracks);
    dataset_deinit(&data);
}

int tracks_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_maker_that_is_told_is_recorded_and_a_guessed_one_is_not),
    };
    return cmocka_run_group_tests_name("tracks", tests, NULL, NULL);
}
