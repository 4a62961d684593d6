/* SPDX-License-Identifier: Apache-2.0 */
#include "recording/encode.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <zstd.h>

#include "recording/pack.h"

#define ZSTD_LEVEL            3
#define ZSTD_BYTES_MIN        64   /* shorter payloads are left alone */
#define TRIAL_FRAMES          8    /* at least this many frames of a column are tried, when there are */
#define DICTIONARY_COUNT_MAX  1024 /* distinct cells */
#define DICTIONARY_SLOT_COUNT 4096
#define TRIAL_DISTINCT_MAX    256
#define RUN_BYTES             12

/* Room that any encoding of a column may use before it turns out to be longer than plain. */
static size_t payload_bytes_max(size_t row_count)
{
    return row_count * 8 + (row_count / FORMAT_FRAME_ROWS + 1) * FORMAT_FRAME_HEADER_MAX +
           DICTIONARY_COUNT_MAX * 8 + 64;
}

/* What is decided about one column before it is written. */
struct plan {
    enum encoding encoding;
    uint8_t base;
    size_t cost_bytes;
    size_t run_count;
    uint64_t min;
    uint64_t max;
};

int encoder_init(struct encoder *encoder, bool compress, struct err *err)
{
    *encoder = (struct encoder){0};
    if (compress) {
        encoder->zstd = ZSTD_createCCtx();
        if (!encoder->zstd)
            return err_memory(err);
        (void)ZSTD_CCtx_setParameter(encoder->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
    }
    return 0;
}

void encoder_deinit(struct encoder *encoder)
{
    free(encoder->block);
    free(encoder->compressed);
    ZSTD_freeCCtx(encoder->zstd);
    *encoder = (struct encoder){0};
}

static int reserve(uint8_t **buffer, size_t *capacity, size_t wanted, struct err *err)
{
    if (*capacity >= wanted)
        return 0;
    uint8_t *grown = realloc(*buffer, wanted);
    if (!grown)
        return err_memory(err);
    *buffer = grown;
    *capacity = wanted;
    return 0;
}

/* One frame's numbers before packing: rows [first, first + count) of the column. */
static inline __attribute__((always_inline)) void residuals_of(enum encoding encoding, const uint64_t *cells,
                                                               const uint64_t *base, size_t first,
                                                               size_t count, uint64_t *ret_residuals)
{
    cells += first;
    if (encoding == ENCODING_DELTA) {
        for (size_t i = 1; i < count; i++)
            ret_residuals[i] = cells[i] - cells[i - 1];
        /* The first row of the block repeats its neighbour's difference: it costs no width. */
        if (first)
            ret_residuals[0] = cells[0] - cells[-1];
        else
            ret_residuals[0] = count > 1 ? ret_residuals[1] : 0;
    } else if (encoding == ENCODING_RELATIVE) {
        base += first;
        for (size_t i = 0; i < count; i++)
            ret_residuals[i] = cells[i] - base[i];
    } else {
        memcpy(ret_residuals, cells, count * sizeof *cells);
    }
}

static void frame_residuals(enum encoding encoding, const uint64_t *cells, const uint64_t *base, size_t first,
                            size_t count, uint64_t *ret_residuals)
{
    if (count == FORMAT_FRAME_ROWS)
        residuals_of(encoding, cells, base, first, FORMAT_FRAME_ROWS, ret_residuals);
    else
        residuals_of(encoding, cells, base, first, count, ret_residuals);
}

static size_t frame_rows(size_t row_count, size_t first)
{
    return row_count - first < FORMAT_FRAME_ROWS ? row_count - first : FORMAT_FRAME_ROWS;
}

static size_t trial_step(size_t row_count)
{
    size_t frame_count = (row_count + FORMAT_FRAME_ROWS - 1) / FORMAT_FRAME_ROWS;
    return (frame_count > TRIAL_FRAMES ? frame_count / TRIAL_FRAMES : 1) * FORMAT_FRAME_ROWS;
}

/* Bytes of the payload as a few of its frames promise them. */
static size_t trial_cost(enum encoding encoding, const uint64_t *cells, const uint64_t *base,
                         size_t row_count)
{
    uint64_t residuals[FORMAT_FRAME_ROWS];
    size_t step = trial_step(row_count), tried = 0, bytes = 0;
    assert(row_count);
    for (size_t first = 0; first < row_count; first += step) {
        size_t count = frame_rows(row_count, first);
        frame_residuals(encoding, cells, base, first, count, residuals);
        bytes += pack_frame_size(residuals, count);
        tried += count;
    }
    return bytes * row_count / (tried ? tried : 1) + (encoding == ENCODING_DELTA ? 8 : 0);
}

/* Cells to small numbers; open addressing, 0 in `index` is a free slot. */
struct dictionary {
    size_t count;
    uint64_t cells[DICTIONARY_COUNT_MAX];
    uint64_t slot_cells[DICTIONARY_SLOT_COUNT];
    uint16_t slot_index[DICTIONARY_SLOT_COUNT]; /* index + 1 */
};

static size_t dictionary_slot(const struct dictionary *dictionary, uint64_t cell)
{
    size_t at = (size_t)((cell * 0x9e3779b97f4a7c15ull) >> 52) % DICTIONARY_SLOT_COUNT;
    while (dictionary->slot_index[at] && dictionary->slot_cells[at] != cell)
        at = (at + 1) % DICTIONARY_SLOT_COUNT;
    return at;
}

/* Returns -1 when there are more than `count_max` distinct cells. */
static int dictionary_add(struct dictionary *dictionary, uint64_t cell, size_t count_max)
{
    size_t at = dictionary_slot(dictionary, cell);
    if (dictionary->slot_index[at])
        return 0;
    if (dictionary->count == count_max)
        return -1;
    dictionary->slot_cells[at] = cell;
    dictionary->cells[dictionary->count++] = cell;
    dictionary->slot_index[at] = (uint16_t)dictionary->count;
    return 0;
}

static int compare_cells(const void *a, const void *b)
{
    uint64_t left, right;
    memcpy(&left, a, sizeof left);
    memcpy(&right, b, sizeof right);
    return (left > right) - (left < right);
}

/* Orders the cells, so that neighbours get close indexes. */
static void dictionary_sort(struct dictionary *dictionary)
{
    qsort(dictionary->cells, dictionary->count, sizeof dictionary->cells[0], compare_cells);
    for (size_t i = 0; i < dictionary->count; i++)
        dictionary->slot_index[dictionary_slot(dictionary, dictionary->cells[i])] = (uint16_t)(i + 1);
}

/* Bytes of the column as a dictionary, SIZE_MAX when it is no candidate. */
static size_t trial_dictionary(const uint64_t *cells, size_t row_count)
{
    struct dictionary dictionary;
    dictionary.count = 0;
    memset(dictionary.slot_index, 0, sizeof dictionary.slot_index);
    size_t step = trial_step(row_count);
    for (size_t first = 0; first < row_count; first += step) {
        size_t count = frame_rows(row_count, first);
        for (size_t i = first; i < first + count; i++) {
            if (dictionary_add(&dictionary, cells[i], TRIAL_DISTINCT_MAX))
                return SIZE_MAX;
        }
    }
    size_t index_bits = dictionary.count > 1 ? 64 - (size_t)__builtin_clzll(dictionary.count - 1) : 0;
    size_t frame_count = (row_count + FORMAT_FRAME_ROWS - 1) / FORMAT_FRAME_ROWS;
    return 4 + dictionary.count * 8 + 2 * frame_count + row_count * index_bits / 8;
}

struct extent {
    uint64_t min;
    uint64_t max;
    uint64_t change_count; /* rows that differ from the one before */
};

/* `before` stands for the cell before the first. The count is a constant where it matters, so that the compiler can
 * make vectors of it. */
static inline __attribute__((always_inline)) void extend(struct extent *extent, const uint64_t *cells,
                                                         size_t count, uint64_t before)
{
    uint64_t min = extent->min, max = extent->max, change_count = cells[0] != before;
    for (size_t i = 0; i < count; i++) {
        min = cells[i] < min ? cells[i] : min;
        max = cells[i] > max ? cells[i] : max;
    }
    for (size_t i = 1; i < count; i++)
        change_count += cells[i] != cells[i - 1];
    extent->min = min;
    extent->max = max;
    extent->change_count += change_count;
}

#ifdef __x86_64__
#define EXTEND_VARIANT(name, features)                                                                       \
    __attribute__((target(features))) static void extend_##name(struct extent *extent,                       \
                                                                const uint64_t *cells, uint64_t before)      \
    {                                                                                                        \
        extend(extent, cells, FORMAT_FRAME_ROWS, before);                                                    \
    }
