/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stand-in for a stage's program: a small static program that stands in PATH under that program's name while toll makes an
 * experiment. It runs the real one (the next of that name in PATH) and holds its end back for a share of the time it took; or keeps
 * what it did; or does that again at no cost. Called as --pace it runs a whole command and stops some of its processes now and then.
 *
 * Whatever cannot be done, the real program runs: an experiment must not break the run.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "experiment/stage_inside.h"
#include "experiment/stage_wire.h"

#define NS_PER_S     1000000000u
#define LOOK_NS      (2 * 1000000u)
#define SHARE_MAX    100.0
#define HOLD_MAX_NS  (600ull * NS_PER_S)
#define NOT_FOUND    127
#define NOT_RUNNABLE 126

static volatile sig_atomic_t child_pid, was_ended;

uint64_t stage_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* A signal that asks for the end ends it. */
void stage_sleep(uint64_t ns)
{
    struct timespec left = {.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};
    while (!was_ended && nanosleep(&left, &left) && errno == EINTR)
        continue;
}

void stage_log_write(const struct stage_call *call, const struct stage_log *log)
{
    char path[PATH_MAX], line[STAGE_LINE_MAX];
    snprintf(path, sizeof path, "%s/log", call->folder);
    int length = snprintf(line, sizeof line, "%c %s%s%s %llu %llu %llu %llu\n", log->kind, call->name,
                          log->why ? ":" : "", log->why ? log->why : "", (unsigned long long)log->elapsed_ns,
                          (unsigned long long)log->added_ns, (unsigned long long)log->blocked_ns,
                          (unsigned long long)log->running_ns);
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || length <= 0)
        return;
    /* One write: calls that end together do not mix. Of a line that is lost toll sees one call less. */
    ssize_t wrote = write(fd, line, (size_t)length);
    (void)wrote;
    close(fd);
}

static void pass_on(int number)
{
    was_ended = 1;
    if (child_pid > 0)
        kill((pid_t)child_pid, number);
}

