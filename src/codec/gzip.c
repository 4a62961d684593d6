/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/gzip.h"

#include <limits.h>
#include <stdint.h>
#include <zlib.h>

#define PIECE_BYTES 65536u

bool gzip_is(const char *bytes, size_t length)
{
    return length > 2 && (unsigned char)bytes[0] == 0x1f && (unsigned char)bytes[1] == 0x8b;
}

static int unpack(z_stream *stream, size_t limit_bytes, const char *name, struct str *ret_text,
                  struct err *err)
{
    unsigned char piece[PIECE_BYTES];
    int status = Z_OK;
    for (;;) {
        stream->next_out = piece;
        stream->avail_out = sizeof piece;
        status = inflate(stream, Z_NO_FLUSH);
        if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
            return err_set(err, ERR_INPUT, "could not unpack '%s': %s", name,
                           stream->msg ? stream->msg : "it is no gzip");
        size_t got = sizeof piece - stream->avail_out;
        if (got > limit_bytes - ret_text->length)
            return err_set(err, ERR_INPUT, "could not unpack '%s': it is larger than %zu MB unpacked", name,
                           limit_bytes >> 20);
        str_append_bytes(ret_text, (const char *)piece, got);
        if (ret_text->failed)
            return err_memory(err);
        if (status == Z_STREAM_END) {
            if (stream->avail_in == 0)
                return 0;
            if (inflateReset(stream) != Z_OK)
                return err_set(err, ERR_INPUT, "could not unpack '%s': it is no gzip", name);
        } else if (got == 0 && stream->avail_in == 0) {
            return err_set(err, ERR_INPUT, "could not unpack '%s': it is cut short", name);
        }
    }
}

int gzip_unpack(const char *bytes, size_t length, size_t limit_bytes, const char *name, struct str *ret_text,
                struct err *err)
{
    if (length > UINT_MAX || ret_text->length > limit_bytes)
        return err_set(err, ERR_INPUT, "could not unpack '%s': it is larger than 4 GB", name);
    /* zlib's pointer lacks a const; it only reads. */
    z_stream stream = {.next_in = (unsigned char *)(uintptr_t)bytes, .avail_in = (unsigned)length};
    if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK)
        return err_memory(err);
    int status = unpack(&stream, limit_bytes, name, ret_text, err);
    inflateEnd(&stream);
    return status;
}
