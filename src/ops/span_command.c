/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/span_command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "toll.h"

#define STATUS_FAILED         125
#define STATUS_NOT_EXECUTABLE 126
#define STATUS_NOT_FOUND      127

static const int forwarded[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

/* The signals that are waited for instead of handled, and what was before. */
struct signals {
    sigset_t waited;
    sigset_t before;
    struct sigaction child_before;
};

static void signals_take(struct signals *signals)
{
    /* An ignored SIGCHLD would lose the exit status. */
    const struct sigaction standard = {.sa_handler = SIG_DFL};

    sigemptyset(&signals->waited);
    sigaddset(&signals->waited, SIGCHLD);
    for (size_t i = 0; i < sizeof forwarded / sizeof forwarded[0]; i++)
        sigaddset(&signals->waited, forwarded[i]);
    sigaction(SIGCHLD, &standard, &signals->child_before);
    sigprocmask(SIG_BLOCK, &signals->waited, &signals->before);
}

static void signals_restore(const struct signals *signals)
{
    sigprocmask(SIG_SETMASK, &signals->before, NULL);
    sigaction(SIGCHLD, &signals->child_before, NULL);
}

/* In the child. Tells why it could not through the pipe. */
static void execute(const struct signals *signals, char *const *command, int pipe_fd)
{
    int error;

    signals_restore(signals);
    execvp(command[0], command);
    error = errno;
    if (write(pipe_fd, &error, sizeof error) < 0)
        _exit(STATUS_FAILED);
    _exit(STATUS_NOT_FOUND);
}

/* The errno with which the child could not become the command, 0 when it did. */
static int start_error(int pipe_fd)
{
    int error = 0;
    ssize_t count;

    do
        count = read(pipe_fd, &error, sizeof error);
    while (count < 0 && errno == EINTR);
    return count == (ssize_t)sizeof error ? error : 0;
}

/* Passes signals on until the child has ended; its wait status. What a terminal sends reaches the child itself. */
static int follow(pid_t child, const struct signals *signals)
{
    int status;

    for (;;) {
        siginfo_t info;
        int number = sigwaitinfo(&signals->waited, &info);

        if (number == SIGCHLD && waitpid(child, &status, WNOHANG) == child)
            return status;
        if (number > 0 && number != SIGCHLD && info.si_code != SI_KERNEL)
            kill(child, number);
    }
}

static int run(char *const *command, const struct signals *signals, int *ret_exit_status, struct err *err)
{
    int pipes[2], status, error;
    pid_t child;

    *ret_exit_status = STATUS_FAILED;
    if (pipe2(pipes, O_CLOEXEC))
        return err_errno(err, errno, "could not start '%s': no pipe", command[0]);
    child = fork();
    if (child == 0)
        execute(signals, command, pipes[1]);
    close(pipes[1]);
    error = child < 0 ? errno : start_error(pipes[0]);
    close(pipes[0]);
    if (child < 0)
        return err_errno(err, error, "could not start '%s'", command[0]);
    status = follow(child, signals);
    if (error) {
        *ret_exit_status = error == ENOENT || error == ENOTDIR ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE;
        return err_errno(err, error, "could not run command '%s'", command[0]);
    }
    *ret_exit_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return 0;
}

int ops_span(const char *name, char *const *command, int *ret_exit_status, struct err *err)
{
    struct toll_span span = toll_span_begin(name);
    struct signals signals;
    int status;

    signals_take(&signals);
    status = run(command, &signals, ret_exit_status, err);
    signals_restore(&signals);
    toll_span_end(span);
    return status;
}
