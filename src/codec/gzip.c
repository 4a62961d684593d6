/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/gzip.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
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

struct gzip_packer {
    z_stream stream;
    gzip_write_fn *write;
    void *context;
};

int gzip_packer_create(gzip_write_fn *write, void *context, struct gzip_packer **ret_packer, struct err *err)
{
    struct gzip_packer *packer = calloc(1, sizeof *packer);
    if (!packer)
        return err_memory(err);
    packer->write = write;
    packer->context = context;
    if (deflateInit2(&packer->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 16 + MAX_WBITS, 8,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        free(packer);
        return err_memory(err);
    }
    *ret_packer = packer;
    return 0;
}

/* Until nothing comes out any more. */
static int pack(struct gzip_packer *packer, int flush, struct err *err)
{
    unsigned char piece[PIECE_BYTES];
    size_t got;
    do {
        packer->stream.next_out = piece;
        packer->stream.avail_out = sizeof piece;
        if (deflate(&packer->stream, flush) == Z_STREAM_ERROR)
            return err_set(err, ERR_BUG, "could not pack: zlib's state is broken");
        got = sizeof piece - packer->stream.avail_out;
        int status = got ? packer->write(packer->context, (const char *)piece, got, err) : 0;
        if (status)
            return status;
    } while (got == sizeof piece);
    return 0;
}

int gzip_pack(struct gzip_packer *packer, const char *bytes, size_t length, struct err *err)
{
    int status = 0;
    while (length && !status) {
        unsigned part = length > UINT_MAX ? UINT_MAX : (unsigned)length;
        /* zlib's pointer lacks a const; it only reads. */
        packer->stream.next_in = (unsigned char *)(uintptr_t)bytes;
        packer->stream.avail_in = part;
        status = pack(packer, Z_NO_FLUSH, err);
        bytes += part;
        length -= part;
    }
    return status;
}

int gzip_packer_finish(struct gzip_packer *packer, struct err *err)
{
    packer->stream.avail_in = 0;
    return pack(packer, Z_FINISH, err);
}

void gzip_packer_destroy(struct gzip_packer *packer)
{
    if (packer)
        deflateEnd(&packer->stream);
    free(packer);
}
