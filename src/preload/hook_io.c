/* SPDX-License-Identifier: Apache-2.0 */
/* hook_io: reading, writing, syncing, opening and closing descriptors. */
#include "preload/hook.h"

#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>

HOOK_CALL(ssize_t, read, (int fd, void *bytes, size_t size), (fd, bytes, size), CALL_READ, fd, fd, size)
HOOK_CALL(ssize_t, write, (int fd, const void *bytes, size_t size), (fd, bytes, size), CALL_WRITE, fd, fd,
          size)
HOOK_CALL(ssize_t, readv, (int fd, const struct iovec *parts, int count), (fd, parts, count), CALL_READ, fd,
          fd, SIZE_MAX)
HOOK_CALL(ssize_t, writev, (int fd, const struct iovec *parts, int count), (fd, parts, count), CALL_WRITE, fd,
          fd, SIZE_MAX)
HOOK_CALL(ssize_t, pread, (int fd, void *bytes, size_t size, off_t at), (fd, bytes, size, at), CALL_READ, fd,
          fd, size)
HOOK_AS(ssize_t, pread64, pread, (int fd, void *bytes, size_t size, off_t at), (fd, bytes, size, at),
        CALL_READ, fd, fd, size)
HOOK_CALL(ssize_t, pwrite, (int fd, const void *bytes, size_t size, off_t at), (fd, bytes, size, at),
          CALL_WRITE, fd, fd, size)
HOOK_AS(ssize_t, pwrite64, pwrite, (int fd, const void *bytes, size_t size, off_t at), (fd, bytes, size, at),
        CALL_WRITE, fd, fd, size)
HOOK_CALL(ssize_t, preadv, (int fd, const struct iovec *parts, int count, off_t at), (fd, parts, count, at),
          CALL_READ, fd, fd, SIZE_MAX)
HOOK_AS(ssize_t, preadv64, preadv, (int fd, const struct iovec *parts, int count, off_t at),
        (fd, parts, count, at), CALL_READ, fd, fd, SIZE_MAX)
HOOK_CALL(ssize_t, pwritev, (int fd, const struct iovec *parts, int count, off_t at), (fd, parts, count, at),
          CALL_WRITE, fd, fd, SIZE_MAX)
HOOK_AS(ssize_t, pwritev64, pwritev, (int fd, const struct iovec *parts, int count, off_t at),
        (fd, parts, count, at), CALL_WRITE, fd, fd, SIZE_MAX)
HOOK_CALL(ssize_t, __read_chk, (int fd, void *bytes, size_t size, size_t room), (fd, bytes, size, room),
          CALL_READ, fd, fd, size)
HOOK_CALL(ssize_t, __pread_chk, (int fd, void *bytes, size_t size, off_t at, size_t room),
          (fd, bytes, size, at, room), CALL_READ, fd, fd, size)
HOOK_AS(ssize_t, __pread64_chk, __pread_chk, (int fd, void *bytes, size_t size, off_t at, size_t room),
        (fd, bytes, size, at, room), CALL_READ, fd, fd, size)

HOOK_CALL(int, fsync, (int fd), (fd), CALL_SYNC, fd, fd, 0)
HOOK_CALL(int, fdatasync, (int fd), (fd), CALL_SYNC, fd, fd, 0)
HOOK_CALL(int, syncfs, (int fd), (fd), CALL_SYNC, fd, fd, 0)
HOOK_CALL(int, sync_file_range, (int fd, off_t at, off_t count, unsigned flags), (fd, at, count, flags),
          CALL_SYNC, fd, fd, 0)
HOOK_CALL(int, msync, (void *address, size_t size, int flags), (address, size, flags), CALL_SYNC_ALL, -1, 0,
          0)

HOOK void sync(void)
{
    struct call call = CALL_INIT(CALL_SYNC_ALL, -1, 0, 0);

    if (!calls_on()) {
        REAL(sync)();
        return;
    }
    call_begin(&call);
    REAL(sync)();
    call_end(&call, 0);
}

/* From a file to a socket the socket is what waits; between files the first. */
static int copy_side(int from, int to)
{
    const struct fd_entry *entry = calls->is_on ? fd_find(to) : NULL;

    return entry && entry->type == FD_FILE ? from : to;
}

