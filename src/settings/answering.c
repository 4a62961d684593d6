/* SPDX-License-Identifier: Apache-2.0 */
#include "settings/answering.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void *serve(void *context)
{
    struct answering *server = context;
    char buffer[4096];
    for (size_t i = 0; i < server->count; i++) {
        int fd = accept(server->fd, NULL, NULL);
        if (fd < 0)
            break;
        ssize_t got = recv(fd, buffer, sizeof buffer, 0);
        if (got > 0)
            str_append_bytes(&server->asked, buffer, (size_t)got);
        if (server->answers[i])
            (void)!write(fd, server->answers[i], strlen(server->answers[i]));
        else
            (void)recv(fd, buffer, sizeof buffer, 0); /* until the client gives up */
        close(fd);
    }
    return NULL;
}

void answering_start(struct answering *server, const char *const *answers, size_t count)
{
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof place;
    *server = (struct answering){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .count = count};
    memcpy(server->answers, answers, count * sizeof *answers);
    assert_int_equal(bind(server->fd, (struct sockaddr *)&place, length), 0);
    assert_int_equal(listen(server->fd, ANSWERING_MAX), 0);
    assert_int_equal(getsockname(server->fd, (struct sockaddr *)&place, &length), 0);
    snprintf(server->address, sizeof server->address, "127.0.0.1:%u", (unsigned)ntohs(place.sin_port));
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

void answering_stop(struct answering *server)
{
    shutdown(server->fd, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->fd);
    str_free(&server->asked);
}
