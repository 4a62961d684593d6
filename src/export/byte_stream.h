/* SPDX-License-Identifier: Apache-2.0 */
/*
 * byte_stream: a text of any length on its way out, a piece at a time, so that a writer's memory does not grow with what it writes.
 *
 * Writers append freely and ask stream_status in their loops: what could not be written stays so, and what follows is thrown away.
 * Zero-initialise it but for `write` and `context`; stream_finish sends the rest and frees.
 */
#ifndef TOLL_EXPORT_BYTE_STREAM_H
#define TOLL_EXPORT_BYTE_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

typedef int byte_stream_write_fn(void *context, const char *bytes, size_t length, struct err *err);

struct byte_stream {
    byte_stream_write_fn *write;
    void *context;
    struct str piece;
    int status;
    struct err err;
};

void stream_text(struct byte_stream *stream, const char *text);
void stream_bytes(struct byte_stream *stream, const char *bytes, size_t length);
void stream_printf(struct byte_stream *stream, const char *format, ...) PRINTF_LIKE(2, 3);
void stream_u64(struct byte_stream *stream, uint64_t value);
/* With its quotes; any bytes (report/escape.h). */
void stream_json(struct byte_stream *stream, const char *text);
/* A number of nanoseconds in units of 10^digits of them, exactly: 1500 with 3 digits is "1.500". */
void stream_decimal(struct byte_stream *stream, uint64_t value, unsigned digits);

/* 0, or the code of what went wrong, with err set. */
WARN_UNUSED int stream_status(const struct byte_stream *stream, struct err *err);
/* Sends what is left and frees; `status` is what the writer says: of two failures the first one counts. */
WARN_UNUSED int stream_finish(struct byte_stream *stream, int status, struct err *err);

#endif
