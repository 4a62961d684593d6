/* SPDX-License-Identifier: Apache-2.0 */
#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"

#define STATUS_NOT_EXECUTABLE 126
#define STATUS_NOT_FOUND      127
#define LOOK_INTERVAL_MS      250
#define PATIENCE_NS           (2 * NS_PER_S)

static const int passed_on[] = {SIGINT, SIGTERM, SIGHUP};
#define PASSED_ON_COUNT (sizeof passed_on / sizeof passed_on[0])

/* What the signal handler reaches: one child at a time. */
static volatile sig_atomic_t running;
static volatile sig_atomic_t interrupted_count;
static volatile sig_atomic_t interrupted_by;

static void pass_on(int number)
{
    int errnum = errno;
    interrupted_count = interrupted_count + 1;
    interrupted_by = number;
    if (running > 0)
        kill(-(pid_t)running, interrupted_count > 1 ? SIGKILL : number);
    errno = errnum;
}

static void signals_take(struct sigaction *ret_old)
{
    struct sigaction mine = {.sa_handler = pass_on};
    interrupted_count = 0;
    for (size_t i = 0; i < PASSED_ON_COUNT; i++) {
        sigaction(passed_on[i], NULL, &ret_old[i]);
        if (ret_old[i].sa_handler != SIG_IGN)
            sigaction(passed_on[i], &mine, NULL);
    }
}

static void signals_give_back(const struct sigaction *old)
{
    for (size_t i = 0; i < PASSED_ON_COUNT; i++)
        sigaction(passed_on[i], &old[i], NULL);
}

/* In the new process. */
static void become(const struct child_options *options, const int *fds, const sigset_t *mask)
{
    int nothing = open("/dev/null", O_RDWR);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    dup2(nothing, STDIN_FILENO);
    dup2(options->shows ? STDERR_FILENO : fds[0], STDOUT_FILENO);
    if (!options->shows)
        dup2(fds[options->is_merged ? 0 : 1], STDERR_FILENO);
    for (size_t i = 0; options->without && options->without[i]; i++)
        unsetenv(options->without[i]);
    if (options->folder && chdir(options->folder))
        _exit(STATUS_NOT_EXECUTABLE);
    struct sigaction standard = {.sa_handler = SIG_DFL};
    sigaction(SIGCHLD, &standard, NULL);
    sigprocmask(SIG_SETMASK, mask, NULL);
    execvp(options->words[0], (char *const *)(uintptr_t)options->words);
    _exit(errno == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE);
}

/* The end of a text that is too long. */
static void trim(struct str *text, size_t most)
{
    if (text->length <= most)
        return;
    memmove(text->text, text->text + text->length - most, most + 1);
    text->length = most;
}

/* False when there is nothing to read any more. */
static bool take_some(int fd, struct str *text, size_t most)
{
    char buffer[16384];
    ssize_t got = read(fd, buffer, sizeof buffer);
    if (got < 0)
        return errno == EINTR;
    str_append_bytes(text, buffer, (size_t)got);
    if (text->length / 2 > most)
        trim(text, most);
    return got > 0;
}

/* How far the child has been made to end. */
struct ending {
    uint64_t limit_at_ns; /* 0: none */
    uint64_t since_ns;
    unsigned step;
    bool is_late;
};

/* A shell that gets a Ctrl-C while what it runs ends well goes on with its next command; so who has not ended after a while is
 * asked once more, and then made to. */
static void press(struct ending *ending)
{
    static const int numbers[] = {SIGTERM, SIGKILL};
    uint64_t now = clock_monotonic_ns();
    bool is_over = ending->limit_at_ns && now >= ending->limit_at_ns;
    if ((!interrupted_count && !is_over) || running <= 0)
        return;
    if (!ending->since_ns) {
        ending->since_ns = now;
        ending->is_late = !interrupted_count;
        if (ending->is_late)
            kill(-(pid_t)running, SIGTERM);
    }
    if (ending->step < 2 && now - ending->since_ns > PATIENCE_NS) {
        kill(-(pid_t)running, numbers[ending->step++]);
        ending->since_ns = now;
    }
}

