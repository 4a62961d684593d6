/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peers: the other ends, each with one row, and who holds them. A process's descriptors are listed shortly after
 * it starts or execs, and again when a pipe shows up that was not known; each regular file, pipe and socket it
 * holds becomes an io row of count 0 ("it could do that"), once per process, peer and direction. From these rows
 * analysis finds a pipe's other end and the files that lead from one process to another.
 */
#ifndef TOLL_RECORD_PEERS_H
#define TOLL_RECORD_PEERS_H

#include <stdint.h>

#include "base/map.h"
#include "record/descriptors.h"
#include "record/emit.h"
#include "record/reason.h"

#define PEERS_FD_MAX 256 /* descriptors listed of one process */

struct process;

struct peers {
    struct emit *emit;
    struct intern keys;  /* id here is the peer's id */
    struct intern held;  /* process track, peer, direction: already written */
    uint64_t pipe_count; /* grows when a pipe is seen for the first time */
};

void peers_init(struct peers *peers, struct emit *emit);
void peers_deinit(struct peers *peers);

/* The id of the other end of a wait; 0 for none. */
uint64_t peers_put(struct peers *peers, const struct reason_found *found);

/* Lists a process's descriptors. */
void peers_scan(struct peers *peers, struct resolve *resolve, const struct process *process,
                uint64_t time_ns);

#endif
