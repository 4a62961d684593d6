/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heap_maps: which file's code lies where, read from /proc/self/maps when a stack has an address that is in none told yet; and
 * where this thread's stack lies. System calls alone: the C library's own readers allocate.
 */
#include "heap_preload/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define READ_BYTES      4096
#define PAUSE_US_MIN    1000u /* behind a read that found nothing new, then twice as much: */
#define PAUSE_US_MAX    1000000u
#define TOLD_RESERVE    128u
#define STACK_BYTES_MAX (1ull << 30)

struct map_line {
    uint64_t low, high, offset, device, inode;
    bool is_code;
    const char *path;
    unsigned path_bytes;
};

extern void *__libc_stack_end;

uint64_t heap_first_thread;

static uint64_t number(const char **at, const char *end, unsigned base)
{
    uint64_t value = 0;

    for (; *at < end; ++*at) {
        unsigned letter = (unsigned char)**at;
        unsigned digit = letter >= 'a' ? letter - 'a' + 10 : letter - '0';

        if (digit >= base || (letter > '9' && letter < 'a')) /* a colon is no digit */
            break;
        value = value * base + digit;
    }
    return value;
}

/* "low-high rwxp offset major:minor inode   path" */
static void line_read(const char *at, const char *end, struct map_line *ret_line)
{
    uint64_t device_major, device_minor;

    ret_line->low = number(&at, end, 16);
    at++;
    ret_line->high = number(&at, end, 16);
    ret_line->is_code = end - at > 4 && at[3] == 'x';
    at += end - at > 6 ? 6 : 0;
    ret_line->offset = number(&at, end, 16);
    at++;
    device_major = number(&at, end, 16);
    at++;
    device_minor = number(&at, end, 16);
    at++;
    ret_line->device = makedev((unsigned)device_major, (unsigned)device_minor);
    ret_line->inode = number(&at, end, 10);
    while (at < end && *at == ' ')
        at++;
    ret_line->path = at;
    ret_line->path_bytes = end > at ? (unsigned)(end - at) : 0;
    if (ret_line->path_bytes > HEAP_PATH_BYTES_MAX)
        ret_line->path_bytes = 0;
}

static bool is_told(const struct map_line *line)
{
    uint32_t i;

    for (i = 0; i < heap->module_count; i++)
        if (heap->modules[i].low == line->low && heap->modules[i].high == line->high)
            return true;
    return false;
}

static void line_tell(struct heap_lane *lane, const struct map_line *line)
{
    unsigned words = 7 + (line->path_bytes + 7) / 8, at;

    if (line->is_code)
        guest_code_add(&heap->codes[!heap->code_index], line->low, line->high);
    if (!line->is_code || heap->module_count >= MODULE_COUNT_MAX || is_told(line))
        return;
    if (line->path_bytes) {
        if (!heap_begin(lane, words, TOLD_RESERVE))
            return;
        heap_put(lane, 0, heap_head(HEAP_MODULE, heap_clock() - heap_session->start));
        heap_put(lane, 1, line->low);
        heap_put(lane, 2, line->high - line->low);
        heap_put(lane, 3, line->offset);
        heap_put(lane, 4, line->device);
        heap_put(lane, 5, line->inode);
        heap_put(lane, 6, line->path_bytes);
        for (at = 0; at < line->path_bytes; at += 8) {
            uint64_t word = 0;

            memcpy(&word, line->path + at, line->path_bytes - at < 8 ? line->path_bytes - at : 8);
            heap_put(lane, 7 + at / 8, word);
        }
        heap_commit(lane, words);
    }
    heap->modules[heap->module_count] = (struct guest_range){line->low, line->high};
    __atomic_store_n(&heap->module_count, heap->module_count + 1, __ATOMIC_RELEASE);
}

/* A thread's descriptor lies at the top of its stack. The C library's own way to ask (pthread_getattr_np) allocates, and has a
 * lock meanwhile: this may be inside of that very call, or of an allocator that maps pages. */
static void line_bounds(const struct map_line *line)
{
    uint64_t top = (uint64_t)pthread_self();

    if (top < line->low || top >= line->high)
        return;
    self.stack_low = line->low;
    self.stack_high = top;
}

/* Without a lane: this thread's stack is looked for. */
static void lines_read(struct heap_lane *lane, int fd)
{
    char text[READ_BYTES];
    size_t held = 0;

    for (;;) {
        long got = syscall(SYS_read, fd, text + held, sizeof text - held);
        const char *at = text, *end, *stop = text + held + (got > 0 ? got : 0);
        struct map_line line;

        if (got <= 0)
            return;
        while ((end = memchr(at, '\n', (size_t)(stop - at))) != NULL) {
            line_read(at, end, &line);
            if (lane)
                line_tell(lane, &line);
            else
                line_bounds(&line);
            at = end + 1;
        }
        held = (size_t)(stop - at);
        if (held == sizeof text) /* a line that is longer than any */
            return;
        memmove(text, at, held);
    }
}

void heap_stack_bounds(void)
{
    struct rlimit limit = {0};
    int fd;

    /* Also in a forked child, whose first thread may be another's copy. */
    if (heap_first_thread ? heap_first_thread == (uint64_t)pthread_self() : self.tid == heap->pid) {
        getrlimit(RLIMIT_STACK, &limit);
        self.stack_high = (uint64_t)__libc_stack_end;
        self.stack_low =
            self.stack_high - (limit.rlim_cur < STACK_BYTES_MAX ? limit.rlim_cur : STACK_BYTES_MAX);
        return;
    }
    self.stack_low = self.stack_high = 0;
    fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    lines_read(NULL, fd);
    syscall(SYS_close, fd);
}

/* Addresses that are in nothing are nonsense, and may come with each allocation. */
void heap_maps_read(struct heap_lane *lane)
{
    static uint64_t due, pause_us;
    uint32_t expected = 0, before;
    int error = errno, fd;

    if (!__atomic_compare_exchange_n(&heap->is_reading_maps, &expected, 1, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED))
        return;
    before = heap->module_count;
    fd = before == 0 || heap_clock() >= due
             ? (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC)
             : -1;
    if (fd >= 0) {
        guest_code_clear(&heap->codes[!heap->code_index]);
        lines_read(lane, fd);
        __atomic_store_n(&heap->code_index, !heap->code_index, __ATOMIC_RELEASE);
        syscall(SYS_close, fd);
        if (heap->module_count != before)
            pause_us = 0;
        else
            pause_us = pause_us == 0                 ? PAUSE_US_MIN
                       : pause_us < PAUSE_US_MAX / 2 ? pause_us * 2
                                                     : PAUSE_US_MAX;
        due = heap_clock() + pause_us * heap_session->ticks_per_us;
    }
    __atomic_store_n(&heap->is_reading_maps, 0, __ATOMIC_RELEASE);
    errno = error;
}
