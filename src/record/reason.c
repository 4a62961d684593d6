/* SPDX-License-Identifier: Apache-2.0 */
#include "record/reason.h"

#include "model/meta.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define PARK_BYTES 1024 /* so far above the end of its stack a thread parks */

/* How a call's arguments are read. */
enum call_kind {
    CALL_READ,   /* from the descriptor */
    CALL_WRITE,  /* to it */
    CALL_SYNC,   /* its file to the disk */
    CALL_COPY,   /* from the second descriptor to the first */
    CALL_POLL,   /* struct pollfd array, count */
    CALL_SELECT, /* count, three bit sets */
    CALL_EPOLL,  /* the epoll descriptor */
    CALL_CONNECT,
    CALL_ACCEPT,
    CALL_LOCK, /* on a file */
    CALL_FCNTL,
    CALL_FUTEX,
    CALL_CHILD_PID, /* wait4 */
    CALL_CHILD_ID,  /* waitid */
    CALL_CHILD,     /* vfork: until the child's exec */
    CALL_SLEEP,
    CALL_SIGNAL, /* until a signal comes */
    CALL_IPC,
    CALL_PATH_READ, /* the path is the argument */
    CALL_PATH_WRITE,
    CALL_MEMORY, /* page tables, their lock */
    CALL_DISK_READ,
    CALL_DISK_SYNC,
    CALL_EVENT
};

struct call_rule {
    long number;
    enum call_kind kind;
    int argument; /* which one is the descriptor or the path */
};

/* Every architecture has the calls on top; the older spellings only some. */
static const struct call_rule rules[] = {
    {SYS_read, CALL_READ, 0},
    {SYS_readv, CALL_READ, 0},
    {SYS_pread64, CALL_READ, 0},
    {SYS_preadv, CALL_READ, 0},
    {SYS_preadv2, CALL_READ, 0},
    {SYS_recvfrom, CALL_READ, 0},
    {SYS_recvmsg, CALL_READ, 0},
    {SYS_recvmmsg, CALL_READ, 0},
    {SYS_getdents64, CALL_READ, 0},
    {SYS_write, CALL_WRITE, 0},
    {SYS_writev, CALL_WRITE, 0},
    {SYS_pwrite64, CALL_WRITE, 0},
    {SYS_pwritev, CALL_WRITE, 0},
    {SYS_pwritev2, CALL_WRITE, 0},
    {SYS_sendto, CALL_WRITE, 0},
    {SYS_sendmsg, CALL_WRITE, 0},
    {SYS_sendmmsg, CALL_WRITE, 0},
    {SYS_connect, CALL_CONNECT, 0},
    {SYS_ftruncate, CALL_WRITE, 0},
    {SYS_fallocate, CALL_WRITE, 0},
    {SYS_close, CALL_WRITE, 0},
    {SYS_fsync, CALL_SYNC, 0},
    {SYS_fdatasync, CALL_SYNC, 0},
    {SYS_sync_file_range, CALL_SYNC, 0},
    {SYS_syncfs, CALL_SYNC, 0},
    {SYS_sync, CALL_DISK_SYNC, 0},
    {SYS_msync, CALL_DISK_SYNC, 0},
    {SYS_sendfile, CALL_COPY, 0},
    {SYS_copy_file_range, CALL_COPY, 2},
    {SYS_splice, CALL_COPY, 2},
    {SYS_tee, CALL_COPY, 1},
    {SYS_ppoll, CALL_POLL, 0},
    {SYS_pselect6, CALL_SELECT, 0},
    {SYS_epoll_pwait, CALL_EPOLL, 0},
    {SYS_epoll_pwait2, CALL_EPOLL, 0},
    {SYS_accept, CALL_ACCEPT, 0},
    {SYS_accept4, CALL_ACCEPT, 0},
    {SYS_flock, CALL_LOCK, 0},
    {SYS_fcntl, CALL_FCNTL, 0},
    {SYS_futex, CALL_FUTEX, 0},
    {SYS_wait4, CALL_CHILD_PID, 0},
    {SYS_waitid, CALL_CHILD_ID, 0},
    {SYS_clone, CALL_CHILD, 0},
    {SYS_clone3, CALL_CHILD, 0},
    {SYS_nanosleep, CALL_SLEEP, 0},
    {SYS_clock_nanosleep, CALL_SLEEP, 0},
    {SYS_rt_sigsuspend, CALL_SIGNAL, 0},
    {SYS_rt_sigtimedwait, CALL_SIGNAL, 0},
    {SYS_semop, CALL_IPC, 0},
    {SYS_semtimedop, CALL_IPC, 0},
    {SYS_msgrcv, CALL_IPC, 0},
    {SYS_msgsnd, CALL_IPC, 0},
    {SYS_mq_timedreceive, CALL_IPC, 0},
    {SYS_mq_timedsend, CALL_IPC, 0},
    {SYS_openat, CALL_PATH_READ, 1},
    {SYS_newfstatat, CALL_PATH_READ, 1},
    {SYS_statx, CALL_PATH_READ, 1},
    {SYS_faccessat, CALL_PATH_READ, 1},
    {SYS_execve, CALL_PATH_READ, 0},
    {SYS_unlinkat, CALL_PATH_WRITE, 1},
    {SYS_mkdirat, CALL_PATH_WRITE, 1},
    {SYS_renameat2, CALL_PATH_WRITE, 1},
    {SYS_truncate, CALL_PATH_WRITE, 0},
    {SYS_mmap, CALL_MEMORY, 0},
    {SYS_munmap, CALL_MEMORY, 0},
    {SYS_mprotect, CALL_MEMORY, 0},
    {SYS_madvise, CALL_MEMORY, 0},
    {SYS_mremap, CALL_MEMORY, 0},
    {SYS_brk, CALL_MEMORY, 0},
    {SYS_io_getevents, CALL_DISK_READ, 0},
    {SYS_readahead, CALL_READ, 0},
    {SYS_io_uring_enter, CALL_EVENT, 0},
#ifdef SYS_open
    {SYS_open, CALL_PATH_READ, 0},
    {SYS_stat, CALL_PATH_READ, 0},
    {SYS_lstat, CALL_PATH_READ, 0},
    {SYS_access, CALL_PATH_READ, 0},
    {SYS_creat, CALL_PATH_WRITE, 0},
    {SYS_unlink, CALL_PATH_WRITE, 0},
    {SYS_mkdir, CALL_PATH_WRITE, 0},
    {SYS_rename, CALL_PATH_WRITE, 0},
    {SYS_poll, CALL_POLL, 0},
    {SYS_select, CALL_SELECT, 0},
    {SYS_epoll_wait, CALL_EPOLL, 0},
    {SYS_vfork, CALL_CHILD, 0},
    {SYS_pause, CALL_SIGNAL, 0},
#endif
};