/* Reads until the child has ended: what it left behind may hold the pipes for ever. */
static void follow(int process_fd, const int *text_fds, struct str *const *texts, size_t most,
                   struct ending *ending)
{
    struct pollfd fds[] = {{.fd = process_fd, .events = POLLIN},
                           {.fd = text_fds[0], .events = POLLIN},
                           {.fd = text_fds[1], .events = POLLIN}};
    bool ended = false;
    while (!ended && (fds[0].fd >= 0 || fds[1].fd >= 0 || fds[2].fd >= 0)) {
        press(ending);
        if (poll(fds, 3, LOOK_INTERVAL_MS) < 0) {
            if (errno == EINTR)
                continue;
            break;
        }
        for (int i = 0; i < 2; i++)
            if (fds[i + 1].revents && !take_some(text_fds[i], texts[i], most))
                fds[i + 1].fd = -1;
        ended = fds[0].revents != 0;
    }
    for (int i = 0; i < 2; i++) {
        while (take_some(text_fds[i], texts[i], most))
            continue;
        trim(texts[i], most);
    }
}

static int start(const struct child_options *options, const int *fds, pid_t *ret_pid, struct err *err)
{
    sigset_t held, old;
    sigemptyset(&held);
    for (size_t i = 0; i < PASSED_ON_COUNT; i++)
        sigaddset(&held, passed_on[i]);
    /* Until its pid is known a signal waits; then it is passed on. */
    sigprocmask(SIG_BLOCK, &held, &old);
    pid_t pid = fork();
    int errnum = errno;
    if (pid == 0) {
        struct sigaction standard = {.sa_handler = SIG_DFL};
        for (size_t i = 0; i < PASSED_ON_COUNT; i++) {
            struct sigaction now;
            sigaction(passed_on[i], NULL, &now);
            if (now.sa_handler == pass_on)
                sigaction(passed_on[i], &standard, NULL);
        }
        become(options, fds, &old);
    }
    if (pid > 0)
        setpgid(pid, pid); /* whoever is first: the group is there when a signal comes */
    running = pid;
    sigprocmask(SIG_SETMASK, &old, NULL);
    if (pid < 0)
        return err_errno(err, errnum, "could not start program '%s'", options->words[0]);
    *ret_pid = pid;
    return 0;
}

static int exit_status(int wait_status)
{
    return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

/* A pipe whose reading end does not block. */
static int pipe_open(int *ret_read, int *ret_write, const char *program, struct err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        return err_errno(err, errno, "could not open a pipe to program '%s'", program);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    *ret_read = ends[0];
    *ret_write = ends[1];
    return 0;
}

static int run(const struct child_options *options, struct child_result *result, int *wait_status,
               struct err *err)
{
    int read_fds[2] = {-1, -1}, write_fds[2] = {-1, -1};
    size_t most = options->text_bytes_max ? options->text_bytes_max : CHILD_TEXT_MAX;
    struct str *const texts[] = {&result->text, &result->errors};
    pid_t pid = -1;
    int status = 0;
    for (int i = 0; !status && i < 2; i++)
        status = pipe_open(&read_fds[i], &write_fds[i], options->words[0], err);
    if (!status)
        status = start(options, write_fds, &pid, err);
    for (int i = 0; i < 2; i++)
        fs_close(&write_fds[i]);
    if (!status) {
        FS_CLEANUP int process_fd = (int)syscall(SYS_pidfd_open, pid, 0);
        struct ending ending = {.limit_at_ns =
                                    options->limit_ns ? clock_monotonic_ns() + options->limit_ns : 0};
        follow(process_fd, read_fds, texts, most, &ending);
        result->is_late = ending.is_late;
        while (waitpid(pid, wait_status, 0) < 0 && errno == EINTR)
            continue;
    }
    for (int i = 0; i < 2; i++)
        fs_close(&read_fds[i]);
    return !status && (texts[0]->failed || texts[1]->failed) ? err_memory(err) : status;
}

int child_run(const struct child_options *options, struct child_result *ret_result, struct err *err)
{
    struct child_result result = {0};
    struct sigaction old[PASSED_ON_COUNT];
    int wait_status = 0;
    signals_take(old);
    int status = run(options, &result, &wait_status, err);
    running = 0;
    result.was_interrupted = interrupted_count > 0;
    result.signal = result.was_interrupted ? interrupted_by : 0;
    signals_give_back(old);
    if (status) {
        child_result_free(&result);
        return status;
    }
    result.exit_status = exit_status(wait_status);
    *ret_result = result;
    return 0;
}

void child_result_free(struct child_result *result)
{
    str_free(&result->text);
    str_free(&result->errors);
}

void child_last_line(const struct str *text, char *ret_line, size_t size)
{
    const char *start = str_text(text), *end = start + text->length;
    while (end > start && strchr("\n\r ", end[-1]))
        end--;
    const char *at = end;
    while (at > start && at[-1] != '\n')
        at--;
    snprintf(ret_line, size, "%.*s", (int)(end - at), at);
}
