/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <zstd.h>

#include "recording/block.h"
#include "recording/pack.h"

/* No valid payload is longer, whatever its encoding: frames of full width, or a dictionary with one. */
#define RAW_BYTES_MAX ((size_t)FORMAT_BLOCK_ROWS_MAX * 18)

struct payload {
    const uint8_t *bytes;
    size_t length;
};

void decoder_deinit(struct decoder *decoder)
{
    free(decoder->raw);
    ZSTD_freeDCtx(decoder->zstd);
    *decoder = (struct decoder){0};
}

static int decompress(struct decoder *decoder, struct payload *payload, struct err *err)
{
    uint32_t raw_length;
    if (payload->length < 4)
        return err_set(err, ERR_INPUT, "a zstd payload is too short");
    memcpy(&raw_length, payload->bytes, 4);
    if (raw_length > RAW_BYTES_MAX)
        return err_set(err, ERR_INPUT, "a zstd payload says that it holds %u bytes", raw_length);
    if (!decoder->zstd && !(decoder->zstd = ZSTD_createDCtx()))
        return err_memory(err);
    if (decoder->raw_capacity < raw_length) {
        uint8_t *grown = realloc(decoder->raw, raw_length);
        if (!grown)
            return err_memory(err);
        decoder->raw = grown;
        decoder->raw_capacity = raw_length;
    }
    size_t length =
        ZSTD_decompressDCtx(decoder->zstd, decoder->raw, raw_length, payload->bytes + 4, payload->length - 4);
    if (ZSTD_isError(length) || length != raw_length)
        return err_set(err, ERR_INPUT, "a zstd payload could not be read");
    *payload = (struct payload){.bytes = decoder->raw, .length = raw_length};
    return 0;
}

/* Frames till the last row; -1 when they do not fill the payload exactly. */
static int decode_frames(struct payload payload, size_t row_count, uint64_t *ret_cells)
{
    for (size_t first = 0; first < row_count; first += FORMAT_FRAME_ROWS) {
        size_t count = row_count - first < FORMAT_FRAME_ROWS ? row_count - first : FORMAT_FRAME_ROWS;
        size_t read = pack_read(payload.bytes, payload.length, count, ret_cells + first);
        if (!read)
            return -1;
        payload.bytes += read;
        payload.length -= read;
    }
    return payload.length ? -1 : 0;
}

static int decode_delta(struct payload payload, size_t row_count, uint64_t *ret_cells)
{
    uint64_t cell;
    if (payload.length < 8)
        return -1;
    memcpy(&cell, payload.bytes, 8);
    payload.bytes += 8;
    payload.length -= 8;
    if (decode_frames(payload, row_count, ret_cells))
        return -1;
    for (size_t i = 0; i < row_count; i++) {
        cell += ret_cells[i];
        ret_cells[i] = cell;
    }
    return 0;
}

static int decode_relative(struct payload payload, size_t row_count, const uint64_t *base,
                           uint64_t *ret_cells)
{
    if (!base || decode_frames(payload, row_count, ret_cells))
        return -1;
    for (size_t i = 0; i < row_count; i++)
        ret_cells[i] += base[i];
    return 0;
}

static int decode_constant(struct payload payload, size_t row_count, uint64_t *ret_cells)
{
    uint64_t cell;
    if (payload.length != 8)
        return -1;
    memcpy(&cell, payload.bytes, 8);
    for (size_t i = 0; i < row_count; i++)
        ret_cells[i] = cell;
    return 0;
}

static int decode_runs(struct payload payload, size_t row_count, uint64_t *ret_cells)
{
    uint32_t count;
    if (payload.length < 4)
        return -1;
    memcpy(&count, payload.bytes, 4);
    if (count < 1 || count > row_count || payload.length != 4 + (size_t)count * 12)
        return -1;
    const uint8_t *values = payload.bytes + 4, *ends = values + (size_t)count * 8;
    size_t row = 0;
    for (size_t run = 0; run < count; run++) {
        uint64_t cell;
        uint32_t end;
        memcpy(&cell, values + run * 8, 8);
        memcpy(&end, ends + run * 4, 4);
        if (end <= row || end > row_count)
            return -1;
        for (; row < end; row++)
            ret_cells[row] = cell;
    }
    return row == row_count ? 0 : -1;
}

static int decode_dictionary(struct payload payload, size_t row_count, uint64_t *ret_cells)
{
    uint32_t count;
    if (payload.length < 4)
        return -1;
    memcpy(&count, payload.bytes, 4);
    if (count < 1 || count > row_count || payload.length - 4 < (size_t)count * 8)
        return -1;
    const uint8_t *cells = payload.bytes + 4;
    payload.bytes += 4 + (size_t)count * 8;
    payload.length -= 4 + (size_t)count * 8;
    if (decode_frames(payload, row_count, ret_cells))
        return -1;
    uint64_t index_max = 0;
    for (size_t i = 0; i < row_count; i++)
        index_max = ret_cells[i] > index_max ? ret_cells[i] : index_max;
    if (index_max >= count)
        return -1;
    for (size_t i = 0; i < row_count; i++)
        memcpy(&ret_cells[i], cells + ret_cells[i] * 8, 8);
    return 0;
}

static int decode_plain(struct payload payload, size_t row_count, uint64_t *ret_cells)
{
    if (payload.length != row_count * 8)
        return -1;
    memcpy(ret_cells, payload.bytes, payload.length);
    return 0;
}

static int decode_payload(struct payload payload, enum encoding encoding, size_t row_count,
                          const uint64_t *base, uint64_t *ret_cells)
{
    switch (encoding) {
    case ENCODING_PLAIN: return decode_plain(payload, row_count, ret_cells);
    case ENCODING_CONSTANT: return decode_constant(payload, row_count, ret_cells);
    case ENCODING_RUNS: return decode_runs(payload, row_count, ret_cells);
    case ENCODING_FRAMES: return decode_frames(payload, row_count, ret_cells);
    case ENCODING_DELTA: return decode_delta(payload, row_count, ret_cells);
    case ENCODING_RELATIVE: return decode_relative(payload, row_count, base, ret_cells);
    case ENCODING_DICTIONARY: return decode_dictionary(payload, row_count, ret_cells);
    case ENCODING_STRINGS:
    case ENCODING_COUNT: break;
    }
    return -1;
}

int block_decode(struct decoder *decoder, const struct block *block, size_t column, const uint64_t *base,
                 uint64_t *ret_cells, struct err *err)
{
    const struct format_column *about = &block->columns[column];
    struct payload payload = {.bytes = block_payload(block, column), .length = about->length};
    int status = block_verify_payload(block, column, err);
    if (!status && (about->flags & FORMAT_COLUMN_ZSTD))
        status = decompress(decoder, &payload, err);
    if (status)
        return status;
    if (decode_payload(payload, (enum encoding)about->encoding, block->header.row_count, base, ret_cells))
        return err_set(err, ERR_INPUT, "column %zu does not decode (encoding %d)", column, about->encoding);
    return 0;
}
