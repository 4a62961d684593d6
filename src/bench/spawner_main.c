/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spawner: a small static program that starts the measured commands for toll (spawner_wire.h). It is a program of its
 * own because a child's peak memory starts at its parent's size: the kernel counts what vfork shares until exec. This one is about
 * half a megabyte, whatever toll holds. Nothing but vfork, execve and wait lies between its two looks at the clock.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/spawner_wire.h"

struct command {
    const char *path;
    const char *input;  /* "": the spawner's own stdin */
    const char *folder; /* "": the spawner's own */
    char **arguments;
    char **environment;
};

static struct spawner_page *page;

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* False at the end of the stream: toll is gone. */
static int read_all(void *to, size_t length)
{
    for (char *at = to; length;) {
        ssize_t got = read(SPAWNER_SOCKET_FD, at, length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return 0;
        at += got;
        length -= (size_t)got;
    }
    return 1;
}

static int write_all(const void *from, size_t length)
{
    for (const char *at = from; length;) {
        ssize_t wrote = write(SPAWNER_SOCKET_FD, at, length);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return 0;
        at += wrote;
        length -= (size_t)wrote;
    }
    return 1;
}

/* In the child, on the parent's memory: nothing but system calls. Returns errno. */
static int become(const struct command *command)
{
    if (*command->input) {
        page->pid = getpid(); /* a FIFO may keep it waiting: it can be ended */
        int fd = open(command->input, O_RDONLY);
        if (fd < 0 || dup2(fd, 0) < 0)
            return errno;
        if (fd != 0)
            close(fd);
    }
    if (*command->folder && chdir(command->folder))
        return errno;
    execve(command->path, command->arguments, command->environment);
    return errno;
}

static void usage_fill(const struct rusage *usage, struct spawn_reply *reply)
{
    reply->user_us = (uint64_t)usage->ru_utime.tv_sec * 1000000u + (uint64_t)usage->ru_utime.tv_usec;
    reply->system_us = (uint64_t)usage->ru_stime.tv_sec * 1000000u + (uint64_t)usage->ru_stime.tv_usec;
    reply->memory_kb_max = (uint64_t)usage->ru_maxrss;
    reply->faults_minor = (uint64_t)usage->ru_minflt;
    reply->faults_major = (uint64_t)usage->ru_majflt;
    reply->switches_voluntary = (uint64_t)usage->ru_nvcsw;
    reply->switches_involuntary = (uint64_t)usage->ru_nivcsw;
    reply->blocks_read = (uint64_t)usage->ru_inblock;
    reply->blocks_written = (uint64_t)usage->ru_oublock;
}

/* The way through vfork and wait once, with nothing at its end: since the last run others had this CPU and its caches, and a cold
 * start would be charged to the command. */
static void warm_up(void)
{
    pid_t pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork) */
    if (pid == 0)
        _exit(0);
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}

static void run(const struct command *command, struct spawn_reply *reply)
{
    static volatile int failed; /* written by the child, on shared memory */
    struct rusage usage;
    int status = 0;

    memset(reply, 0, sizeof *reply);
    failed = 0;
    warm_up();
    reply->start_ns = now_ns();
    pid_t pid =
        vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork): what is measured is without a copy */
    if (pid == 0) {
        failed = become(command); /* NOLINT(clang-analyzer-unix.Vfork): system calls alone */
        _exit(127);
    }
    if (pid < 0) {
        reply->errnum = errno;
        return;
    }
    page->pid = pid;
    while (wait4(pid, &status, 0, &usage) < 0 && errno == EINTR)
        continue;
    reply->end_ns = now_ns();
    page->pid = 0;
    reply->errnum = failed;
    reply->status = status;
    usage_fill(&usage, reply);
    while (waitpid(-1, NULL, WNOHANG) > 0)
        reply->left_count++;
}

/* Points into the strings; false when they are not what the request says. */
static int parse(const struct spawn_request *request, char *strings, struct command *command)
{
    char *at = strings, *end = strings + request->bytes;
    char **slots[2] = {command->arguments, command->environment};
    uint32_t counts[2] = {request->argument_count, request->variable_count};

    command->path = at;
    at += strlen(at) + 1;
    if (at >= end)
        return 0;
    command->input = at;
    at += strlen(at) + 1;
    if (at >= end)
        return 0;
    command->folder = at;
    at += strlen(at) + 1;
    for (int list = 0; list < 2; list++) {
        for (uint32_t i = 0; i < counts[list]; i++) {
            if (at >= end)
                return 0;
            slots[list][i] = at;
            at += strlen(at) + 1;
        }
        slots[list][counts[list]] = NULL;
    }
    return 1;
}

/* One request; false when there is none any more. */
static int serve(void)
{
    struct spawn_request request;
    struct spawn_reply reply;
    struct command command;
    int served = 0;

    if (!read_all(&request, sizeof request) || request.bytes < 2 || request.bytes > SPAWN_BYTES_MAX ||
        request.argument_count > SPAWN_STRINGS_MAX || request.variable_count > SPAWN_STRINGS_MAX)
        return 0;
    char *strings = malloc(request.bytes + 1);
    command.arguments = malloc((request.argument_count + 1) * sizeof(char *));
    command.environment = malloc((request.variable_count + 1) * sizeof(char *));
    if (strings && command.arguments && command.environment && read_all(strings, request.bytes)) {
        strings[request.bytes] = '\0';
        if (parse(&request, strings, &command)) {
            run(&command, &reply);
            served = write_all(&reply, sizeof reply);
        }
    }
    free(command.environment);
    free(command.arguments);
    free(strings);
    return served;
}

static void ignore(int number)
{
    (void)number;
}

/* What ends toll's commands must not end their spawner. A handler, unlike SIG_IGN, is not inherited through exec; what was ignored
 * when toll was started stays so for the commands. */
static void signals_survive(void)
{
    sigset_t held;
    sigemptyset(&held);
    for (size_t i = 0; i < sizeof spawner_survives / sizeof spawner_survives[0]; i++) {
        struct sigaction old, mine = {.sa_handler = ignore};
        int number = spawner_survives[i];
        if (sigaction(number, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(number, &mine, NULL);
        sigaddset(&held, number);
    }
    sigprocmask(SIG_UNBLOCK, &held, NULL);
}

int main(void)
{
    fcntl(SPAWNER_SOCKET_FD, F_SETFD, FD_CLOEXEC);
    fcntl(SPAWNER_PAGE_FD, F_SETFD, FD_CLOEXEC);
    page = mmap(NULL, SPAWNER_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, SPAWNER_PAGE_FD, 0);
    if (page == MAP_FAILED)
        return 1;
    signals_survive();
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    while (serve())
        continue;
    return 0;
}
