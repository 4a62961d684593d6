/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The database the rows go to.
 *
 *   victoria://HOST:LINE_PORT?http=PORT   VictoriaMetrics: lines over TCP, questions over HTTP
 *   influx://HOST:PORT/NAME               InfluxDB 1.x: both over HTTP
 *   null://                               nothing: lines are formatted and dropped
 *
 * A run's rows carry the tag run=ID, so that runs against one database are counted apart.
 */
#ifndef MARKET_DATA_DATABASE_H
#define MARKET_DATA_DATABASE_H

#include <stdint.h>

#include "buffer.h"
#include "problem.h"

enum database_kind { DATABASE_NULL, DATABASE_VICTORIA, DATABASE_INFLUX };

struct database {
    enum database_kind kind;
    char host[64];
    char port[8];
    char http_port[8];
    char name[32];
};

/* A way to send lines; it belongs to one thread, and the database outlives it. */
struct sink;

MUST_CHECK int database_from_url(const char *url, struct database *ret_database, struct problem *problem);

MUST_CHECK int sink_open(const struct database *database, struct sink **ret_sink, struct problem *problem);

/* Returns when the database has taken every line. */
MUST_CHECK int sink_send(struct sink *sink, const struct buffer *lines, struct problem *problem);

void sink_close(struct sink *sink);

/*
 * How many complete rows of the run a query returns. VictoriaMetrics shows new rows only after some seconds: it
 * is told to flush, and asked again for a while when some are still on their way to where queries look. Ask at
 * the end: each question reads every row.
 */
MUST_CHECK int database_count(const struct database *database, const char *run_id, uint64_t expected,
                              uint64_t *ret_row_count, struct problem *problem);

#endif
