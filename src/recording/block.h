/* SPDX-License-Identifier: Apache-2.0 */
/*
 * block: a block in a mapped file, read without trusting any number in it. Inside recording/ only.
 * Every function that fails returns -ERR_INPUT with a reason that the caller wraps with the file and offset.
 */
#ifndef TOLL_RECORDING_BLOCK_H
#define TOLL_RECORDING_BLOCK_H

#include <stdbool.h>

#include "base/err.h"
#include "recording/format.h"

struct block {
    const uint8_t *bytes;
    struct format_block header;
    struct format_column columns[FORMAT_COLUMN_COUNT_MAX];
    uint32_t payload_offsets[FORMAT_COLUMN_COUNT_MAX];
};

/* The header of a file; `length` bytes of it are there. */
WARN_UNUSED int format_header_read(const uint8_t *bytes, size_t length, struct format_header *ret_header,
                                   struct err *err);

/* Header and descriptors, their checksum, and that the payloads lie inside the block; payloads are not read.
 * `length` bytes of the file begin at `bytes`. */
WARN_UNUSED int block_read(const uint8_t *bytes, size_t length, struct block *ret_block, struct err *err);

/*
 * The next whole block at or behind *offset and before `end` (of a file that `bytes` begin), its payloads
 * verified: damaged places are searched 8 bytes at a time for what begins a block. False when there is none.
 */
bool block_find(const uint8_t *bytes, uint64_t end, uint64_t *offset, struct block *ret_block);

/* The range of its times, or of column 0 when the table has none: what the index keeps. */
void block_keys(const struct block *block, uint64_t *ret_min, uint64_t *ret_max);

static inline const uint8_t *block_payload(const struct block *block, size_t column)
{
    return block->bytes + block->payload_offsets[column];
}

/* Where the last payload ends; up to 7 zero bytes follow, which no checksum covers. */
static inline size_t block_used_bytes(const struct block *block)
{
    size_t last = block->header.column_count - 1u;
    return block->payload_offsets[last] + block->columns[last].length;
}

WARN_UNUSED int block_verify_payload(const struct block *block, size_t column, struct err *err);

/* Memory that decoding zstd payloads needs; zero-initialise it, one for each thread. */
struct decoder {
    uint8_t *raw;
    size_t raw_capacity;
    struct ZSTD_DCtx_s *zstd;
};
void decoder_deinit(struct decoder *decoder);

/*
 * Verifies and decodes one column into ret_cells, which has room for row_count rounded up to a multiple of
 * 128 cells. `base` are the cells of the column it is relative to, NULL unless the encoding is relative.
 */
WARN_UNUSED int block_decode(struct decoder *decoder, const struct block *block, size_t column,
                             const uint64_t *base, uint64_t *ret_cells, struct err *err);

/* A string block's parts; only the offsets' place is checked. block_string checks the string it gives. */
struct block_strings {
    const uint8_t *offsets;
    const char *bytes;
    uint32_t byte_count;
    uint32_t count;
    uint64_t id_first;
};
WARN_UNUSED int block_strings_read(const struct block *block, struct block_strings *ret_strings,
                                   struct err *err);
/* The string at `index` < count, or NULL when the block lies about it. */
const char *block_string(const struct block_strings *strings, uint32_t index, size_t *ret_length);

#endif
