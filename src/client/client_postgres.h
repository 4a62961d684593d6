/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_postgres: what a PostgreSQL server on this machine says of the statements that it was sent: how often each was called
 * (pg_stat_statements), how the slowest SELECT is carried out (EXPLAIN), which big tables are read from end to end.
 *
 * Nothing is written, nothing is changed. It connects to loopback and unix sockets only, with the current user's own defaults
 * (PGUSER, PGPASSFILE, …; no password is asked for), at most 2 s for each statement, in read-only transactions. EXPLAIN
 * ANALYZE, which runs the statement, is made of a SELECT alone, and only when its plan calls no volatile function and no
 * foreign server; its parameters are values that stand in the table. Else it is EXPLAIN without running it.
 *
 * Counts are since the server's statistics were reset. Built without libpq it says so (client_postgres_absent.c).
 */
#ifndef TOLL_CLIENT_POSTGRES_H
#define TOLL_CLIENT_POSTGRES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

#define POSTGRES_STATEMENTS_MAX 12
#define POSTGRES_TABLES_MAX     3

struct postgres_statement {
    const char *text; /* its constants are $1, $2, …; one line */
    const char *database;
    uint64_t calls, rows;
    double total_ms, mean_ms;
    bool is_select;
};

/* How the SELECT that took longest in all is carried out. */
struct postgres_plan {
    const struct postgres_statement *statement; /* NULL: none was looked at */
    bool is_analyzed;                           /* it was run */
    const char *why_not;                        /* of one that was not run, or not even explained; NULL */
    double execution_ms;                        /* when it was run */
    const char
        *scanned;       /* the table with the largest sequential scan: "public.orders"; NULL: there is none */
    const char *filter; /* its condition; NULL */
    const char *column; /* that the condition compares, where it can be told; NULL */
    double rows_read, rows_kept; /* of the scan, each time; kept 0 when it was not run */
};

struct postgres_table {
    const char *name;
    uint64_t scan_count;
    double rows_each, rows_live;
};

struct postgres_facts {
    const char *why_not;           /* the server could not be asked: this is all; NULL */
    const char *why_no_statements; /* pg_stat_statements is not there; NULL */
    struct postgres_statement statements[POSTGRES_STATEMENTS_MAX]; /* most calls first */
    size_t statement_count;
    struct postgres_plan plan;
    struct postgres_table tables[POSTGRES_TABLES_MAX]; /* read from end to end again and again */
    size_t table_count;
    uint64_t begin_calls;                   /* of all that begins a transaction */
    const char *synchronous_commit, *fsync; /* settings; NULL */
};

/* `address` is a peer's: "127.0.0.1:5432", "[::1]:5432", "/run/postgresql/.s.PGSQL.5432". What cannot be told is said in the facts;
 * the error is memory. Texts in the arena. Blocks for some seconds at most. */
WARN_UNUSED int client_postgres_ask(const char *address, struct arena *arena,
                                    struct postgres_facts *ret_facts, struct err *err);

#endif
