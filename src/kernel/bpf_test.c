/* SPDX-License-Identifier: Apache-2.0 */
/* The real kernel: eBPF programs follow a small tree of processes. Skipped where they are refused. */
#include "kernel/bpf.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

int bpf_test(void);

struct tally {
    uint32_t root_pid;
    uint64_t last_ns;
    bool ordered;
    size_t forks, execs, exits, maps, samples;
    uint32_t exit_status; /* of the root */
    char arguments[64];   /* of the last exec, with blanks */
    uint64_t sleep_ns, sleep_woken_ns, pipe_ns, pipe_woken_ns, child_ns, child_woken_ns, run_ns;
    uint64_t pipe_count;
};

static void count_wait(struct tally *tally, const struct bpf_wait *wait)
{
    bool is_woken = wait->waker_context == BPF_CONTEXT_TASK && wait->waker_tid;
    if (wait->flags & BPF_WAIT_QUEUE)
        return;
    if (wait->call == SYS_clock_nanosleep) {
        tally->sleep_ns += wait->blocked_ns;
        tally->sleep_woken_ns += is_woken ? wait->blocked_ns : 0;
    }
    if (wait->call == SYS_wait4) {
        tally->child_ns += wait->blocked_ns;
        tally->child_woken_ns += is_woken ? wait->blocked_ns : 0;
    }
    if ((wait->file.mode & 0170000) == 0010000) {
        tally->pipe_ns += wait->blocked_ns;
        tally->pipe_count += wait->count;
        tally->pipe_woken_ns += is_woken ? wait->blocked_ns : 0;
    }
}

static int count_event(void *context, const struct bpf_event *event, struct err *err)
{
    struct tally *tally = context;
    (void)err;
    tally->ordered = tally->ordered && event->time_ns >= tally->last_ns;
    tally->last_ns = event->time_ns;
    tally->forks += event->fork != NULL;
    tally->execs += event->exec != NULL;
    tally->exits += event->exit != NULL;
    if (event->perf) {
        tally->maps += event->perf->kind == PERF_MAP;
        tally->samples += event->perf->kind == PERF_SAMPLE;
    }
    if (event->exit && event->tid == tally->root_pid)
        tally->exit_status = event->exit->status;
    if (event->slice)
        tally->run_ns += event->slice->run_ns;
    if (event->wait)
        count_wait(tally, event->wait);
    if (event->exec && event->exec->arguments_bytes < sizeof tally->arguments) {
        memcpy(tally->arguments, event->arguments, event->exec->arguments_bytes);
        for (size_t i = 0; i + 1 < event->exec->arguments_bytes; i++)
            if (!tally->arguments[i])
                tally->arguments[i] = ' ';
    }
    return 0;
}

