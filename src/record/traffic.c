/* SPDX-License-Identifier: Apache-2.0 */
#include "record/traffic.h"

#include <dirent.h>
#include <inttypes.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/num.h"
#include "model/meta.h"

#define DUE_NS_MIN        (20 * NS_PER_MS)
#define DUE_NS_MAX        (NS_PER_S / 2)
#define DESCRIPTOR_LISTED 4096 /* counted where the kernel does not tell their number */
#define DESCRIPTOR_NEWS   4    /* fewer more or less are no news */
#define QUEUE_BYTES_NEWS  4096 /* less was never waiting: no series */
#define QUEUE_CLIENT_NEWS 4
#define CALL_NEWS         16 /* fewer calls wait for the next row */

void traffic_note(struct traffic *traffic, const struct traffic_socket *seen)
{
    for (size_t i = 0; i < traffic->socket_count; i++) {
        struct traffic_socket *socket = &traffic->sockets[i];
        if (socket->number != seen->number)
            continue;
        if (socket->peer != seen->peer || socket->is_listening != seen->is_listening)
            *socket = *seen;
        return;
    }
    if (traffic->socket_count == TRAFFIC_SOCKET_MAX)
        return;
    if (traffic->socket_count == traffic->socket_capacity) {
        size_t capacity = traffic->socket_capacity ? 2 * traffic->socket_capacity : 8;
        struct traffic_socket *more = realloc(traffic->sockets, capacity * sizeof *more);
        if (!more)
            return; /* without memory it is not looked into */
        traffic->sockets = more;
        traffic->socket_capacity = capacity;
    }
    traffic->sockets[traffic->socket_count++] = *seen;
}

/* --- calls --- */

static void io_write(const struct traffic_owner *owner, const struct row_io *row)
{
    if (owner->is_counting && row->count)
        emit_append(owner->emit, io, row);
}

/* What came since the last row; small news wait. */
static void calls_write(struct traffic *traffic, const struct traffic_owner *owner, const struct usage *usage,
                        uint64_t now_ns, bool is_last)
{
    uint64_t reads = usage->read_count - num_min(traffic->read_count, usage->read_count);
    uint64_t writes = usage->write_count - num_min(traffic->write_count, usage->write_count);
    if (!usage->has_io || (!is_last && reads + writes < CALL_NEWS))
        return;
    struct row_io row = {.track = owner->track,
                         .operation = IO_READ,
                         .start_ns = traffic->last_ns ? traffic->last_ns : owner->start_ns,
                         .end_ns = now_ns,
                         .count = reads,
                         .bytes = usage->read_bytes - num_min(traffic->read_bytes, usage->read_bytes)};
    bool is_past = owner->is_old && !traffic->last_ns;
    if (!is_past)
        io_write(owner, &row);
    row.operation = IO_WRITE;
    row.count = writes;
    row.bytes = usage->write_bytes - num_min(traffic->write_bytes, usage->write_bytes);
    if (!is_past)
        io_write(owner, &row);
    traffic->read_count = usage->read_count;
    traffic->read_bytes = usage->read_bytes;
    traffic->write_count = usage->write_count;
    traffic->write_bytes = usage->write_bytes;
    traffic->last_ns = now_ns;
}

/* --- sockets --- */

static void queue_point(const struct traffic_owner *owner, struct traffic_socket *socket, bool is_send,
                        uint64_t amount, uint64_t now_ns)
{
    uint64_t *series = is_send ? &socket->send_series : &socket->receive_series;
    if (!*series && amount < (socket->is_listening ? QUEUE_CLIENT_NEWS : QUEUE_BYTES_NEWS))
        return;
    if (!*series) {
        char name[96];
        snprintf(name, sizeof name, "%s%s",
                 socket->is_listening ? SERIES_QUEUE_ACCEPT
                 : is_send            ? SERIES_QUEUE_SEND
                                      : SERIES_QUEUE_RECEIVE,
                 socket->address);
        *series = emit_series(owner->emit, owner->track, name, socket->is_listening ? "clients" : "bytes");
    }
    emit_point(owner->emit, *series, now_ns, (double)amount);
}

static void carried_write(const struct traffic_owner *owner, struct traffic_socket *socket,
                          const struct tcp_info *info, bool is_first, uint64_t last_ns, uint64_t now_ns)
{
    bool is_past = !socket->peer || (is_first && owner->is_old);
    struct row_io row = {
        .track = owner->track,
        .peer = socket->peer,
        .operation = IO_WRITE,
        .start_ns = last_ns,
        .end_ns = now_ns,
        .count = info->tcpi_data_segs_out - num_min(socket->sent_count, info->tcpi_data_segs_out),
        .bytes = info->tcpi_bytes_acked - num_min(socket->sent_bytes, info->tcpi_bytes_acked)};
    if (!is_past)
        io_write(owner, &row);
    row.operation = IO_READ;
    row.count = info->tcpi_data_segs_in - num_min(socket->received_count, info->tcpi_data_segs_in);
    row.bytes = info->tcpi_bytes_received - num_min(socket->received_bytes, info->tcpi_bytes_received);
    if (!is_past)
        io_write(owner, &row);
    socket->sent_count = info->tcpi_data_segs_out;
    socket->sent_bytes = info->tcpi_bytes_acked;
    socket->received_count = info->tcpi_data_segs_in;
    socket->received_bytes = info->tcpi_bytes_received;
}

static bool has_counts(socklen_t length)
{
    return length >= offsetof(struct tcp_info, tcpi_data_segs_out) + sizeof(uint32_t);
}