static void set_peer(struct reason_found *found, enum peer_kind kind, const char *address, const char *path)
{
    found->peer_kind = kind;
    snprintf(found->address, sizeof found->address, "%s", address);
    snprintf(found->path, sizeof found->path, "%s", path);
}

static void set_file(struct reason_found *found, const char *path)
{
    const char *slash = strrchr(path, '/');
    set_peer(found, PEER_FILE, "", path);
    snprintf(found->name, sizeof found->name, "%.*s", (int)sizeof found->name - 1, slash ? slash + 1 : path);
}

/* A descriptor that is read, written or waited on. `disk` is the reason when it is a file. */
static void from_fd(const struct reason_fd *fd, enum wait_reason disk, struct reason_found *found)
{
    switch (fd->kind) {
    case REASON_FD_FILE:
        found->reason = disk;
        set_file(found, fd->path);
        break;
    case REASON_FD_PIPE:
        found->reason = WAIT_PIPE;
        set_peer(found, PEER_PIPE, fd->address, fd->path);
        break;
    case REASON_FD_SOCKET:
        found->reason = fd->is_dns ? WAIT_DNS : WAIT_NETWORK;
        if (fd->address[0])
            set_peer(found, PEER_SOCKET, fd->address, fd->path);
        break;
    case REASON_FD_UNIX:
        found->reason = WAIT_IPC;
        set_peer(found, PEER_SOCKET, fd->address, fd->path);
        break;
    case REASON_FD_LISTENING:
        found->reason = WAIT_IDLE;
        set_peer(found, PEER_SOCKET, fd->address, fd->path);
        break;
    case REASON_FD_TERMINAL:
        found->reason = WAIT_HUMAN;
        set_peer(found, PEER_DEVICE, fd->path, fd->path);
        break;
    case REASON_FD_GPU:
        found->reason = WAIT_GPU;
        set_peer(found, PEER_DEVICE, fd->path, fd->path);
        break;
    case REASON_FD_PROCESS:
        found->reason = WAIT_CHILD;
        if (fd->address[0])
            set_peer(found, PEER_PROCESS, fd->address, "");
        break;
    case REASON_FD_TIMER: found->reason = WAIT_SLEEP; break;
    case REASON_FD_EVENT:
    case REASON_FD_EPOLL: found->reason = WAIT_POLL; break;
    case REASON_FD_UNKNOWN: break;
    }
}

