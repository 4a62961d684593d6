/* SPDX-License-Identifier: Apache-2.0 */
/* Plain HTTP with libcurl. One `struct http` keeps its connection; it belongs to one thread. */
#ifndef MARKET_DATA_HTTP_H
#define MARKET_DATA_HTTP_H

#include "buffer.h"
#include "problem.h"

struct http;

/* Once, before threads start. */
MUST_CHECK int http_init(struct problem *problem);

MUST_CHECK int http_open(struct http **ret_http, struct problem *problem);

/* Replaces `out` by the body. A status other than 200 is a problem. */
MUST_CHECK int http_get(struct http *http, const char *url, struct buffer *out, struct problem *problem);

/* Sends `body`; a status other than 2xx is a problem, told with what the server answered. */
MUST_CHECK int http_post(struct http *http, const char *url, const struct buffer *body,
                         struct problem *problem);

/* Text as it may stand in a URL's query; the caller frees it with http_free. */
char *http_escape(struct http *http, const char *text);
void http_free(char *escaped);

void http_close(struct http *http);

#endif
