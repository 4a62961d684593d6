/* SPDX-License-Identifier: Apache-2.0 */
#include "record/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"

static const int passed_on[] = {SIGINT,  SIGQUIT, SIGTERM, SIGHUP,  SIGUSR1,
                                SIGUSR2, SIGALRM, SIGCONT, SIGTSTP, SIGWINCH};

static void signals_taken(sigset_t *ret_set)
{
    sigemptyset(ret_set);
    sigaddset(ret_set, SIGCHLD);
    for (size_t i = 0; i < sizeof passed_on / sizeof passed_on[0]; i++)
        sigaddset(ret_set, passed_on[i]);
}

/* A folder of PATH that may not be searched hides what execvp would have said without it. */
static bool is_nowhere(const char *command)
{
    const char *path = getenv("PATH");
    if (strchr(command, '/') || !path)
        return false;
    for (const char *at = path; *at; at += strcspn(at, ":"), at += *at == ':') {
        char file[4096];
        snprintf(file, sizeof file, "%.*s/%s", (int)strcspn(at, ":"), at, command);
        if (access(*at == ':' ? command : file, F_OK) == 0)
            return false;
    }
    return true;
}

/* What the gate lets through: the library to preload, "" for none, with its NUL. False when toll died first. */
static bool gate_read(int gate_fd, char *ret_preload)
{
    size_t length = 0;

    for (;;) {
        ssize_t got = read(gate_fd, ret_preload + length, LAUNCH_PRELOAD_BYTES_MAX - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        length += (size_t)got;
        if (!ret_preload[length - 1])
            return true;
    }
}

/* Ahead of what the user preloads himself. */
static void preload_set(const char *library)
{
    char both[2 * LAUNCH_PRELOAD_BYTES_MAX];
    const char *old = getenv("LD_PRELOAD");

    if (!library[0])
        return;
    int length = snprintf(both, sizeof both, "%s%s%s", library, old && old[0] ? ":" : "", old ? old : "");
    if (length > 0 && (size_t)length < sizeof both)
        setenv("LD_PRELOAD", both, 1);
}

/* Runs in the child: waits for the gate, then becomes the command or tells errno through the status pipe. */
static void child_run(char *const *command, const char *session, const struct launch *launch, int gate_fd,
                      int status_fd)
{
    char preload[LAUNCH_PRELOAD_BYTES_MAX];

    close(launch->gate_fd);
    close(launch->status_fd);
    if (!gate_read(gate_fd, preload))
        _exit(125); /* toll died before it let the command go */
    preload_set(preload);
    if (session)
        setenv("TOLL_SESSION", session, 1);
    sigaction(SIGXFSZ, &launch->old_size_limit, NULL);
    sigprocmask(SIG_SETMASK, &launch->old_mask, NULL);
    execvp(command[0], command);
    int errnum = errno == EACCES && is_nowhere(command[0]) ? ENOENT : errno;
    if (write(status_fd, &errnum, sizeof errnum) != (ssize_t)sizeof errnum)
        _exit(125);
    _exit(errnum == ENOENT ? LAUNCH_NOT_FOUND : LAUNCH_NOT_EXECUTABLE);
}

static int pipe_open(int *ret_ends, struct err *err)
{
    if (pipe2(ret_ends, O_CLOEXEC) < 0)
        return err_errno(err, errno, "could not create a pipe");
    return 0;
}

static void ends_close(int *ends)
{
    fs_close(&ends[0]);
    fs_close(&ends[1]);
}

int launch_start(char *const *command, const char *session, struct launch *ret_launch, struct err *err)
{
    struct launch launch = {
        .name = command[0], .pid = -1, .pidfd = -1, .signal_fd = -1, .gate_fd = -1, .status_fd = -1};
    int gate[2] = {-1, -1}, status[2] = {-1, -1};
    sigset_t taken;

    if (pipe_open(gate, err) || pipe_open(status, err)) {
        int code = err && err->code ? -(int)err->code : -ERR_ENVIRONMENT;
        ends_close(gate);
        return code;
    }
    signals_taken(&taken);
    sigprocmask(SIG_BLOCK, &taken, &launch.old_mask);
    struct sigaction ignored = {.sa_handler = SIG_IGN};
    sigaction(SIGXFSZ, &ignored, &launch.old_size_limit);
    launch.gate_fd = gate[1];
    launch.status_fd = status[0];
    launch.pid = fork();
    if (launch.pid == 0)
        child_run(command, session, &launch, gate[0], status[1]);
    int errnum = errno;
    fs_close(&gate[0]);
    fs_close(&status[1]);
    if (launch.pid > 0) {
        launch.signal_fd = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
        errnum = errno;
    }
    if (launch.pid < 0 || launch.signal_fd < 0) {
        launch_close(&launch); /* the child sees its gate close and ends */
        return err_errno(err, errnum, "could not start command '%s'", command[0]);
    }
    launch.pidfd = (int)syscall(SYS_pidfd_open, launch.pid, 0);
    *ret_launch = launch;
    return 0;
}

int launch_go(struct launch *launch, const char *preload, int *ret_shell_status, struct err *err)
{
    const char *through = preload ? preload : "";
    int errnum = 0;
    ssize_t got;

    if (strlen(through) >= LAUNCH_PRELOAD_BYTES_MAX)
        through = "";
    if (write(launch->gate_fd, through, strlen(through) + 1) != (ssize_t)strlen(through) + 1)
        return err_errno(err, errno, "could not start command '%s'", launch->name);
    fs_close(&launch->gate_fd);
    do
        got = read(launch->status_fd, &errnum, sizeof errnum);
    while (got < 0 && errno == EINTR);
    fs_close(&launch->status_fd);
    if (got != (ssize_t)sizeof errnum)
        return 0; /* closed by the exec */
    while (waitpid(launch->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    *ret_shell_status = errnum == ENOENT ? LAUNCH_NOT_FOUND : LAUNCH_NOT_EXECUTABLE;
    return err_errno(err, errnum, "could not run command '%s'", launch->name);
}

/* A command that the terminal has stopped (Ctrl-Z, or reading in the background) leaves its shell waiting for toll:
 * toll stops as well, and goes on with it. One that takes no notice of Ctrl-Z goes on, and so does toll. A mere SIGSTOP
 * is somebody's who stops that process alone. */
static void follow_stop(const struct launch *launch)
{
    siginfo_t info = {0};

    if (launch->pid <= 0 || waitid(P_PID, (id_t)launch->pid, &info, WSTOPPED | WNOHANG) < 0 ||
        info.si_pid == 0 || info.si_code != CLD_STOPPED || info.si_status == SIGSTOP)
        return;
    raise(SIGSTOP);
    info.si_pid = 0;
    if (waitid(P_PID, (id_t)launch->pid, &info, WCONTINUED | WNOHANG) == 0 && info.si_pid == 0)
        kill(launch->pid, SIGCONT); /* only toll was told to go on */
}

bool launch_signals(struct launch *launch)
{
    struct signalfd_siginfo info;
    bool child = false;

    while (read(launch->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        int number = (int)info.ssi_signo;
        /* A stopped child tells by SIGCHLD as well; only the wait knows. */
        if (number == SIGCHLD) {
            child = true;
            continue;
        }
        if (info.ssi_code != SI_KERNEL)
            kill(launch->pid, number);
    }
    if (child)
        follow_stop(launch);
    return child;
}

void launch_close(struct launch *launch)
{
    if (launch->signal_fd >= 0)
        launch_signals(launch);
    bool never_went = launch->gate_fd >= 0 && launch->pid > 0;
    fs_close(&launch->gate_fd);
    fs_close(&launch->status_fd);
    while (never_went && waitpid(launch->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    fs_close(&launch->signal_fd);
    fs_close(&launch->pidfd);
    sigprocmask(SIG_SETMASK, &launch->old_mask, NULL);
}

int launch_shell_status(int wait_status)
{
    if (WIFSIGNALED(wait_status))
        return 128 + WTERMSIG(wait_status);
    return WEXITSTATUS(wait_status);
}
