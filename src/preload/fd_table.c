/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fd_table: what the descriptors of this process are, asked once per descriptor, forgotten when it is closed or
 * replaced. Not every close passes a hook, so before a wait is told the inode is compared again.
 *
 * The two ends of a pipe, and of a connection on this machine, come to the same keys in different processes: of a
 * pipe by its inode, of a connection by its two addresses. A forked child keeps the table.
 */
#include "preload/internal.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

struct fd_ends {
    struct sockaddr_storage local, remote;
    socklen_t local_size, remote_size;
    bool is_listening;
};

static uint32_t serials;

static uint32_t serial_next(void)
{
    uint32_t serial = __atomic_add_fetch(&serials, 1, __ATOMIC_RELAXED);

    return serial ? serial : __atomic_add_fetch(&serials, 1, __ATOMIC_RELAXED);
}

static void ends_read(int fd, struct fd_ends *ret_ends)
{
    socklen_t size = sizeof(int);
    int listens = 0;

    memset(ret_ends, 0, sizeof *ret_ends);
    ret_ends->local_size = ret_ends->remote_size = sizeof ret_ends->local;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0)
        ret_ends->is_listening = listens != 0;
    if (getsockname(fd, (struct sockaddr *)&ret_ends->local, &ret_ends->local_size) < 0)
        ret_ends->local_size = 0;
    if (ret_ends->is_listening ||
        getpeername(fd, (struct sockaddr *)&ret_ends->remote, &ret_ends->remote_size) < 0)
        ret_ends->remote_size = 0;
    if (ret_ends->local_size > CALL_ADDRESS_BYTES_MAX)
        ret_ends->local_size = CALL_ADDRESS_BYTES_MAX;
    if (ret_ends->remote_size > CALL_ADDRESS_BYTES_MAX)
        ret_ends->remote_size = CALL_ADDRESS_BYTES_MAX;
}

/* An address as a number; the same whether the socket is of version 6 or 4. */
static uint64_t address_number(const void *bytes, socklen_t size)
{
    const struct sockaddr_in *in = bytes;
    const struct sockaddr_in6 *in6 = bytes;
    uint64_t halves[2] = {0};

    if (size >= sizeof *in && in->sin_family == AF_INET)
        return call_key(0, ntohl(in->sin_addr.s_addr), ntohs(in->sin_port));
    if (size < sizeof *in6 || in6->sin6_family != AF_INET6)
        return 0;
    memcpy(halves, &in6->sin6_addr, sizeof halves);
    if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
        return call_key(0, ntohl((uint32_t)(halves[1] >> 32)), ntohs(in6->sin6_port));
    return call_key(0, halves[0] ^ halves[1], ntohs(in6->sin6_port));
}

uint64_t fd_port_key(const void *address, unsigned length)
{
    const struct sockaddr_in *in = address; /* the port lies at the same place in both */

    if (length < sizeof *in || (in->sin_family != AF_INET && in->sin_family != AF_INET6))
        return 0;
    return call_key(CALL_KEY_CLIENT, ntohs(in->sin_port), 0);
}

static void socket_keys(struct fd_entry *entry, int fd)
{
    struct fd_ends ends;

    ends_read(fd, &ends);
    entry->type = ends.is_listening ? FD_LISTENING : FD_SOCKET;
    entry->has_remote = ends.remote_size > 0;
    uint64_t local = address_number(&ends.local, ends.local_size);
    uint64_t remote = address_number(&ends.remote, ends.remote_size);
    if (ends.is_listening) {
        entry->in_key = fd_port_key(&ends.local, ends.local_size);
    } else if (local && remote) {
        entry->in_key = call_key(CALL_KEY_DATA, remote, local);
        entry->out_key = call_key(CALL_KEY_DATA, local, remote);
    } else { /* both ends in one socket at least agree for a datagram to oneself */
        entry->in_key = entry->out_key = call_key(CALL_KEY_DATA, entry->inode, entry->device);
    }
}

struct fd_entry *fd_learn(int fd)
{
    struct fd_entry *entry = &fd_table[fd], found = {0};
    struct stat status;
    int error = errno;

    if (fstat(fd, &status) < 0) {
        errno = error;
        return NULL;
    }
    found.inode = status.st_ino;
    found.device = S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode) ? status.st_rdev : status.st_dev;
    if (S_ISFIFO(status.st_mode)) {
        found.type = FD_PIPE;
        found.in_key = found.out_key = call_key(CALL_KEY_DATA, found.inode, found.device);
    } else if (S_ISSOCK(status.st_mode)) {
        socket_keys(&found, fd);
    } else if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode) || S_ISBLK(status.st_mode)) {
        found.type = FD_FILE;
    } else { /* all such have one inode */
        found.type = FD_OTHER;
        found.in_key = found.out_key = call_key(CALL_KEY_DATA, (uint64_t)(unsigned)fd, calls->pid);
    }
    *entry = found;
    __atomic_store_n(&entry->serial, serial_next(), __ATOMIC_RELEASE);
    errno = error;
    return entry;
}

