/* SPDX-License-Identifier: Apache-2.0 */
/*
 * perf_inflate: `perf record -z`. Compressed records hold pieces of one zstd stream, and what comes out is records again, which may be
 * cut anywhere: the pieces are put one behind the other, in a file without a name.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <zstd.h>

#include "base/fs.h"
#include "ingest/perf_file.h"

#define HEAD_BYTES  8u
#define PIECE_BYTES (1u << 18)
#define BYTES_MAX   (1ull << 40) /* inflated */

struct inflater {
    ZSTD_DStream *stream;
    char *piece;
    int fd;
    uint64_t written;
};

static int put(struct inflater *inflater, const char *bytes, size_t length, struct err *err)
{
    inflater->written += length;
    if (inflater->written > BYTES_MAX)
        return err_set(err, ERR_INPUT, "its records inflate to more than %llu bytes",
                       (unsigned long long)BYTES_MAX);
    return fs_write_all(inflater->fd, bytes, length, err);
}

static int inflate_record(struct inflater *inflater, const struct perf_record *record, size_t at,
                          struct err *err)
{
    ZSTD_inBuffer in = {.src = record->bytes + HEAD_BYTES, .size = record->size - HEAD_BYTES};
    uint64_t size = 0;
    if (record->type == PERF_FILE_COMPRESSED2) {
        if (in.size < sizeof size)
            return err_set(err, ERR_INPUT, "byte 0x%zx of the records: a compressed one is cut", at);
        memcpy(&size, in.src, sizeof size);
        in.src = (const char *)in.src + sizeof size;
        in.size = size < in.size - sizeof size ? (size_t)size : in.size - sizeof size;
    }
    for (bool is_full = true; in.pos < in.size || is_full;) {
        ZSTD_outBuffer out = {.dst = inflater->piece, .size = PIECE_BYTES};
        size_t before = in.pos, left = ZSTD_decompressStream(inflater->stream, &out, &in);
        if (ZSTD_isError(left))
            return err_set(err, ERR_INPUT, "byte 0x%zx of the records: zstd: %s", at,
                           ZSTD_getErrorName(left));
        int status = put(inflater, inflater->piece, out.pos, err);
        if (status)
            return status;
        is_full = out.pos == out.size;
        if (in.pos == before && !out.pos)
            break;
    }
    return 0;
}

/* Records that are not compressed stay; those of the perf program between, too. */
static int inflate_all(const struct perf_file *file, struct inflater *inflater, struct err *err)
{
    struct perf_record record;
    bool is_there = true, is_cut = false;
    size_t at = 0;
    int status = 0;
    while (!status) {
        size_t start = at;
        status = perf_file_next(file, &at, &record, &is_there, &is_cut, err);
        if (status || !is_there)
            break;
        if (record.type == PERF_FILE_COMPRESSED || record.type == PERF_FILE_COMPRESSED2)
            status = inflate_record(inflater, &record, start, err);
        else
            status = put(inflater, record.bytes, record.size + (size_t)record.extra, err);
    }
    return status;
}

static int holds_compressed(const struct perf_file *file, bool *ret_holds, struct err *err)
{
    struct perf_record record;
    bool is_there = true, is_cut = false;
    size_t at = 0;
    *ret_holds = false;
    while (!*ret_holds) {
        int status = perf_file_next(file, &at, &record, &is_there, &is_cut, err);
        if (status || !is_there)
            return status;
        *ret_holds = record.type == PERF_FILE_COMPRESSED || record.type == PERF_FILE_COMPRESSED2;
    }
    return 0;
}

static int map_inflated(struct perf_file *file, const struct inflater *inflater,
                        struct perf_inflated *ret_inflated, struct err *err)
{
    if (!inflater->written)
        return err_set(err, ERR_INPUT, "its compressed records hold nothing");
    void *mapping = mmap(NULL, (size_t)inflater->written, PROT_READ, MAP_PRIVATE, inflater->fd, 0);
    if (mapping == MAP_FAILED)
        return err_errno(err, errno, "could not map the inflated records");
    *ret_inflated = (struct perf_inflated){mapping, (size_t)inflater->written};
    file->records = mapping;
    file->records_length = ret_inflated->length;
    return 0;
}

int perf_inflate(struct perf_file *file, struct perf_inflated *ret_inflated, struct err *err)
{
    *ret_inflated = (struct perf_inflated){0};
    int status = holds_compressed(file, &file->has_compressed, err);
    if (status || !file->has_compressed)
        return status;
    struct inflater inflater = {.stream = ZSTD_createDStream(), .piece = malloc(PIECE_BYTES)};
    inflater.fd = fs_nameless();
    if (!inflater.stream || !inflater.piece)
        status = err_memory(err);
    else if (inflater.fd < 0)
        status = err_errno(err, errno, "could not make a file for the inflated records");
    if (!status)
        status = inflate_all(file, &inflater, err);
    if (!status)
        status = map_inflated(file, &inflater, ret_inflated, err);
    fs_close(&inflater.fd);
    free(inflater.piece);
    ZSTD_freeDStream(inflater.stream);
    return status;
}

void perf_inflated_close(struct perf_inflated *inflated)
{
    if (inflated->mapping)
        munmap(inflated->mapping, inflated->length);
    *inflated = (struct perf_inflated){0};
}