static enum call_kind copy_kind(int from, int to)
{
    return copy_side(from, to) == to ? CALL_WRITE : CALL_READ;
}

HOOK_CALL(ssize_t, sendfile, (int to, int from, off_t *at, size_t size), (to, from, at, size),
          copy_kind(from, to), copy_side(from, to), copy_side(from, to), SIZE_MAX)
HOOK_AS(ssize_t, sendfile64, sendfile, (int to, int from, off_t *at, size_t size), (to, from, at, size),
        copy_kind(from, to), copy_side(from, to), copy_side(from, to), SIZE_MAX)
HOOK_CALL(ssize_t, splice, (int from, off_t *from_at, int to, off_t *to_at, size_t size, unsigned flags),
          (from, from_at, to, to_at, size, flags), copy_kind(from, to), copy_side(from, to),
          copy_side(from, to), SIZE_MAX)
HOOK_CALL(ssize_t, copy_file_range,
          (int from, off_t *from_at, int to, off_t *to_at, size_t size, unsigned flags),
          (from, from_at, to, to_at, size, flags), CALL_READ, from, from, SIZE_MAX)

static int opened(int fd, struct call *call, const char *path)
{
    call->value = (uint64_t)path;
    call_end(call, fd);
    if (fd >= 0)
        fd_forget(fd);
    return fd;
}

static mode_t mode_of(int flags, va_list rest)
{
    bool is_made = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;

    return is_made ? va_arg(rest, mode_t) : 0; /* NOLINT(clang-analyzer-valist.Uninitialized): va_start did */
}

#define HOOK_OPEN(symbol)                                                                                    \
    HOOK int symbol(const char *path, int flags, ...)                                                        \
    {                                                                                                        \
        struct call call = CALL_INIT(CALL_OPEN, -1, 0, 0);                                                   \
        va_list rest;                                                                                        \
        mode_t mode;                                                                                         \
                                                                                                             \
        va_start(rest, flags);                                                                               \
        mode = mode_of(flags, rest);                                                                         \
        va_end(rest);                                                                                        \
        if (!calls_on() || call_is_inner(call.frame))                                                        \
            return REAL(open)(path, flags, mode);                                                            \
        call_begin(&call);                                                                                   \
        return opened(REAL(open)(path, flags, mode), &call, path);                                           \
    }
HOOK_OPEN(open)
HOOK_OPEN(open64)

#define HOOK_OPENAT(symbol)                                                                                  \
    HOOK int symbol(int folder, const char *path, int flags, ...)                                            \
    {                                                                                                        \
        struct call call = CALL_INIT(CALL_OPEN, -1, 0, 0);                                                   \
        va_list rest;                                                                                        \
        mode_t mode;                                                                                         \
                                                                                                             \
        va_start(rest, flags);                                                                               \
        mode = mode_of(flags, rest);                                                                         \
        va_end(rest);                                                                                        \
        if (!calls_on() || call_is_inner(call.frame))                                                        \
            return REAL(openat)(folder, path, flags, mode);                                                  \
        call_begin(&call);                                                                                   \
        return opened(REAL(openat)(folder, path, flags, mode), &call, path);                                 \
    }
HOOK_OPENAT(openat)
HOOK_OPENAT(openat64)

HOOK int close(int fd)
{
    struct call call = CALL_INIT(CALL_CLOSE, -1, fd, 0);
    int result;

    if (!calls_on() || call_is_inner(call.frame))
        return REAL(close)(fd);
    if ((unsigned)fd < FD_COUNT_MAX && fd_table[fd].serial)
        call.fd = fd;
    call_begin(&call);
    fd_forget(fd);
    call.fd = -1;
    result = REAL(close)(fd);
    call_end(&call, 0);
    return result;
}

/* Replaces what the descriptor was. */
HOOK int dup2(int from, int to)
{
    if (calls->is_on && from != to)
        fd_forget(to);
    return REAL(dup2)(from, to);
}

HOOK int dup3(int from, int to, int flags)
{
    if (calls->is_on)
        fd_forget(to);
    return REAL(dup3)(from, to, flags);
}

