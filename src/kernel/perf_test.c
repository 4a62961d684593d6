/* SPDX-License-Identifier: Apache-2.0 */
/* The real kernel: records a small tree of processes and threads. Skipped where perf is refused. */
#include "kernel/perf.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

int perf_test(void);

struct tally {
    size_t count[PERF_THROTTLE + 1];
    size_t preempted_in;
    uint64_t weight_ns, last_ns, first_ns;
    size_t chained;
    bool ordered;
    bool mapped_shell;
    uint32_t root_pid;
    bool root_exec;
};

static int count_event(void *context, const struct perf_event *event, struct err *err)
{
    struct tally *tally = context;
    (void)err;
    tally->count[event->kind]++;
    tally->ordered = tally->ordered && event->time_ns >= tally->last_ns;
    tally->last_ns = event->time_ns;
    if (!tally->first_ns)
        tally->first_ns = event->time_ns;
    tally->weight_ns += event->weight_ns;
    tally->chained += event->kind == PERF_SAMPLE && event->chain_count > 1;
    if (event->kind == PERF_EXEC && event->pid == tally->root_pid)
        tally->root_exec = strcmp(event->name, "sh") == 0;
    if (event->kind == PERF_MAP && event->map.path[0] == '/' &&
        (event->map.build_id_size > 0 || event->map.inode > 0))
        tally->mapped_shell = true;
    return 0;
}

/* Forks a shell that waits for our go before its exec. */
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

/* The tally of a script; false when perf is refused here. */
static bool record(const char *script, const struct perf_options *wanted, struct tally *tally,
                   struct perf_counts *ret_counts)
{
    int go;
    struct perf_options options = *wanted;
    options.pid = shell_start(script, &go);
    struct perf_source *source = NULL;
    struct err err;
    if (perf_open(&options, &source, &err)) {
        print_message("# skipped: %s (%s)\n", err.what, err.hint);
        kill(options.pid, SIGKILL);
        waitpid(options.pid, NULL, 0);
        close(go);
        return false;
    }
    *tally = (struct tally){.ordered = true, .root_pid = (uint32_t)options.pid};
    assert_int_equal(write(go, "", 1), 1);
    close(go);
    int status;
    while (waitpid(options.pid, &status, WNOHANG) == 0) {
        struct pollfd wait = {.fd = perf_wait_fd(source), .events = POLLIN};
        poll(&wait, 1, 20);
        assert_int_equal(perf_drain(source, false, count_event, tally, &err), 0);
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(perf_drain(source, true, count_event, tally, &err), 0);
    *ret_counts = perf_counts(source);
    perf_close(source);
    return true;
}

static void every_process_of_a_tree_is_seen(void **state)
{
    (void)state;
    struct tally tally;
    struct perf_counts counts;
    struct perf_options options = {.rate_hz = 199};
    uint64_t before_ns = clock_monotonic_ns();
    if (!record("i=0; while [ $i -lt 20 ]; do /bin/true; i=$((i+1)); done; (/bin/true & wait)", &options,
                &tally, &counts))
        skip();
    assert_int_equal(counts.lost_count, 0);
    assert_int_equal(counts.broken_count, 0);
    assert_true(tally.ordered);
    assert_true(tally.root_exec);
    assert_int_equal(tally.count[PERF_EXEC], 22);
    assert_int_equal(tally.count[PERF_FORK], 22);
    assert_int_equal(tally.count[PERF_EXIT], 23);
    assert_true(tally.mapped_shell);
    assert_true(tally.count[PERF_SWITCH_OUT] >= 20); /* the shell waits for each */
    assert_true(tally.first_ns >= before_ns && tally.last_ns <= clock_monotonic_ns());
}

static void a_busy_program_is_sampled_with_its_stacks(void **state)
{
    (void)state;
    struct tally tally;
    struct perf_counts counts;
    struct perf_options options = {.rate_hz = 997, .no_hardware = true};
    if (!record("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done", &options, &tally, &counts))
        skip();
    assert_true(tally.count[PERF_SAMPLE] > 0);
    assert_true(tally.chained > 0);
    uint64_t period_ns = NS_PER_S / options.rate_hz;
    assert_int_equal(tally.weight_ns, tally.count[PERF_SAMPLE] * period_ns);
}

/* A shell that runs before it is watched, and is told to go on by a byte. */
static pid_t running_shell(const char *script, int *ret_go)
{
    int go[2];
    assert_int_equal(pipe2(go, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(go[0], STDIN_FILENO);
        execl("/bin/sh", "sh", "-c", script, (char *)NULL);
        _exit(127);
    }
    close(go[0]);
    *ret_go = go[1];
    return pid;
}

static void what_runs_already_is_watched_with_its_future_children(void **state)
{
    (void)state;
    int goes[2], status;
    pid_t pids[3] = {1 << 22, 0, 0}; /* the first never was: that it is gone is no failure */
    for (size_t i = 0; i < 2; i++)
        pids[1 + i] = running_shell("read line; /bin/true; /bin/true; exit 0", &goes[i]);
    struct perf_options options = {.threads = pids, .thread_count = 3, .rate_hz = 199};
    struct perf_source *source = NULL;
    struct err err;
    int refused = perf_open(&options, &source, &err);
    struct tally tally = {.ordered = true};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(write(goes[i], "\n", 1), 1);
        close(goes[i]);
        assert_int_equal(waitpid(pids[1 + i], &status, 0), pids[1 + i]);
        assert_int_equal(status, 0);
    }
    if (refused) {
        print_message("# skipped: %s (%s)\n", err.what, err.hint);
        skip();
    }
    assert_int_equal(perf_drain(source, true, count_event, &tally, &err), 0);
    assert_int_equal(perf_counts(source).lost_count, 0);
    assert_true(tally.ordered);
    assert_int_equal(tally.count[PERF_FORK], 4);
    assert_int_equal(tally.count[PERF_EXIT], 6);
    perf_close(source);
}

static void the_whole_machine_is_watched_by_who_may(void **state)
{
    (void)state;
    int go, status;
    struct perf_options options = {.whole_machine = true, .rate_hz = 199};
    struct perf_source *source = NULL;
    struct err err;
    if (perf_open(&options, &source, &err)) {
        print_message("# skipped: %s (%s)\n", err.what, err.hint);
        skip();
    }
    pid_t pid = running_shell("read line; exit 0", &go);
    assert_int_equal(write(go, "\n", 1), 1);
    close(go);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    struct tally tally = {.ordered = true, .root_pid = (uint32_t)pid};
    assert_int_equal(perf_drain(source, true, count_event, &tally, &err), 0);
    assert_true(tally.root_exec && tally.ordered);
    assert_true(tally.count[PERF_SWITCH_IN] > 0 && tally.count[PERF_SWITCH_OUT] > 0);
    perf_close(source);
}

static void a_rate_out_of_bounds_is_a_mistake_of_the_caller(void **state)
{
    (void)state;
    struct err err;
    struct perf_source *source;
    assert_int_equal(perf_open(&(struct perf_options){.pid = getpid()}, &source, &err), -ERR_USAGE);
}

int perf_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_process_of_a_tree_is_seen),
        cmocka_unit_test(a_busy_program_is_sampled_with_its_stacks),
        cmocka_unit_test(what_runs_already_is_watched_with_its_future_children),
        cmocka_unit_test(the_whole_machine_is_watched_by_who_may),
        cmocka_unit_test(a_rate_out_of_bounds_is_a_mistake_of_the_caller),
    };
    return cmocka_run_group_tests_name("perf", tests, NULL, NULL);
}
