/* SPDX-License-Identifier: Apache-2.0 */
/* Real recordings into a dataset, on each rung that this machine allows. */
#include "record/recorder.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "model/dataset.h"
#include "model/meta.h"
#include "python/python_layout.h"
#include "record/machine.h"
#include "record/rung.h"

int record_test(void);

struct run {
    struct dataset dataset;
    struct record_result result;
    struct err err;
    int code;
};

static void run_start(struct run *run, const char *rung, char *const *command)
{
    memset(run, 0, sizeof *run);
    dataset_init(&run->dataset);
    struct record_options options = {.command = command, .rung = rung, .sink = &run->dataset.sink};
    run->code = record_run(&options, &run->result, &run->err);
}

#define SHELL(run, rung, script) run_start(run, rung, (char *const[]){"sh", "-c", script, NULL})

static size_t row_count(const struct run *run, enum table_id table)
{
    return run->dataset.columns[table][0].count;
}

#define CELL(run, NAME, name, field, row)                                                                    \
    ((run)->dataset.columns[TABLE_##NAME][COLUMN(name, field)].items[row])

static const char *text(const struct run *run, uint64_t id)
{
    return view_text(&run->dataset.view, id);
}

/* The last row of the process track with that name, -1 when there is none. */
static long track_row(const struct run *run, const char *name)
{
    for (size_t i = row_count(run, TABLE_TRACK); i > 0; i--)
        if (CELL(run, TRACK, track, kind, i - 1) == TRACK_PROCESS &&
            !strcmp(text(run, CELL(run, TRACK, track, name, i - 1)), name))
            return (long)i - 1;
    return -1;
}

static uint64_t meta_u64(const struct run *run, const char *key)
{
    const char *value = view_meta(&run->dataset.view, key);
    assert_non_null(value);
    return strtoull(value, NULL, 10);
}

/* Sum of blocked time of a reason on all tracks. */
static uint64_t blocked_ns(const struct run *run, enum wait_reason reason)
{
    uint64_t sum_ns = 0;
    for (size_t i = 0; i < row_count(run, TABLE_WAIT); i++)
        if (CELL(run, WAIT, wait, reason, i) == (uint64_t)reason)
            sum_ns += CELL(run, WAIT, wait, blocked_ns, i);
    return sum_ns;
}

static void rules_hold(const struct run *run)
{
    static uint64_t end_of[4096];
    memset(end_of, 0, sizeof end_of);
    for (size_t i = 0; i < row_count(run, TABLE_WAIT); i++) {
        uint64_t track = CELL(run, WAIT, wait, track, i), start = CELL(run, WAIT, wait, start_ns, i);
        uint64_t end = CELL(run, WAIT, wait, end_ns, i);
        uint64_t parts = CELL(run, WAIT, wait, blocked_ns, i) + CELL(run, WAIT, wait, runnable_ns, i);
        assert_true(track > 0 && track < 4096);
        assert_true(start >= end_of[track] && end > start);
        end_of[track] = end;
        assert_true(parts <= end - start);
        if (CELL(run, WAIT, wait, count, i) == 1)
            assert_int_equal(parts, end - start);
        assert_true(CELL(run, WAIT, wait, peer, i) <= row_count(run, TABLE_PEER));
    }
    for (size_t i = 0; i < row_count(run, TABLE_SAMPLE); i++)
        assert_true(CELL(run, SAMPLE, sample, stack, i) <= row_count(run, TABLE_STACK));
}

static void children_and_their_waits_are_recorded(void **state)
{
    struct run run;
    SHELL(&run, *state, "sleep 0.3; (sleep 0.1 &) ; sleep 0.2; exit 3");
    assert_int_equal(run.code, 0);
    assert_int_equal(run.result.exit_status, 3);
    assert_string_equal(run.result.rung, (const char *)*state);
    assert_int_equal(meta_u64(&run, META_EXIT_STATUS), 3);
    assert_int_equal(meta_u64(&run, META_ROOT_TRACK), 1);
    long root = track_row(&run, "sh"), child = track_row(&run, "sleep");
    assert_true(root >= 0 && child >= 0);
    assert_int_equal(CELL(&run, TRACK, track, parent, child), 1);
    assert_true(run.result.process_count >= 4);
    assert_true(row_count(&run, TABLE_EDGE) >= 2);
    /* sleep sleeps, sh waits for it: nearly half a second each */
    assert_true(blocked_ns(&run, WAIT_SLEEP) > 400000000);
    assert_true(blocked_ns(&run, WAIT_CHILD) > 400000000);
    rules_hold(&run);
    dataset_deinit(&run.dataset);
}

static void a_child_that_nobody_waits_for_is_one_process(void **state)
{
    struct run run;
    SHELL(&run, *state, "true & exec sleep 0.5");
    assert_int_equal(run.code, 0);
    assert_in_range(run.result.process_count, 1, 2);
    rules_hold(&run);
    dataset_deinit(&run.dataset);
}

static void cpu_time_is_sampled(void **state)
{
    struct run run;
    uint64_t weight_ns = 0;
    SHELL(&run, *state, "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done");
    assert_int_equal(run.code, 0);
    for (size_t i = 0; i < row_count(&run, TABLE_SAMPLE); i++)
        weight_ns += CELL(&run, SAMPLE, sample, weight, i);
    assert_true(weight_ns > 0);
    assert_true(weight_ns < 2 * run.result.wall_ns);
    rules_hold(&run);
    dataset_deinit(&run.dataset);
}

static void a_pipes_ends_are_known(void **state)
{
    struct run run;
    size_t writer = 0, reader = 0;
    SHELL(&run, *state, "(sleep 0.3; echo x) | cat");
    for (size_t i = 0; i < row_count(&run, TABLE_IO); i++) {
        uint64_t peer = CELL(&run, IO, io, peer, i);
        if (!peer || CELL(&run, PEER, peer, kind, peer - 1) != PEER_PIPE)
            continue;
        writer += CELL(&run, IO, io, operation, i) == IO_WRITE;
        reader += CELL(&run, IO, io, operation, i) == IO_READ;
    }
    assert_true(writer > 0 && reader > 0);
    assert_true(blocked_ns(&run, WAIT_PIPE) > 200000000);
    rules_hold(&run);
    dataset_deinit(&run.dataset);
}

static void a_daemon_is_not_waited_for(void **state)
{
    struct run run;
    SHELL(&run, *state, "setsid sh -c 'sleep 3' >/dev/null 2>&1 & sleep 0.2");
    assert_int_equal(run.code, 0);
    assert_true(run.result.wall_ns < 2500000000u);
    long daemon = track_row(&run, "sleep");
    assert_true(daemon >= 0);
    assert_non_null(view_meta(&run.dataset.view, META_REMARK));
    rules_hold(&run);
    dataset_deinit(&run.dataset);
}

static void what_cannot_be_executed_is_told_apart(void **state)
{
    struct run run;
    run_start(&run, *state, (char *const[]){"/nonexistent/command", NULL});
    assert_int_not_equal(run.code, 0);
    assert_int_equal(run.result.exit_status, 127);
    assert_string_equal(run.err.what,
                        "could not run command '/nonexistent/command': No such file or directory");
    dataset_deinit(&run.dataset);
    run_start(&run, *state, (char *const[]){"/etc/passwd", NULL});
    assert_int_not_equal(run.code, 0);
    assert_int_equal(run.result.exit_status, 126);
    dataset_deinit(&run.dataset);
}

static void a_signals_death_reads_as_a_shell_tells_it(void **state)
{
    struct run run;
    SHELL(&run, *state, "kill -TERM $$");
    assert_int_equal(run.result.exit_status, 128 + SIGTERM);
    dataset_deinit(&run.dataset);
}

static void a_signal_to_the_recorder_reaches_the_command(void **state)
{
    struct run run;
    int ends[2];
    char said[8];
    pid_t self = getpid();
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(dup2(ends[1], 9), 9);
    close(ends[1]);
    pid_t sender = fork();
    if (sender == 0) { /* when the command is ready for it, or at its end */
        close(9);
        _exit(read(ends[0], said, sizeof said) <= 0 || kill(self, SIGTERM) < 0);
    }
    SHELL(&run, *state,
          "trap 'exit 7' TERM; echo up >&9; i=0; while [ $i -lt 100 ]; do sleep 0.1; i=$((i+1)); done");
    close(ends[0]);
    close(9);
    assert_int_equal(run.result.exit_status, 7);
    waitpid(sender, NULL, 0); /* the recorder may have reaped it already */
    dataset_deinit(&run.dataset);
}

static void a_killed_recorder_leaves_the_command_alone(void **state)
{
    int ends[2];
    char said[8] = "";
    assert_int_equal(pipe(ends), 0);
    pid_t recorder = fork();
    if (recorder == 0) {
        struct run run;
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        SHELL(&run, *state, "echo up; sleep 0.6; echo alive");
        _exit(0);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], said, sizeof said - 1), 3); /* it has started */
    usleep(100000);
    kill(recorder, SIGKILL);
    waitpid(recorder, NULL, 0);
    assert_int_equal(read(ends[0], said, sizeof said - 1), 6);
    assert_string_equal(said, "alive\n");
    close(ends[0]);
}

