/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planted cause: network-wait, a server that works for each answer. A program asks PostgreSQL for one row after the other by
 * a column without an index, so that the server reads the whole table each time. Fix: the same table with an
 * index. `--prepare` makes both tables.
 */
#include "postgres.h"

#define ROW_COUNT   60000
#define QUERY_COUNT 160
#define ROW_UNITS   300u

PLANTED_NOINLINE static uint64_t read_row(uint64_t state)
{
    planted_work(state, ROW_UNITS);
    return state;
}

PLANTED_NOINLINE static uint64_t choose_next(uint64_t state)
{
    planted_work(state, ROW_UNITS);
    return state + 1;
}

static void prepare(struct client *client)
{
    char text[512];
    static const char *const names[] = {"trades_plain", "trades_indexed"};

    for (int i = 0; i < 2; i++) {
        snprintf(text, sizeof text,
                 "DROP TABLE IF EXISTS %s; CREATE TABLE %s AS SELECT (n * 7919) %% %d AS id, n AS price "
                 "FROM generate_series(0, %d) AS n",
                 names[i], names[i], ROW_COUNT, ROW_COUNT - 1);
        query(client, text);
    }
    query(client, "CREATE INDEX ON trades_indexed (id)");
    query(client, "VACUUM ANALYZE trades_plain");
    query(client, "VACUUM ANALYZE trades_indexed");
}

int main(int argc, char **argv)
{
    static struct client client;
    const char *table = planted_flag(argc, argv, "--fixed") ? "trades_indexed" : "trades_plain";
    char text[256];
    uint64_t state = 1;

    client.fd = tcp_open(planted_word(argc, argv, "slow_query PORT [--fixed | --prepare]"));
    log_in(&client);
    if (planted_flag(argc, argv, "--prepare")) {
        prepare(&client);
        return 0;
    }
    query(&client, "SET max_parallel_workers_per_gather = 0");
    for (int i = 0; i < QUERY_COUNT; i++) {
        snprintf(text, sizeof text, "SELECT price FROM %s WHERE id = %llu", table,
                 (unsigned long long)(state % ROW_COUNT));
        query(&client, text);
        state = choose_next(read_row(state));
    }
    close(client.fd);
    printf("%016llx\n", (unsigned long long)state);
    return 0;
}