EXTEND_VARIANT(avx512, "avx512f,avx512vl,avx512dq")
EXTEND_VARIANT(avx2, "avx2")
#endif

static void extend_frame(struct extent *extent, const uint64_t *cells, size_t count, uint64_t before)
{
#ifdef __x86_64__
    if (count == FORMAT_FRAME_ROWS && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq")) {
        extend_avx512(extent, cells, before);
        return;
    }
    if (count == FORMAT_FRAME_ROWS && __builtin_cpu_supports("avx2")) {
        extend_avx2(extent, cells, before);
        return;
    }
#endif
    extend(extent, cells, count, before);
}

static void plan_extent(struct plan *plan, const uint64_t *cells, size_t row_count)
{
    struct extent extent = {.min = cells[0], .max = cells[0]};
    for (size_t first = 0; first < row_count; first += FORMAT_FRAME_ROWS)
        extend_frame(&extent, cells + first, frame_rows(row_count, first), cells[first ? first - 1 : 0]);
    plan->min = extent.min;
    plan->max = extent.max;
    plan->run_count = (size_t)extent.change_count + 1;
}

static void plan_take(struct plan *plan, enum encoding encoding, size_t cost_bytes)
{
    if (cost_bytes < plan->cost_bytes) {
        plan->encoding = encoding;
        plan->cost_bytes = cost_bytes;
    }
}