static void signals_take(void)
{
    static const int numbers[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct sigaction now, action = {.sa_handler = pass_on};
        /* What the caller ignores stays ignored, for the program too. */
        if (!sigaction(numbers[i], NULL, &now) && now.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
    }
}

_Noreturn void stage_become(const struct stage_call *call)
{
    execv(call->program, call->words);
    _exit(errno == ENOENT ? NOT_FOUND : NOT_RUNNABLE);
}

pid_t stage_start(const struct stage_call *call, int output_fd, int errors_fd)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0)
        return 0;
    if (pid > 0) {
        child_pid = pid;
        signals_take();
        return pid;
    }
    /* Who kills the stand-in means the program. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(NOT_RUNNABLE);
    if (output_fd >= 0)
        dup2(output_fd, STDOUT_FILENO);
    if (errors_fd >= 0)
        dup2(errors_fd, STDERR_FILENO);
    setenv(STAGE_INSIDE, "1", 1);
    stage_become(call);
}

static bool is_stream(int fd)
{
    struct stat about;
    return !fstat(fd, &about) && (S_ISFIFO(about.st_mode) || S_ISSOCK(about.st_mode));
}

/* It reads its stdin or writes its stdout, and the other end does not keep up: as /proc tells the call that it is in. */
static bool is_blocked(pid_t pid)
{
    char path[64], text[256];
    snprintf(path, sizeof path, "/proc/%d/syscall", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        close(fd);
    if (length <= 0)
        return false;
    text[length] = '\0';
    char *end;
    long number = strtol(text, &end, 10);
    if (end == text)
        return false;
    unsigned long first = strtoul(end, NULL, 16);
    return (number == SYS_read && first == STDIN_FILENO) || (number == SYS_write && first == STDOUT_FILENO);
}

int stage_wait(pid_t pid, uint64_t *ret_blocked_ns)
{
    int status = 0;
    bool looks = ret_blocked_ns && (is_stream(STDIN_FILENO) || is_stream(STDOUT_FILENO));
    uint64_t blocked_ns = 0, last_ns = stage_now_ns();
    for (;;) {
        pid_t ended = waitpid(pid, &status, looks ? WNOHANG : 0);
        if (ended == pid || (ended < 0 && errno != EINTR))
            break;
        if (!looks)
            continue;
        struct timespec look = {.tv_nsec = LOOK_NS};
        nanosleep(&look, NULL);
        uint64_t now_ns = stage_now_ns();
        if (is_blocked(pid))
            blocked_ns += now_ns - last_ns;
        last_ns = now_ns;
    }
    child_pid = 0;
    if (ret_blocked_ns)
        *ret_blocked_ns = blocked_ns;
    return status;
}

_Noreturn void stage_end_as(int wait_status)
{
    if (WIFSIGNALED(wait_status)) {
        int number = WTERMSIG(wait_status);
        prctl(PR_SET_DUMPABLE, 0);
        signal(number, SIG_DFL);
        raise(number);
    }
    _exit(WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : NOT_RUNNABLE);
}

_Noreturn void stage_hold(const struct stage_call *call)
{
    uint64_t start_ns = stage_now_ns();
    pid_t pid = stage_start(call, -1, -1);
    if (!pid)
        stage_become(call);
    struct stage_log log = {.kind = STAGE_HELD};
    int status = stage_wait(pid, &log.blocked_ns);
    log.elapsed_ns = stage_now_ns() - start_ns;
    double wanted_ns = call->share * (double)log.elapsed_ns;
    log.added_ns = wanted_ns < (double)HOLD_MAX_NS ? (uint64_t)wanted_ns : HOLD_MAX_NS;
    stage_sleep(log.added_ns);
    stage_log_write(call, &log);
    stage_end_as(status);
}

/* The next program of that name in PATH that is not in the stand-in's own folder. */
static bool program_find(struct stage_call *call)
{
    char own[PATH_MAX];
    struct stat about;
    snprintf(own, sizeof own, "%s/bin", call->folder);
    const char *path = getenv("PATH");
    for (const char *at = path ? path : ""; *at;) {
        size_t length = strcspn(at, ":");
        bool is_own = length == strlen(own) && strncmp(at, own, length) == 0;
        int written = snprintf(call->program, sizeof call->program, "%.*s/%s", length ? (int)length : 1,
                               length ? at : ".", call->name);
        if (!is_own && written > 0 && (size_t)written < sizeof call->program &&
            access(call->program, X_OK) == 0 && !stat(call->program, &about) && S_ISREG(about.st_mode))
            return true;
        at += length + (at[length] == ':');
    }
    return false;
}

/* toll-stage --reset FOLDER -- [COMMAND…]: a run begins in which nothing was replayed yet; then becomes the command. */
static int reset(char **words)
{
    char path[PATH_MAX];
    DIR *used = NULL;
    if (words[0]) {
        snprintf(path, sizeof path, "%s/used", words[0]);
        used = opendir(path);
    }
    if (!used)
        return NOT_RUNNABLE;
    for (const struct dirent *entry; (entry = readdir(used));)
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(used), entry->d_name, AT_REMOVEDIR);
    closedir(used);
    if (!words[1] || !words[2])
        return 0;
    execvp(words[2], words + 2);
    return NOT_FOUND;
}

int main(int count, char **words)
{
    struct stage_call call = {.words = words, .folder = getenv(STAGE_FOLDER), .root = getenv(STAGE_ROOT)};
    if (count > 1 && strcmp(words[1], "--pace") == 0)
        return stage_pace(words + 2);
    if (count > 1 && strcmp(words[1], "--reset") == 0)
        return reset(words + 2);
    /* The file that was executed, whatever the caller calls it. */
    const char *file = (const char *)getauxval(AT_EXECFN); /* NOLINT(performance-no-int-to-ptr) */
    const char *slash = file ? strrchr(file, '/') : NULL;
    const char *mode = getenv(STAGE_MODE), *share = getenv(STAGE_SHARE);
    call.name = slash ? slash + 1 : file ? file : "";
    call.share = share ? strtod(share, NULL) : 0;
    if (!call.folder || !*call.name || !program_find(&call))
        return NOT_FOUND;
    if (!mode || !call.root || getenv(STAGE_INSIDE) || !(call.share >= 0 && call.share <= SHARE_MAX))
        stage_become(&call);
    if (strcmp(mode, "hold") == 0)
        stage_hold(&call);
    if (strcmp(mode, "keep") == 0)
        stage_keep(&call);
    if (strcmp(mode, "replay") == 0)
        stage_replay(&call);
    stage_become(&call);
}
