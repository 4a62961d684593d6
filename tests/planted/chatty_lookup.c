/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planted cause: chatty-client. Values are asked of a Redis server one at a time, each answer waited for before the
 * next question. Fix: as many as fit into a pipeline are asked at once.
 */
#include "tcp.h"

#define KEY_COUNT    80000
#define VALUE_BYTES  100
#define PIPELINE     100
#define ANSWER_UNITS 2u

static char buffer[PIPELINE * 256];

PLANTED_NOINLINE static uint64_t weigh(uint64_t state)
{
    planted_work(state, ANSWER_UNITS);
    return state;
}

static void send_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0)
            planted_fail("send request");
        bytes += sent;
        length -= (size_t)sent;
    }
}

/* Reads until `bytes` have come. */
static void receive_all(int fd, size_t bytes)
{
    for (size_t used = 0; used < bytes;) {
        ssize_t got = recv(fd, buffer + used, bytes - used, 0);
        if (got <= 0)
            planted_fail("receive answer");
        used += (size_t)got;
    }
}

/* Every key holds the same number of bytes, so answers have a known length: "$100\r\n", the value, "\r\n". */
static void fill(int fd)
{
    char value[VALUE_BYTES + 1];

    memset(value, 'v', VALUE_BYTES);
    value[VALUE_BYTES] = '\0';
    int length =
        snprintf(buffer, sizeof buffer, "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$%d\r\n%s\r\n", VALUE_BYTES, value);
    send_all(fd, buffer, (size_t)length);
    receive_all(fd, strlen("+OK\r\n"));
}

static void ask(int fd, int count)
{
    static const char request[] = "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n";
    size_t used = 0;

    for (int i = 0; i < count; i++, used += sizeof request - 1)
        memcpy(buffer + used, request, sizeof request - 1);
    send_all(fd, buffer, used);
    receive_all(fd, (size_t)count * (VALUE_BYTES + strlen("$100\r\n\r\n")));
}

int main(int argc, char **argv)
{
    int fd = tcp_open(planted_word(argc, argv, "chatty_lookup PORT [--fixed]"));
    int step = planted_flag(argc, argv, "--fixed") ? PIPELINE : 1;
    int key_count = (int)planted_scaled(argc, argv, KEY_COUNT);
    uint64_t state = 1;

    fill(fd);
    for (int key = 0; key < key_count; key += step) {
        ask(fd, step);
        for (int i = 0; i < step; i++)
            state = weigh(state + (uint64_t)buffer[8]);
    }
    close(fd);
    printf("%016llx\n", (unsigned long long)state);
    return 0;
}
