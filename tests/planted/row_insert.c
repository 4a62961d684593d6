/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planted cause: small-batches. Rows go into a PostgreSQL table one INSERT each, all in one transaction, so that the
 * disk is out of it. Fix: a hundred rows an INSERT.
 */
#include "postgres.h"

#define ROW_COUNT 12000
#define BATCH     100
#define ROW_UNITS 3u

PLANTED_NOINLINE static uint64_t make_row(uint64_t state)
{
    planted_work(state, ROW_UNITS);
    return state;
}

int main(int argc, char **argv)
{
    static struct client client;
    static char text[16384];
    int batch = planted_flag(argc, argv, "--fixed") ? BATCH : 1;
    int row_count = (int)planted_scaled(argc, argv, ROW_COUNT);
    uint64_t state = 1;

    client.fd = tcp_open(planted_word(argc, argv, "row_insert PORT [--fixed]"));
    log_in(&client);
    query(&client, "CREATE TEMPORARY TABLE candles (id bigint, price bigint); BEGIN");
    for (int row = 0; row < row_count; row += batch) {
        int used = snprintf(text, sizeof text, "INSERT INTO candles VALUES ");
        for (int i = 0; i < batch; i++) {
            state = make_row(state);
            used += snprintf(text + used, sizeof text - (size_t)used, "%s(%d,%llu)", i == 0 ? "" : ",",
                             row + i, (unsigned long long)(state >> 40));
        }
        query(&client, text);
    }
    query(&client, "COMMIT");
    close(client.fd);
    printf("%016llx\n", (unsigned long long)state);
    return 0;
}
