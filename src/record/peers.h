/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peers: the other ends, each with one row, and who holds them. A process's descriptors are listed shortly after
 * it starts or execs, and again when a pipe shows up that was not known; each regular file, pipe and socket it
 * holds becomes an io row of count 0 ("it could do that"), once per process, peer and direction. From these rows
 * analysis finds a pipe's other end and the files that lead from one process to another.
 *
 * A server on this machine shares the run's cores: for a peer on a loopback address the processes that listen there
 * are looked up (where their descriptors may be read: the same user's, or root), the peer gets the attribute
 * "server", and their CPU use becomes a series of that name; so does their children's (a process for each client).
 */
#ifndef TOLL_RECORD_PEERS_H
#define TOLL_RECORD_PEERS_H

#include <stdint.h>

#include "base/map.h"
#include "base/vec.h"
#include "record/descriptors.h"
#include "record/emit.h"
#include "record/reason.h"

#define PEERS_FD_MAX       256 /* descriptors listed of one process */
#define PEERS_SERVER_MAX   32
#define PEERS_LISTENER_MAX 64 /* processes of one server: who listens at its address, and their children */
#define PEERS_LOOKUP_TRIES 3

struct process;

/* Who listens at a loopback address. Several addresses of one process share its entry. */
struct peer_server {
    uint64_t pids[PEERS_LISTENER_MAX];
    int stat_fds[PEERS_LISTENER_MAX];
    size_t pid_count;
    uint64_t cpu_ns, last_ns; /* at the last tick */
    uint64_t series;
    char name[64];
};

/* A loopback peer whose server is still to be found. */
struct peer_lookup {
    uint64_t peer;
    uint64_t next_ns;
    unsigned tries;
    unsigned port, local_port;
};

struct peer_port {
    unsigned port;
    size_t server; /* index */
};

struct peers {
    struct emit *emit;
    const char *own_folder; /* what toll's libraries do there is not the program's; NULL: none */
    struct intern keys;     /* id here is the peer's id */
    struct intern held;     /* process track, peer, direction: already written */
    uint64_t pipe_count;    /* grows when a pipe is seen for the first time */
    struct peer_server servers[PEERS_SERVER_MAX];
    size_t server_count;
    VEC(struct peer_lookup) lookups;
    VEC(struct peer_port) ports; /* looked up before: each connection to a server is a peer of its own */
    VEC(unsigned) listening; /* ports that processes of the run listen at: who comes to one is no server */
};

void peers_init(struct peers *peers, struct emit *emit);
void peers_deinit(struct peers *peers);

/* The id of the other end of a wait; 0 for none. */
uint64_t peers_put(struct peers *peers, const struct reason_found *found);

/* Whether it belongs to what toll put into the program: its libraries, and their files in the session's folder. */
bool peers_is_own(const struct peers *peers, const char *path);
/* A descriptor as another end; false for those that are none. */
bool peers_found(const struct reason_fd *fd, struct reason_found *ret_found);
/* Its id as one that calls are counted for, also where waits have none (a device, where clients are accepted); 0: none. */
uint64_t peers_put_fd(struct peers *peers, const struct reason_fd *fd);
/* Lists a process's descriptors. */
void peers_scan(struct peers *peers, struct resolve *resolve, struct process *process, uint64_t time_ns);

/* Ten times a second at first, later twice: finds new peers' servers and writes what each used since the last tick. */
void peers_tick(struct peers *peers, uint64_t now_ns);

#endif
