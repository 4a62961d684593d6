/* SPDX-License-Identifier: Apache-2.0 */
/* format: the structs of docs/format.md, which says what each field means. Inside recording/ only. */
#ifndef TOLL_RECORDING_FORMAT_H
#define TOLL_RECORDING_FORMAT_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "recordings are little-endian and read in place"
#endif

#define FORMAT_MAGIC           "\x89TOLL\r\n\x1a"
#define FORMAT_TRAILER_MAGIC   "TOLLEND\n"
#define FORMAT_BLOCK_MAGIC     0x4b4c4254u /* "TBLK" */
#define FORMAT_VERSION         1
#define FORMAT_CLOCK_MONOTONIC 1

#define FORMAT_COMPRESSED  1u /* header flag */
#define FORMAT_RECOVERED   1u /* trailer flag */
#define FORMAT_COLUMN_ZSTD 1u /* column flag */

#define FORMAT_BLOCK_ROWS_MAX   65536u
#define FORMAT_BLOCK_BYTES_MAX  (16u << 20)
#define FORMAT_COLUMN_COUNT_MAX 32u
#define FORMAT_STRING_BYTES_MAX (8u << 20)
#define FORMAT_TABLE_COUNT      32u
#define FORMAT_FRAME_ROWS       128u
#define FORMAT_FRAME_HEADER_MAX 10u

enum encoding {
    ENCODING_PLAIN,
    ENCODING_CONSTANT,
    ENCODING_RUNS,
    ENCODING_FRAMES,
    ENCODING_DELTA,
    ENCODING_RELATIVE,
    ENCODING_DICTIONARY,
    ENCODING_STRINGS,
    ENCODING_COUNT
};

struct format_header {
    uint8_t magic[8];
    uint16_t version;
    uint16_t header_bytes;
    uint32_t clock;
    uint8_t uuid[16];
    uint64_t created_realtime_ns;
    uint64_t flags;
    uint64_t reserved;
    uint64_t checksum;
};

struct format_block {
    uint32_t magic;
    uint8_t table;
    uint8_t column_count;
    uint16_t reserved;
    uint32_t length;
    uint32_t row_count;
    uint64_t sequence;
    uint64_t checksum;
};

struct format_column {
    uint8_t encoding;
    uint8_t base;
    uint8_t flags;
    uint8_t reserved;
    uint32_t length;
    uint64_t checksum;
    uint64_t min;
    uint64_t max;
};

struct format_directory {
    uint64_t entry_first;
    uint64_t block_count;
    uint64_t row_count;
};

struct format_entry {
    uint64_t offset;
    uint32_t length;
    uint32_t row_count;
    uint32_t table;
    uint32_t reserved;
    uint64_t checksum;
    uint64_t key_min;
    uint64_t key_max;
};

struct format_trailer {
    uint64_t index_offset;
    uint64_t index_length;
    uint64_t index_checksum;
    uint32_t entry_count;
    uint32_t flags;
    uint64_t content_hash[2];
    uint64_t checksum;
    uint8_t magic[8];
};

#define FORMAT_DIRECTORY_BYTES (FORMAT_TABLE_COUNT * sizeof(struct format_directory))

static_assert(sizeof(struct format_header) == 64, "docs/format.md");
static_assert(sizeof(struct format_block) == 32, "docs/format.md");
static_assert(sizeof(struct format_column) == 32, "docs/format.md");
static_assert(sizeof(struct format_directory) == 24, "docs/format.md");
static_assert(sizeof(struct format_entry) == 48, "docs/format.md");
static_assert(sizeof(struct format_trailer) == 64, "docs/format.md");
static_assert(offsetof(struct format_header, checksum) == 56, "docs/format.md");
static_assert(offsetof(struct format_block, checksum) == 24, "docs/format.md");
static_assert(offsetof(struct format_column, min) == 16, "docs/format.md");
static_assert(offsetof(struct format_entry, key_min) == 32, "docs/format.md");
static_assert(offsetof(struct format_trailer, content_hash) == 32, "docs/format.md");

#endif