static void a_command_that_records_itself_is_recorded(void **state)
{
    struct run run;
    /* The inner recorder is this very program, running one of its groups. */
    char self[256];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(length > 0);
    self[length] = '\0';
    run_start(&run, *state, (char *const[]){self, "doctor_test", NULL});
    assert_int_equal(run.code, 0);
    assert_int_equal(run.result.exit_status, 0);
    assert_true(run.result.process_count >= 2);
    rules_hold(&run);
    dataset_deinit(&run.dataset);
}

/* The sink of a full disk. */
static int full_append(struct sink *sink, enum table_id table, const uint64_t *row, struct err *err)
{
    (void)sink;
    (void)table;
    (void)row;
    return err_set(err, ERR_ENVIRONMENT, "could not write: the disk is full");
}

static int full_intern(struct sink *sink, const char *bytes, size_t length, uint64_t *ret_id, struct err *err)
{
    (void)sink;
    (void)bytes;
    (void)length;
    (void)err;
    *ret_id = 1;
    return 0;
}

static void a_full_disk_does_not_stop_the_command(void **state)
{
    struct sink sink = {.append = full_append, .intern = full_intern};
    struct record_options options = {
        .command = (char *const[]){"sh", "-c", "sleep 0.1; exit 5", NULL}, .rung = *state, .sink = &sink};
    struct record_result result = {0};
    assert_int_equal(record_run(&options, &result, NULL), 0);
    assert_int_equal(result.exit_status, 5);
    assert_true(result.incomplete);
    assert_string_equal(result.failure.what, "could not write: the disk is full");
}

