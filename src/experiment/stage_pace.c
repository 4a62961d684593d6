/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pacer runs a command and looks at its processes many times a second. In mode `stage` it stops those of one name for a share of
 * the time (SIGSTOP, SIGCONT); in mode `others` it stops all but those while one of them runs: the stage gains on the rest
 * (causal profiling's virtual speed-up, Curtsinger and Berger 2015, between processes). Counted is only what was taken from a process
 * that ran: one that waits loses nothing by being stopped, as long as it is let go before its wait ends.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "experiment/stage_inside.h"
#include "experiment/stage_wire.h"

#define PROCESSES_MAX 4096u
#define ROUND_NS      (10 * 1000000u) /* run and stop together */
#define COMM_BYTES    16u
#define NOT_RUNNABLE  126

struct process {
    pid_t pid;
    bool is_stage, runs;
};

struct pace {
    const char *name;
    const char *log;
    double share;
    bool stops_others;
    pid_t command;
    bool has_ended;
    int status;
    struct process processes[PROCESSES_MAX];
    size_t count;
    uint64_t inserted_ns; /* stops of what ran; of `others`, while the stage ran */
    uint64_t running_ns;  /* of the stage: as many as ran at a look, times the round */
    uint64_t alive_ns;    /* the same of those that were there */
};

static struct pace pace;

static void on_end(int number)
{
    if (pace.command > 0) {
        kill(pace.command, number);
        kill(pace.command, SIGCONT);
    }
}

static void on_child(int number)
{
    (void)number;
}

static bool read_text(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, text, size - 1) : -1;
    if (fd >= 0)
        close(fd);
    text[got > 0 ? got : 0] = '\0';
    return got > 0;
}

/* Its name and whether it runs or is ready to, from /proc/PID/stat: "PID (NAME) STATE …". */
static bool look(struct process *process)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)process->pid);
    if (!read_text(path, text, sizeof text))
        return false;
    char *open = strchr(text, '('), *close = strrchr(text, ')');
    if (!open || !close || close[1] != ' ' || close[2] == 'Z' || close[2] == 'X')
        return false;
    *close = '\0';
    process->is_stage = strncmp(open + 1, pace.name, COMM_BYTES - 1) == 0;
    process->runs = close[2] == 'R';
    return true;
}

/* The children of all its threads, appended. */
static void children_add(pid_t pid)
{
    char path[128], text[8192];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *threads = opendir(path);
    if (!threads)
        return;
    for (const struct dirent *thread; (thread = readdir(threads));) {
        if (thread->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "/proc/%d/task/%.20s/children", (int)pid, thread->d_name);
        if (!read_text(path, text, sizeof text))
            continue;
        char *end = text;
        for (const char *at = text;; at = end) {
            long child = strtol(at, &end, 10);
            if (end == at || child <= 0 || pace.count == PROCESSES_MAX)
                break;
            pace.processes[pace.count++].pid = (pid_t)child;
        }
    }
    closedir(threads);
}

/* All that runs below this process; what the command left without a parent is below it too. */
static void tree_look(void)
{
    pace.count = 0;
    children_add(getpid());
    for (size_t i = 0; i < pace.count; i++)
        children_add(pace.processes[i].pid);
    size_t kept = 0;
    for (size_t i = 0; i < pace.count; i++) {
        struct process process = {.pid = pace.processes[i].pid};
        if (look(&process))
            pace.processes[kept++] = process;
    }
    pace.count = kept;
}

static void signal_all(int number)
{
    for (size_t i = 0; i < pace.count; i++)
        if (pace.processes[i].is_stage != pace.stops_others)
            kill(pace.processes[i].pid, number);
}

/* Ends those that are gone. */
static void reap(void)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        if (pid == pace.command) {
            pace.has_ended = true;
            pace.status = status;
        }
}

/* Until then, or until the command ends. SIGCHLD is blocked, and taken here. */
static void sleep_until(uint64_t end_ns)
{
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    for (uint64_t now_ns; !pace.has_ended && (now_ns = stage_now_ns()) < end_ns;) {
        struct timespec left = {.tv_nsec = (long)(end_ns - now_ns)};
        if (sigtimedwait(&child, NULL, &left) == SIGCHLD)
            reap();
    }
}

/* One round: a while in which all run, then the stop. */
static void round_make(void)
{
    uint64_t stop_ns = (uint64_t)(pace.share / (1 + pace.share) * ROUND_NS);
    sleep_until(stage_now_ns() + ROUND_NS - stop_ns);
    if (pace.has_ended)
        return;
    tree_look();
    size_t running = 0, there = 0, stoppable = 0;
    for (size_t i = 0; i < pace.count; i++) {
        there += pace.processes[i].is_stage;
        running += pace.processes[i].is_stage && pace.processes[i].runs;
        stoppable += pace.processes[i].is_stage != pace.stops_others;
    }
    pace.running_ns += running * (uint64_t)ROUND_NS;
    pace.alive_ns += there * (uint64_t)ROUND_NS;
    bool stops = stop_ns && (pace.stops_others ? running > 0 : stoppable > 0);
    uint64_t start_ns = stage_now_ns();
    if (stops)
        signal_all(SIGSTOP);
    sleep_until(start_ns + stop_ns);
    if (!stops)
        return;
    signal_all(SIGCONT);
    pace.inserted_ns += (pace.stops_others ? 1 : running) * (stage_now_ns() - start_ns);
}

static bool options_read(char **words)
{
    for (int i = 0; i < 6; i++)
        if (!words[i])
            return false;
    pace.stops_others = strcmp(words[0], "others") == 0;
    pace.name = words[1];
    pace.share = strtod(words[2], NULL);
    pace.log = words[3];
    return strcmp(words[4], "--") == 0 && pace.share >= 0 && pace.share <= 100;
}

static pid_t command_start(char **words)
{
    static const int numbers[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    struct sigaction child_action = {.sa_handler = on_child, .sa_flags = SA_NOCLDSTOP};
    sigset_t child, old;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    sigaction(SIGCHLD, &child_action, NULL);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, &old);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        sigprocmask(SIG_SETMASK, &old, NULL);
        if (getppid() == parent)
            execvp(words[0], words);
        _exit(errno == ENOENT ? 127 : NOT_RUNNABLE);
    }
    pace.command = pid;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct sigaction action = {.sa_handler = on_end};
        sigaction(numbers[i], &action, NULL);
    }
    return pid;
}

int stage_pace(char **words)
{
    if (!options_read(words))
        return NOT_RUNNABLE;
    uint64_t start_ns = stage_now_ns();
    if (command_start(words + 5) < 0)
        return NOT_RUNNABLE;
    while (!pace.has_ended)
        round_make();
    char line[STAGE_LINE_MAX];
    int length =
        snprintf(line, sizeof line, "%c %s %llu %llu %llu %llu\n", STAGE_PACED, pace.name,
                 (unsigned long long)(stage_now_ns() - start_ns), (unsigned long long)pace.inserted_ns,
                 (unsigned long long)(pace.alive_ns - pace.running_ns), (unsigned long long)pace.running_ns);
    int fd = open(pace.log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) {
        ssize_t wrote = write(fd, line, (size_t)length);
        (void)wrote;
        close(fd);
    }
    stage_end_as(pace.status);
}
