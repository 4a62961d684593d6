/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_use: how the programs of a run use their servers and their files: how many operations, of how many bytes, over how many
 * connections; which of the known habits (client_names.h) that is, and what another habit would bring, by replay.
 *
 * All processes of one program that talk to one peer are one use: a program that is started for each request makes a
 * connection for each. Pure: reads the run in memory and nothing else.
 */
#ifndef TOLL_CLIENT_USE_H
#define TOLL_CLIENT_USE_H

#include <stdbool.h>

#include "analyze/whatif_replay.h"
#include "base/vec.h"
#include "client/client_names.h"
#include "model/finding.h"

#define CLIENT_USES_MAX 32u /* those that take most of the path; more are counted */

struct client_use {
    const char *process; /* the program */
    const char *peer;    /* as changes name it: "127.0.0.1:5432", a path */
    bool is_socket, is_file;
    const char *server; /* the program at the other end, on this machine; NULL */
    enum client_protocol protocol;
    const struct client_library *library; /* NULL: the recording does not know */
    uint64_t process_count;
    /* Questions with an answer each; 0: it is no such talk. */
    uint64_t trip_count;
    bool is_counted; /* calls were; else trips are waits */
    bool is_sending; /* more goes out than comes back */
    uint64_t connection_count;
    uint64_t read_count, write_count, read_bytes, write_bytes, small_read_count, small_write_count,
        sync_count;
    uint64_t wait_count, wait_ns, call_cpu_ns;
    /* On the critical path: waiting for it, and computing in calls to it. */
    uint64_t path_wait_ns, path_cpu_ns;
    double path_ratio;
    struct where where;
    enum client_habit habit;
    const char *
        change; /* what replays the better habit, "batch:peer/127.0.0.1:5432=100"; NULL: fine, or cannot be replayed */
    uint32_t batch_size; /* of a batch; 0 */
    struct gain gain;    /* of the change; without a promise (factor 0) where the run is a service */
    const struct finding *finding; /* of the verdict, that says the same; NULL */
    /* What the best habit could bring at most, also where it is fine; 0: not replayed. */
    double factor_max;
};

struct client_uses {
    VEC(struct client_use) items; /* the largest part of the path first */
    size_t left_out_count;
    uint64_t unit_count; /* units of work of the run (rows, requests) that its spans counted; 0: none */
    const char *unit;    /* "rows" */
};

struct client_look {
    const struct run *run;
    const struct whatif *whatif; /* NULL: nothing is replayed */
    const struct verdict *verdict;
    struct arena *arena;
    size_t replays_left; /* at most so many replays are made */
};

WARN_UNUSED int client_uses_find(struct client_look *look, struct client_uses *ret_uses, struct err *err);
void client_uses_deinit(struct client_uses *uses);

/* The use of that peer (and program, unless NULL); NULL when there is none. */
const struct client_use *client_use_of(const struct client_uses *uses, const char *process, const char *peer);

/* The rows of the recording that a use was read off, as text: "waits 12-4011", "io 3-9": from the first to the last row of that table
 * that is about its peer, numbered from 0 in the file's order. At most 2; texts in the arena. */
#define CLIENT_ROWS_MAX 2
WARN_UNUSED int client_use_rows(const struct run *run, const struct client_use *use, struct arena *arena,
                                const char *ret_rows[CLIENT_ROWS_MAX], size_t *ret_count, struct err *err);

/* Whether all connections to the peer share one limit (a link), which more of them do not lift; from the recorded byte rates. */
bool client_use_shares_link(const struct run *run, const struct client_use *use);

/* What is known of it, for a person: "2,000 questions with 31 bytes out and 120 back each, over 1 connection". */
const char *client_use_text(const struct client_use *use, struct arena *arena);

#endif