/* As most containers do. */
static void perf_refuse(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_perf_event_open, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof filter / sizeof filter[0], .filter = filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
        _exit(77);
}

static bool has_remark(const struct run *run, const char *words)
{
    for (size_t i = 0; i < row_count(run, TABLE_META); i++)
        if (!strcmp(text(run, CELL(run, META, meta, key, i)), META_REMARK) &&
            strstr(text(run, CELL(run, META, meta, value, i)), words))
            return true;
    return false;
}

static void a_refused_rung_falls_back_and_says_so(void **state)
{
    int status = 0;
    pid_t child = fork();
    (void)state;
    if (child == 0) {
        struct run run;
        perf_refuse();
        SHELL(&run, "perf", "true");
        if (!run.code || run.result.exit_status != RECORD_STATUS_FAILED || !run.err.hint[0])
            _exit(1);
        dataset_deinit(&run.dataset);
        SHELL(&run, NULL, "sleep 0.1; exit 6");
        bool is_good = !run.code && run.result.exit_status == 6 && !strcmp(run.result.rung, "proc") &&
                       has_remark(&run, "from /proc alone");
        _exit(is_good ? 0 : 2);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WEXITSTATUS(status) == 77) {
        print_message("# skipped: the kernel refuses the filter that stands for a container\n");
        skip();
    }
    assert_int_equal(status, 0);
}

