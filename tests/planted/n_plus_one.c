/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planted cause: N+1 queries, through libpq. The lines of each order are asked for by a query of their own, and no index helps the
 * server to find them. Fix: one query with a join for all orders.
 */
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ORDER_COUNT 1500

static PGresult *answer(PGconn *connection, PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        fprintf(stderr, "n_plus_one: %s", PQerrorMessage(connection));
        exit(1);
    }
    return result;
}

static long sum_of(PGresult *result)
{
    long sum = 0;
    for (int row = 0; row < PQntuples(result); row++)
        sum += strtol(PQgetvalue(result, row, 0), NULL, 10);
    PQclear(result);
    return sum;
}

/* Two lines an order. */
static void fill(PGconn *connection)
{
    PQclear(answer(connection,
                   PQexec(connection, "CREATE TABLE lines AS SELECT g / 2 AS order_id, g AS amount FROM"
                                      " generate_series(0, 2999) AS g; ANALYZE lines;"
                                      " SELECT pg_stat_statements_reset()")));
}

int main(int argc, char **argv)
{
    bool is_fixed = argc > 2 && strcmp(argv[2], "--fixed") == 0;
    long sum = 0;
    if (argc < 2) {
        fputs("usage: n_plus_one CONNINFO [--fixed | --fill]\n", stderr);
        return 2;
    }
    PGconn *connection = PQconnectdb(argv[1]);
    if (PQstatus(connection) != CONNECTION_OK) {
        fprintf(stderr, "n_plus_one: %s", PQerrorMessage(connection));
        return 1;
    }
    if (argc > 2 && strcmp(argv[2], "--fill") == 0) {
        fill(connection);
    } else if (is_fixed) {
        sum = sum_of(answer(connection,
                            PQexec(connection, "SELECT l.amount FROM generate_series(0, 1499) AS o(id) JOIN"
                                               " lines l ON l.order_id = o.id")));
    } else {
        for (int order = 0; order < ORDER_COUNT; order++) {
            char id[16];
            const char *const values[] = {id};
            snprintf(id, sizeof id, "%d", order);
            sum += sum_of(
                answer(connection, PQexecParams(connection, "SELECT amount FROM lines WHERE order_id = $1", 1,
                                                NULL, values, NULL, NULL, 0)));
        }
    }
    printf("%ld\n", sum);
    PQfinish(connection);
    return 0;
}
