/* SPDX-License-Identifier: Apache-2.0 */
#include "settings/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/num.h"

/* 0 when the descriptor is ready for `events` before the deadline. */
static int await(const struct dial *dial, short events, struct err *err)
{
    for (;;) {
        uint64_t now = clock_monotonic_ns();
        if (now >= dial->deadline_ns)
            return err_set(err, ERR_ENVIRONMENT, "it did not answer in time");
        struct pollfd one = {.fd = dial->fd, .events = events};
        int ready = poll(&one, 1, (int)((dial->deadline_ns - now) / NS_PER_MS) + 1);
        if (ready > 0)
            return 0;
        if (ready < 0 && errno != EINTR)
            return err_errno(err, errno, "could not wait for it");
    }
}

union place {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
    struct sockaddr_un local;
};

static int place_local(const char *address, union place *ret_place, socklen_t *ret_length, struct err *err)
{
    size_t length = strlen(address);
    if (length >= sizeof ret_place->local.sun_path)
        return err_set(err, ERR_ENVIRONMENT, "its name is too long");
    ret_place->local.sun_family = AF_UNIX;
    memcpy(ret_place->local.sun_path, address, length);
    if (*address == '@')
        ret_place->local.sun_path[0] = '\0';
    *ret_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (*address != '@'));
    return 0;
}

/* Of loopback addresses alone. */
static int place_read(const char *address, union place *ret_place, socklen_t *ret_length, struct err *err)
{
    char host[64];
    uint64_t port = 0;
    const char *colon = strrchr(address, ':');
    memset(ret_place, 0, sizeof *ret_place);
    if (*address == '/' || *address == '@')
        return place_local(address, ret_place, ret_length, err);
    size_t length = colon ? (size_t)(colon - address) : 0;
    if (!colon || length >= sizeof host || num_parse_u64(colon + 1, &port) || !port || port > UINT16_MAX)
        return err_set(err, ERR_ENVIRONMENT, "it is no address with a port");
    bool has_brackets = length > 2 && *address == '[' && address[length - 1] == ']';
    snprintf(host, sizeof host, "%.*s", (int)(has_brackets ? length - 2 : length), address + has_brackets);
    if (strcmp(host, "localhost") == 0)
        snprintf(host, sizeof host, "127.0.0.1");
    if (inet_pton(AF_INET, host, &ret_place->four.sin_addr) == 1 &&
        ntohl(ret_place->four.sin_addr.s_addr) >> 24 == 127) {
        ret_place->four.sin_family = AF_INET;
        ret_place->four.sin_port = htons((uint16_t)port);
        *ret_length = sizeof ret_place->four;
        return 0;
    }
    memset(ret_place, 0, sizeof *ret_place);
    if (inet_pton(AF_INET6, host, &ret_place->six.sin6_addr) == 1 &&
        IN6_IS_ADDR_LOOPBACK(&ret_place->six.sin6_addr)) {
        ret_place->six.sin6_family = AF_INET6;
        ret_place->six.sin6_port = htons((uint16_t)port);
        *ret_length = sizeof ret_place->six;
        return 0;
    }
    return err_set(err, ERR_ENVIRONMENT, "it is not on this machine");
}

static int connected(const struct dial *dial, const union place *place, socklen_t length, struct err *err)
{
    int failure = 0;
    socklen_t size = sizeof failure;
    if (!connect(dial->fd, &place->any, length))
        return 0;
    if (errno != EINPROGRESS)
        return err_errno(err, errno, "could not connect");
    int status = await(dial, POLLOUT, err);
    if (status)
        return status;
    if (getsockopt(dial->fd, SOL_SOCKET, SO_ERROR, &failure, &size) || failure)
        return err_errno(err, failure ? failure : errno, "could not connect");
    return 0;
}

int dial_open(const char *address, unsigned limit_ms, struct dial *ret_dial, struct err *err)
{
    union place place;
    socklen_t length = 0;
    struct dial dial = {.deadline_ns = clock_monotonic_ns() + limit_ms * NS_PER_MS};
    int status = place_read(address, &place, &length, err);
    if (status)
        return status;
    dial.fd = socket(place.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (dial.fd < 0)
        return err_errno(err, errno, "could not open a socket");
    status = connected(&dial, &place, length, err);
    if (status)
        fs_close(&dial.fd);
    else
        *ret_dial = dial;
    return status;
}

void dial_close(struct dial *dial)
{
    fs_close(&dial->fd);
    dial->fd = -1;
}

int dial_send(const struct dial *dial, const char *bytes, size_t length, struct err *err)
{
    while (length) {
        ssize_t sent = send(dial->fd, bytes, length, MSG_NOSIGNAL);
        if (sent > 0) {
            bytes += sent;
            length -= (size_t)sent;
        } else if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            return err_errno(err, errno, "could not send");
        } else {
            int status = await(dial, POLLOUT, err);
            if (status)
                return status;
        }
    }
    return 0;
}

