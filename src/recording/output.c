/* SPDX-License-Identifier: Apache-2.0 */
#include "recording/output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "recording/block.h"

#define HEAD_BYTES_MAX     (sizeof(struct format_block) + FORMAT_COLUMN_COUNT_MAX * sizeof(struct format_column))
#define ENTRY_BUFFER_COUNT 64
#define READ_BACK_BYTES    65536

static int write_error(const struct output *output, int errnum, struct err *err)
{
    err_errno(err, errnum, "could not write recording '%s'", output->path);
    if (errnum == ENOSPC || errnum == EFBIG || errnum == EDQUOT)
        err_hint(err,
                 "the disk or the file size limit is full; make room or write elsewhere with -o; "
                 "what was written so far: toll recover '%s'",
                 output->path);
    return -ERR_ENVIRONMENT;
}

static int write_at(const struct output *output, const void *bytes, size_t length, uint64_t offset,
                    struct err *err)
{
    const char *at = bytes;
    while (length) {
        ssize_t written = output->pwrite(output->fd, at, length, (off_t)offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return write_error(output, written < 0 ? errno : ENOSPC, err);
        at += written;
        offset += (size_t)written;
        length -= (size_t)written;
    }
    return 0;
}

/* Best effort: what is torn is also dropped when recovering. */
static void cut_back(const struct output *output)
{
    int status = ftruncate(output->fd, (off_t)output->end_bytes);
    (void)status;
}

int output_append(struct output *output, const void *bytes, size_t length, struct err *err)
{
    int status = write_at(output, bytes, length, output->end_bytes, err);
    if (status) {
        cut_back(output);
        return status;
    }
    output->end_bytes += length;
    return 0;
}

/* What the two passes over the blocks carry. */
struct sealing {
    struct output *output;
    struct format_directory directory[FORMAT_TABLE_COUNT];
    uint64_t written_count[FORMAT_TABLE_COUNT];
    uint32_t pending_count[FORMAT_TABLE_COUNT];
    struct format_entry pending[FORMAT_TABLE_COUNT][ENTRY_BUFFER_COUNT];
    uint64_t entry_count;
    XXH3_state_t *content;
};

static int read_back(const struct output *output, void *buffer, size_t length, uint64_t offset,
                     size_t *ret_length, struct err *err)
{
    ssize_t got;
    do
        got = pread(output->fd, buffer, length, (off_t)offset);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return err_errno(err, errno, "could not read recording '%s' back", output->path);
    *ret_length = (size_t)got;
    return 0;
}

typedef int block_fn(struct sealing *sealing, const struct block *block, uint64_t offset, struct err *err);

static int each_block(struct sealing *sealing, block_fn *each, struct err *err)
{
    const struct output *output = sealing->output;
    uint64_t offset = sizeof(struct format_header);
    while (offset < output->end_bytes) {
        uint8_t head[HEAD_BYTES_MAX] = {0};
        struct block block;
        size_t got;
        int status = read_back(output, head, sizeof head, offset, &got, err);
        if (!status) {
            status = block_read(head, output->end_bytes - offset, &block, err);
            if (status)
                err_wrap(err, "could not seal recording '%s': byte %" PRIu64, output->path, offset);
            else
                status = each(sealing, &block, offset, err);
        }
        if (status)
            return status;
        offset += block.header.length;
    }
    return 0;
}

static int count_block(struct sealing *sealing, const struct block *block, uint64_t offset, struct err *err)
{
    (void)offset;
    (void)err;
    XXH3_128bits_update(sealing->content, &block->header.checksum, sizeof block->header.checksum);
    if (block->header.table >= FORMAT_TABLE_COUNT)
        return 0;
    sealing->directory[block->header.table].block_count++;
    sealing->directory[block->header.table].row_count += block->header.row_count;
    return 0;
}

static int flush_entries(struct sealing *sealing, size_t table, struct err *err)
{
    uint64_t place = sealing->directory[table].entry_first + sealing->written_count[table];
    size_t count = sealing->pending_count[table];
    sealing->written_count[table] += count;
    sealing->pending_count[table] = 0;
    return write_at(sealing->output, sealing->pending[table], count * sizeof(struct format_entry),
                    sealing->output->end_bytes + FORMAT_DIRECTORY_BYTES + place * sizeof(struct format_entry),
                    err);
}

static int place_block(struct sealing *sealing, const struct block *block, uint64_t offset, struct err *err)
{
    size_t table = block->header.table;
    if (table >= FORMAT_TABLE_COUNT)
        return 0;
    struct format_entry *entry = &sealing->pending[table][sealing->pending_count[table]++];
    *entry = (struct format_entry){.offset = offset,
                                   .length = block->header.length,
                                   .row_count = block->header.row_count,
                                   .table = (uint32_t)table,
                                   .checksum = block->header.checksum};
    block_keys(block, &entry->key_min, &entry->key_max);
    return sealing->pending_count[table] == ENTRY_BUFFER_COUNT ? flush_entries(sealing, table, err) : 0;
}

static int write_index(struct sealing *sealing, struct err *err)
{
    for (size_t table = 0; table < FORMAT_TABLE_COUNT; table++) {
        sealing->directory[table].entry_first = sealing->entry_count;
        sealing->entry_count += sealing->directory[table].block_count;
    }
    if (sealing->entry_count > UINT32_MAX)
        return err_set(err, ERR_ENVIRONMENT, "could not seal recording '%s': it has too many blocks",
                       sealing->output->path);
    int status = write_at(sealing->output, sealing->directory, sizeof sealing->directory,
                          sealing->output->end_bytes, err);
    if (!status)
        status = each_block(sealing, place_block, err);
    for (size_t table = 0; !status && table < FORMAT_TABLE_COUNT; table++)
        status = flush_entries(sealing, table, err);
    return status;
}

static int hash_index(const struct output *output, uint64_t length, uint64_t *ret_hash, struct err *err)
{
    uint8_t *buffer = malloc(READ_BACK_BYTES);
    XXH3_state_t *state = XXH3_createState();
    int status = buffer && state ? 0 : err_memory(err);
    if (!status)
        XXH3_64bits_reset(state);
    for (uint64_t at = 0; !status && at < length;) {
        size_t wanted = length - at < READ_BACK_BYTES ? (size_t)(length - at) : READ_BACK_BYTES, got = 0;
        status = read_back(output, buffer, wanted, output->end_bytes + at, &got, err);
        if (!status && !got)
            status = err_set(err, ERR_ENVIRONMENT, "could not seal recording '%s': its index vanished",
                             output->path);
        if (!status)
            XXH3_64bits_update(state, buffer, got);
        at += got;
    }
    if (!status)
        *ret_hash = XXH3_64bits_digest(state);
    XXH3_freeState(state);
    free(buffer);
    return status;
}

static int write_trailer(struct sealing *sealing, uint32_t flags, struct err *err)
{
    struct output *output = sealing->output;
    XXH128_hash_t content = XXH3_128bits_digest(sealing->content);
    struct format_trailer trailer = {
        .index_offset = output->end_bytes,
        .index_length = FORMAT_DIRECTORY_BYTES + sealing->entry_count * sizeof(struct format_entry),
        .entry_count = (uint32_t)sealing->entry_count,
        .flags = flags,
        .content_hash = {content.low64, content.high64},
    };
    int status = hash_index(output, trailer.index_length, &trailer.index_checksum, err);
    if (status)
        return status;
    trailer.checksum = XXH3_64bits(&trailer, offsetof(struct format_trailer, checksum));
    memcpy(trailer.magic, FORMAT_TRAILER_MAGIC, sizeof trailer.magic);
    return write_at(output, &trailer, sizeof trailer, output->end_bytes + trailer.index_length, err);
}

int output_seal(struct output *output, uint32_t flags, struct err *err)
{
    struct sealing *sealing = calloc(1, sizeof *sealing);
    if (!sealing)
        return err_memory(err);
    struct format_header header;
    size_t got;
    sealing->output = output;
    sealing->content = XXH3_createState();
    int status = sealing->content ? 0 : err_memory(err);
    if (!status)
        status = read_back(output, &header, sizeof header, 0, &got, err);
    if (!status) {
        XXH3_128bits_reset(sealing->content);
        XXH3_128bits_update(sealing->content, &header, sizeof header);
        status = each_block(sealing, count_block, err);
    }
    if (!status)
        status = write_index(sealing, err);
    if (!status)
        status = write_trailer(sealing, flags, err);
    if (status)
        cut_back(output);
    XXH3_freeState(sealing->content);
    free(sealing);
    return status;
}
