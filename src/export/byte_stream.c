/* SPDX-License-Identifier: Apache-2.0 */
#include "export/byte_stream.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "report/escape.h"

#define PIECE_BYTES 65536u
#define DIGITS_MAX  20

static void send(struct byte_stream *stream)
{
    if (stream->piece.failed && !stream->status)
        stream->status = err_memory(&stream->err);
    if (!stream->status && stream->piece.length)
        stream->status =
            stream->write(stream->context, str_text(&stream->piece), stream->piece.length, &stream->err);
    str_clear(&stream->piece);
}

static void send_when_full(struct byte_stream *stream)
{
    if (stream->piece.length >= PIECE_BYTES || stream->piece.failed)
        send(stream);
}

void stream_bytes(struct byte_stream *stream, const char *bytes, size_t length)
{
    str_append_bytes(&stream->piece, bytes, length);
    send_when_full(stream);
}

void stream_text(struct byte_stream *stream, const char *text)
{
    stream_bytes(stream, text, strlen(text));
}

void stream_printf(struct byte_stream *stream, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length > 0)
        stream_bytes(stream, text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1);
}

/* The digits of a number, at least `least` of them, right-aligned in a room of DIGITS_MAX; where they begin. */
static size_t digits_put(char room[DIGITS_MAX], uint64_t value, unsigned least)
{
    size_t at = DIGITS_MAX;
    for (; value || least; value /= 10, least -= least > 0)
        room[--at] = (char)('0' + value % 10);
    return at;
}

void stream_u64(struct byte_stream *stream, uint64_t value)
{
    char room[DIGITS_MAX];
    size_t at = digits_put(room, value, 1);
    stream_bytes(stream, room + at, DIGITS_MAX - at);
}

void stream_decimal(struct byte_stream *stream, uint64_t value, unsigned digits)
{
    char room[DIGITS_MAX];
    size_t at = digits_put(room, value, digits + 1);
    stream_bytes(stream, room + at, DIGITS_MAX - at - digits);
    stream_text(stream, ".");
    stream_bytes(stream, room + DIGITS_MAX - digits, digits);
}

void stream_json(struct byte_stream *stream, const char *text)
{
    str_append(&stream->piece, "\"");
    escape_json(&stream->piece, text);
    stream_text(stream, "\"");
}

int stream_status(const struct byte_stream *stream, struct err *err)
{
    if (stream->status && err)
        *err = stream->err;
    return stream->status;
}

int stream_finish(struct byte_stream *stream, int status, struct err *err)
{
    if (!status) {
        send(stream);
        status = stream_status(stream, err);
    }
    str_free(&stream->piece);
    return status;
}
