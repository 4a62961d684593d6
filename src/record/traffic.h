/* SPDX-License-Identifier: Apache-2.0 */
/*
 * traffic: how much a process reads and writes, and what of it piles up, as anyone may ask of his own processes:
 *
 * - calls that read and write, and their bytes (/proc/PID/io): io rows without a peer, for all peers together;
 * - what each connected TCP socket carried (TCP_INFO of the borrowed descriptor): io rows of that peer, whose count
 *   is segments with data, one a message as long as messages are small;
 * - bytes that wait in a socket to be read or sent, and clients that wait to be accepted: series of the process;
 * - how many descriptors are open: a series, and their limit as an attribute.
 *
 * Readings are an eighth of the process's age apart, between what the owner allows (20 ms at least) and half a second. Where a better recorder counts
 * each call, `is_counting` is off and no io rows are written here.
 */
#ifndef TOLL_RECORD_TRAFFIC_H
#define TOLL_RECORD_TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/emit.h"
#include "record/usage.h"

#define TRAFFIC_SOCKET_MAX 256 /* looked into of one process */

struct traffic_socket {
    int number;
    bool is_listening;
    uint64_t inode; /* 0 until it was looked into */
    uint64_t peer;
    uint64_t sent_count, sent_bytes, received_count, received_bytes;
    uint64_t receive_series, send_series; /* of a listening one: those that wait to be accepted, and 0 */
    char address[64];
};

struct traffic {
    uint64_t due_ns, read_ns;                                         /* next and last reading */
    uint64_t last_ns;                                                 /* the end of the last row */
    uint64_t read_count, read_bytes, write_count, write_bytes;        /* told so far */
    uint64_t descriptor_first_ns, descriptor_last, descriptor_series; /* first_ns 0: not counted yet */
    struct traffic_socket *sockets;
    size_t socket_count, socket_capacity;
};

/* Whose traffic it is. */
struct traffic_owner {
    struct emit *emit;
    uint64_t pid, track, start_ns;
    uint64_t pause_ns_min; /* between two readings */
    bool is_old;           /* it ran before it was recorded: what its counters show at first is its past */
    bool is_counting;
};

/* A socket among the process's descriptors; `peer` 0: none known, or it listens. */
void traffic_note(struct traffic *traffic, const struct traffic_socket *seen);
/* Reads and writes what is due; /proc/PID/io is read into `usage`. */
void traffic_tick(struct traffic *traffic, const struct traffic_owner *owner, struct usage *usage,
                  uint64_t now_ns);
/* The rest, from the process's last usage; frees. */
void traffic_end(struct traffic *traffic, const struct traffic_owner *owner, const struct usage *usage,
                 uint64_t end_ns);

#endif
