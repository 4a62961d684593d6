/* SPDX-License-Identifier: Apache-2.0 */
#include "investigate/worker.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/num.h"
#include "report/escape.h"
#include "report/units.h"

/* Who was asked to end has this long to put back what it changed. */
#define PATIENCE_NS    (500 * NS_PER_MS)
#define READ_BYTES     65536
#define READS_MAX      64 /* at once: another worker's turn */
#define LAST_LINE_MAX  160
#define STATUS_MISSING 127
/* 128 + N for signal N */
#define STATUS_SIGNALLED 128

/* --- memory --- */

/* Pages of its own (not of files) that a process holds, in bytes; 0 when that is not known. */
static uint64_t own_bytes(pid_t pid)
{
    char path[64], text[128];
    unsigned long long resident = 0, shared = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    if (fs_read_small(path, text, sizeof text) <= 0 ||
        sscanf(text, "%*u %llu %llu", &resident, &shared) != 2 || shared > resident)
        return 0;
    return (resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* What the limit on private memory counts of this process now. */
static uint64_t data_bytes(void)
{
    char text[128];
    unsigned long long data = 0;
    if (fs_read_small("/proc/self/statm", text, sizeof text) <= 0 ||
        sscanf(text, "%*u %*u %*u %*u %*u %llu", &data) != 1)
        return 0;
    return data * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Resident bytes of one process if it is in the group. */
static uint64_t member_bytes(const char *pid, pid_t group)
{
    char path[300], text[512];
    int pgrp = 0;
    unsigned long long pages = 0;
    snprintf(path, sizeof path, "/proc/%s/stat", pid);
    if (fs_read_small(path, text, sizeof text) <= 0)
        return 0;
    const char *behind = strrchr(text, ')'); /* the name may hold anything */
    if (!behind || sscanf(behind, ") %*c %*d %d", &pgrp) != 1 || pgrp != group ||
        sscanf(behind,
               ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %*u %*u %llu",
               &pages) != 1)
        return 0;
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t group_bytes(pid_t group)
{
    DIR *proc = opendir("/proc");
    uint64_t sum = 0;
    for (struct dirent *entry; proc && (entry = readdir(proc));)
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
            sum += member_bytes(entry->d_name, group);
    if (proc)
        closedir(proc);
    return sum;
}

static void look_at_memory(struct worker *worker)
{
    uint64_t bytes = worker->is_builtin ? own_bytes(worker->pid) : group_bytes(worker->pid);
    bytes -= num_min(bytes, worker->memory_base_bytes);
    worker->rss_bytes_max = num_max(worker->rss_bytes_max, bytes);
    if (worker->memory_bytes && bytes > worker->memory_bytes) {
        worker_stop(worker, "ran out of memory: it used over %s", unit_bytes(worker->memory_bytes).text);
        worker->kill_ns = 1; /* it would only take more */
    }
}

/* --- the new process --- */

static void set_limits(const struct worker_options *options)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    if (options->runs_others || !options->memory_bytes)
        return;
    /* A forked process starts with all that its parent has. */
    rlim_t most = options->memory_bytes + (options->builtin ? data_bytes() : 0);
    struct rlimit limit = {most, most};
    setrlimit(RLIMIT_DATA, &limit);
}

static void set_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD, SIGQUIT};
    struct sigaction standard = {.sa_handler = SIG_DFL};
    sigset_t none;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaction(numbers[i], &standard, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static int answer(const struct worker_options *options)
{
    struct answers answers = {.fd = STDOUT_FILENO};
    struct err err = {0};
    const struct investigator *investigator = options->builtin;
    int status = 0;
    if (options->request->round == ROUND_CLAIMS)
        status = investigator->claims(options->question, &answers, &err);
    else if (investigator->votes)
        status = investigator->votes(options->question, &answers, &err);
    if (!status)
        status = answers_status(&answers, &err);
    answers_deinit(&answers);
    if (!status)
        return 0;
    struct str line = {0};
    str_printf(&line, "%s\n", err.what);
    if (fs_write_all(STDERR_FILENO, str_text(&line), line.length, &err))
        return ERR_BUG;
    return -status;
}

static void become(const struct worker_options *options, const struct worker *worker, int request_fd,
                   const int *fds, pid_t parent)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(ERR_ENVIRONMENT);
    memory_group_join(&worker->group);
    set_limits(options);
    set_signals();
    if (dup2(request_fd, STDIN_FILENO) < 0 || dup2(fds[0], STDOUT_FILENO) < 0 ||
        dup2(fds[1], STDERR_FILENO) < 0)
        _exit(ERR_ENVIRONMENT);
    if (options->builtin)
        _exit(answer(options));
    if (options->directory && chdir(options->directory))
        _exit(STATUS_MISSING);
    execl("/bin/sh", "sh", "-c", options->command, (char *)NULL);
    _exit(STATUS_MISSING);
}

/* --- start --- */

static bool path_of(const struct worker *worker, const char *name, char *path, size_t size)
{
    return snprintf(path, size, "%s/%s-%s", worker->folder, round_name(worker->protocol.round), name) <
           (int)size;
}

/* Writes the request beside the answers, and opens it to be read. */
static int request_open(const struct worker_options *options, const struct worker *worker, int *ret_fd,
                        struct err *err)
{
    char path[4096];
    struct str line = {0};
    request_write(options->request, &line);
    if (!path_of(worker, "request.json", path, sizeof path))
        return err_set(err, ERR_ENVIRONMENT, "could not name a file in '%s': it is too long", worker->folder);
    int status = line.failed ? err_memory(err) : fs_replace(path, str_text(&line), line.length, 0600, err);
    str_free(&line);
    if (status)
        return status;
    *ret_fd = open(path, O_RDONLY | O_CLOEXEC);
    return *ret_fd < 0 ? err_errno(err, errno, "could not open file '%s'", path) : 0;
}

static int answers_open(struct worker *worker, struct err *err)
{
    char path[4096];
    if (!path_of(worker, "answers.jsonl", path, sizeof path))
        return err_set(err, ERR_ENVIRONMENT, "could not name a file in '%s': it is too long", worker->folder);
    worker->answers_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return worker->answers_fd < 0 ? err_errno(err, errno, "could not create file '%s'", path) : 0;
}

static int pipe_open(int *ret_read, int *ret_write, struct err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        return err_errno(err, errno, "could not open a pipe");
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    *ret_read = ends[0];
    *ret_write = ends[1];
    return 0;
}

static int start(const struct worker_options *options, struct worker *worker, struct err *err)
{
    static unsigned group_count;
    int write_fds[2] = {-1, -1}, request_fd = -1;
    int status = request_open(options, worker, &request_fd, err);
    if (!status)
        status = answers_open(worker, err);
    if (!status)
        status = pipe_open(&worker->out_fd, &write_fds[0], err);
    if (!status)
        status = pipe_open(&worker->err_fd, &write_fds[1], err);
    if (!status) {
        if (!options->runs_others)
            memory_group_open(&worker->group, ++group_count, options->memory_bytes);
        pid_t parent = getpid(), pid = fork();
        if (pid == 0)
            become(options, worker, request_fd, write_fds, parent);
        if (pid > 0) {
            setpgid(pid, pid); /* whoever is first: the group is there when it must end */
            worker->pid = pid;
            worker->process_fd = (int)syscall(SYS_pidfd_open, pid, 0);
        } else {
            status = err_errno(err, errno, "could not start a process");
        }
    }
    fs_close(&write_fds[0]);
    fs_close(&write_fds[1]);
    fs_close(&request_fd);
    return status;
}

int worker_start(const struct worker_options *options, struct arena *arena, struct worker *ret_worker,
                 struct err *err)
{
    struct worker worker = {.process_fd = -1,
                            .out_fd = -1,
                            .err_fd = -1,
                            .answers_fd = -1,
                            .group.join_fd = -1,
                            .folder = options->folder,
                            .start_ns = clock_monotonic_ns(),
                            .deadline_ns = options->deadline_ns,
                            .memory_bytes = options->memory_bytes,
                            .memory_base_bytes = options->builtin ? own_bytes(getpid()) : 0,
                            .is_builtin = options->builtin != NULL,
                            .runs_others = options->runs_others};
    protocol_init(&worker.protocol, options->request->round, options->request->investigator, arena);
    int status = start(options, &worker, err);
    if (status)
        worker_deinit(&worker);
    else
        *ret_worker = worker;
    return status;
}

/* --- while it runs --- */

void worker_stop(struct worker *worker, const char *format, ...)
{
    if (worker->kill_ns || worker->has_ended)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(worker->why, sizeof worker->why, format, arguments);
    va_end(arguments);
    worker->kill_ns = clock_monotonic_ns() + PATIENCE_NS;
    kill(-worker->pid, SIGTERM);
}

static void keep_answers(struct worker *worker, const char *bytes, size_t count)
{
    struct err ignored; /* a full disk shows where the report is written */
    if (worker->answers_fd >= 0 && fs_write_all(worker->answers_fd, bytes, count, &ignored))
        fs_close(&worker->answers_fd);
}

/* False when there is nothing more now. */
static bool read_answers(struct worker *worker)
{
    char bytes[READ_BYTES];
    struct err err;
    ssize_t got = worker->out_fd < 0 ? 0 : read(worker->out_fd, bytes, sizeof bytes);
    if (got < 0)
        return errno == EINTR;
    if (got == 0) {
        fs_close(&worker->out_fd);
        return false;
    }
    keep_answers(worker, bytes, (size_t)got);
    if (!protocol_feed(&worker->protocol, bytes, (size_t)got, &err))
        return true;
    worker_stop(worker, "talked nonsense: %s", err.what);
    if (!worker->why[0])
        snprintf(worker->why, sizeof worker->why, "talked nonsense: %s", err.what);
    fs_close(&worker->out_fd);
    return false;
}

static bool read_errors(struct worker *worker)
{
    char bytes[READ_BYTES];
    ssize_t got = worker->err_fd < 0 ? 0 : read(worker->err_fd, bytes, sizeof bytes);
    if (got < 0)
        return errno == EINTR;
    if (got == 0) {
        fs_close(&worker->err_fd);
        return false;
    }
    if (worker->errors.length < WORKER_ERRORS_MAX)
        str_append_bytes(&worker->errors, bytes,
                         num_min((size_t)got, WORKER_ERRORS_MAX - worker->errors.length));
    return true;
}

void worker_read(struct worker *worker)
{
    for (int i = 0; i < READS_MAX && read_answers(worker); i++)
        continue;
    for (int i = 0; i < READS_MAX && read_errors(worker); i++)
        continue;
}

void worker_watch(struct worker *worker, uint64_t now_ns, bool at_memory)
{
    if (worker->has_ended)
        return;
    if (waitpid(worker->pid, &worker->wait_status, WNOHANG) == worker->pid) {
        worker->has_ended = true;
        worker->end_ns = now_ns;
        return;
    }
    if (at_memory)
        look_at_memory(worker);
    if (now_ns >= worker->deadline_ns)
        worker_stop(worker, "took longer than the %s it was given",
                    unit_duration(worker->deadline_ns - worker->start_ns).text);
    if (worker->kill_ns && now_ns >= worker->kill_ns) {
        kill(-worker->pid, SIGKILL);
        memory_group_kill(&worker->group);
    }
}

/* --- its end --- */

static bool speaks_of_memory(const char *text)
{
    static const char *const words[] = {"MemoryError",     "ut of memory",    "emory ran out", "bad_alloc",
                                        "allocate memory", "emory exhausted", "heap limit"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strstr(text, words[i]))
            return true;
    return false;
}

static void last_words(const struct worker *worker, struct str *ret_line)
{
    char line[1024];
    child_last_line(&worker->errors, line, sizeof line);
    escape_plain_cut(ret_line, line, LAST_LINE_MAX, true);
}

static void tell_ran_out(struct worker *worker, const struct str *line)
{
    snprintf(worker->why, sizeof worker->why, "ran out of memory: %s are allowed%s%s",
             unit_bytes(worker->memory_bytes).text, line->length ? ": " : "", str_text(line));
}

static void tell_why(struct worker *worker)
{
    struct str line = {0};
    int number = WIFSIGNALED(worker->wait_status) ? WTERMSIG(worker->wait_status) : 0;
    int exit_status = number ? 0 : WEXITSTATUS(worker->wait_status);
    /* A shell tells so of what it ran. */
    if (!worker->is_builtin && exit_status > STATUS_SIGNALLED && exit_status < STATUS_SIGNALLED + NSIG) {
        number = exit_status - STATUS_SIGNALLED;
        exit_status = 0;
    }
    last_words(worker, &line);
    bool ran_out = memory_group_ran_out(&worker->group) ||
                   ((number || exit_status) && speaks_of_memory(str_text(&worker->errors)));
    if (ran_out && (number || exit_status))
        tell_ran_out(worker, &line);
    else if (number)
        snprintf(worker->why, sizeof worker->why, "was ended by signal %d (SIG%s)", number,
                 sigabbrev_np(number) ? sigabbrev_np(number) : "?");
    else if (exit_status == STATUS_MISSING && !worker->is_builtin)
        snprintf(worker->why, sizeof worker->why, "could not be started%s%s", line.length ? ": " : "",
                 str_text(&line));
    else if (exit_status)
        snprintf(worker->why, sizeof worker->why, "ended with status %d%s%s", exit_status,
                 line.length ? ": " : "", str_text(&line));
    str_free(&line);
}

static void keep_errors(const struct worker *worker)
{
    char path[4096];
    struct err ignored;
    if (worker->errors.length && path_of(worker, "stderr.txt", path, sizeof path) &&
        fs_replace(path, worker->errors.text, worker->errors.length, 0600, &ignored))
        return; /* a full disk shows where the report is written */
}

int worker_finish(struct worker *worker, struct err *err)
{
    struct err spoken = {0};
    kill(-worker->pid, SIGKILL);
    memory_group_kill(&worker->group);
    while (read_answers(worker))
        continue;
    while (read_errors(worker))
        continue;
    if (!worker->why[0])
        tell_why(worker);
    int status = worker->why[0] ? 0 : protocol_end(&worker->protocol, &spoken);
    if (!worker->why[0] && !status && !worker->is_builtin && !worker->protocol.bytes &&
        worker->protocol.round == ROUND_CLAIMS)
        snprintf(worker->why, sizeof worker->why, "ended without a word");
    if (status)
        snprintf(worker->why, sizeof worker->why, "talked nonsense: %s", spoken.what);
    worker->rss_bytes_max = num_max(worker->rss_bytes_max, memory_group_peak_bytes(&worker->group));
    keep_errors(worker);
    return worker->errors.failed ? err_memory(err) : 0;
}

void worker_deinit(struct worker *worker)
{
    fs_close(&worker->process_fd);
    fs_close(&worker->out_fd);
    fs_close(&worker->err_fd);
    fs_close(&worker->answers_fd);
    memory_group_close(&worker->group);
    protocol_deinit(&worker->protocol);
    str_free(&worker->errors);
}