/* The two ends of a socket pair get each other's keys. */
void fd_pair(int first, int second)
{
    struct fd_entry *one = (unsigned)first < FD_COUNT_MAX ? fd_learn(first) : NULL;
    struct fd_entry *other = (unsigned)second < FD_COUNT_MAX ? fd_learn(second) : NULL;

    if (!one || !other)
        return;
    one->has_remote = other->has_remote = 1;
    one->in_key = other->out_key = call_key(CALL_KEY_DATA, one->inode, one->device);
    one->out_key = other->in_key = call_key(CALL_KEY_DATA, other->inode, other->device);
}

static unsigned path_of(int fd, char *path)
{
    char link[32] = "/proc/self/fd/";
    char digits[12];
    unsigned count = 0, at = 14, number = (unsigned)fd;
    ssize_t length;

    do
        digits[count++] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    while (count > 0)
        link[at++] = digits[--count];
    link[at] = '\0';
    length = readlink(link, path, CALL_PATH_BYTES_MAX);
    return length > 0 ? (unsigned)length : 0;
}

struct peer_text {
    unsigned size;
    uint64_t sizes;
    char bytes[2 * CALL_ADDRESS_BYTES_MAX + CALL_PATH_BYTES_MAX + 1];
};

static void text_add(struct peer_text *text, unsigned place, const void *bytes, unsigned size)
{
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
    text->sizes |= (uint64_t)size << (16 * place);
}

static bool peer_write(struct lane *lane, uint32_t number, const struct stat *status, unsigned flags,
                       const struct peer_text *text)
{
    unsigned words = CALL_PEER_WORDS + (text->size + 7) / 8;
    bool is_device = S_ISCHR(status->st_mode) || S_ISBLK(status->st_mode);

    if (!lane_begin(lane, words))
        return false;
    lane_put(lane, 0, call_head(CALL_PEER, words, 0, number));
    lane_put(lane, CALL_PEER_TYPE, (uint64_t)flags << 32 | status->st_mode);
    lane_put(lane, CALL_PEER_INODE, status->st_ino);
    lane_put(lane, CALL_PEER_DEVICE, is_device ? status->st_rdev : status->st_dev);
    lane_put(lane, CALL_PEER_SIZES, text->sizes);
    lane_put_bytes(lane, CALL_PEER_WORDS, text->bytes, text->size);
    lane_commit(lane, words);
    return true;
}

uint32_t fd_tell(struct lane *lane, int fd, bool is_checked)
{
    struct fd_entry *entry = fd_find(fd);
    struct peer_text text = {0};
    struct stat status;
    struct fd_ends ends;
    char path[CALL_PATH_BYTES_MAX];
    unsigned flags = 0;

    if (!entry)
        return 0;
    uint32_t *told = &lane->told[(unsigned)fd & (LANE_TOLD_COUNT - 1)];
    if (*told == entry->serial && !is_checked)
        return entry->serial;
    if (fstat(fd, &status) < 0)
        return *told == entry->serial ? *told : 0;
    if (status.st_ino != entry->inode || (entry->type == FD_SOCKET && !entry->has_remote)) {
        entry = fd_learn(fd);
        if (!entry)
            return 0;
    }
    if (*told == entry->serial)
        return entry->serial;
    if (S_ISSOCK(status.st_mode)) {
        ends_read(fd, &ends);
        flags = ends.is_listening ? CALL_PEER_LISTENS : 0;
        text_add(&text, 0, &ends.local, ends.local_size);
        text_add(&text, 1, &ends.remote, ends.remote_size);
    } else {
        text_add(&text, 2, path, path_of(fd, path));
    }
    if (!peer_write(lane, entry->serial, &status, flags, &text))
        return 0;
    *told = entry->serial;
    return entry->serial;
}

uint32_t fd_tell_path(struct lane *lane, const char *path)
{
    struct peer_text text = {0};
    struct stat status = {.st_mode = S_IFREG};
    uint32_t serial = serial_next();

    if (!path)
        return 0;
    text_add(&text, 2, path, (unsigned)strnlen(path, CALL_PATH_BYTES_MAX));
    return peer_write(lane, serial, &status, 0, &text) ? serial : 0;
}
