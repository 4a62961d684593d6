/* SPDX-License-Identifier: Apache-2.0 */
#include "recording/block.h"

#include <string.h>
#include <xxhash.h>

#include "base/num.h"
#include "model/table.h"

int format_header_read(const uint8_t *bytes, size_t length, struct format_header *ret_header, struct err *err)
{
    struct format_header header;
    if (length < sizeof header || memcmp(bytes, FORMAT_MAGIC, sizeof header.magic) != 0)
        return err_set(err, ERR_INPUT, "it is not a toll recording");
    memcpy(&header, bytes, sizeof header);
    if (header.version > FORMAT_VERSION) {
        err_set(err, ERR_INPUT, "its format is version %d, this toll reads up to %d", header.version,
                FORMAT_VERSION);
        err_hint(err, "use a newer toll");
        return -ERR_INPUT;
    }
    if (XXH3_64bits(bytes, offsetof(struct format_header, checksum)) != header.checksum)
        return err_set(err, ERR_INPUT, "its header is damaged (checksum)");
    if (header.version == 0 || header.header_bytes != sizeof header || header.clock != FORMAT_CLOCK_MONOTONIC)
        return err_set(err, ERR_INPUT, "its header has a field that version 1 does not know");
    *ret_header = header;
    return 0;
}

static int check_columns(struct block *block, struct err *err)
{
    const struct format_block *header = &block->header;
    size_t at = sizeof *header + header->column_count * sizeof(struct format_column);
    if (at > header->length)
        return err_set(err, ERR_INPUT, "the block's descriptors do not fit into it");
    for (size_t i = 0; i < header->column_count; i++) {
        const struct format_column *column = &block->columns[i];
        if (column->encoding >= ENCODING_COUNT)
            return err_set(err, ERR_INPUT, "column %zu has unknown encoding %d", i, column->encoding);
        if (column->length > header->length - at)
            return err_set(err, ERR_INPUT, "the payload of column %zu does not fit into the block", i);
        if (column->encoding == ENCODING_RELATIVE &&
            (column->base >= header->column_count ||
             block->columns[column->base].encoding == ENCODING_RELATIVE))
            return err_set(err, ERR_INPUT, "column %zu is relative to a column that cannot be its base", i);
        if ((column->encoding == ENCODING_STRINGS) != (header->table == TABLE_STRING))
            return err_set(err, ERR_INPUT, "column %zu has an encoding that its table cannot have", i);
        block->payload_offsets[i] = (uint32_t)at;
        at += column->length;
    }
    if (header->length - at >= 8)
        return err_set(err, ERR_INPUT, "the block is longer than its payloads");
    return 0;
}

int block_read(const uint8_t *bytes, size_t length, struct block *ret_block, struct err *err)
{
    struct format_block *header = &ret_block->header;
    if (length < sizeof *header)
        return err_set(err, ERR_INPUT, "the file ends inside a block header");
    memcpy(header, bytes, sizeof *header);
    if (header->magic != FORMAT_BLOCK_MAGIC)
        return err_set(err, ERR_INPUT, "no block begins here");
    size_t column_bytes = header->column_count * sizeof(struct format_column);
    if (header->column_count < 1 || header->column_count > FORMAT_COLUMN_COUNT_MAX || header->row_count < 1 ||
        header->row_count > FORMAT_BLOCK_ROWS_MAX || header->length % 8 ||
        header->length > FORMAT_BLOCK_BYTES_MAX || header->length < sizeof *header + column_bytes)
        return err_set(err, ERR_INPUT, "the block header holds a number out of range");
    if (header->length > length)
        return err_set(err, ERR_INPUT, "the file ends inside a block");
    uint64_t seed = XXH3_64bits(bytes, offsetof(struct format_block, checksum));
    if (XXH3_64bits_withSeed(bytes + sizeof *header, column_bytes, seed) != header->checksum)
        return err_set(err, ERR_INPUT, "the block header is damaged (checksum)");
    memcpy(ret_block->columns, bytes + sizeof *header, column_bytes);
    ret_block->bytes = bytes;
    return check_columns(ret_block, err);
}

static bool is_whole(const struct block *block)
{
    for (size_t i = 0; i < block->header.column_count; i++) {
        if (block_verify_payload(block, i, NULL))
            return false;
    }
    return true;
}

bool block_find(const uint8_t *bytes, uint64_t end, uint64_t *offset, struct block *ret_block)
{
    uint64_t at = *offset;
    while (at < end && end - at >= sizeof(struct format_block)) {
        uint32_t magic;
        memcpy(&magic, bytes + at, sizeof magic);
        if (magic != FORMAT_BLOCK_MAGIC || block_read(bytes + at, end - at, ret_block, NULL)) {
            at += 8;
        } else if (!is_whole(ret_block)) {
            at += ret_block->header.length;
        } else {
            *offset = at;
            return true;
        }
    }
    return false;
}

void block_keys(const struct block *block, uint64_t *ret_min, uint64_t *ret_max)
{
    const struct table *table = table_find(block->header.table);
    uint64_t min = UINT64_MAX, max = 0;
    bool timed = false;
    for (size_t i = 0; table && i < table->column_count && i < block->header.column_count; i++) {
        if (table->columns[i].type != COLUMN_TIME)
            continue;
        timed = true;
        min = num_min(min, block->columns[i].min);
        max = num_max(max, block->columns[i].max);
    }
    *ret_min = timed ? min : block->columns[0].min;
    *ret_max = timed ? max : block->columns[0].max;
}

int block_verify_payload(const struct block *block, size_t column, struct err *err)
{
    const struct format_column *about = &block->columns[column];
    if (XXH3_64bits(block_payload(block, column), about->length) != about->checksum)
        return err_set(err, ERR_INPUT, "column %zu is damaged (checksum)", column);
    return 0;
}

int block_strings_read(const struct block *block, struct block_strings *ret_strings, struct err *err)
{
    const struct format_column *about = &block->columns[0];
    uint32_t count = block->header.row_count;
    size_t offset_bytes = ((size_t)count + 1) * 4;
    if (block->header.column_count != 1 || about->encoding != ENCODING_STRINGS || about->flags ||
        about->length < offset_bytes || about->min < 1 || about->max < about->min ||
        about->max - about->min != count - 1)
        return err_set(err, ERR_INPUT, "the string block is not valid");
    *ret_strings = (struct block_strings){.offsets = block_payload(block, 0),
                                          .bytes = (const char *)block_payload(block, 0) + offset_bytes,
                                          .byte_count = (uint32_t)(about->length - offset_bytes),
                                          .count = count,
                                          .id_first = about->min};
    return 0;
}

const char *block_string(const struct block_strings *strings, uint32_t index, size_t *ret_length)
{
    uint32_t start, next;
    memcpy(&start, strings->offsets + 4 * (size_t)index, 4);
    memcpy(&next, strings->offsets + 4 * (size_t)index + 4, 4);
    if (next <= start || next > strings->byte_count || strings->bytes[next - 1] != '\0')
        return NULL;
    *ret_length = next - start - 1;
    return strings->bytes + start;
}
