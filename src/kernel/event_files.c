/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/event_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define OTHER_COUNT 256       /* what is opened beside */
#define FD_MAX      (1 << 20) /* where close_range is missing */

void event_files_allow(size_t needed)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < needed) {
        limit.rlim_cur = limit.rlim_max < needed ? limit.rlim_max : needed;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

void event_files_allow_more(size_t count)
{
    DIR *open_ones = opendir("/proc/self/fd");
    if (!open_ones)
        return;
    while (readdir(open_ones))
        count++;
    closedir(open_ones);
    event_files_allow(count + OTHER_COUNT);
}

static int compare_fds(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

/* --- in the process that holds them: system calls alone --- */

static void range_close(int low, int high)
{
    if (low > high || syscall(SYS_close_range, (unsigned)low, (unsigned)high, 0u) == 0)
        return;
    for (int fd = low; fd <= high && fd < FD_MAX; fd++)
        close(fd);
}

static void range_close_but(int low, int high, int kept)
{
    if (kept < low || kept > high) {
        range_close(low, high);
        return;
    }
    range_close(low, kept - 1);
    range_close(kept + 1, high);
}

/* Who reads what this process writes waits for the last that has it open: that must not be a child. */
static void all_close_but(const int *fds, size_t count, int gate)
{
    int next = 0;

    for (size_t i = 0; i < count; i++) {
        range_close_but(next, fds[i] - 1, gate);
        next = fds[i] + 1;
    }
    range_close_but(next, INT_MAX, gate);
}

_Noreturn static void hold(int gate)
{
    char byte;

    while (read(gate, &byte, 1) < 0 && errno == EINTR)
        continue;
    _exit(0);
}

int event_files_leave(int *fds, size_t count)
{
    int gate[2] = {-1, -1};
    pid_t child = -1;

    qsort(fds, count, sizeof *fds, compare_fds);
    if (count && pipe2(gate, O_CLOEXEC) == 0)
        child = fork();
    if (child == 0) {
        all_close_but(fds, count, gate[0]);
        (void)setsid();
        (void)!chdir("/");
        if (fork() == 0)
            hold(gate[0]);
        _exit(0);
    }
    while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
        continue;
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
    if (gate[0] >= 0)
        close(gate[0]);
    if (child < 0 && gate[1] >= 0) {
        close(gate[1]);
        return -1;
    }
    return gate[1];
}
