/* SPDX-License-Identifier: Apache-2.0 */
#include "receive/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"

#define CONNECTION_MAX       256u
#define CONNECTION_BYTES     (256u << 10) /* libmicrohttpd's memory of one connection */
#define CONNECTION_GROWTH    (120u << 10) /* how much is read at once */
#define CONNECTION_TIMEOUT_S 60u
#define BACKLOG              512
/* More than this of a body that is refused anyway is not waited for: the connection is closed. */
#define DISCARD_BYTES_MAX ((uint64_t)512 << 20)
#define WAIT_MS_MAX       1000
#define BUSY_RETRY_S      1u

struct http_server {
    struct MHD_Daemon *daemon;
    struct http_server_options options;
    char address[128];
    size_t buffered_bytes, pending_count;
    int listener, poll_fd;
};

/* One request under way. */
struct exchange {
    struct http_request request;
    struct http_answer answer; /* status not 0: refused, the rest of the body is not kept */
    struct str body;
    uint64_t discarded_bytes;
};

static const char *header_of(struct MHD_Connection *connection, const char *name)
{
    const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
    return value ? value : "";
}

static void body_drop(struct http_server *server, struct exchange *exchange)
{
    server->buffered_bytes -= exchange->body.length;
    str_free(&exchange->body);
}

static void refuse(struct http_server *server, struct exchange *exchange, unsigned status,
                   const char *message)
{
    body_drop(server, exchange);
    exchange->answer = (struct http_answer){.status = status};
    server->options.error(server->options.context, &exchange->request, message, &exchange->answer);
    if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
        exchange->answer.retry_after_s = BUSY_RETRY_S;
}

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
    (void)MHD_add_response_header(response, name, value);
}

