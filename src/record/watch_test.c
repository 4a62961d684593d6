/* SPDX-License-Identifier: Apache-2.0 */
#include "record/watch.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/clock.h"

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

#define BELL   5
#define SERVER 6

/* A loop that was asked about while it waited for the server, and now when only its bell is left. */
static struct watch_memo loop_memo(void)
{
    struct watch_memo memo = {.call = SYS_epoll_pwait, .argument = 3, .peer = SERVER};
    watch_memo_loop(&memo, &(struct reason_found){.reason = WAIT_NETWORK, .address = "10.0.0.7:443"});
    memo.reason = WAIT_IPC;
    memo.peer = BELL;
    watch_memo_loop(&memo, &(struct reason_found){.reason = WAIT_IPC, .address = "unix:[4711]"});
    return memo;
}

static void a_loop_left_with_its_bell_waited_for_a_connection(void **state)
{
    const struct bpf_wait wait = {
        .arguments = {3, 0, 8, UINT64_MAX}, .count = 1, .blocked_ns = 40 * NS_PER_MS};
    struct bpf_wait limited = wait;
    struct watch_memo memo = {.call = SYS_epoll_pwait, .argument = 3, .reason = WAIT_IPC, .peer = BELL};
    (void)state;
    watch_memo_loop(&memo, &(struct reason_found){.reason = WAIT_IPC, .address = "unix:[4711]"});
    assert_int_equal(watch_reason_loop_peer(&memo, &wait), 0); /* no connection so far */
    memo = loop_memo();
    assert_int_equal(watch_reason_loop_peer(&memo, &wait), SERVER);
    limited.arguments[3] = 5000; /* ms */
    assert_int_equal(watch_reason_loop_peer(&memo, &limited), SERVER);
    memo.argument = 4; /* another loop */
    assert_int_equal(watch_reason_loop_peer(&memo, &wait), 0);
}

static void a_loop_that_sleeps_or_is_woken_by_a_thread_waited_for_no_connection(void **state)
{
    struct bpf_wait wait = {
        .arguments = {3, 0, 8, 10000}, .count = 1, .waker_context = BPF_CONTEXT_INTERRUPT};
    struct watch_memo memo = loop_memo();
    (void)state;
    wait.blocked_ns = 10000 * NS_PER_MS - 4000; /* its timer was set a moment before */
    assert_int_equal(watch_reason_loop_peer(&memo, &wait), 0);
    wait.blocked_ns *= 3; /* three alike in one */
    wait.count = 3;
    assert_int_equal(watch_reason_loop_peer(&memo, &wait), 0);
    wait.blocked_ns = 3 * 40 * NS_PER_MS;
    assert_int_equal(watch_reason_loop_peer(&memo, &wait), SERVER);
    wait.waker_context = BPF_CONTEXT_TASK; /* an executor's thread, through the bell */
    assert_int_equal(watch_reason_loop_peer(&memo, &wait), 0);
}

static void a_loop_woken_by_a_thread_of_its_own_waited_for_that(void **state)
{
    struct bpf_wait wait = {.count = 1, .waker_context = BPF_CONTEXT_TASK, .waker_pid = 7};
    struct watch_memo memo = {.call = SYS_epoll_pwait, .argument = 3, .reason = WAIT_NETWORK, .peer = SERVER};
    (void)state;
    assert_false(watch_reason_is_rung(&memo, &wait, 7)); /* not known to be a loop */
    watch_memo_loop(&memo, &(struct reason_found){.reason = WAIT_NETWORK, .address = "10.0.0.7:443"});
    assert_true(watch_reason_is_rung(&memo, &wait, 7));
    assert_false(watch_reason_is_rung(&memo, &wait, 8)); /* another process */
    wait.waker_context = BPF_CONTEXT_SENDING;
    assert_false(watch_reason_is_rung(&memo, &wait, 7)); /* a server among its own threads */
}

static void a_server_left_with_its_bell_waits_for_clients(void **state)
{
    const struct bpf_wait wait = {
        .arguments = {3, 0, 8, UINT64_MAX}, .count = 1, .blocked_ns = 40 * NS_PER_MS};
    struct watch_memo memo = loop_memo();
    (void)state;
    watch_memo_loop(
        &memo, &(struct reason_found){.reason = WAIT_IPC, .address = "unix:[4711]", .has_listening = true});
    assert_int_equal(watch_reason_loop_peer(&memo, &wait), 0);
}

int watch_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_python_stack_of_a_sample_is_that_samples_alone),
        cmocka_unit_test(a_loop_left_with_its_bell_waited_for_a_connection),
        cmocka_unit_test(a_loop_that_sleeps_or_is_woken_by_a_thread_waited_for_no_connection),
        cmocka_unit_test(a_loop_woken_by_a_thread_of_its_own_waited_for_that),
        cmocka_unit_test(a_server_left_with_its_bell_waits_for_clients),
    };
    return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