static void every_wait_for_another_names_its_waker(void **state)
{
    struct run run;
    size_t count = 0;
    SHELL(&run, *state, "(sleep 0.2; echo x) | cat; sleep 0.1");
    for (size_t i = 0; i < row_count(&run, TABLE_WAIT); i++) {
        uint64_t reason = CELL(&run, WAIT, wait, reason, i), waker = CELL(&run, WAIT, wait, waker_track, i);
        if ((reason != WAIT_PIPE && reason != WAIT_CHILD) || !CELL(&run, WAIT, wait, blocked_ns, i))
            continue;
        count++;
        assert_true(waker > 0 && waker != CELL(&run, WAIT, wait, track, i));
        assert_int_equal(CELL(&run, WAIT, wait, waker_source, i), WAKER_EXACT);
    }
    assert_true(count >= 3);
    dataset_deinit(&run.dataset);
}

static long row_of(const struct run *run, enum table_id table, uint64_t id)
{
    for (size_t i = 0; i < row_count(run, table); i++)
        if (run->dataset.columns[table][0].items[i] == id)
            return (long)i;
    return -1;
}

/* The line at which a stack is in a Python function; 0. */
static uint64_t python_line(const struct run *run, uint64_t stack, const char *function)
{
    for (long at; stack && (at = row_of(run, TABLE_STACK, stack)) >= 0;
         stack = CELL(run, STACK, stack, parent, at)) {
        long frame = row_of(run, TABLE_FRAME, CELL(run, STACK, stack, frame, at));
        if (frame >= 0 && !strcmp(text(run, CELL(run, FRAME, frame, module, frame)), MODULE_NAME_PYTHON) &&
            !strcmp(text(run, CELL(run, FRAME, frame, function, frame)), function))
            return CELL(run, FRAME, frame, line, frame);
    }
    return 0;
}

static void waits_of_python_code_have_function_and_line(void **state)
{
    struct run run;
    uint64_t line = 0;
    /* Twice: a busy recorder may see what the process is when it sleeps already. */
    char *const command[] = {"/usr/bin/python3", "-c",
                             "import time\ndef nap():\n    time.sleep(0.4)\nnap()\nnap()\n", NULL};
    if (system(
            "exec /usr/bin/python3 -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 15))' "
            "2>/dev/null")) { /* NOLINT(cert-env33-c,concurrency-mt-unsafe): a command of our own */
        print_message("# there is no /usr/bin/python3 whose functions can be read (" PYTHON_VERSIONS ")\n");
        skip();
    }
    run_start(&run, *state, command);
    assert_int_equal(run.result.exit_status, 0);
    for (size_t i = 0; i < row_count(&run, TABLE_WAIT); i++) {
        if (CELL(&run, WAIT, wait, reason, i) == WAIT_SLEEP && CELL(&run, WAIT, wait, blocked_ns, i) > 0 &&
            !line)
            line = python_line(&run, CELL(&run, WAIT, wait, stack, i), "nap");
    }
    assert_int_equal(line, 3);
    dataset_deinit(&run.dataset);
}

/* Nothing tells of it on this rung: it is asked for. */
static void a_thread_has_the_name_that_it_gave_itself(void **state)
{
    struct run run;
    bool found = false;
    char *const command[] = {"/usr/bin/python3", "-c",
                             "import ctypes, threading, time\n"
                             "def work():\n"
                             "    ctypes.CDLL(None).prctl(15, b'worker-7', 0, 0, 0)\n"
                             "    time.sleep(1.2)\n"
                             "thread = threading.Thread(target=work)\n"
                             "thread.start()\nthread.join()\n",
                             NULL};
    if (access(command[0], X_OK)) {
        print_message("# there is no /usr/bin/python3\n");
        skip();
    }
    run_start(&run, *state, command);
    assert_int_equal(run.result.exit_status, 0);
    for (size_t i = 0; i < row_count(&run, TABLE_TRACK); i++)
        found = found || !strcmp(text(&run, CELL(&run, TRACK, track, name, i)), "worker-7");
    assert_true(found);
    dataset_deinit(&run.dataset);
}

