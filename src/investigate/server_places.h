/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_places: the servers that a run talked to or that were recorded with it, which product each is (settings/rules.h), and how
 * much of the run each has in its hands.
 *
 * A server's share is its part of the critical path: what the run waits for it, what its own recorded threads are on the
 * path with, and, where it uses the run's cores, the time that the run queued for a core, as far as the server used
 * cores at all. The rest of the path stays when the server answers in no time, so 1 / (1 - share) bounds what any
 * setting of it can bring. Of a service the path is that of a request at the median, or, where requests cannot be told apart, how
 * busy the server's workers are.
 */
#ifndef TOLL_INVESTIGATE_SERVER_PLACES_H
#define TOLL_INVESTIGATE_SERVER_PLACES_H

#include "base/vec.h"
#include "investigate/investigator.h"
#include "settings/rules.h"
#include "settings/settings.h"

#define SERVER_PLACES_MAX    64u
#define SERVER_ADDRESSES_MAX 8u
#define SERVER_ROWS_MAX      8u

/* Why settings cannot be read. */
#define SERVER_IS_GONE       "it does not run any more"
#define SERVER_IS_REMOTE     "it is on another machine"
#define SERVER_WAS_ELSEWHERE "the run was recorded on another machine"

struct server_place {
    struct server server;
    uint64_t recorded_pid; /* as it was then; server.pid is 0 once it is gone */
    const struct rule_file *rules;
    const char *addresses[SERVER_ADDRESSES_MAX]; /* the first is the server's */
    size_t address_count;
    const char *ports[SERVER_ADDRESSES_MAX]; /* where one that was recorded listens */
    size_t port_count;
    const char *name;    /* "PostgreSQL at 127.0.0.1:5432" */
    const char *process; /* of one that was recorded, its program: the path may be inside it; NULL */
    const char *why_not; /* one of the above; NULL: they can be read */
    struct where where;
    double share, factor_max;
    double cores_used;                 /* mean over the run, of a server beside it; below 0: not known */
    const char *rows[SERVER_ROWS_MAX]; /* "path 3" */
    size_t row_count;
};

struct server_places {
    VEC(struct server_place) items;
    bool is_elsewhere; /* recorded on another machine: nothing here is what it ran on */
};

/* Texts in the question's arena and in the recording. */
WARN_UNUSED int server_places_find(const struct question *question, const struct rule_set *rules,
                                   struct server_places *ret_places, struct err *err);
void server_places_free(struct server_places *places);
/* The server a claim speaks of; NULL. */
const struct server_place *server_places_at(const struct server_places *places, const struct where *where);

/* Of a server that was recorded: what the path waits for it, and of its own part these doings (as below). */
double server_place_share(const struct verdict *verdict, const struct server_place *place, uint32_t doings);

/* The part of the path in these doings: bits 1 << (doing + 1), so that DOING_CPU is bit 0. Waits for the network count where the other
 * end is on another machine: a wait for a server on this one is for the server. */
double path_share_doing(const struct verdict *verdict, uint32_t doings);

#endif