static void plan_alone(struct plan *plan, const uint64_t *cells, size_t row_count)
{
    plan_extent(plan, cells, row_count);
    plan->base = 0;
    plan->encoding = ENCODING_PLAIN;
    plan->cost_bytes = row_count * 8;
    if (plan->min == plan->max) {
        plan->encoding = ENCODING_CONSTANT;
        plan->cost_bytes = 8;
        return;
    }
    plan_take(plan, ENCODING_FRAMES, trial_cost(ENCODING_FRAMES, cells, NULL, row_count));
    plan_take(plan, ENCODING_DELTA, trial_cost(ENCODING_DELTA, cells, NULL, row_count));
    plan_take(plan, ENCODING_RUNS, 4 + plan->run_count * RUN_BYTES);
    /* A dictionary is a detour when decoding: it has to earn it. */
    if (row_count >= FORMAT_FRAME_ROWS && plan->cost_bytes > row_count / 2) {
        size_t cost_bytes = trial_dictionary(cells, row_count);
        if (cost_bytes < plan->cost_bytes - plan->cost_bytes / 8)
            plan_take(plan, ENCODING_DICTIONARY, cost_bytes);
    }
}

static bool is_related(const struct table *table, size_t column, size_t base)
{
    const struct column *one = &table->columns[column], *other = &table->columns[base];
    if (column == base)
        return false;
    if (one->type == COLUMN_TIME)
        return other->type == COLUMN_TIME;
    return one->type == COLUMN_REFERENCE && one->of == table->id && other->type == COLUMN_ID;
}

/*
 * Takes the pair of columns that saves most, until none does. A column others are relative to stays
 * absolute, so decoding goes one step deep.
 */
static void plan_relative(struct plan *plans, const struct encode_input *input)
{
    const struct table *table = input->table;
    size_t cost_bytes[TABLE_COLUMN_MAX][TABLE_COLUMN_MAX];
    bool is_base[TABLE_COLUMN_MAX] = {false};
    for (size_t column = 0; column < table->column_count; column++) {
        for (size_t base = 0; base < table->column_count; base++) {
            bool worth_trying = is_related(table, column, base) && plans[column].cost_bytes > 8;
            cost_bytes[column][base] = worth_trying ? trial_cost(ENCODING_RELATIVE, input->columns[column],
                                                                 input->columns[base], input->row_count)
                                                    : SIZE_MAX;
        }
    }
    for (;;) {
        size_t best_saved = 0, best_column = 0, best_base = 0;
        for (size_t column = 0; column < table->column_count; column++) {
            for (size_t base = 0; base < table->column_count; base++) {
                if (is_base[column] || plans[base].encoding == ENCODING_RELATIVE ||
                    cost_bytes[column][base] >= plans[column].cost_bytes)
                    continue;
                size_t saved = plans[column].cost_bytes - cost_bytes[column][base];
                if (saved > best_saved) {
                    best_saved = saved;
                    best_column = column;
                    best_base = base;
                }
            }
        }
        if (!best_saved)
            return;
        is_base[best_base] = true;
        plans[best_column].encoding = ENCODING_RELATIVE;
        plans[best_column].base = (uint8_t)best_base;
        plans[best_column].cost_bytes = cost_bytes[best_column][best_base];
    }
}

