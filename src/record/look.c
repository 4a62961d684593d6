/* SPDX-License-Identifier: Apache-2.0 */
#include "record/look.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"

void look_init(struct look *look)
{
    *look = (struct look){.schedstat_fd = -1, .syscall_fd = -1};
}

void look_close(struct look *look)
{
    fs_close(&look->schedstat_fd);
    fs_close(&look->syscall_fd);
}

/* Reads through *fd, opening it first; keeps it while there are descriptors to spare. */
static ssize_t thread_read(int *fd, const uint64_t *pid_tid, const char *name, char *buffer, size_t capacity)
{
    char path[96];

    if (*fd < 0) {
        if (pid_tid[0] == pid_tid[1]) /* the same file, without the two folders in between */
            snprintf(path, sizeof path, "/proc/%" PRIu64 "/%s", pid_tid[0], name);
        else
            snprintf(path, sizeof path, "/proc/%" PRIu64 "/task/%" PRIu64 "/%s", pid_tid[0], pid_tid[1],
                     name);
        *fd = open(path, O_RDONLY | O_CLOEXEC);
        if (*fd < 0)
            return -errno;
    }
    /* One read: a second one, to find the end, would make the kernel write the text again. */
    ssize_t got = pread(*fd, buffer, capacity - 1, 0);
    if (got < 0)
        got = -errno;
    else
        buffer[got] = '\0';
    if (*fd > LOOK_DESCRIPTOR_MAX)
        fs_close(fd);
    return got;
}

enum look_state look_schedstat(struct look *look, uint64_t pid, uint64_t tid, struct ledger_look *ret_look)
{
    char text[96];
    char *rest = text;
    ssize_t got = thread_read(&look->schedstat_fd, (uint64_t[]){pid, tid}, "schedstat", text, sizeof text);

    if (got <= 0)
        return got == -ESRCH || got == -ENOENT || got == 0 ? LOOK_GONE : LOOK_REFUSED;
    *ret_look = (struct ledger_look){.time_ns = clock_monotonic_ns()};
    ret_look->cpu_ns = strtoull(rest, &rest, 10);
    ret_look->queue_ns = strtoull(rest, &rest, 10);
    ret_look->turn_count = strtoull(rest, &rest, 10);
    return LOOK_RUNNING;
}

bool look_has_slept(struct look *look, uint64_t pid, uint64_t tid)
{
    static const char name[] = "\nvoluntary_ctxt_switches:";
    char path[96], text[4096];

    snprintf(path, sizeof path, "/proc/%" PRIu64 "/task/%" PRIu64 "/status", pid, tid);
    const char *found = fs_read_small(path, text, sizeof text) > 0 ? strstr(text, name) : NULL;
    if (!found)
        return false;
    uint64_t before = look->sleep_count;
    look->sleep_count = strtoull(found + strlen(name), NULL, 10);
    return look->sleep_count > before;
}

bool look_is_blocked(uint64_t pid, uint64_t tid)
{
    char path[96], text[256];

    snprintf(path, sizeof path, "/proc/%" PRIu64 "/task/%" PRIu64 "/stat", pid, tid);
    const char *end = fs_read_small(path, text, sizeof text) > 0 ? strrchr(text, ')') : NULL;
    return end && end[1] && (end[2] == 'S' || end[2] == 'D' || end[2] == 'T' || end[2] == 't');
}

/* "running", "-1 0xSP 0xPC" outside a call, "NUMBER 0xA0 … 0xA5 0xSP 0xPC" inside one; a zombie has no stack. */
enum look_state look_call(struct look *look, uint64_t pid, uint64_t tid, struct reason_call *ret_call)
{
    char text[256] = "";
    char *rest = text;
    ssize_t got = thread_read(&look->syscall_fd, (uint64_t[]){pid, tid}, "syscall", text, sizeof text);

    if (got <= 0)
        return got == -ESRCH || got == -ENOENT || got == 0 ? LOOK_GONE : LOOK_REFUSED;
    if (text[0] == 'r')
        return LOOK_RUNNING;
    struct reason_call call = {.number = strtoll(rest, &rest, 10)};
    if (call.number < 0) {
        if (strtoull(rest, &rest, 16) == 0)
            return LOOK_GONE;
        *ret_call = call;
        return LOOK_BLOCKED;
    }
    for (size_t i = 0; i < 6; i++)
        call.arguments[i] = strtoull(rest, &rest, 16);
    call.stack_pointer = strtoull(rest, &rest, 16);
    *ret_call = call;
    return LOOK_BLOCKED;
}
