/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_names: what a client speaks and with which library, and how that library's own documentation says to do it better. Tables
 * of plain rows: a new library is a row.
 */
#ifndef TOLL_CLIENT_NAMES_H
#define TOLL_CLIENT_NAMES_H

#include <stddef.h>

/* How a client uses its server or its file, where that costs time. */
enum client_habit {
    CLIENT_FINE = 0,
    CLIENT_SENDS_SINGLY,  /* row by row: each piece is answered before the next one goes */
    CLIENT_ASKS_SINGLY,   /* question by question: no pipelining, N+1 */
    CLIENT_CONNECTS_EACH, /* a connection for each request: no keep-alive, no pool */
    CLIENT_FLUSHES_EACH,  /* little pieces that nobody answers: flushed one by one */
    CLIENT_SMALL_PIECES,  /* much data through a small buffer */
    CLIENT_SYNCS_EACH,    /* a sync to disk, a commit, for each record */
    CLIENT_HABIT_COUNT
};

enum client_protocol {
    PROTOCOL_UNKNOWN = 0,
    PROTOCOL_POSTGRES,
    PROTOCOL_MYSQL,
    PROTOCOL_REDIS,
    PROTOCOL_MEMCACHED,
    PROTOCOL_HTTP,
    PROTOCOL_INFLUX_LINE, /* lines of InfluxDB over a plain socket */
    PROTOCOL_KAFKA,
    PROTOCOL_SQLITE, /* a file, no server */
    PROTOCOL_COUNT
};

struct client_library {
    const char *name;              /* "libpq" */
    const char *module;            /* what the name of a mapped file or of a source holds: "libpq.so"; NULL */
    const char *process;           /* else the program's own name: "curl"; NULL */
    enum client_protocol protocol; /* what it speaks; PROTOCOL_UNKNOWN: several */
    const char *fixes[CLIENT_HABIT_COUNT]; /* in its own terms; NULL: as its protocol has it */
    const char *source;                    /* its documentation */
};

/* Rows stand from the more to the less particular: psycopg2 loads libpq. */
extern const struct client_library client_libraries[];
extern const size_t client_library_count;

/* "redis", of a server's program or the port in an address; PROTOCOL_UNKNOWN. `server` may be NULL. */
enum client_protocol client_protocol_of(const char *server, const char *address);
/* "PostgreSQL"; "the server" for an unknown one. */
const char *client_protocol_name(enum client_protocol protocol);

/* What to do about a habit: the library's words, else the protocol's, else anyone's. Never NULL. */
const char *client_fix(const struct client_library *library, enum client_protocol protocol,
                       enum client_habit habit);
/* Where that is documented; NULL when it is not known. */
const char *client_fix_source(const struct client_library *library, enum client_protocol protocol);

/* The cause of a habit, as docs/architecture.md names it. */
const char *client_habit_cause(enum client_habit habit);
/* "row by row", "a connection for each request" */
const char *client_habit_name(enum client_habit habit);

#endif
