/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planted cause: connection-churn. A small document is asked of nginx again and again, on a connection of its own each
 * time. Fix: one connection for all.
 */
#include "tcp.h"

#define REQUEST_COUNT 15000
#define PARSE_UNITS   4u

PLANTED_NOINLINE static uint64_t parse_answer(uint64_t state)
{
    planted_work(state, PARSE_UNITS);
    return state;
}

/* The answer ends with the document, which is "ok\n". */
static void ask(int fd, bool keeps)
{
    char text[1024];
    size_t used = 0;
    int length = snprintf(text, sizeof text, "GET /ok HTTP/1.1\r\nHost: localhost\r\nConnection: %s\r\n\r\n",
                          keeps ? "keep-alive" : "close");

    if (send(fd, text, (size_t)length, MSG_NOSIGNAL) != length)
        planted_fail("send request");
    while (used < 3 || memcmp(text + used - 3, "ok\n", 3) != 0) {
        ssize_t got = recv(fd, text + used, sizeof text - used, 0);
        if (got <= 0)
            planted_fail("receive answer");
        used += (size_t)got;
    }
}

int main(int argc, char **argv)
{
    const char *port = planted_word(argc, argv, "connect_each PORT [--fixed]");
    bool keeps = planted_flag(argc, argv, "--fixed");
    int fd = keeps ? tcp_open(port) : -1;
    unsigned request_count = planted_scaled(argc, argv, REQUEST_COUNT);
    uint64_t state = 1;

    for (unsigned request = 0; request < request_count; request++) {
        if (!keeps)
            fd = tcp_open(port);
        ask(fd, keeps);
        state = parse_answer(state);
        if (!keeps)
            close(fd);
    }
    printf("%016llx\n", (unsigned long long)state);
    return 0;
}
