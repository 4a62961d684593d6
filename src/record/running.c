/* SPDX-License-Identifier: Apache-2.0 */
#include "record/running.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/num.h"
#include "base/redact.h"

#define THREAD_MAX (1u << 20) /* of all that is watched */

static bool is_listed(const struct running *running, pid_t tid)
{
    for (size_t i = running->threads.count; i > 0; i--)
        if (running->threads.items[i - 1].tid == tid)
            return true;
    return false;
}

/* proc(5): "pid (name) state ppid …"; the name may hold anything but ends with the last ')'. False: it is gone, a zombie, or
 * one of the kernel's own threads, which runs no program. */
static bool stat_read(pid_t pid, pid_t tid, struct running_thread *ret_thread)
{
    char path[64], text[1024], state = 'X';
    int parent = 0;
    unsigned flags = 0;

    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int)pid, (int)tid);
    if (fs_read_small(path, text, sizeof text) <= 0)
        return false;
    char *name = strchr(text, '('), *end = strrchr(text, ')');
    if (!name || !end || sscanf(end + 1, " %c %d %*d %*d %*d %*d %u", &state, &parent, &flags) != 3 ||
        strchr("ZX", state))
        return false;
    *end = '\0';
    *ret_thread =
        (struct running_thread){.pid = pid, .tid = tid, .parent = parent, .is_running = state == 'R'};
    snprintf(ret_thread->name, sizeof ret_thread->name, "%.31s", name + 1);
    const unsigned kernel_thread = 0x00200000; /* PF_KTHREAD */
    return !(flags & kernel_thread);
}

static int thread_add(struct running *running, pid_t pid, pid_t tid, struct err *err)
{
    struct running_thread thread;

    if (is_listed(running, tid) || !stat_read(pid, tid, &thread))
        return 0;
    if (running->threads.count >= THREAD_MAX)
        return err_set(err, ERR_ENVIRONMENT, "could not watch more than %u threads", THREAD_MAX);
    return vec_push(&running->threads, thread) ? err_memory(err) : 0;
}

static int process_add(struct running *running, pid_t pid, struct err *err)
{
    char path[64];
    uint64_t tid;
    const struct dirent *entry;
    int status = thread_add(running, pid, pid, err);

    if (!is_listed(running, pid))
        return status;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *folder = opendir(path);
    while (folder && !status && (entry = readdir(folder)))
        if (num_parse_u64(entry->d_name, &tid) == 0)
            status = thread_add(running, pid, (pid_t)tid, err);
    if (folder)
        closedir(folder);
    return status;
}

/* The processes that the thread made and that run still. */
static int children_add(struct running *running, pid_t pid, pid_t tid, struct err *err)
{
    char path[96];
    struct str text = {0};
    int status = 0;

    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)tid);
    if (fs_read(path, 1u << 20, &text, NULL)) {
        str_free(&text);
        return 0;
    }
    char *rest = text.text ? text.text : (char[]){""}, *next;
    for (long child = strtol(rest, &next, 10); next != rest && !status; child = strtol(rest, &next, 10)) {
        rest = next;
        if (child > 0 && child != getpid())
            status = process_add(running, (pid_t)child, err);
    }
    str_free(&text);
    return status;
}

static int machine_list(struct running *running, struct err *err)
{
    uint64_t pid;
    const struct dirent *entry;
    DIR *folder = opendir("/proc");
    int status = folder ? 0 : err_errno(err, errno, "could not list folder '/proc'");

    while (folder && !status && (entry = readdir(folder)))
        if (num_parse_u64(entry->d_name, &pid) == 0 && (pid_t)pid != getpid())
            status = process_add(running, (pid_t)pid, err);
    if (folder)
        closedir(folder);
    return status;
}

int running_list(struct running *running, struct err *err)
{
    if (running->whole_machine)
        return machine_list(running, err);
    int status = 0;
    for (size_t i = 0; i < running->pid_count && !status; i++)
        status = process_add(running, running->pids[i], err);
    /* The list grows while it is walked: children of children come too. */
    for (size_t i = 0; i < running->threads.count && !status; i++)
        status = children_add(running, running->threads.items[i].pid, running->threads.items[i].tid, err);
    for (size_t i = 0; i < running->threads.count && !status; i++)
        if (running->threads.items[i].pid == running->threads.items[i].tid)
            status = process_add(running, running->threads.items[i].pid, err);
    return status;
}

static int refuse(pid_t pid, uid_t owner, struct err *err)
{
    struct running_thread thread = {0};
    char storage[1024];
    struct passwd user, *found = NULL;

    stat_read(pid, pid, &thread);
    if (getpwuid_r(owner, &user, storage, sizeof storage, &found) || !found)
        found = NULL;
    err_set(err, ERR_ENVIRONMENT, "could not attach to process '%d' (%s): it belongs to user %s", (int)pid,
            thread.name, found ? found->pw_name : "of another number");
    err_hint(err, "another user's process needs root: sudo toll attach %d", (int)pid);
    return -ERR_ENVIRONMENT;
}

