/* SPDX-License-Identifier: Apache-2.0 */
/*
 * encode: rows of a table to one block. Each column's encodings are tried on an eighth of the frames, and the
 * smallest is taken; a column of times may become relative to another column of times, a reference to the
 * table itself relative to the id. Inside recording/ only; one encoder serves one thread.
 */
#ifndef TOLL_RECORDING_ENCODE_H
#define TOLL_RECORDING_ENCODE_H

#include <stdbool.h>

#include "base/err.h"
#include "model/table.h"
#include "recording/format.h"

struct encoder {
    uint8_t *block; /* the block, after encode_rows or encode_strings */
    size_t capacity;
    uint8_t *compressed;
    size_t compressed_capacity;
    struct ZSTD_CCtx_s *zstd; /* NULL: nothing is compressed */
};

WARN_UNUSED int encoder_init(struct encoder *encoder, bool compress, struct err *err);
void encoder_deinit(struct encoder *encoder);

struct encode_input {
    const struct table *table;
    size_t row_count; /* 1 to FORMAT_BLOCK_ROWS_MAX */
    uint64_t sequence;
    const uint64_t *columns[TABLE_COLUMN_MAX];
};

/* The block lies in encoder->block; *ret_length is a multiple of 8. */
WARN_UNUSED int encode_rows(struct encoder *encoder, const struct encode_input *input, size_t *ret_length,
                            struct err *err);

struct encode_string_input {
    uint64_t id_first;
    uint64_t sequence;
    size_t count;
    const uint32_t *offsets; /* count + 1 of them */
    const char *bytes;       /* each string with its NUL; offsets[count] bytes */
};

WARN_UNUSED int encode_strings(struct encoder *encoder, const struct encode_string_input *input,
                               size_t *ret_length, struct err *err);

#endif
