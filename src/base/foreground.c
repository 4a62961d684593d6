/* SPDX-License-Identifier: Apache-2.0 */
#include "base/foreground.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

static const int watched[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP};
#define WATCHED_COUNT (sizeof watched / sizeof watched[0])

static volatile sig_atomic_t running;

static void pass_on(int number)
{
    int errnum = errno;
    if (running > 0)
        kill((pid_t)running, number);
    errno = errnum;
}

static void signals_take(struct sigaction *old)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN}, pass = {.sa_handler = pass_on, .sa_flags = SA_RESTART};
    for (size_t i = 0; i < WATCHED_COUNT; i++) {
        sigaction(watched[i], NULL, &old[i]);
        if (old[i].sa_handler != SIG_IGN)
            sigaction(watched[i], watched[i] == SIGINT || watched[i] == SIGQUIT ? &ignore : &pass, NULL);
    }
}

static void signals_give_back(const struct sigaction *old)
{
    for (size_t i = 0; i < WATCHED_COUNT; i++)
        sigaction(watched[i], &old[i], NULL);
}

/* In the new process: what cannot be executed is told through the pipe, which an exec closes. */
static void execute(const char *const *words, const struct sigaction *old, int fd)
{
    signals_give_back(old);
    /* execvp's signature lacks the const; it changes nothing. */
    execvp(words[0], (char *const *)(uintptr_t)words);
    int errnum = errno;
    (void)!write(fd, &errnum, sizeof errnum);
    _exit(127);
}

int foreground_run(const char *const *words, int *ret_exit_status, struct err *err)
{
    struct sigaction old[WATCHED_COUNT];
    int ends[2], errnum = 0, status = 0;
    *ret_exit_status = 126;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return err_errno(err, errno, "could not run '%s'", words[0]);
    signals_take(old);
    pid_t pid = fork();
    if (pid == 0)
        execute(words, old, ends[1]);
    running = pid;
    close(ends[1]);
    if (pid > 0) {
        ssize_t got;
        while ((got = read(ends[0], &errnum, sizeof errnum)) < 0 && errno == EINTR)
            continue;
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            continue;
        errnum = got == (ssize_t)sizeof errnum ? errnum : 0;
    } else {
        errnum = errno;
    }
    running = 0;
    close(ends[0]);
    signals_give_back(old);
    if (errnum) {
        *ret_exit_status = errnum == ENOENT ? 127 : 126;
        return err_errno(err, errnum, "could not run '%s'", words[0]);
    }
    *ret_exit_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return 0;
}