static void short_lived_processes_have_their_command_line(void **state)
{
    struct run run;
    size_t count = 0;
    SHELL(&run, *state, "i=0; while [ $i -lt 10 ]; do /bin/true --password=x word$i; i=$((i+1)); done");
    for (size_t i = 0; i < row_count(&run, TABLE_ATTR); i++)
        count += !strcmp(text(&run, CELL(&run, ATTR, attr, key, i)), ATTR_COMMAND) &&
                 strstr(text(&run, CELL(&run, ATTR, attr, value, i)),
                        "[\"/bin/true\", \"--password=***\", \"word");
    assert_int_equal(count, 10);
    dataset_deinit(&run.dataset);
}

/* dd reads and writes 1000 blocks of 512 bytes. */
static void every_call_is_counted_by_peer(void **state)
{
    struct run run = {0};
    uint64_t read_count = 0, read_bytes = 0, write_bytes = 0;
    dataset_init(&run.dataset);
    struct record_options options = {
        .command = (char *const[]){"dd", "if=/dev/zero", "of=/dev/null", "count=1000", "status=none", NULL},
        .rung = *state,
        .io = "all",
        .sink = &run.dataset.sink};
    assert_int_equal(record_run(&options, &run.result, &run.err), 0);
    for (size_t i = 0; i < row_count(&run, TABLE_IO); i++) {
        uint64_t peer = CELL(&run, IO, io, peer, i), operation = CELL(&run, IO, io, operation, i);
        const char *path = peer ? text(&run, CELL(&run, PEER, peer, path, peer - 1)) : "";
        bool is_zero = !strcmp(path, "/dev/zero"), is_null = !strcmp(path, "/dev/null");
        read_count += is_zero && operation == IO_READ ? CELL(&run, IO, io, count, i) : 0;
        read_bytes += is_zero && operation == IO_READ ? CELL(&run, IO, io, bytes, i) : 0;
        write_bytes += is_null && operation == IO_WRITE ? CELL(&run, IO, io, bytes, i) : 0;
    }
    assert_int_equal(read_count, 1000);
    assert_int_equal(read_bytes, 512000);
    assert_int_equal(write_bytes, 512000);
    dataset_deinit(&run.dataset);
}

static void an_unknown_rung_is_an_error(void **state)
{
    struct run run;
    (void)state;
    SHELL(&run, "magic", "true");
    assert_int_equal(run.code, -ERR_USAGE);
    dataset_deinit(&run.dataset);
}

/* Two processes that run before the recording: one sleeps all the time, one computes and sleeps and makes children. */
static void what_ran_before_is_recorded_from_then_on(void **state)
{
    pid_t pids[2];
    static const char *const scripts[] = {"exec sleep 20",
                                          "while :; do i=0; while [ $i -lt 3000 ]; do i=$((i+1)); "
                                          "done; sleep 0.02; done"};
    struct run run;
    for (size_t i = 0; i < 2; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0) {
            setpgid(0, 0);
            execl("/bin/sh", "sh", "-c", scripts[i], (char *)NULL);
            _exit(127);
        }
    }
    usleep(100000);
    memset(&run, 0, sizeof run);
    dataset_init(&run.dataset);
    struct record_options options = {
        .pids = pids, .pid_count = 2, .limit_ns = 400000000, .rung = *state, .sink = &run.dataset.sink};
    run.code = record_run(&options, &run.result, &run.err);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(kill(pids[i], 0), 0);
        kill(-pids[i], SIGKILL);
        waitpid(pids[i], NULL, 0);
    }
    assert_int_equal(run.code, 0);
    assert_int_equal(run.result.wall_ns, 400000000);
    assert_string_equal(view_meta(&run.dataset.view, META_SCOPE), "attached");
    rules_hold(&run);
    assert_true(run.result.process_count > 4); /* and children that came meanwhile */
    uint64_t asleep = 0, queued = 0, track = CELL(&run, TRACK, track, id, track_row(&run, "sleep"));
    for (size_t i = 0; i < row_count(&run, TABLE_TRACK); i++) /* the first process's thread */
        if (CELL(&run, TRACK, track, tid, i) == (uint64_t)pids[0] &&
            CELL(&run, TRACK, track, kind, i) == TRACK_THREAD)
            track = CELL(&run, TRACK, track, id, i);
    for (size_t i = 0; i < row_count(&run, TABLE_WAIT); i++) {
        if (CELL(&run, WAIT, wait, track, i) != track)
            continue;
        asleep += CELL(&run, WAIT, wait, reason, i) == WAIT_SLEEP ? CELL(&run, WAIT, wait, blocked_ns, i) : 0;
        queued += CELL(&run, WAIT, wait, runnable_ns, i);
    }
    assert_true(asleep >= 380000000 && queued <= 20000000);
    dataset_deinit(&run.dataset);
}

