/* SPDX-License-Identifier: Apache-2.0 */
/* A client of peer_server: one kept-alive connection, one request at a time. */
#ifndef TOLL_TESTS_PLANTED_TCP_H
#define TOLL_TESTS_PLANTED_TCP_H

#include "planted.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

/* A connection to a port of this machine; ends the program when there is no server. */
static inline int tcp_open(const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        planted_fail("connect to server");
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
        planted_fail("set socket option");
    return fd;
}

/* Asks for /token and returns the token of the answer: the next request cannot be known before. */
static inline uint64_t tcp_ask(int fd, uint64_t token)
{
    char text[512];
    size_t used = 0;
    int length = snprintf(text, sizeof text, "GET /%016llx HTTP/1.1\r\nHost: localhost\r\n\r\n",
                          (unsigned long long)token);

    if (send(fd, text, (size_t)length, MSG_NOSIGNAL) != length)
        planted_fail("send request");
    while (used < sizeof text - 1) {
        ssize_t got = recv(fd, text + used, sizeof text - 1 - used, 0);
        if (got <= 0)
            planted_fail("receive answer");
        used += (size_t)got;
        text[used] = '\0';
        char *body = strstr(text, "\r\n\r\n");
        if (body != NULL && strchr(body + 4, '\n') != NULL)
            return strtoull(body + 4, NULL, 16);
    }
    errno = EMSGSIZE;
    planted_fail("receive answer");
}

#endif
