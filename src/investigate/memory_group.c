/* SPDX-License-Identifier: Apache-2.0 */
#include "investigate/memory_group.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"

#define MOUNT "/sys/fs/cgroup"
/* The kernel takes a moment to see that a group is empty; and who starts others while being killed is met again. */
#define TRIES    40
#define PAUSE_NS (5 * NS_PER_MS)

static bool file_path(const struct memory_group *group, const char *name, char *path, size_t size)
{
    return group->folder[0] && snprintf(path, size, "%s/%s", group->folder, name) < (int)size;
}

static bool file_write(const struct memory_group *group, const char *name, const char *text)
{
    char path[640];
    if (!file_path(group, name, path, sizeof path))
        return false;
    FS_CLEANUP int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static bool file_read(const struct memory_group *group, const char *name, char *text, size_t size)
{
    char path[640];
    return file_path(group, name, path, sizeof path) && fs_read_small(path, text, size) >= 0;
}

/* The path behind a mark at a line's start in /proc/self/cgroup; within a container it may be one of the host, then its own group
 * is at the mount's top. */
static bool find_folder(const char *text, const char *mark, const char *mount, char *folder, size_t size)
{
    const char *line = strstr(text, mark);
    if (!line)
        return false;
    line += strlen(mark);
    int length = (int)strcspn(line, "\n");
    if (length && line[length - 1] == '/')
        length--;
    if (snprintf(folder, size, "%s%.*s", mount, length, line) >= (int)size)
        return false;
    if (access(folder, F_OK))
        snprintf(folder, size, "%s", mount);
    return access(folder, W_OK) == 0;
}

static bool own_folder(char *folder, size_t size, bool *ret_is_v1)
{
    char text[4096] = "\n";
    if (fs_read_small("/proc/self/cgroup", text + 1, sizeof text - 1) <= 0)
        return false;
    *ret_is_v1 = find_folder(text, ":memory:", MOUNT "/memory", folder, size);
    return *ret_is_v1 || find_folder(text, "\n0::", MOUNT, folder, size);
}

void memory_group_open(struct memory_group *group, unsigned number, uint64_t limit_bytes)
{
    char own[400], limit[32], path[640];
    *group = (struct memory_group){.join_fd = -1};
    if (!limit_bytes || !own_folder(own, sizeof own, &group->is_v1))
        return;
    snprintf(group->folder, sizeof group->folder, "%s/toll-%d-%u", own, (int)getpid(), number);
    if (mkdir(group->folder, 0755) || !file_path(group, "cgroup.procs", path, sizeof path)) {
        group->folder[0] = '\0';
        return;
    }
    snprintf(limit, sizeof limit, "%" PRIu64, limit_bytes);
    group->join_fd = open(path, O_WRONLY | O_CLOEXEC);
    /* Where the memory controller is not handed on the file is not there: a group that limits nothing is none. */
    if (group->join_fd < 0 ||
        !file_write(group, group->is_v1 ? "memory.limit_in_bytes" : "memory.max", limit)) {
        memory_group_close(group);
        return;
    }
    /* Swap would make it slow instead of ending it; where it is not counted there is nothing to set. */
    if (!file_write(group, group->is_v1 ? "memory.memsw.limit_in_bytes" : "memory.swap.max",
                    group->is_v1 ? limit : "0"))
        return;
}

void memory_group_join(const struct memory_group *group)
{
    if (group->folder[0] && write(group->join_fd, "0", 1) != 1)
        return; /* then only the other limits hold */
}

bool memory_group_ran_out(const struct memory_group *group)
{
    char text[512];
    if (!file_read(group, group->is_v1 ? "memory.oom_control" : "memory.events", text, sizeof text))
        return false;
    const char *kills = strstr(text, "\noom_kill ");
    return kills && strtoull(kills + strlen("\noom_kill "), NULL, 10) > 0;
}

uint64_t memory_group_peak_bytes(const struct memory_group *group)
{
    char text[64];
    if (!file_read(group, group->is_v1 ? "memory.max_usage_in_bytes" : "memory.peak", text, sizeof text))
        return 0;
    return strtoull(text, NULL, 10);
}

/* False when there was none. */
static bool kill_once(const struct memory_group *group)
{
    char text[16384];
    bool is_one = false;
    if (!file_read(group, "cgroup.procs", text, sizeof text))
        return false;
    for (char *at = text, *end; *at; at = *end ? end + 1 : end) {
        long pid = strtol(at, &end, 10);
        if (end == at)
            break;
        is_one = true;
        if (pid > 1)
            kill((pid_t)pid, SIGKILL);
    }
    return is_one;
}

static void pause_shortly(void)
{
    clock_sleep_until(clock_monotonic_ns() + PAUSE_NS);
}

void memory_group_kill(const struct memory_group *group)
{
    for (int i = 0; i < TRIES && kill_once(group); i++)
        pause_shortly();
}

void memory_group_close(struct memory_group *group)
{
    fs_close(&group->join_fd);
    for (int i = 0; group->folder[0] && i < TRIES; i++) {
        if (rmdir(group->folder) == 0 || errno != EBUSY)
            group->folder[0] = '\0';
        else
            pause_shortly();
    }
    group->folder[0] = '\0';
}