static void from_fd_number(const struct reason_source *source, uint64_t number, enum wait_reason disk,
                           struct reason_found *found)
{
    struct reason_fd fd = {0};
    if (source->descriptor(source->context, (int)number, &fd))
        from_fd(&fd, disk, found);
}

/* What a thread that waits on several things is really after: a network peer before a wake-up descriptor. */
static int fd_rank(const struct reason_fd *fd)
{
    static const enum reason_fd_kind order[] = {
        REASON_FD_EVENT,   REASON_FD_LISTENING, REASON_FD_TIMER, REASON_FD_TERMINAL, REASON_FD_UNIX,
        REASON_FD_PROCESS, REASON_FD_PIPE,      REASON_FD_FILE,  REASON_FD_GPU,      REASON_FD_SOCKET};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        if (order[i] == fd->kind)
            return (int)i + 1;
    return 0;
}

/* Among descriptors waited on together the highest rank tells the reason; the peer only when it is the only one
 * of its rank. No descriptor at all is a sleep. */
static void from_watched(const struct reason_source *source, const int *fds, size_t count,
                         struct reason_found *found)
{
    struct reason_fd best = {0}, fd;
    bool is_single = true;

    for (size_t i = 0; i < count && i < WATCHED_MAX; i++) {
        memset(&fd, 0, sizeof fd);
        if (fds[i] < 0 || !source->descriptor(source->context, fds[i], &fd))
            continue;
        found->has_listening = found->has_listening || fd.kind == REASON_FD_LISTENING;
        if (fd_rank(&fd) > fd_rank(&best)) {
            best = fd;
            is_single = true;
        } else if (fd_rank(&fd) == fd_rank(&best) && fd_rank(&fd)) {
            is_single = is_single && !strcmp(fd.address, best.address);
        }
    }
    if (count == 0) {
        found->reason = WAIT_SLEEP;
        return;
    }
    found->reason = WAIT_POLL;
    if (!fd_rank(&best))
        return;
    from_fd(&best, WAIT_POLL, found);
    if (best.kind == REASON_FD_EVENT)
        found->reason = WAIT_POLL;
    if (!is_single) {
        found->peer_kind = (enum peer_kind)0;
        found->address[0] = found->path[0] = found->name[0] = '\0';
    }
}

static void from_poll(const struct reason_source *source, const uint64_t *arguments,
                      struct reason_found *found)
{
    struct pollfd polled[WATCHED_MAX];
    int fds[WATCHED_MAX];
    size_t count = arguments[1] < WATCHED_MAX ? (size_t)arguments[1] : WATCHED_MAX;

    found->reason = WAIT_POLL;
    if (count && !source->memory(source->context, arguments[0], polled, count * sizeof polled[0]))
        return;
    for (size_t i = 0; i < count; i++)
        fds[i] = polled[i].fd;
    from_watched(source, fds, count, found);
}

static void from_select(const struct reason_source *source, const uint64_t *arguments,
                        struct reason_found *found)
{
    uint64_t sets[3][1024 / 64] = {0};
    int fds[WATCHED_MAX];
    size_t limit = arguments[0] < 1024 ? (size_t)arguments[0] : 1024, count = 0;

    found->reason = WAIT_POLL;
    for (size_t set = 0; set < 3; set++)
        if (arguments[set + 1] && limit &&
            !source->memory(source->context, arguments[set + 1], sets[set], (limit + 63) / 64 * 8))
            return;
    for (size_t fd = 0; fd < limit && count < WATCHED_MAX; fd++)
        if ((sets[0][fd / 64] | sets[1][fd / 64] | sets[2][fd / 64]) >> (fd % 64) & 1)
            fds[count++] = (int)fd;
    from_watched(source, fds, count, found);
}

static void from_epoll(const struct reason_source *source, uint64_t number, struct reason_found *found)
{
    int fds[WATCHED_MAX];
    size_t count = source->watched(source->context, (int)number, fds, WATCHED_MAX);

    found->reason = WAIT_POLL;
    if (count)
        from_watched(source, fds, count, found);
}

