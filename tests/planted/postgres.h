/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client of PostgreSQL: the server's protocol (version 3, simple queries) over the loopback as user "postgres" without a
 * password. A message is a letter, a length that counts itself, and a body; 'Z' ends the answer to a query.
 */
#ifndef TOLL_TESTS_PLANTED_POSTGRES_H
#define TOLL_TESTS_PLANTED_POSTGRES_H

#include "tcp.h"

struct client {
    int fd;
    unsigned char bytes[65536];
    size_t start, end;
};

static inline void send_message(struct client *client, char kind, const char *body, size_t length)
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
static inline const unsigned char *receive(struct client *client, size_t wanted)
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

static inline void finish_query(struct client *client)
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

static inline void query(struct client *client, const char *text)
{
    send_message(client, 'Q', text, strlen(text) + 1);
    finish_query(client);
}

static inline void log_in(struct client *client)
{
    static const char body[] = "\0\3\0\0user\0postgres\0database\0postgres\0";

    send_message(client, '\0', body, sizeof body);
    finish_query(client);
}

#endif