static size_t write_frames(enum encoding encoding, const uint64_t *cells, const uint64_t *base,
                           size_t row_count, uint8_t *out)
{
    uint64_t residuals[FORMAT_FRAME_ROWS];
    size_t length = 0;
    for (size_t first = 0; first < row_count; first += FORMAT_FRAME_ROWS) {
        size_t count = frame_rows(row_count, first);
        frame_residuals(encoding, cells, base, first, count, residuals);
        length += pack_frame(residuals, count, out + length);
    }
    return length;
}

static size_t write_delta(const uint64_t *cells, size_t row_count, uint8_t *out)
{
    uint64_t before = row_count > 1 ? cells[0] - (cells[1] - cells[0]) : cells[0];
    memcpy(out, &before, 8);
    return 8 + write_frames(ENCODING_DELTA, cells, NULL, row_count, out + 8);
}

static size_t write_runs(const uint64_t *cells, size_t row_count, size_t run_count, uint8_t *out)
{
    uint32_t count = (uint32_t)run_count;
    uint8_t *ends = out + 4 + 8 * run_count;
    size_t run = 0;
    memcpy(out, &count, 4);
    for (size_t i = 0; i < row_count; i++) {
        if (i + 1 < row_count && cells[i + 1] == cells[i])
            continue;
        uint32_t end = (uint32_t)(i + 1);
        memcpy(out + 4 + 8 * run, &cells[i], 8);
        memcpy(ends + 4 * run, &end, 4);
        run++;
    }
    return 4 + RUN_BYTES * run_count;
}

/* Returns 0 when there are too many distinct cells after all. */
static size_t write_dictionary(const uint64_t *cells, size_t row_count, uint8_t *out)
{
    struct dictionary dictionary;
    dictionary.count = 0;
    memset(dictionary.slot_index, 0, sizeof dictionary.slot_index);
    for (size_t i = 0; i < row_count; i++) {
        if (dictionary_add(&dictionary, cells[i], DICTIONARY_COUNT_MAX))
            return 0;
    }
    dictionary_sort(&dictionary);
    uint32_t count = (uint32_t)dictionary.count;
    memcpy(out, &count, 4);
    memcpy(out + 4, dictionary.cells, 8 * dictionary.count);
    size_t length = 4 + 8 * dictionary.count;
    for (size_t first = 0; first < row_count; first += FORMAT_FRAME_ROWS) {
        uint64_t indexes[FORMAT_FRAME_ROWS];
        size_t frame = frame_rows(row_count, first);
        for (size_t i = 0; i < frame; i++)
            indexes[i] = dictionary.slot_index[dictionary_slot(&dictionary, cells[first + i])] - 1u;
        length += pack_frame(indexes, frame, out + length);
    }
    return length;
}

static size_t write_plain(const uint64_t *cells, size_t row_count, uint8_t *out)
{
    memcpy(out, cells, row_count * 8);
    return row_count * 8;
}

/* Writes the payload as planned, or plain where the trial promised too much; tells the encoding used. */
static size_t write_payload(const struct plan *plan, const struct encode_input *input, size_t column,
                            uint8_t *out, uint8_t *ret_encoding)
{
    const uint64_t *cells = input->columns[column];
    size_t row_count = input->row_count, length = 0;
    switch (plan->encoding) {
    case ENCODING_CONSTANT: length = write_plain(cells, 1, out); break;
    case ENCODING_RUNS: length = write_runs(cells, row_count, plan->run_count, out); break;
    case ENCODING_FRAMES: length = write_frames(ENCODING_FRAMES, cells, NULL, row_count, out); break;
    case ENCODING_DELTA: length = write_delta(cells, row_count, out); break;
    case ENCODING_RELATIVE:
        length = write_frames(ENCODING_RELATIVE, cells, input->columns[plan->base], row_count, out);
        break;
    case ENCODING_DICTIONARY: length = write_dictionary(cells, row_count, out); break;
    case ENCODING_PLAIN:
    case ENCODING_STRINGS:
    case ENCODING_COUNT: break;
    }
    *ret_encoding = (uint8_t)plan->encoding;
    if (length && length <= row_count * 8)
        return length;
    *ret_encoding = ENCODING_PLAIN;
    return write_plain(cells, row_count, out);
}

