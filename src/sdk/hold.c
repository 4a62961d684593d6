/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hold: spans of one name end later by a known share of their length, for an experiment (`toll experiment`): how much of that the
 * run feels is the share of it that hangs on the span. Only where no recorder listens, and only when asked by the environment; what
 * was held is added to a file that all processes of the run map.
 */
#include "sdk/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "wire/hold.h"

#define NS_PER_S 1000000000u

static struct {
    const char *name;
    uint64_t share_permille;
    struct hold_file *file;
} held;

/* A span of the name carries its begin, and this in place of a thread. */
static struct sdk_thread held_thread;

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static struct hold_file *map_file(const char *path)
{
    void *memory = MAP_FAILED;
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return NULL;
    if (lseek(fd, 0, SEEK_END) >= (off_t)sizeof(struct hold_file))
        memory = mmap(NULL, sizeof(struct hold_file), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return memory == MAP_FAILED ? NULL : memory;
}

bool sdk_hold_load(void)
{
    const char *name = getenv(HOLD_SPAN_VARIABLE), *share = getenv(HOLD_SHARE_VARIABLE),
               *path = getenv(HOLD_FILE_VARIABLE);
    int error = errno;

    if (!name || !name[0] || !share || !path)
        return false;
    for (; *share >= '0' && *share <= '9' && held.share_permille < HOLD_SHARE_MAX; share++)
        held.share_permille = held.share_permille * 10 + (uint64_t)(*share - '0');
    held.file = map_file(path);
    errno = error;
    if (!held.file || *share || held.share_permille > HOLD_SHARE_MAX)
        return false;
    held.name = name;
    return true;
}

struct toll_span sdk_hold_begin(const char *name)
{
    struct toll_span span = {0, 0};

    if (!held.name || !name || strcmp(name, held.name) != 0)
        return span;
    span.index = now_ns();
    span.thread = &held_thread;
    return span;
}

/* A sleep that a signal cut short goes on: the program's handlers run as they would have. */
static void sleep_ns(uint64_t length)
{
    struct timespec left = {(time_t)(length / NS_PER_S), (long)(length % NS_PER_S)};

    while (length && clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR) {
    }
}

void sdk_hold_end(struct toll_span span)
{
    uint64_t length;
    int error = errno;

    if (span.thread != &held_thread)
        return;
    length = now_ns() - span.index;
    sleep_ns(length * held.share_permille / 1000);
    __atomic_fetch_add(&held.file->count, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&held.file->length_ns, length, __ATOMIC_RELAXED);
    errno = error;
}