HOOK_CALL(int, flock, (int fd, int operation), (fd, operation), CALL_FILE_LOCK, fd, fd, 0)
HOOK_CALL(int, lockf, (int fd, int command, off_t size), (fd, command, size), CALL_FILE_LOCK, fd, fd, 0)
HOOK_AS(int, lockf64, lockf, (int fd, int command, off_t size), (fd, command, size), CALL_FILE_LOCK, fd, fd,
        0)

static bool is_waiting_lock(int command)
{
    return command == F_SETLKW || command == F_OFD_SETLKW;
}

#define HOOK_FCNTL(symbol)                                                                                   \
    HOOK int symbol(int fd, int command, ...)                                                                \
    {                                                                                                        \
        struct call call = CALL_INIT(CALL_FILE_LOCK, fd, fd, 0);                                             \
        void *argument;                                                                                      \
        va_list rest;                                                                                        \
        int result;                                                                                          \
                                                                                                             \
        va_start(rest, command);                                                                             \
        argument = va_arg(rest, void *); /* whatever its type, it is in a register of that size */           \
        va_end(rest);                                                                                        \
        if (!is_waiting_lock(command) || !calls_on())                                                        \
            return REAL(fcntl)(fd, command, argument);                                                       \
        call_begin(&call);                                                                                   \
        result = REAL(fcntl)(fd, command, argument);                                                         \
        call_end(&call, result);                                                                             \
        return result;                                                                                       \
    }
HOOK_FCNTL(fcntl)
HOOK_FCNTL(fcntl64)

static size_t populated(size_t size, int flags)
{
    return flags & MAP_POPULATE ? size : 0;
}

/* A mapping is made in no time unless another thread holds the address space, or its pages are read at once. */
#define HOOK_MMAP(symbol)                                                                                    \
    HOOK void *symbol(void *address, size_t size, int protection, int flags, int fd, off_t at)               \
    {                                                                                                        \
        struct call call = CALL_INIT(CALL_MEMORY, -1, size, populated(size, flags));                         \
        void *result;                                                                                        \
                                                                                                             \
        if (!calls_on() || call_is_inner(call.frame))                                                        \
            return REAL(mmap)(address, size, protection, flags, fd, at);                                     \
        call_begin(&call);                                                                                   \
        result = REAL(mmap)(address, size, protection, flags, fd, at);                                       \
        call_end(&call, 0);                                                                                  \
        return result;                                                                                       \
    }
HOOK_MMAP(mmap)
HOOK_MMAP(mmap64)

HOOK_CALL(int, munmap, (void *address, size_t size), (address, size), CALL_MEMORY, -1, size, size)

HOOK_CALL(int, semop, (int set, struct sembuf *operations, size_t count), (set, operations, count), CALL_IPC,
          -1, set, 0)
HOOK_CALL(int, semtimedop, (int set, struct sembuf *operations, size_t count, const struct timespec *timeout),
          (set, operations, count, timeout), CALL_IPC, -1, set, 0)
HOOK_CALL(ssize_t, msgrcv, (int queue, void *message, size_t size, long type, int flags),
          (queue, message, size, type, flags), CALL_IPC, -1, queue, 0)
HOOK_CALL(int, msgsnd, (int queue, const void *message, size_t size, int flags),
          (queue, message, size, flags), CALL_IPC, -1, queue, 0)
HOOK_CALL(int, mq_send, (mqd_t queue, const char *message, size_t size, unsigned priority),
          (queue, message, size, priority), CALL_IPC, -1, queue, 0)
HOOK_CALL(ssize_t, mq_receive, (mqd_t queue, char *message, size_t size, unsigned *ret_priority),
          (queue, message, size, ret_priority), CALL_IPC, -1, queue, 0)
HOOK_CALL(int, mq_timedsend,
          (mqd_t queue, const char *message, size_t size, unsigned priority, const struct timespec *until),
          (queue, message, size, priority, until), CALL_IPC, -1, queue, 0)
HOOK_CALL(ssize_t, mq_timedreceive,
          (mqd_t queue, char *message, size_t size, unsigned *ret_priority, const struct timespec *until),
          (queue, message, size, ret_priority, until), CALL_IPC, -1, queue, 0)
