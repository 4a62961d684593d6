/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_server: HTTP/1.1 for small servers of toll, by libmicrohttpd: one thread, whole bodies of limited size, keep-alive, chunked.
 *
 * The caller waits until the descriptor is readable, for http_server_wait_ms at most, and calls http_server_run. A request is asked about
 * twice: `check` sees its head and may refuse it, then nothing of its body is kept; `handle` sees all of it.
 */
#ifndef TOLL_RECEIVE_HTTP_SERVER_H
#define TOLL_RECEIVE_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* A header that is not there is "". */
struct http_request {
    const char *method, *path;
    const char *content_type, *content_encoding, *origin;
    const char *body; /* while checked: NULL */
    size_t length;
};

/* Zeroed: not answered. */
struct http_answer {
    unsigned status;
    const char *content_type; /* NULL: no body's type is told */
    const char *allow;        /* methods, with 405 and 204; else NULL */
    unsigned retry_after_s;   /* 0: none */
    struct str body;          /* taken over */
};

typedef void http_request_fn(void *context, const struct http_request *request, struct http_answer *answer);
/* The answer's body for an error that the server itself finds, in the form of what was asked: 400, 413, 503. */
typedef void http_error_fn(void *context, const struct http_request *request, const char *message,
                           struct http_answer *answer);

struct http_server_options {
    const char *address; /* "127.0.0.1:4318", "[::1]:4318", "4318"; port 0: any that is free */
    unsigned port_default;
    size_t body_bytes_max;     /* of one request: above, it is answered 413 */
    size_t buffered_bytes_max; /* of all that are under way: above, new bytes are answered 503 */
    http_request_fn *check, *handle;
    http_error_fn *error;
    void *context;
};

struct http_server;

WARN_UNUSED int http_server_open(const struct http_server_options *options, struct http_server **ret_server,
                                 struct err *err);
int http_server_fd(const struct http_server *server);
/* "127.0.0.1:4318", with the port that it has. */
const char *http_server_address(const struct http_server *server);
/* How long to wait at most until the next http_server_run: 0 when there is work left. */
int http_server_wait_ms(const struct http_server *server);
/* Handles some of what is ready; does not wait. */
WARN_UNUSED int http_server_run(struct http_server *server, struct err *err);
/* Takes no more connections; those that are open go on. */
void http_server_quiesce(struct http_server *server);
/* Requests whose body has begun and that are not answered. */
size_t http_server_pending(const struct http_server *server);
/* NULL is allowed. */
void http_server_close(struct http_server *server);

#endif
