/* SPDX-License-Identifier: Apache-2.0 */
#include "record/watch.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

int watch_test(void);

static void the_python_stack_of_a_sample_is_that_samples_alone(void **state)
{
    struct watch_memo memo = {.sample_python = 77, .sample_python_ns = 1000000};
    (void)state;
    assert_int_equal(watch_memo_python_take(&memo, 999999), 0); /* an earlier sample's turn */
    assert_int_equal(watch_memo_python_take(&memo, 1100000), 77);
    assert_int_equal(watch_memo_python_take(&memo, 1200000), 0); /* at 10,000 Hz, of native code */
    memo = (struct watch_memo){.sample_python = 78, .sample_python_ns = 2000000};
    assert_int_equal(watch_memo_python_take(&memo, 3000000), 0); /* its sample was lost */
    assert_int_equal(watch_memo_python_take(&memo, 2100000), 0);
}

static void a_loop_left_with_its_bell_waited_for_a_connection(void **state)
{
    struct watch_memo memo = {.call = SYS_epoll_pwait, .argument = 3, .reason = WAIT_IPC, .peer = 5};
    struct reason_found bell = {.reason = WAIT_IPC, .address = "unix:[4711]"};
    struct reason_found server = {.reason = WAIT_NETWORK, .address = "10.0.0.7:443"};
    (void)state;
    watch_memo_loop(&memo, &bell); /* no connection so far */
    assert_int_equal(memo.peer, 5);
    memo.reason = WAIT_NETWORK;
    memo.peer = 6;
    watch_memo_loop(&memo, &server);
    memo.reason = WAIT_IPC;
    memo.peer = 5;
    watch_memo_loop(&memo, &bell);
    assert_int_equal(memo.reason, WAIT_NETWORK);
    assert_int_equal(memo.peer, 6);
    memo.argument = 4; /* another loop */
    memo.peer = 5;
    watch_memo_loop(&memo, &bell);
    assert_int_equal(memo.peer, 5);
}

int watch_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_python_stack_of_a_sample_is_that_samples_alone),
        cmocka_unit_test(a_loop_left_with_its_bell_waited_for_a_connection),
    };
    return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