/* Replaces the payload by its zstd form where that is shorter by a sixteenth at least. */
static int compress_payload(struct encoder *encoder, uint8_t *payload, struct format_column *column,
                            struct err *err)
{
    if (!encoder->zstd || column->length < ZSTD_BYTES_MIN)
        return 0;
    int status =
        reserve(&encoder->compressed, &encoder->compressed_capacity, ZSTD_compressBound(column->length), err);
    if (status)
        return status;
    size_t length = ZSTD_compress2(encoder->zstd, encoder->compressed, encoder->compressed_capacity, payload,
                                   column->length);
    if (ZSTD_isError(length) || length + 4 > column->length - column->length / 16)
        return 0;
    memcpy(payload, &column->length, 4);
    memcpy(payload + 4, encoder->compressed, length);
    column->length = (uint32_t)length + 4;
    column->flags |= FORMAT_COLUMN_ZSTD;
    return 0;
}

/* Pads and signs the block whose payloads end at `length`; returns its length. */
static size_t finish_block(struct format_block *header, uint8_t *block, size_t length)
{
    while (length % 8)
        block[length++] = 0;
    header->magic = FORMAT_BLOCK_MAGIC;
    header->length = (uint32_t)length;
    uint64_t seed = XXH3_64bits(header, offsetof(struct format_block, checksum));
    header->checksum = XXH3_64bits_withSeed(block + sizeof *header,
                                            header->column_count * sizeof(struct format_column), seed);
    memcpy(block, header, sizeof *header);
    return length;
}

int encode_rows(struct encoder *encoder, const struct encode_input *input, size_t *ret_length,
                struct err *err)
{
    size_t column_count = input->table->column_count, row_count = input->row_count;
    size_t length = sizeof(struct format_block) + column_count * sizeof(struct format_column);
    size_t wanted = length + column_count * payload_bytes_max(row_count) + 8;
    int status = reserve(&encoder->block, &encoder->capacity, wanted, err);
    if (status)
        return status;
    struct plan plans[TABLE_COLUMN_MAX];
    for (size_t column = 0; column < column_count; column++)
        plan_alone(&plans[column], input->columns[column], row_count);
    plan_relative(plans, input);
    for (size_t column = 0; column < column_count; column++) {
        const struct plan *plan = &plans[column];
        struct format_column about = {.min = plan->min, .max = plan->max};
        uint8_t *payload = encoder->block + length;
        about.length = (uint32_t)write_payload(plan, input, column, payload, &about.encoding);
        about.base = about.encoding == ENCODING_RELATIVE ? plan->base : 0;
        status = compress_payload(encoder, payload, &about, err);
        if (status)
            return status;
        about.checksum = XXH3_64bits(payload, about.length);
        memcpy(encoder->block + sizeof(struct format_block) + column * sizeof about, &about, sizeof about);
        length += about.length;
    }
    struct format_block header = {.table = (uint8_t)input->table->id,
                                  .column_count = (uint8_t)column_count,
                                  .row_count = (uint32_t)row_count,
                                  .sequence = input->sequence};
    *ret_length = finish_block(&header, encoder->block, length);
    return 0;
}

int encode_strings(struct encoder *encoder, const struct encode_string_input *input, size_t *ret_length,
                   struct err *err)
{
    size_t offset_bytes = (input->count + 1) * 4, text_bytes = input->offsets[input->count];
    size_t length = sizeof(struct format_block) + sizeof(struct format_column);
    int status = reserve(&encoder->block, &encoder->capacity, length + offset_bytes + text_bytes + 8, err);
    if (status)
        return status;
    uint8_t *payload = encoder->block + length;
    memcpy(payload, input->offsets, offset_bytes);
    memcpy(payload + offset_bytes, input->bytes, text_bytes);
    struct format_column about = {.encoding = ENCODING_STRINGS,
                                  .length = (uint32_t)(offset_bytes + text_bytes),
                                  .min = input->id_first,
                                  .max = input->id_first + input->count - 1};
    about.checksum = XXH3_64bits(payload, about.length);
    memcpy(encoder->block + sizeof(struct format_block), &about, sizeof about);
    struct format_block header = {.table = TABLE_STRING,
                                  .column_count = 1,
                                  .row_count = (uint32_t)input->count,
                                  .sequence = input->sequence};
    *ret_length = finish_block(&header, encoder->block, length + about.length);
    return 0;
}