/* What is waited for at a futex: itself, or where threads park on their own stacks what they park for. */
static uint64_t lock_at(const struct reason_source *source, const struct reason_call *call)
{
    uint64_t futex = call->arguments[0], lock = 0;
    bool is_own =
        call->stack_pointer && futex >= call->stack_pointer && futex - call->stack_pointer < PARK_BYTES;
    if (source->parks && is_own && source->memory(source->context, futex - sizeof lock, &lock, sizeof lock) &&
        lock)
        return lock;
    return futex;
}

static void from_futex(const struct reason_source *source, const struct reason_call *call,
                       struct reason_found *found)
{
    const uint64_t *arguments = call->arguments;
    uint64_t operation = arguments[1] & (uint64_t)FUTEX_CMD_MASK;
    bool is_private = (arguments[1] & FUTEX_PRIVATE_FLAG) != 0;
    uint32_t value = (uint32_t)arguments[2];
    char text[64];

    if (!is_private && value && source->is_thread(source->context, value)) {
        found->reason = WAIT_CHILD;
        snprintf(text, sizeof text, "%" PRIu32, value);
        set_peer(found, PEER_PROCESS, text, "");
        return;
    }
    found->reason = WAIT_LOCK;
    snprintf(text, sizeof text, "%" PRIu64 ":0x%" PRIx64, source->pid, lock_at(source, call));
    set_peer(found, PEER_LOCK, text, "");
    bool is_mutex = (operation == FUTEX_WAIT && value == 2) || operation == FUTEX_LOCK_PI ||
                    operation == FUTEX_LOCK_PI2 || (value & FUTEX_WAITERS);
    snprintf(found->name, sizeof found->name, "%s", is_mutex ? "lock" : "condition");
}

void reason_set_gil(struct reason_found *found, uint64_t pid)
{
    snprintf(found->name, sizeof found->name, "%s", PEER_NAME_GIL);
    snprintf(found->address, sizeof found->address, "%" PRIu64 ":%s", pid, PEER_NAME_GIL);
}

static void from_child(const struct reason_source *source, enum call_kind kind, const uint64_t *arguments,
                       struct reason_found *found)
{
    int64_t pid = kind == CALL_CHILD_PID ? (int32_t)arguments[0] : 0;
    char text[32];

    found->reason = WAIT_CHILD;
    if (kind == CALL_CHILD_ID && arguments[0] == P_PID)
        pid = (int32_t)arguments[1];
    if (kind == CALL_CHILD_ID && arguments[0] == P_PIDFD)
        from_fd_number(source, arguments[1], WAIT_CHILD, found);
    if (pid <= 0)
        return;
    snprintf(text, sizeof text, "%" PRId64, pid);
    set_peer(found, PEER_PROCESS, text, "");
}

/* A path in the thread's memory; opening a FIFO waits for its other end. */
static void from_path(const struct reason_source *source, uint64_t address, enum wait_reason reason,
                      struct reason_found *found)
{
    char path[256] = "", function[2048] = "";

    found->reason = reason;
    /* A page's end may be the end of what is mapped: take what there is up to it. */
    size_t length = 4096 - (size_t)(address & 4095);
    if (length > sizeof path - 1)
        length = sizeof path - 1;
    if (!source->memory(source->context, address, path, length) || path[0] == '\0')
        return;
    path[sizeof path - 1] = '\0';
    set_file(found, path);
    source->kernel_function(source->context, function, sizeof function);
    if (strstr(function, "wait_for_partner")) {
        found->reason = WAIT_PIPE;
        set_peer(found, PEER_PIPE, path, path);
    }
}

static void from_lock(const struct reason_source *source, uint64_t number, struct reason_found *found)
{
    struct reason_fd fd = {0};

    found->reason = WAIT_LOCK;
    if (!source->descriptor(source->context, (int)number, &fd) || fd.kind != REASON_FD_FILE)
        return;
    set_peer(found, PEER_LOCK, fd.path, fd.path);
    snprintf(found->name, sizeof found->name, "lock");
}

/* It looks for memory to free, or is made to wait because its control group has too much. */
static bool is_reclaim(const char *names)
{
    return strstr(names, "reclaim") || strstr(names, "shrink_") || strstr(names, "over_high") ||
           strstr(names, "try_to_free");
}

/* A call on a file, or for memory, may stand in the way of memory that has to be freed first. */
static void look_for_reclaim(const struct reason_source *source, struct reason_found *found)
{
    char names[2048] = "";

    if (found->reason != WAIT_DISK_READ && found->reason != WAIT_DISK_WRITE &&
        found->reason != WAIT_PAGE_FAULT)
        return;
    source->kernel_function(source->context, names, sizeof names);
    if (is_reclaim(names))
        *found = (struct reason_found){.reason = WAIT_RECLAIM};
}

