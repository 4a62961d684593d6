/* SPDX-License-Identifier: Apache-2.0 */
#include "record/watch_reason.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define TCP_LISTEN 10

void watch_reason_init(struct watch_reason *reasons)
{
    reasons->files.count = 0;
}

void watch_reason_deinit(struct watch_reason *reasons)
{
    map_free(&reasons->by_file);
    vec_free(&reasons->files);
}

static void endpoint(const struct bpf_file *file, const uint8_t address[16], uint16_t port,
                     struct reason_fd *ret_fd)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

    memcpy(&in.sin_addr, address, sizeof in.sin_addr);
    memcpy(&in6.sin6_addr, address, sizeof in6.sin6_addr);
    if (file->family == AF_INET)
        resolve_address(&in, sizeof in, ret_fd);
    else
        resolve_address(&in6, sizeof in6, ret_fd);
}

static void from_network(const struct bpf_file *file, struct reason_fd *ret_fd)
{
    struct reason_fd local = {0};

    endpoint(file, file->local, file->local_port, &local);
    *ret_fd = (struct reason_fd){.kind = REASON_FD_SOCKET};
    if (file->remote_port)
        endpoint(file, file->remote, file->remote_port, ret_fd);
    memcpy(ret_fd->path, local.address, sizeof ret_fd->path);
    if (file->type == SOCK_STREAM && file->state == TCP_LISTEN) {
        ret_fd->kind = REASON_FD_LISTENING;
        memcpy(ret_fd->address, local.address, sizeof ret_fd->address);
    }
}

/* The last part of a path, as far as the kernel's record has it. */
static bool is_named(const struct reason_fd *fd, const struct bpf_file *file)
{
    const char *slash = strrchr(fd->path, '/');
    const char *name = slash ? slash + 1 : fd->path;

    return strncmp(name, file->name, sizeof file->name - 1) == 0;
}

/* What the record alone tells of a file, when its process is gone or has gone on. */
static void from_record(const struct bpf_file *file, struct reason_fd *ret_fd)
{
    *ret_fd = (struct reason_fd){.kind = REASON_FD_FILE};
    snprintf(ret_fd->path, sizeof ret_fd->path, "%s", file->name);
    if (S_ISSOCK(file->mode)) {
        ret_fd->kind = file->family == AF_UNIX ? REASON_FD_UNIX : REASON_FD_UNKNOWN;
        snprintf(ret_fd->address, sizeof ret_fd->address, "unix:[%" PRIu64 "]", (uint64_t)file->inode);
        ret_fd->path[0] = '\0';
    } else if (S_ISFIFO(file->mode)) {
        ret_fd->kind = REASON_FD_PIPE;
        snprintf(ret_fd->address, sizeof ret_fd->address, "%s", file->name);
    } else if (S_ISCHR(file->mode)) {
        ret_fd->kind = REASON_FD_EVENT;
    } else if (!strcmp(file->name, "[eventpoll]")) {
        ret_fd->kind = REASON_FD_EPOLL;
    } else if (!strcmp(file->name, "[timerfd]")) {
        ret_fd->kind = REASON_FD_TIMER;
    } else if (!strcmp(file->name, "[pidfd]")) {
        ret_fd->kind = REASON_FD_PROCESS;
    } else if (file->name[0] == '[') {
        ret_fd->kind = REASON_FD_EVENT;
    } else if (!file->name[0]) {
        ret_fd->kind = REASON_FD_UNKNOWN;
    }
}

/* Whether what /proc shows now under that number is still the file of the record. */
static bool is_same(const struct bpf_file *file, const struct reason_fd *fd, uint64_t pid)
{
    char link[64];
    struct stat status;

    snprintf(link, sizeof link, "/proc/%" PRIu64 "/fd/%d", pid, file->number);
    if (stat(link, &status) == 0 && status.st_ino == file->inode)
        return true;
    return file->name[0] && is_named(fd, file);
}

static uint64_t file_key(const struct bpf_file *file)
{
    return map_hash(file->inode ^ (uint64_t)file->device << 40) ^
           map_hash_bytes(file->name, strnlen(file->name, sizeof file->name)) ^ file->mode;
}

static void file_keep(struct watch_reason *reasons, uint64_t key, const struct reason_fd *fd)
{
    if (reasons->files.count >= WATCH_FILE_MAX) {
        reasons->files.count = 0;
        map_free(&reasons->by_file);
    }
    if (!vec_push(&reasons->files, *fd) && map_put(&reasons->by_file, key, reasons->files.count - 1))
        reasons->files.count--;
}

void watch_reason_file(struct watch_reason *reasons, uint64_t pid, const struct bpf_file *file,
                       struct reason_fd *ret_fd)
{
    if (file->family == AF_INET || file->family == AF_INET6) {
        from_network(file, ret_fd);
        return;
    }
    if (S_ISFIFO(file->mode) && !file->name[0]) {
        *ret_fd = (struct reason_fd){.kind = REASON_FD_PIPE};
        snprintf(ret_fd->address, sizeof ret_fd->address, "pipe:[%" PRIu64 "]", (uint64_t)file->inode);
        return;
    }
    uint64_t key = file_key(file);
    const uint64_t *known = map_get(&reasons->by_file, key);
    if (known) {
        *ret_fd = reasons->files.items[*known];
        return;
    }
    if (!resolve_fd(reasons->resolve, pid, file->number, ret_fd) || !is_same(file, ret_fd, pid)) {
        from_record(file, ret_fd);
        return; /* another process may tell more */
    }
    if (ret_fd->kind == REASON_FD_UNIX ? ret_fd->address[0] != '\0' : ret_fd->kind != REASON_FD_UNKNOWN)
        file_keep(reasons, key, ret_fd);
}