static pid_t shell_start(const char *script, int *ret_go)
{
    int go[2];
    assert_int_equal(pipe2(go, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char byte;
        ssize_t got = read(go[0], &byte, 1);
        if (got == 1)
            execl("/bin/sh", "sh", "-c", script, (char *)NULL);
        _exit(127);
    }
    close(go[0]);
    *ret_go = go[1];
    return pid;
}

/* The tally of a script; false when the programs are refused here. */
static bool record(const char *script, struct tally *tally, struct bpf_counts_seen *ret_counts)
{
    struct bpf_source_options options = {.rate_hz = 199};
    struct bpf_source *source = NULL;
    struct err err = {0};
    int go, status;
    if (bpf_open(&options, &source, &err)) {
        print_message("# skipped: %s (%s)\n", err.what, err.hint);
        return false;
    }
    pid_t pid = shell_start(script, &go);
    struct bpf_thread root = {.pid = (uint32_t)pid, .tid = (uint32_t)pid};
    assert_int_equal(bpf_follow(source, &root, &err), 0);
    *tally = (struct tally){.ordered = true, .root_pid = (uint32_t)pid};
    assert_int_equal(write(go, "", 1), 1);
    close(go);
    while (waitpid(pid, &status, WNOHANG) == 0) {
        struct pollfd wait = {.fd = bpf_wait_fd(source), .events = POLLIN};
        poll(&wait, 1, 20);
        assert_int_equal(bpf_drain(source, false, count_event, tally, &err), 0);
    }
    usleep(20000); /* the last switch comes after the zombie */
    assert_int_equal(bpf_drain(source, true, count_event, tally, &err), 0);
    *ret_counts = bpf_counts(source);
    bpf_close(source);
    return true;
}

static void a_tree_is_followed_from_its_first_exec_to_its_last_exit(void **state)
{
    struct tally tally = {0};
    struct bpf_counts_seen counts = {0};
    (void)state;
    if (!record("i=0; while [ $i -lt 20 ]; do /bin/true a b; i=$((i+1)); done; exit 5", &tally, &counts))
        skip();
    assert_int_equal(counts.lost_count, 0);
    assert_int_equal(counts.broken_count, 0);
    assert_true(tally.ordered);
    assert_int_equal(tally.execs, 21);
    assert_int_equal(tally.forks, 20);
    assert_int_equal(tally.exits, 21);
    assert_int_equal(tally.exit_status, 5 << 8);
    assert_string_equal(tally.arguments, "/bin/true a b");
    assert_true(tally.maps >= 21);
    assert_true(tally.run_ns > 0);
}

static void every_wait_has_its_time_and_its_waker(void **state)
{
    struct tally tally = {0};
    struct bpf_counts_seen counts = {0};
    (void)state;
    if (!record("(sleep 0.2; echo x) | cat >/dev/null; exit 0", &tally, &counts))
        skip();
    assert_in_range(tally.sleep_ns, 200000000, 400000000);
    assert_in_range(tally.pipe_ns, 190000000, 600000000);
    assert_in_range(tally.pipe_woken_ns, tally.pipe_ns * 99 / 100, tally.pipe_ns);
    assert_in_range(tally.child_ns, 190000000, 900000000);
    assert_in_range(tally.child_woken_ns, tally.child_ns * 99 / 100, tally.child_ns);
}

/* The timer's interrupt hits programs in their own code, whose stack it stays on. */
static void who_is_hit_by_an_interrupt_woke_nobody(void **state)
{
    struct tally tally = {0};
    struct bpf_counts_seen counts = {0};
    (void)state;
    if (!record("while :; do :; done & a=$!; while :; do :; done & b=$!;"
                "i=0; while [ $i -lt 20 ]; do sleep 0.003; i=$((i+1)); done; kill $a $b; exit 0",
                &tally, &counts))
        skip();
    assert_true(tally.sleep_ns >= 50000000);
    assert_int_equal(tally.sleep_woken_ns, 0);
}

static void equal_waits_are_added_up(void **state)
{
    struct tally tally = {0};
    struct bpf_counts_seen counts = {0};
    (void)state;
    if (!record("yes | head -c 50000000 | cat | wc -c >/dev/null", &tally, &counts))
        skip();
    assert_int_equal(counts.lost_count, 0);
    assert_true(tally.pipe_count > 100);
    assert_true(counts.event_count > 0);
}

static void nothing_of_it_is_there_when_it_is_closed(void **state)
{
    struct bpf_source_options options = {.rate_hz = 199};
    struct bpf_source *source = NULL;
    struct err err = {0};
    size_t before = 0, after = 0;
    (void)state;
    for (int fd = 0; fd < 256; fd++)
        before += fcntl(fd, F_GETFD) >= 0;
    if (bpf_open(&options, &source, &err)) {
        print_message("# skipped: %s (%s)\n", err.what, err.hint);
        skip();
    }
    bpf_close(source);
    for (int fd = 0; fd < 256; fd++)
        after += fcntl(fd, F_GETFD) >= 0;
    assert_int_equal(before, after);
}

int bpf_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tree_is_followed_from_its_first_exec_to_its_last_exit),
        cmocka_unit_test(every_wait_has_its_time_and_its_waker),
        cmocka_unit_test(who_is_hit_by_an_interrupt_woke_nobody),
        cmocka_unit_test(equal_waits_are_added_up),
        cmocka_unit_test(nothing_of_it_is_there_when_it_is_closed),
    };
    return cmocka_run_group_tests_name("bpf", tests, NULL, NULL);
}
