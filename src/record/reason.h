/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reason: what a blocked thread waits for, told from the system call it is in and that call's arguments, and the
 * other end. Pure: descriptors and the thread's memory are asked for through a struct reason_source, which
 * descriptors.h implements on /proc and tests implement by tables.
 *
 * Futexes are told apart by how glibc calls them: a private FUTEX_WAIT for the value 2 is a contended mutex
 * (other runtimes' locks do the same), an untagged wait for the id of a thread that lives is pthread_join, the
 * rest are conditions and semaphores.
 */
#ifndef TOLL_RECORD_REASON_H
#define TOLL_RECORD_REASON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/table.h"

#define WATCHED_MAX 64 /* descriptors waited on together that are looked at */

struct reason_call {
    int64_t number; /* -1: blocked outside a call: a page fault, or stopped */
    uint64_t arguments[6];
    uint64_t stack_pointer; /* 0: not known */
};

enum reason_fd_kind {
    REASON_FD_UNKNOWN = 0,
    REASON_FD_FILE,
    REASON_FD_PIPE,
    REASON_FD_SOCKET,    /* over a network protocol; no address while it connects */
    REASON_FD_LISTENING, /* waits for clients */
    REASON_FD_UNIX,      /* connected on this machine */
    REASON_FD_TERMINAL,
    REASON_FD_TIMER,
    REASON_FD_EPOLL,
    REASON_FD_PROCESS,
    REASON_FD_GPU,
    REASON_FD_EVENT /* eventfd, signalfd, inotify, /dev/null …: something offered by another */
};

struct reason_fd {
    enum reason_fd_kind kind;
    bool is_dns;       /* a socket to port 53 */
    bool is_regular;   /* REASON_FD_FILE: no folder, no device */
    char address[256]; /* as PEER_* want it */
    char path[256];
};

struct reason_source {
    void *context;
    uint64_t pid;
    bool (*descriptor)(void *context, int fd, struct reason_fd *ret_fd);
    /* The socket address at that place of the thread's memory (of a connect). */
    bool (*socket_address)(void *context, uint64_t address, size_t length, struct reason_fd *ret_fd);
    bool (*memory)(void *context, uint64_t address, void *ret_bytes, size_t length);
    /* The descriptors that an epoll descriptor watches; the number, at most `capacity`. */
    size_t (*watched)(void *context, int fd, int *ret_fds, size_t capacity);
    /* A live thread of the same process. */
    bool (*is_thread)(void *context, uint64_t tid);
    bool (*has_children)(void *context);
    /* The kernel function it sleeps in (/proc/PID/wchan), or where it may be read its kernel stack, one function a
     * line; "" when neither is known. */
    void (*kernel_function)(void *context, char *ret_name, size_t capacity);
    /* A Python whose threads wait for locks at a place on their own stacks, with the lock's address in the word before. */
    bool parks;
};

struct reason_found {
    enum wait_reason reason;
    enum peer_kind peer_kind; /* 0: no other end known */
    bool has_listening;       /* among others a socket for new clients is waited for */
    char name[64];
    char address[256];
    char path[256];
};

/* The lock that a Python interpreter's threads take turns with, whichever of its words in memory is waited at. */
void reason_set_gil(struct reason_found *found, uint64_t pid);
void reason_find(const struct reason_call *call, const struct reason_source *source,
                 struct reason_found *ret_found);

#endif