static enum MHD_Result send_answer(struct MHD_Connection *connection, struct exchange *exchange)
{
    struct http_answer *answer = &exchange->answer;
    char seconds[16];
    struct MHD_Response *response =
        MHD_create_response_from_buffer(answer->body.length, answer->body.text, MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    if (answer->content_type)
        add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->content_type);
    if (answer->allow)
        add_header(response, MHD_HTTP_HEADER_ALLOW, answer->allow);
    if (answer->retry_after_s) {
        snprintf(seconds, sizeof seconds, "%u", answer->retry_after_s);
        add_header(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
    }
    if (*exchange->request.origin && answer->status != MHD_HTTP_FORBIDDEN) {
        add_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_ORIGIN, exchange->request.origin);
        add_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_HEADERS, "content-type, content-encoding");
    }
    enum MHD_Result result = MHD_queue_response(connection, answer->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result begin(struct http_server *server, struct MHD_Connection *connection,
                             struct exchange *exchange)
{
    uint64_t length = 0;
    exchange->request.content_type = header_of(connection, MHD_HTTP_HEADER_CONTENT_TYPE);
    exchange->request.content_encoding = header_of(connection, MHD_HTTP_HEADER_CONTENT_ENCODING);
    exchange->request.origin = header_of(connection, MHD_HTTP_HEADER_ORIGIN);
    server->pending_count++;
    server->options.check(server->options.context, &exchange->request, &exchange->answer);
    if (num_parse_u64(header_of(connection, MHD_HTTP_HEADER_CONTENT_LENGTH), &length))
        length = 0;
    if (!exchange->answer.status && length > server->options.body_bytes_max)
        refuse(server, exchange, MHD_HTTP_CONTENT_TOO_LARGE, "the request is too large");
    /* What nobody would want to read to its end is answered at once, and the connection closed. */
    return exchange->answer.status && length > DISCARD_BYTES_MAX ? send_answer(connection, exchange)
                                                                 : MHD_YES;
}

static enum MHD_Result take(struct http_server *server, struct exchange *exchange, const char *bytes,
                            size_t length)
{
    if (!exchange->answer.status && exchange->body.length + length > server->options.body_bytes_max)
        refuse(server, exchange, MHD_HTTP_CONTENT_TOO_LARGE, "the request is too large");
    if (!exchange->answer.status && server->buffered_bytes + length > server->options.buffered_bytes_max)
        refuse(server, exchange, MHD_HTTP_SERVICE_UNAVAILABLE, "too much is under way, try again");
    if (exchange->answer.status) {
        exchange->discarded_bytes += length;
        return exchange->discarded_bytes > DISCARD_BYTES_MAX ? MHD_NO : MHD_YES;
    }
    size_t before = exchange->body.length;
    str_append_bytes(&exchange->body, bytes, length);
    server->buffered_bytes += exchange->body.length - before;
    if (exchange->body.failed)
        refuse(server, exchange, MHD_HTTP_SERVICE_UNAVAILABLE, "memory ran out, try again");
    return MHD_YES;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload_data,
                                  size_t *upload_data_size, void **state)
{
    struct http_server *server = context;
    struct exchange *exchange = *state;
    (void)version;
    if (!exchange) {
        exchange = calloc(1, sizeof *exchange);
        if (!exchange)
            return MHD_NO;
        *state = exchange;
        exchange->request.method = method;
        exchange->request.path = url;
        return begin(server, connection, exchange);
    }
    if (*upload_data_size) {
        size_t length = *upload_data_size;
        *upload_data_size = 0;
        return take(server, exchange, upload_data, length);
    }
    if (!exchange->answer.status) {
        exchange->request.body = str_text(&exchange->body);
        exchange->request.length = exchange->body.length;
        server->options.handle(server->options.context, &exchange->request, &exchange->answer);
        body_drop(server, exchange);
    }
    return send_answer(connection, exchange);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode how)
{
    struct http_server *server = context;
    struct exchange *exchange = *state;
    (void)connection;
    (void)how;
    if (!exchange)
        return;
    body_drop(server, exchange);
    str_free(&exchange->answer.body);
    server->pending_count--;
    free(exchange);
    *state = NULL;
}

/* "host:port", "[v6]:port", "port", ":port", "host". */
static int split_address(const char *address, unsigned port_default, char *host, size_t host_size, char *port,
                         size_t port_size)
{
    const char *colon = strrchr(address, ':'), *bracket = strchr(address, ']');
    uint64_t number;
    bool has_port = colon && (!bracket || colon > bracket);
    if (!num_parse_u64(address, &number)) {
        snprintf(host, host_size, "127.0.0.1");
        snprintf(port, port_size, "%s", address);
        return number > 65535 ? -1 : 0;
    }
    size_t length = has_port ? (size_t)(colon - address) : strlen(address);
    if (length >= host_size)
        return -1;
    memcpy(host, address, length);
    host[length] = '\0';
    if (host[0] == '[' && length > 2 && host[length - 1] == ']') {
        memmove(host, host + 1, length - 2);
        host[length - 2] = '\0';
    }
    if (!host[0])
        snprintf(host, host_size, "127.0.0.1");
    if (!has_port) {
        snprintf(port, port_size, "%u", port_default);
        return 0;
    }
    snprintf(port, port_size, "%s", colon + 1);
    return num_parse_u64(port, &number) || number > 65535 ? -1 : 0;
}

static int bind_first(const struct addrinfo *list, int *ret_errnum)
{
    int yes = 1;
    *ret_errnum = EADDRNOTAVAIL;
    for (const struct addrinfo *at = list; at; at = at->ai_next) {
        int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0) {
            *ret_errnum = errno;
            continue;
        }
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        if (bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
            return fd;
        *ret_errnum = errno;
        close(fd);
    }
    return -1;
}

static void name_address(int fd, char *name, size_t size)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    char host[INET6_ADDRSTRLEN] = "", port[16] = "";
    (void)getsockname(fd, (struct sockaddr *)&address, &length);
    (void)getnameinfo((struct sockaddr *)&address, length, host, sizeof host, port, sizeof port,
                      NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(name, size, address.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

static int open_listener(struct http_server *server, struct err *err)
{
    const char *address = server->options.address;
    char host[256], port[16];
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE},
                    *list;
    int errnum;
    if (split_address(address, server->options.port_default, host, sizeof host, port, sizeof port))
        return err_set(err, ERR_USAGE, "could not listen at '%s': it is no address of the form HOST:PORT",
                       address);
    int failed = getaddrinfo(host, port, &hints, &list);
    if (failed)
        return err_set(err, ERR_USAGE, "could not listen at '%s': %s", address, gai_strerror(failed));
    server->listener = bind_first(list, &errnum);
    freeaddrinfo(list);
    if (server->listener < 0) {
        err_errno(err, errnum, "could not listen at '%s'", address);
        if (errnum == EADDRINUSE)
            err_hint(err,
                     "another program listens there; give another address, 127.0.0.1:0 takes any free port");
        return -ERR_ENVIRONMENT;
    }
    name_address(server->listener, server->address, sizeof server->address);
    return 0;
}

static int start(struct http_server *server, struct err *err)
{
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL, 0, NULL, NULL, on_request, server, MHD_OPTION_LISTEN_SOCKET, server->listener,
        MHD_OPTION_CONNECTION_LIMIT, CONNECTION_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_BYTES, MHD_OPTION_CONNECTION_MEMORY_INCREMENT, (size_t)CONNECTION_GROWTH,
        MHD_OPTION_CONNECTION_TIMEOUT, CONNECTION_TIMEOUT_S, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
        server, MHD_OPTION_END);
    if (!server->daemon)
        return err_set(err, ERR_ENVIRONMENT, "could not serve HTTP at '%s': libmicrohttpd refused",
                       server->address);
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (!info)
        return err_set(err, ERR_ENVIRONMENT, "could not serve HTTP at '%s': there is no epoll",
                       server->address);
    server->poll_fd = info->epoll_fd;
    return 0;
}

int http_server_open(const struct http_server_options *options, struct http_server **ret_server,
                     struct err *err)
{
    struct http_server *server = calloc(1, sizeof *server);
    if (!server)
        return err_memory(err);
    server->options = *options;
    server->listener = -1;
    int status = open_listener(server, err);
    if (!status)
        status = start(server, err);
    if (status) {
        http_server_close(server);
        return status;
    }
    *ret_server = server;
    return 0;
}

int http_server_fd(const struct http_server *server)
{
    return server->poll_fd;
}

const char *http_server_address(const struct http_server *server)
{
    return server->address;
}

int http_server_wait_ms(const struct http_server *server)
{
    MHD_UNSIGNED_LONG_LONG wait_ms = WAIT_MS_MAX;
    if (MHD_get_timeout(server->daemon, &wait_ms) != MHD_YES || wait_ms > WAIT_MS_MAX)
        return WAIT_MS_MAX;
    return (int)wait_ms;
}

int http_server_run(struct http_server *server, struct err *err)
{
    return MHD_run(server->daemon) == MHD_YES ? 0 : err_set(err, ERR_BUG, "could not serve HTTP: it stopped");
}

void http_server_quiesce(struct http_server *server)
{
    /* From now on the listener is ours. */
    if (server->daemon && server->listener >= 0 && MHD_quiesce_daemon(server->daemon) != MHD_INVALID_SOCKET) {
        close(server->listener);
        server->listener = -1;
    }
}

size_t http_server_pending(const struct http_server *server)
{
    return server->pending_count;
}

void http_server_close(struct http_server *server)
{
    if (!server)
        return;
    if (server->daemon)
        MHD_stop_daemon(server->daemon); /* closes the listener, unless it was quiesced */
    else if (server->listener >= 0)
        close(server->listener);
    free(server);
}
