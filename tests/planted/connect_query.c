/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planted cause: connection-churn, at a server for which a connection is a process. Each query to PostgreSQL goes over a
 * connection of its own. Fix: one connection for all.
 */
#include "postgres.h"

#define QUERY_COUNT 260
#define ROW_UNITS   300u

PLANTED_NOINLINE static uint64_t read_row(uint64_t state)
{
    planted_work(state, ROW_UNITS);
    return state;
}

int main(int argc, char **argv)
{
    static struct client client;
    const char *port = planted_word(argc, argv, "connect_query PORT [--fixed]");
    bool keeps = planted_flag(argc, argv, "--fixed");
    uint64_t state = 1;

    for (int i = 0; i < QUERY_COUNT; i++) {
        if (i == 0 || !keeps) {
            client = (struct client){.fd = tcp_open(port)};
            log_in(&client);
        }
        query(&client, "SELECT 1");
        state = read_row(state);
        if (!keeps || i + 1 == QUERY_COUNT)
            close(client.fd);
    }
    printf("%016llx\n", (unsigned long long)state);
    return 0;
}
