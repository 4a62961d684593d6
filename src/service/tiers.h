/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tiers: who serves in a recorded window. A tier is the processes of one program (nginx, an application, postgres).
 * Its workers are the threads that take requests; each is idle (waits for work: for a client to connect, on a connection it
 * accepted, on many descriptors at once, on a condition that another hands work through), or busy: running, queueing
 * for a CPU, waiting for a lock, for a connection of a pool, for a peer, or for something else. Waiting for work is
 * never a bottleneck.
 *
 * A socket is accepted when its local port is one that the run listens at. A condition is that of a pool of connections
 * when nearly all connections to one peer are in use while threads wait on it; else it hands out work. Pure.
 */
#ifndef TOLL_SERVICE_TIERS_H
#define TOLL_SERVICE_TIERS_H

#include <stdbool.h>
#include <stdint.h>

#include "run/recorded_run.h"

#define TIER_NONE UINT32_MAX
/* Waits of a program's workers for each other, which take their own requests: locks inside it (a database's rows). */
#define GROUP_SIBLINGS (UINT32_MAX - 1)

enum activity {
    ACTIVITY_IDLE,
    ACTIVITY_LOCK,
    ACTIVITY_POOL, /* waits for a connection of a pool to be free */
    ACTIVITY_PEER,
    ACTIVITY_OTHER /* sleeps, disks, pipes, … */
};

enum peer_role { ROLE_NONE, ROLE_LISTENING, ROLE_ACCEPTED, ROLE_OUT, ROLE_LOCK, ROLE_CONDITION };

struct tier {
    const char *name;
    VEC(uint32_t) processes; /* track indexes */
    VEC(uint32_t) workers;   /* actor indexes */
    bool takes_own;          /* its workers wait for requests on sockets, each for itself */
    bool is_loop;            /* its workers wait for many clients at once */
    bool has_upstream;       /* another tier is its client */
    bool is_by_connection;   /* a worker for each connection: their number is that of the connections */
    /* sums over the workers, in ns; busy = window - idle */
    double busy_ns, run_ns, queue_ns, idle_ns;
    double run_all_ns; /* of all threads of its processes */
    /* Where only looks tell, waits that no look met are missing: what is known of them stands for all. */
    double wait_scale;
    uint64_t idle_count;   /* waits for work that ended */
    uint64_t handed_count; /* waits for clients of who hands requests to the workers */
    /* over accepted connections that stayed open */
    double requests_per_s;
    uint32_t client_count;
};

/* One tier's connections to one other end. */
struct tier_link {
    uint32_t tier, to; /* `to`: the tier that listens there, TIER_NONE when it is outside the recording */
    uint32_t group;    /* of peers */
    const char *address;
    uint32_t connection_count; /* seen open at least */
    double wait_ns;            /* of its workers, for answers */
    uint64_t wait_count;
    double requests_per_s; /* over connections that stayed open */
};

struct tier_lock {
    uint32_t tier, group;
    const char *address, *name; /* as in PEER_LOCK */
    double wait_ns;
    uint64_t wait_count;
    double cover_ns; /* time in which at least one thread waited */
    uint32_t waiter_count;
    uint32_t link; /* of the pool whose condition this is; TIER_NONE: a lock, or work is handed out by it */
};

struct peer_place {
    enum peer_role role;
    uint32_t
        group; /* peers of one group are one end: the connections to one address, the words of one condition */
};

struct tiers {
    const struct run *run;
    double window_ns;
    VEC(struct tier) items;
    VEC(struct tier_link) links;
    VEC(struct tier_lock) locks;
    VEC(struct peer_place) places; /* by peer index */
    VEC(uint32_t) tier_of_process; /* by track index */
    VEC(uint64_t) ports;           /* listened at, with: */
    VEC(uint32_t) port_tiers;
    struct intern groups;
};

/* Fills it from a loaded run; end with tiers_free also after a failure. */
WARN_UNUSED int tiers_find(const struct run *run, struct tiers *ret_tiers, struct err *err);
void tiers_free(struct tiers *tiers);

/* What a worker does in a wait; *ret_index (may be NULL) is that of the lock or link, TIER_NONE for neither. */
enum activity tiers_activity(const struct tiers *tiers, uint32_t tier, const struct run_wait *wait,
                             uint32_t *ret_index);

/* The group of the wait's other end: GROUP_SIBLINGS, or that of its peer; TIER_NONE for neither. */
uint32_t tiers_group(const struct tiers *tiers, uint32_t tier, const struct run_wait *wait);

/* The part of a wait's row that lies in the window, 0 to 1. */
double tiers_part(const struct run *run, const struct run_wait *wait);

#endif
