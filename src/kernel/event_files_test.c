/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <poll.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <unistd.h>

#include "kernel/event_files.h"

#define WAIT_MS 20000

/* Whether nobody holds the other end any more. */
static bool is_last_closed(int reader, int wait_ms)
{
    struct pollfd one = {.fd = reader, .events = POLLIN};
    return poll(&one, 1, wait_ms) == 1 && (one.revents & POLLHUP);
}

static void another_process_holds_them_until_the_gate_is_closed(void **state)
{
    (void)state;
    int first[2], second[2], other[2], fds[2];

    assert_int_equal(pipe(first), 0);
    assert_int_equal(pipe(other), 0);
    assert_int_equal(pipe(second), 0);
    fds[0] = second[1];
    fds[1] = first[1];
    int gate = event_files_leave(fds, 2);
    assert_true(gate >= 0);
    assert_true(fds[0] < fds[1]);
    assert_false(is_last_closed(first[0], 0)); /* closed here, and this was not the last */
    assert_false(is_last_closed(second[0], 0));
    close(other[1]);
    assert_true(is_last_closed(other[0], WAIT_MS)); /* what was not handed over it has not */
    assert_false(is_last_closed(first[0], 0));
    close(gate);
    assert_true(is_last_closed(first[0], WAIT_MS));
    assert_true(is_last_closed(second[0], WAIT_MS));
    close(first[0]);
    close(second[0]);
    close(other[0]);
}

static void of_none_there_is_no_process(void **state)
{
    (void)state;
    int none;
    assert_int_equal(event_files_leave(&none, 0), -1);
}

/* A limit that is too small for another process: closed here. */
static void without_room_for_a_gate_they_are_closed_here(void **state)
{
    (void)state;
    struct rlimit before, limit;
    int one[2];

    assert_int_equal(pipe(one), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    limit = before;
    limit.rlim_cur = 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    int gate = event_files_leave(&one[1], 1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(gate, -1);
    assert_true(is_last_closed(one[0], 0));
    close(one[0]);
}

static void the_limit_is_raised_and_never_lowered(void **state)
{
    (void)state;
    struct rlimit before, limit;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    limit = before;
    limit.rlim_cur = 64;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    event_files_allow(100);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(limit.rlim_cur, 100);
    event_files_allow(10);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(limit.rlim_cur, 100);
    event_files_allow_more(100);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_true(limit.rlim_cur > 100 || limit.rlim_cur == limit.rlim_max);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int event_files_test(void);
int event_files_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_process_holds_them_until_the_gate_is_closed),
        cmocka_unit_test(of_none_there_is_no_process),
        cmocka_unit_test(without_room_for_a_gate_they_are_closed_here),
        cmocka_unit_test(the_limit_is_raised_and_never_lowered),
    };
    return cmocka_run_group_tests_name("event_files", tests, NULL, NULL);
}
