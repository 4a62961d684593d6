/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planted cause: small-batches. Rows go into a PostgreSQL table one INSERT each, all in one transaction, so that the
 * disk is out of it. Fix: a hundred rows an INSERT.
 *
 * It speaks the server's protocol (version 3, simple queries) over the loopback as user "postgres" without a
 * password. A message is a letter, a length that counts itself, and a body; 'Z' ends the answer to a query.
 */
#include "tcp.h"

#define ROW_COUNT 12000
#define BATCH     100
#define ROW_UNITS 3u

struct client {
    int fd;
    unsigned char bytes[65536];
    size_t start, end;
};

PLANTED_NOINLINE static uint64_t make_row(uint64_t state)
{
    planted_work(state, ROW_UNITS);
    return state;
}

static void send_message(struct client *client, char kind, const char *body, size_t length)
{
    static char message[32768];
    uint32_t size = htonl((uint32_t)(length + sizeof size));
    size_t used = 0;

    if (length > sizeof message - 5)
        abort();
    if (kind != '\0')
        message[used++] = kind;
    memcpy(message + used, &size, sizeof size);
    memcpy(message + used + sizeof size, body, length);
    used += sizeof size + length;
    for (size_t sent = 0; sent < used;) {
        ssize_t done = send(client->fd, message + sent, used - sent, MSG_NOSIGNAL);
        if (done <= 0)
            planted_fail("send query");
        sent += (size_t)done;
    }
}

/* Makes `wanted` bytes of the answer readable at `start`. */
static const unsigned char *receive(struct client *client, size_t wanted)
{
    if (client->start + wanted > sizeof client->bytes) {
        memmove(client->bytes, client->bytes + client->start, client->end - client->start);
        client->end -= client->start;
        client->start = 0;
    }
    while (client->end - client->start < wanted) {
        ssize_t got = recv(client->fd, client->bytes + client->end, sizeof client->bytes - client->end, 0);
        if (got <= 0)
            planted_fail("receive answer");
        client->end += (size_t)got;
    }
    return client->bytes + client->start;
}

static void finish_query(struct client *client)
{
    for (char kind = '\0'; kind != 'Z';) {
        const unsigned char *head = receive(client, 5);
        uint32_t length;
        kind = (char)head[0];
        memcpy(&length, head + 1, sizeof length);
        receive(client, 1 + ntohl(length));
        if (kind == 'E') {
            fprintf(stderr, "the server refused: %.200s\n", (const char *)client->bytes + client->start + 6);
            exit(1);
        }
        client->start += 1 + ntohl(length);
    }
    if (client->start == client->end)
        client->start = client->end = 0;
}

static void query(struct client *client, const char *text)
{
    send_message(client, 'Q', text, strlen(text) + 1);
    finish_query(client);
}

static void log_in(struct client *client)
{
    static const char body[] = "\0\3\0\0user\0postgres\0database\0postgres\0";

    send_message(client, '\0', body, sizeof body);
    finish_query(client);
}

int main(int argc, char **argv)
{
    static struct client client;
    static char text[16384];
    int batch = planted_flag(argc, argv, "--fixed") ? BATCH : 1;
    uint64_t state = 1;

    client.fd = tcp_open(planted_word(argc, argv, "row_insert PORT [--fixed]"));
    log_in(&client);
    query(&client, "CREATE TEMPORARY TABLE candles (id bigint, price bigint); BEGIN");
    for (int row = 0; row < ROW_COUNT; row += batch) {
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