int dial_read(const struct dial *dial, size_t bytes_max, struct str *text, bool *ret_end, struct err *err)
{
    char buffer[16384];
    for (;;) {
        ssize_t got = recv(dial->fd, buffer, sizeof buffer, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN) {
            int status = await(dial, POLLIN, err);
            if (status)
                return status;
            continue;
        }
        if (got < 0)
            return err_errno(err, errno, "could not read");
        if (text->length + (size_t)got > bytes_max)
            return err_set(err, ERR_ENVIRONMENT, "it answered with over %zu bytes", bytes_max);
        str_append_bytes(text, buffer, (size_t)got);
        *ret_end = got == 0;
        return text->failed ? err_memory(err) : 0;
    }
}

/* Whether the head has this field with this word in it. */
static bool head_says(const char *head, const char *end, const char *field, const char *word)
{
    size_t length = strlen(field);
    for (const char *at = head; at && at < end; at = memchr(at, '\n', (size_t)(end - at))) {
        at += *at == '\n';
        if ((size_t)(end - at) > length && strncasecmp(at, field, length) == 0) {
            char line[128];
            snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\r\n"), at);
            return strcasestr(line, word) != NULL;
        }
    }
    return false;
}

static int chunks_join(const char *at, const char *end, struct str *ret_body, struct err *err)
{
    while (at < end) {
        char *after;
        unsigned long long size = strtoull(at, &after, 16);
        const char *line = memchr(at, '\n', (size_t)(end - at));
        if (after == at || !line)
            break;
        if (!size)
            return 0;
        at = line + 1;
        if (size > (unsigned long long)(end - at))
            break;
        str_append_bytes(ret_body, at, (size_t)size);
        at += size;
        at += end - at >= 2 && at[0] == '\r' ? 2 : 0;
    }
    return err_set(err, ERR_INPUT, "its answer is cut short");
}

int http_body(const char *answer, size_t length, unsigned *ret_status, struct str *ret_body, struct err *err)
{
    const char *body = length ? memmem(answer, length, "\r\n\r\n", 4) : NULL;
    unsigned status;
    if (!body || sscanf(answer, "HTTP/1.%*1[01] %3u", &status) != 1)
        return err_set(err, ERR_INPUT, "it does not speak HTTP");
    int failed = 0;
    if (head_says(answer, body, "transfer-encoding:", "chunked"))
        failed = chunks_join(body + 4, answer + length, ret_body, err);
    else
        str_append_bytes(ret_body, body + 4, length - (size_t)(body + 4 - answer));
    if (!failed && ret_body->failed)
        failed = err_memory(err);
    if (!failed)
        *ret_status = status;
    return failed;
}

static int exchange(const struct dial *dial, const char *address, const char *path, size_t bytes_max,
                    struct str *answer, struct err *err)
{
    struct str request = {0};
    const char *host = *address == '/' || *address == '@' ? "localhost" : address;
    bool end = false;
    str_printf(&request,
               "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: toll\r\nAccept: */*\r\nConnection: close\r\n\r\n",
               path, host);
    int status = request.failed ? err_memory(err) : dial_send(dial, request.text, request.length, err);
    while (!status && !end)
        status = dial_read(dial, bytes_max, answer, &end, err);
    str_free(&request);
    return status;
}

int dial_get(const char *address, const char *path, unsigned limit_ms, size_t bytes_max, struct str *ret_body,
             struct err *err)
{
    struct dial dial;
    struct str answer = {0};
    unsigned code = 0;
    int status = dial_open(address, limit_ms, &dial, err);
    if (status)
        return status;
    status = exchange(&dial, address, path, bytes_max, &answer, err);
    dial_close(&dial);
    if (!status)
        status = http_body(str_text(&answer), answer.length, &code, ret_body, err);
    if (!status && code != 200)
        status = err_set(err, ERR_ENVIRONMENT, "it answered with status %u", code);
    str_free(&answer);
    return status;
}