static bool source_descriptor(void *context, int fd, struct reason_fd *ret_fd)
{
    struct watch_reason *reasons = context;

    if (fd >= 0 && fd == reasons->wait->file.number) {
        watch_reason_file(reasons, reasons->pid, &reasons->wait->file, ret_fd);
        return true;
    }
    return reasons->base.descriptor(reasons->base.context, fd, ret_fd);
}

static bool source_memory(void *context, uint64_t address, void *ret_bytes, size_t length)
{
    struct watch_reason *reasons = context;
    const struct bpf_wait *wait = reasons->wait;

    if (!wait->memory_bytes || address != wait->memory_address)
        return reasons->base.memory(reasons->base.context, address, ret_bytes, length);
    bool is_text = wait->memory_bytes == BPF_MEMORY_BYTES && memchr(wait->memory, 0, BPF_MEMORY_BYTES);
    if (length > wait->memory_bytes && !is_text)
        return reasons->base.memory(reasons->base.context, address, ret_bytes, length);
    memset(ret_bytes, 0, length);
    memcpy(ret_bytes, wait->memory, length < wait->memory_bytes ? length : wait->memory_bytes);
    return true;
}

static bool source_socket_address(void *context, uint64_t address, size_t length, struct reason_fd *ret_fd)
{
    struct sockaddr_storage storage = {0};

    if (length > sizeof storage || !source_memory(context, address, &storage, length))
        return false;
    return resolve_address(&storage, length, ret_fd);
}

static size_t source_watched(void *context, int fd, int *ret_fds, size_t capacity)
{
    struct watch_reason *reasons = context;
    return reasons->base.watched(reasons->base.context, fd, ret_fds, capacity);
}

/* It lives, or did when the wait was. */
static bool source_is_thread(void *context, uint64_t tid)
{
    struct watch_reason *reasons = context;
    const struct task *task = tracks_find(reasons->tracks, tid);

    if (task)
        return task->process->pid == reasons->pid;
    const struct track_ended *ended = tracks_ended(reasons->tracks, tid, reasons->time_ns);
    return ended && ended->end_ns >= reasons->wait->start_ns;
}

static bool source_has_children(void *context)
{
    struct watch_reason *reasons = context;
    const struct tracks *tracks = reasons->tracks;
    const struct task *task = tracks_find(tracks, reasons->tid);

    if (tracks_ended(tracks, reasons->wait->waker_pid, reasons->time_ns))
        return true; /* it was woken by one that ended */
    for (size_t i = 0; task && i < tracks->processes.count; i++)
        if (tracks->processes.items[i]->parent_track == task->process->track)
            return true;
    return false;
}

/* In the words of /proc/PID/wchan, as far as flags and states tell it. */
static void source_kernel_function(void *context, char *ret_name, size_t capacity)
{
    struct watch_reason *reasons = context;
    uint32_t flags = reasons->wait->flags;
    bool opens = reasons->wait->call == SYS_openat;
#ifdef SYS_open
    opens = opens || reasons->wait->call == SYS_open;
#endif

    /* A disk is waited for without an ear for signals; the other end of a FIFO is not. */
    snprintf(ret_name, capacity, "%s",
             flags & BPF_WAIT_STOPPED                  ? "do_signal_stop"
             : flags & BPF_WAIT_RECLAIM                ? "reclaim"
             : opens && flags & BPF_WAIT_INTERRUPTIBLE ? "wait_for_partner"
                                                       : "");
}

void watch_reason_find(struct watch_reason *reasons, const struct task *task, const struct bpf_wait *wait,
                       uint64_t time_ns, struct reason_found *ret_found)
{
    struct reason_call call = {.number = wait->call < 0 ? -1 : wait->call};
    const struct reason_source source = {.context = reasons,
                                         .pid = task->process->pid,
                                         .descriptor = source_descriptor,
                                         .socket_address = source_socket_address,
                                         .memory = source_memory,
                                         .watched = source_watched,
                                         .is_thread = source_is_thread,
                                         .has_children = source_has_children,
                                         .kernel_function = source_kernel_function};

    *ret_found = (struct reason_found){.reason = WAIT_UNKNOWN};
    if (wait->call == BPF_CALL_FOREIGN || wait->flags & BPF_WAIT_STOPPED)
        return;
    reasons->wait = wait;
    reasons->pid = task->process->pid;
    reasons->tid = task->tid;
    reasons->time_ns = time_ns;
    reasons->base = resolve_source(reasons->resolve, task->process->pid, task->tid);
    memcpy(call.arguments, wait->arguments, sizeof call.arguments);
    reason_find(&call, &source, ret_found);
    if (wait->flags & BPF_WAIT_RECLAIM)
        *ret_found = (struct reason_found){.reason = WAIT_RECLAIM};
    else if (ret_found->reason == WAIT_UNKNOWN && wait->flags & BPF_WAIT_IO)
        ret_found->reason = WAIT_DISK_READ;
    reasons->wait = NULL;
}
