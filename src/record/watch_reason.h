/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch_reason: what a wait of the bpf rung was for: reason.h asked with what the kernel's record holds (the call, its
 * arguments, what its descriptor is, a piece of memory). Only what the record lacks is asked of /proc, where
 * the process may have gone on or be gone by now: the path of a file (once for each file), the end of a local
 * socket (once), what an epoll descriptor watches.
 */
#ifndef TOLL_RECORD_WATCH_REASON_H
#define TOLL_RECORD_WATCH_REASON_H

#include "base/map.h"
#include "base/vec.h"
#include "kernel/bpf_event.h"
#include "record/descriptors.h"
#include "record/reason.h"
#include "record/tracks.h"

#define WATCH_FILE_MAX 8192 /* files remembered; then all are forgotten */

struct watch_reason {
    struct resolve *resolve;
    struct tracks *tracks;
    struct map by_file; /* hash of inode, device and name → index into files */
    VEC(struct reason_fd) files;

    /* The wait that is being asked about. */
    const struct bpf_wait *wait;
    uint64_t pid, tid, time_ns;
    struct reason_source base; /* on /proc */
};

/* After `resolve` and `tracks` were set. */
void watch_reason_init(struct watch_reason *reasons);
void watch_reason_deinit(struct watch_reason *reasons);

/* `task` blocked as `wait` tells, up to `time_ns`. */
void watch_reason_find(struct watch_reason *reasons, const struct task *task, const struct bpf_wait *wait,
                       uint64_t time_ns, struct reason_found *ret_found);

/* What an event loop waited for is asked when the wait is over. Where nothing is left by then but the pair of sockets that others
 * wake it with, the connection was closed meanwhile: most likely it was one like the last, whose peer is the answer. 0: not so where a
 * thread woke it, which has work for it, and where the wait took as long as it was asked to: that was a sleep. */
uint64_t watch_reason_loop_peer(const struct watch_memo *memo, const struct bpf_wait *wait);

/* Whether a loop that has a connection was woken by a thread of its own process, through its bell: a network wakes in an interrupt. What
 * is found may be the connection that the loop has turned to since. */
bool watch_reason_is_rung(const struct watch_memo *memo, const struct bpf_wait *wait, uint64_t pid);

/* What a descriptor of the process is, from the kernel's record of it, and of its path (NULL: none) where the process
 * is gone. */
void watch_reason_file(struct watch_reason *reasons, uint64_t pid, const struct bpf_file *file,
                       const struct bpf_io_file *io, struct reason_fd *ret_fd);

#endif
