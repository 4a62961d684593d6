/* SPDX-License-Identifier: Apache-2.0 */
/*
 * descriptors: what a process's descriptors are and what its memory holds, on /proc; a struct reason_source.
 *
 * A socket is asked itself: its descriptor is borrowed for some microseconds (pidfd_getfd), once per socket. Where
 * that is refused, or while it connects, it is looked up by inode in /proc/PID/net/{tcp,tcp6,udp,udp6,unix}, which
 * costs milliseconds on some kernels: never more often than that it takes RESOLVE_TABLE_RATIO of the time.
 */
#ifndef TOLL_RECORD_DESCRIPTORS_H
#define TOLL_RECORD_DESCRIPTORS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "base/vec.h"
#include "record/reason.h"

#define RESOLVE_TABLE_RATIO 200 /* one part in so many */

struct resolve_socket {
    enum reason_fd_kind kind;
    bool is_dns;
    char address[64];
    char path[112];
};

struct resolve {
    struct map by_inode; /* index into sockets */
    VEC(struct resolve_socket) sockets;
    uint64_t tables_due_ns; /* when the tables may be read again */
    /* The thread that is being looked at, and what it watches with epoll: the kernel tells their inodes in one go. */
    uint64_t pid, tid;
    struct resolve_watched {
        int number;
        uint64_t inode;
    } watched[WATCHED_MAX];
    size_t watched_count;
};

void resolve_init(struct resolve *resolve);
void resolve_deinit(struct resolve *resolve);

/* A source for that thread, valid until the next call. */
struct reason_source resolve_source(struct resolve *resolve, uint64_t pid, uint64_t tid);

/* A struct sockaddr of the network or of this machine: its address and kind; false when it has no address. */
bool resolve_address(const void *address, size_t length, struct reason_fd *ret_fd);

/* What descriptor `fd` of process `pid` is; false when it is closed or not to be seen. */
bool resolve_fd(struct resolve *resolve, uint64_t pid, int fd, struct reason_fd *ret_fd);
/* The same by its link in an open /proc/PID/fd, which saves the way there when all are looked at. */
bool resolve_fd_in(struct resolve *resolve, uint64_t pid, int folder, const char *link,
                   struct reason_fd *ret_fd);

#endif