/* Blocked outside a call: it touched memory that is not there, or it is stopped. */
static void from_kernel_function(const struct reason_source *source, struct reason_found *found)
{
    char names[2048] = "";

    source->kernel_function(source->context, names, sizeof names);
    if (is_reclaim(names))
        found->reason = WAIT_RECLAIM;
    else if (strstr(names, "stop"))
        found->reason = WAIT_UNKNOWN;
    else
        found->reason = WAIT_PAGE_FAULT;
}

static void from_copy(const struct reason_source *source, const struct call_rule *rule,
                      const uint64_t *arguments, struct reason_found *found)
{
    struct reason_fd target = {0}, origin = {0};
    size_t from = rule->number == SYS_sendfile ? 1 : 0;

    source->descriptor(source->context, (int)arguments[rule->argument], &target);
    source->descriptor(source->context, (int)arguments[from], &origin);
    /* From a disk to a disk both work; a socket or a pipe is what makes one wait. */
    if (target.kind != REASON_FD_FILE)
        from_fd(&target, WAIT_DISK_WRITE, found);
    else
        from_fd(&origin, WAIT_DISK_READ, found);
}

static void from_connect(const struct reason_source *source, const uint64_t *arguments,
                         struct reason_found *found)
{
    struct reason_fd fd = {0};

    found->reason = WAIT_NETWORK;
    if (source->socket_address(source->context, arguments[1], (size_t)arguments[2], &fd))
        from_fd(&fd, WAIT_NETWORK, found);
}

static void from_rule(const struct call_rule *rule, const struct reason_call *call,
                      const struct reason_source *source, struct reason_found *found)
{
    const uint64_t *arguments = call->arguments;
    uint64_t first = arguments[rule->argument];

    switch (rule->kind) {
    case CALL_READ: from_fd_number(source, first, WAIT_DISK_READ, found); break;
    case CALL_WRITE: from_fd_number(source, first, WAIT_DISK_WRITE, found); break;
    case CALL_SYNC: from_fd_number(source, first, WAIT_DISK_SYNC, found); break;
    case CALL_COPY: from_copy(source, rule, arguments, found); break;
    case CALL_POLL: from_poll(source, arguments, found); break;
    case CALL_SELECT: from_select(source, arguments, found); break;
    case CALL_EPOLL: from_epoll(source, first, found); break;
    case CALL_CONNECT: from_connect(source, arguments, found); break;
    case CALL_ACCEPT:
        from_fd_number(source, first, WAIT_IDLE, found);
        found->reason = WAIT_IDLE;
        break;
    case CALL_LOCK: from_lock(source, first, found); break;
    case CALL_FCNTL:
        if (arguments[1] == F_SETLKW || arguments[1] == F_OFD_SETLKW)
            from_lock(source, first, found);
        break;
    case CALL_FUTEX: from_futex(source, call, found); break;
    case CALL_CHILD:
    case CALL_CHILD_PID:
    case CALL_CHILD_ID: from_child(source, rule->kind, arguments, found); break;
    case CALL_SLEEP: found->reason = WAIT_SLEEP; break;
    /* A shell's `wait` sleeps until SIGCHLD. */
    case CALL_SIGNAL: found->reason = source->has_children(source->context) ? WAIT_CHILD : WAIT_IDLE; break;
    case CALL_IPC: found->reason = WAIT_IPC; break;
    case CALL_PATH_READ: from_path(source, first, WAIT_DISK_READ, found); break;
    case CALL_PATH_WRITE: from_path(source, first, WAIT_DISK_WRITE, found); break;
    case CALL_MEMORY: found->reason = WAIT_PAGE_FAULT; break;
    case CALL_DISK_READ: found->reason = WAIT_DISK_READ; break;
    case CALL_DISK_SYNC: found->reason = WAIT_DISK_SYNC; break;
    case CALL_EVENT: found->reason = WAIT_POLL; break;
    }
}

void reason_find(const struct reason_call *call, const struct reason_source *source,
                 struct reason_found *ret_found)
{
    *ret_found = (struct reason_found){.reason = WAIT_UNKNOWN};
    if (call->number < 0) {
        from_kernel_function(source, ret_found);
        return;
    }
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (rules[i].number == call->number) {
            from_rule(&rules[i], call, source, ret_found);
            look_for_reclaim(source, ret_found);
            return;
        }
}
