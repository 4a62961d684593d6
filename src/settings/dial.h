/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dial: a short talk with a server on this machine: connect, send, read until enough, all within one deadline; and an HTTP
 * GET over it. Never another machine: the address is checked again here.
 */
#ifndef TOLL_SETTINGS_DIAL_H
#define TOLL_SETTINGS_DIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct dial {
    int fd;
    uint64_t deadline_ns; /* CLOCK_MONOTONIC */
};

/* `address`: "127.0.0.1:6379", "[::1]:80", "localhost:80", "/run/a.sock", "@abstract". ERR_ENVIRONMENT. */
WARN_UNUSED int dial_open(const char *address, unsigned limit_ms, struct dial *ret_dial, struct err *err);
void dial_close(struct dial *dial);
WARN_UNUSED int dial_send(const struct dial *dial, const char *bytes, size_t length, struct err *err);
/* Appends what comes next, at least a byte; *ret_end when the other end closed. */
WARN_UNUSED int dial_read(const struct dial *dial, size_t bytes_max, struct str *text, bool *ret_end,
                          struct err *err);

/* The body of a GET that was answered with 200; ERR_ENVIRONMENT with the status otherwise. */
WARN_UNUSED int dial_get(const char *address, const char *path, unsigned limit_ms, size_t bytes_max,
                         struct str *ret_body, struct err *err);
/* The body of an HTTP answer, out of chunks where it comes in chunks. ERR_INPUT for what is none. */
WARN_UNUSED int http_body(const char *answer, size_t length, unsigned *ret_status, struct str *ret_body,
                          struct err *err);

#endif
