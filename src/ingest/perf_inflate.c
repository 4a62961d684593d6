/* SPDX-License-Identifier: Apache-2.0 */
/*
 * perf_inflate: `perf record -z`. Compressed records hold pieces of one zstd stream, and what comes out is records again, which may be
 * cut anywhere: the pieces are put one behind the other, in a file without a name. A few bytes may ask for as much as they like, so what
 * comes out is bounded: by what goes in, by a size, and by the room that the file's disk has.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <zstd.h>

#include "base/fs.h"
#include "base/num.h"
#include "ingest/perf_file.h"

#define HEAD_BYTES  8u
#define PIECE_BYTES (1u << 18)
#define LOOK_BYTES  (16u << 20) /* between two looks at the disk */

/* perf's records shrink to a quarter, with copies of stacks to a tenth. */
static const struct perf_inflate_bounds usual_bounds = {
    .ratio = 256, .bytes_always = 64u << 20, .bytes_max = 64ull << 30, .disk_bytes_left = 256u << 20};

struct inflater {
    ZSTD_DStream *stream;
    char *piece;
    int fd;
    uint64_t written;
    uint64_t most;    /* that may be */
    uint64_t look_at; /* the disk, when so much is written */
    const struct perf_inflate_bounds *bounds;
};

/* What others need of the disk stays. Not every file system counts: a tmpfs without a limit has no blocks. */
static int look_at_disk(struct inflater *inflater, struct err *err)
{
    struct statvfs disk;
    uint64_t left = 0;
    inflater->look_at = inflater->written + LOOK_BYTES;
    if (fstatvfs(inflater->fd, &disk) || !disk.f_blocks || num_mul_u64(disk.f_bavail, disk.f_frsize, &left) ||
        left >= inflater->bounds->disk_bytes_left)
        return 0;
    err_set(err, ERR_ENVIRONMENT,
            "its records inflate to more than %llu MB, and the folder for temporary files has %llu MB left",
            (unsigned long long)(inflater->written >> 20), (unsigned long long)(left >> 20));
    err_hint(err, "TMPDIR=/a/folder/with/room toll import …");
    return -(int)ERR_ENVIRONMENT;
}

static int put(struct inflater *inflater, const char *bytes, size_t length, struct err *err)
{
    int status = 0;
    inflater->written += length;
    if (inflater->written > inflater->most) {
        status = err_set(
            err, ERR_INPUT,
            "its compressed records inflate to more than %llu MB, more than any profile's of that size",
            (unsigned long long)(inflater->most >> 20));
        err_hint(err, "perf record without -z writes records as they are");
        return status;
    }
    if (inflater->written >= inflater->look_at)
        status = look_at_disk(inflater, err);
    if (status)
        return status;
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

/* What comes of so many bytes. */
static uint64_t most_of(const struct perf_inflate_bounds *bounds, uint64_t length)
{
    uint64_t most;
    if (num_mul_u64(length, bounds->ratio, &most))
        most = UINT64_MAX;
    return num_min(num_max(most, bounds->bytes_always), bounds->bytes_max);
}

int perf_inflate(struct perf_file *file, const struct perf_inflate_bounds *bounds,
                 struct perf_inflated *ret_inflated, struct err *err)
{
    *ret_inflated = (struct perf_inflated){0};
    int status = holds_compressed(file, &file->has_compressed, err);
    if (status || !file->has_compressed)
        return status;
    struct inflater inflater = {.stream = ZSTD_createDStream(),
                                .piece = malloc(PIECE_BYTES),
                                .bounds = bounds ? bounds : &usual_bounds};
    inflater.most = most_of(inflater.bounds, file->records_length);
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