/* "PPid", "Tgid" … of /proc/PID/status; 0 when it is not there. */
static uint64_t status_field(pid_t pid, const char *name)
{
    char path[64], text[4096];

    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    const char *found = fs_read_small(path, text, sizeof text) > 0 ? strstr(text, name) : NULL;
    return found ? strtoull(found + strlen(name), NULL, 10) : 0;
}

/* Whether there is such a process and toll may look into it. */
static int pid_check(pid_t pid, struct err *err)
{
    char path[64];
    struct stat about;
    struct running_thread thread = {0};

    snprintf(path, sizeof path, "/proc/%d", (int)pid);
    if (pid <= 0 || stat(path, &about) < 0) {
        err_set(err, ERR_USAGE, "could not attach to process '%d': there is none of that number", (int)pid);
        err_hint(err, "'pgrep -f NAME' finds the number of a program that runs");
        return -ERR_USAGE;
    }
    uint64_t process = status_field(pid, "\nTgid:");
    if (process && process != (uint64_t)pid) {
        err_set(err, ERR_USAGE, "could not attach to process '%d': it is a thread of process %" PRIu64,
                (int)pid, process);
        err_hint(err, "toll records all threads of a process: toll attach %" PRIu64, process);
        return -ERR_USAGE;
    }
    if (pid == getpid())
        return err_set(err, ERR_USAGE, "could not attach to process '%d': that is toll itself", (int)pid);
    if (!stat_read(pid, pid, &thread))
        return err_set(err, ERR_USAGE, "could not attach to process '%d': %s", (int)pid,
                       thread.pid ? "it is one of the kernel's own" : "it has ended");
    /* "io" may be opened by those who may look into the process (PTRACE_MODE_READ), and takes no longer to ask. */
    snprintf(path, sizeof path, "/proc/%d/io", (int)pid);
    FS_CLEANUP int fd = open(path, O_RDONLY | O_CLOEXEC);
    char byte;
    if (fd >= 0 && read(fd, &byte, 1) >= 0)
        return 0;
    if (errno == ENOENT || errno == ESRCH)
        return 0; /* no such file in this kernel, or it ended just now: the list tells */
    return refuse(pid, about.st_uid, err);
}

static int signals_open(struct running *running, struct err *err)
{
    sigset_t ends;

    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGHUP);
    sigaddset(&ends, SIGQUIT);
    sigprocmask(SIG_BLOCK, &ends, &running->old_mask);
    running->signal_fd = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
    if (running->signal_fd >= 0)
        return 0;
    int errnum = errno;
    sigprocmask(SIG_SETMASK, &running->old_mask, NULL);
    return err_errno(err, errnum, "could not make a signal descriptor");
}

static int listed_open(struct running *running, struct err *err)
{
    int status = running_list(running, err);

    if (!status && !running->threads.count)
        status = err_set(err, ERR_ENVIRONMENT, "could not attach: all processes have ended");
    if (!status)
        status = signals_open(running, err);
    if (status)
        vec_free(&running->threads);
    return status;
}

int running_open(struct running *running, const pid_t *pids, size_t pid_count, struct err *err)
{
    *running = (struct running){.pids = pids, .pid_count = pid_count, .signal_fd = -1};
    for (size_t i = 0; i < pid_count; i++) {
        int status = pid_check(pids[i], err);
        if (status)
            return status;
    }
    return listed_open(running, err);
}

int running_open_machine(struct running *running, struct err *err)
{
    *running = (struct running){.whole_machine = true, .signal_fd = -1};
    if (geteuid() != 0) {
        err_set(err, ERR_ENVIRONMENT, "could not record the whole machine: you are not root");
        err_hint(
            err,
            "run it as root: sudo toll run --system; 'toll attach PID' records your own processes without");
        return -ERR_ENVIRONMENT;
    }
    return listed_open(running, err);
}

bool running_is_there(uint64_t pid, uint64_t tid)
{
    char path[80], text[1024];

    snprintf(path, sizeof path, "/proc/%" PRIu64 "/task/%" PRIu64 "/stat", pid, tid);
    const char *end = fs_read_small(path, text, sizeof text) > 0 ? strrchr(text, ')') : NULL;
    return end && end[1] && !strchr("ZX", end[2]);
}

void running_command(const struct running *running, struct str *ret_json)
{
    char path[64], arguments[REDACT_BYTES_MAX];
    ssize_t length = 0;

    if (running->threads.count && !running->whole_machine) {
        snprintf(path, sizeof path, "/proc/%d/cmdline", (int)running->threads.items[0].pid);
        length = fs_read_small(path, arguments, sizeof arguments);
    }
    redact_arguments(arguments, length > 0 ? (size_t)length : 0, ret_json);
}

bool running_signals(struct running *running)
{
    struct signalfd_siginfo info;
    bool is_end = false;

    while (read(running->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
        is_end = true;
    return is_end;
}

void running_close(struct running *running)
{
    if (running->signal_fd >= 0) {
        running_signals(running);
        fs_close(&running->signal_fd);
        sigprocmask(SIG_SETMASK, &running->old_mask, NULL);
    }
    vec_free(&running->threads);
}
