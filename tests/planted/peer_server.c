/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The slow peer: an HTTP/1.1 server on a free port of the loopback that takes a given time for
 * each request and answers with a token made from the request's path. One thread a connection;
 * connections do not slow each other. Datagrams to the same port are answered as late. The port is the first line of its output; the server ends
 * when its standard input does, so it never outlives the one who started it.
 */
#include "tcp.h"

#include <pthread.h>

#define REQUEST_BYTES_MAX 8192

static uint64_t delay_ns;

static uint64_t token_next(const char *path)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (; *path != '\0' && *path != ' ' && *path != '\r'; path++)
        hash = (hash ^ (uint64_t)(unsigned char)*path) * UINT64_C(1099511628211);
    return hash;
}

static bool answer(int fd, const char *request)
{
    char text[256];
    const char *path = strchr(request, ' ');

    planted_sleep(delay_ns);
    int length =
        snprintf(text, sizeof text,
                 "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 17\r\n\r\n%016llx\n",
                 (unsigned long long)token_next(path == NULL ? "" : path + 1));
    return send(fd, text, (size_t)length, MSG_NOSIGNAL) == length;
}

static void *serve(void *argument)
{
    int fd = (int)(intptr_t)argument;
    int on = 1;
    char request[REQUEST_BYTES_MAX];
    size_t used = 0;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    while (used < sizeof request - 1) {
        ssize_t got = recv(fd, request + used, sizeof request - 1 - used, 0);
        if (got <= 0)
            break;
        used += (size_t)got;
        request[used] = '\0';
        if (strstr(request, "\r\n\r\n") == NULL)
            continue;
        if (!answer(fd, request))
            break;
        used = 0;
    }
    close(fd);
    return NULL;
}

/* Datagrams, one after the other: the token of eight bytes. */
static void *serve_datagrams(void *argument)
{
    int fd = (int)(intptr_t)argument;
    struct sockaddr_in from;
    uint64_t token;

    for (;;) {
        socklen_t size = sizeof from;
        ssize_t got = recvfrom(fd, &token, sizeof token, 0, (struct sockaddr *)&from, &size);
        if (got != (ssize_t)sizeof token)
            continue;
        planted_sleep(delay_ns);
        token = token * UINT64_C(6364136223846793005) + 1;
        (void)sendto(fd, &token, sizeof token, 0, (struct sockaddr *)&from, size);
    }
    return NULL;
}

static void *leave_with_parent(void *argument)
{
    char byte;

    (void)argument;
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    exit(0);
}

int main(int argc, char **argv)
{
    const char *delay_ms = planted_word(argc, argv, "peer_server DELAY_MS");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    pthread_t thread;

    delay_ns = strtoull(delay_ms, NULL, 10) * PLANTED_MS_NS;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 64) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0)
        planted_fail("listen on loopback");
    int datagrams = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (datagrams < 0 || bind(datagrams, (struct sockaddr *)&address, sizeof address) != 0)
        planted_fail("take datagrams on loopback");
    if (pthread_create(&thread, NULL, serve_datagrams, (void *)(intptr_t)datagrams) != 0 ||
        pthread_create(&thread, NULL, leave_with_parent, NULL) != 0)
        planted_fail("start thread");
    printf("%u\n", (unsigned)ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            planted_fail("accept connection");
        if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) != 0)
            planted_fail("start thread");
        pthread_detach(thread);
    }
}