/* False when the descriptor is another one by now, or closed. */
static bool socket_read(const struct traffic_owner *owner, struct traffic_socket *socket, int pidfd,
                        uint64_t last_ns, uint64_t now_ns)
{
    struct stat status;
    struct tcp_info info = {0};
    socklen_t length = sizeof info;
    int waiting = 0;
    FS_CLEANUP int fd = (int)syscall(SYS_pidfd_getfd, pidfd, socket->number, 0);

    if (fd < 0 || fstat(fd, &status) < 0 || (socket->inode && socket->inode != status.st_ino))
        return false;
    bool is_first = !socket->inode;
    socket->inode = status.st_ino;
    bool is_tcp = getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0;
    if (socket->is_listening) {
        if (is_tcp)
            queue_point(owner, socket, false, info.tcpi_unacked, now_ns);
        return true;
    }
    if (is_tcp && has_counts(length))
        carried_write(owner, socket, &info, is_first, is_first || !last_ns ? owner->start_ns : last_ns,
                      now_ns);
    if (ioctl(fd, SIOCINQ, &waiting) == 0 && waiting >= 0)
        queue_point(owner, socket, false, (uint64_t)waiting, now_ns);
    if (ioctl(fd, SIOCOUTQ, &waiting) == 0 && waiting >= 0)
        queue_point(owner, socket, true, (uint64_t)waiting, now_ns);
    return true;
}

static void sockets_read(struct traffic *traffic, const struct traffic_owner *owner, uint64_t last_ns,
                         uint64_t now_ns)
{
    if (!traffic->socket_count)
        return;
    FS_CLEANUP int pidfd = (int)syscall(SYS_pidfd_open, (pid_t)owner->pid, 0);
    size_t kept = 0;
    for (size_t i = 0; pidfd >= 0 && i < traffic->socket_count; i++) {
        struct traffic_socket *socket = &traffic->sockets[i];
        if (socket_read(owner, socket, pidfd, last_ns, now_ns))
            traffic->sockets[kept++] = *socket;
    }
    traffic->socket_count = kept;
}

/* --- descriptors --- */

/* Since Linux 6.2 the folder's size is their number; before, they are counted. */
static uint64_t descriptor_count(uint64_t pid)
{
    char path[64];
    struct stat status;
    uint64_t count = 0;

    snprintf(path, sizeof path, "/proc/%" PRIu64 "/fd", pid);
    if (stat(path, &status) == 0 && status.st_size > 0)
        return (uint64_t)status.st_size;
    DIR *folder = opendir(path);
    const struct dirent *entry;
    while (folder && count < DESCRIPTOR_LISTED && (entry = readdir(folder)))
        count += entry->d_name[0] != '.';
    if (folder)
        closedir(folder);
    return count;
}

/* "Max open files            1024                 1048576              files" */
static void limit_write(const struct traffic_owner *owner)
{
    char path[64], text[2048];

    snprintf(path, sizeof path, "/proc/%" PRIu64 "/limits", owner->pid);
    const char *line = fs_read_small(path, text, sizeof text) > 0 ? strstr(text, "Max open files") : NULL;
    uint64_t limit = line ? strtoull(line + strlen("Max open files"), NULL, 10) : 0;
    if (limit)
        emit_attr_u64(owner->emit, owner->track, ATTR_DESCRIPTOR_LIMIT, limit);
}

static void descriptors_read(struct traffic *traffic, const struct traffic_owner *owner, uint64_t now_ns)
{
    uint64_t count = descriptor_count(owner->pid);
    if (!count)
        return;
    if (!traffic->descriptor_first_ns) {
        traffic->descriptor_first_ns = now_ns;
        traffic->descriptor_last = count;
        return;
    }
    uint64_t change = num_max(count, traffic->descriptor_last) - num_min(count, traffic->descriptor_last);
    if (!traffic->descriptor_series && change < DESCRIPTOR_NEWS)
        return;
    if (!traffic->descriptor_series) {
        traffic->descriptor_series =
            emit_series(owner->emit, owner->track, SERIES_DESCRIPTORS, "descriptors");
        emit_point(owner->emit, traffic->descriptor_series, traffic->descriptor_first_ns,
                   (double)traffic->descriptor_last);
        limit_write(owner);
    }
    emit_point(owner->emit, traffic->descriptor_series, now_ns, (double)count);
    traffic->descriptor_last = count;
}

void traffic_tick(struct traffic *traffic, const struct traffic_owner *owner, struct usage *usage,
                  uint64_t now_ns)
{
    uint64_t age_ns = now_ns > owner->start_ns ? now_ns - owner->start_ns : 0;
    uint64_t pause_ns_min = num_max(owner->pause_ns_min, DUE_NS_MIN);

    if (now_ns < traffic->due_ns || age_ns < pause_ns_min || usage->is_zombie)
        return;
    uint64_t last_ns = traffic->read_ns;
    traffic->read_ns = now_ns;
    usage_io_read(usage, owner->pid);
    calls_write(traffic, owner, usage, now_ns, false);
    sockets_read(traffic, owner, last_ns, now_ns);
    descriptors_read(traffic, owner, now_ns);
    traffic->due_ns = now_ns + num_min(num_max(age_ns / 8, pause_ns_min), DUE_NS_MAX);
}

void traffic_end(struct traffic *traffic, const struct traffic_owner *owner, const struct usage *usage,
                 uint64_t end_ns)
{
    calls_write(traffic, owner, usage, end_ns, true);
    free(traffic->sockets);
    *traffic = (struct traffic){0};
}