static void a_recording_ends_with_all_that_it_watches(void **state)
{
    struct run run;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", "sleep 0.2", (char *)NULL);
        _exit(127);
    }
    memset(&run, 0, sizeof run);
    dataset_init(&run.dataset);
    signal(SIGCHLD, SIG_IGN); /* gone is gone */
    struct record_options options = {
        .pids = &pid, .pid_count = 1, .limit_ns = 30000000000, .rung = *state, .sink = &run.dataset.sink};
    run.code = record_run(&options, &run.result, &run.err);
    signal(SIGCHLD, SIG_DFL);
    assert_int_equal(run.code, 0);
    assert_true(run.result.wall_ns < 20000000000);
    dataset_deinit(&run.dataset);
}

#define ON(rung, test)                                                                                       \
    {                                                                                                        \
#test " on " rung, test, NULL, NULL, (char[])                                                        \
        {                                                                                                    \
            rung                                                                                             \
        }                                                                                                    \
    }
#define ALL_ON(rung)                                                                                         \
    ON(rung, children_and_their_waits_are_recorded), ON(rung, cpu_time_is_sampled),                          \
        ON(rung, a_child_that_nobody_waits_for_is_one_process), ON(rung, a_pipes_ends_are_known),            \
        ON(rung, a_daemon_is_not_waited_for), ON(rung, what_cannot_be_executed_is_told_apart),               \
        ON(rung, a_signals_death_reads_as_a_shell_tells_it),                                                 \
        ON(rung, a_signal_to_the_recorder_reaches_the_command),                                              \
        ON(rung, a_full_disk_does_not_stop_the_command),                                                     \
        ON(rung, a_killed_recorder_leaves_the_command_alone),                                                \
        ON(rung, a_command_that_records_itself_is_recorded),                                                 \
        ON(rung, what_ran_before_is_recorded_from_then_on),                                                  \
        ON(rung, a_recording_ends_with_all_that_it_watches),                                                 \
        ON(rung, waits_of_python_code_have_function_and_line)

int record_test(void)
{
    const struct CMUnitTest proc[] = {ALL_ON("proc"), ON("proc", a_thread_has_the_name_that_it_gave_itself),
                                      cmocka_unit_test(an_unknown_rung_is_an_error),
                                      cmocka_unit_test(a_refused_rung_falls_back_and_says_so)};
    const struct CMUnitTest perf[] = {ALL_ON("perf")};
    const struct CMUnitTest bpf[] = {ALL_ON("bpf"), ON("bpf", every_wait_for_another_names_its_waker),
                                     ON("bpf", every_call_is_counted_by_peer),
                                     ON("bpf", short_lived_processes_have_their_command_line)};
    struct doctor_fact facts[DOCTOR_FACT_MAX];
    size_t count = doctor_look(facts);
    int failed = cmocka_run_group_tests_name("record", proc, NULL, NULL);

    if (doctor_allows(facts, count, RUNG_PERF))
        failed += cmocka_run_group_tests_name("record on perf", perf, NULL, NULL);
    else
        print_message("# skipped: the tests on the perf rung: this machine refuses it\n");
    if (doctor_allows(facts, count, RUNG_BPF))
        failed += cmocka_run_group_tests_name("record on bpf", bpf, NULL, NULL);
    else
        print_message(
            "# skipped: the tests on the bpf rung: this machine refuses it, or this build has none\n");
    return failed;
}
