/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call_drain: reads what libtoll_preload writes from inside the programs (wire/call_ring.h), checks it, and hands it on.
 *
 * Nothing is trusted: all is copied out (pread), times lie between the drain's start and now, numbers of kinds are
 * in range, an event lies wholly in what was read. What makes no sense is passed over and counted. A program can
 * write nonsense about itself; it cannot make the reader fail.
 *
 * Order: news of a poll come first, but for ends; then the stacks and mappings of all rings, so that a stack is known
 * before a wait of another ring names it; then each ring's other events, in its order; then ends.
 *
 * One thread.
 */
#ifndef TOLL_RINGS_CALL_DRAIN_H
#define TOLL_RINGS_CALL_DRAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/histogram.h"
#include "wire/call_ring.h"

enum call_told_kind {
    CALL_TOLD_FORK = 1,   /* pid; maker_pid, maker_tid */
    CALL_TOLD_EXEC,       /* pid, maker_pid: its parent; name */
    CALL_TOLD_EXIT,       /* pid, status */
    CALL_TOLD_THREAD,     /* pid, tid, maker_tid */
    CALL_TOLD_THREAD_END, /* pid, tid */
    CALL_TOLD_ATTACH,     /* pid, tid, cpu_ns: its waits are told from here on */
    CALL_TOLD_DETACH,     /* pid, tid, cpu_ns */
    CALL_TOLD_WAIT,       /* all below */
    CALL_TOLD_STACK,      /* pid, stack: its id from now on; addresses, copy */
    CALL_TOLD_MAP,        /* pid, map */
    CALL_TOLD_SAMPLE,     /* pid, tid, stack, weight_ns, own_ns */
    CALL_TOLD_IO          /* pid, tid, peer, io: since what was told of it before */
};

struct call_told_map {
    uint64_t address, length_bytes, offset_bytes, device, inode;
    const char *path;
};

/* The top of a stack, and the registers that it was taken with; word_count 0: there is none. */
struct call_told_copy {
    uint64_t registers[CALL_REGISTER_COUNT]; /* enum call_register */
    const uint64_t *words;                   /* from the stack pointer on */
    size_t word_count;
};

struct call_told_io {
    uint64_t operation; /* enum io_operation */
    uint64_t start_ns;  /* since then */
    uint64_t count, bytes, time_ns;
    struct histogram sizes, latencies; /* bytes; ns */
};

/* Pointers are valid during the call only. */
struct call_told {
    enum call_told_kind kind;
    uint64_t time_ns; /* of a wait: its end */
    uint32_t pid, tid;
    uint32_t maker_pid, maker_tid;
    uint32_t status;
    const char *name;
    uint64_t start_ns;
    uint64_t cpu_ns;  /* of the thread, at the end */
    uint64_t busy_ns; /* of it, inside the call, where that was measured */
    enum call_kind call;
    uint64_t value; /* see enum call_kind */
    uint64_t peer;  /* what the host gave for it */
    uint64_t stack; /* with pid; 0: none */
    uint32_t waker_pid, waker_tid;
    uint64_t waker_ns, waker_stack; /* a stack of waker_pid */
    const uint64_t *addresses;
    size_t address_count;
    struct call_told_copy copy;
    struct call_told_map map;
    uint64_t weight_ns;
    uint64_t own_ns; /* of it, the library itself was at work */
    struct call_told_io io;
};

/* A descriptor's other side, as the program saw it. Addresses are struct sockaddr of that size, not aligned. */
struct call_peer {
    uint32_t mode; /* st_mode */
    bool is_listening;
    uint64_t inode, device;
    const void *local, *remote;
    size_t local_size, remote_size;
    const char *path; /* "" when there is none */
};

struct call_host {
    void *context;
    /* Returns 0 to go on, a negative code (err set) to stop with it. */
    int (*told)(void *context, const struct call_told *told, struct err *err);
    /* Any number but 0; 0 when there is none to be had. */
    uint64_t (*peer)(void *context, uint32_t pid, const struct call_peer *peer);
    /* Whether the process may still write; the rings of one that may not are let go. */
    bool (*is_there)(void *context, uint32_t pid);
};

struct call_drain_options {
    const char *folder; /* the session's */
    uint64_t sample_ns; /* CPU time between two samples, 0: none */
    bool is_monotonic_forced;
};

struct call_totals {
    uint64_t event_count;
    uint64_t lost_count;   /* dropped: a ring or the news were full */
    uint64_t broken_count; /* events that made no sense */
    uint64_t ring_count;
    uint64_t process_count; /* images of processes that told their start */
};

/* What a thread is in now. */
struct call_now {
    uint64_t start_ns;
    enum call_kind call; /* CALL_NONE: in none */
    uint64_t value;
};

struct call_drain;

/* Makes the file `calls` in the folder: programs that have the library write from then on. */
WARN_UNUSED int call_drain_create(const struct call_drain_options *options, struct call_drain **ret_drain,
                                  struct err *err);
WARN_UNUSED int call_drain_poll(struct call_drain *drain, const struct call_host *host, struct err *err);
/* How long rings can be left alone at the rate seen in the last poll. */
uint64_t call_drain_pause_ns(const struct call_drain *drain);
/* False when the thread has no ring, or has written what was not told yet. */
bool call_drain_now(const struct call_drain *drain, uint64_t pid, uint64_t tid, struct call_now *ret_now);
struct call_totals call_drain_totals(const struct call_drain *drain);
/* Programs that go on stop recording. NULL is allowed. */
void call_drain_destroy(struct call_drain *drain);

#endif
