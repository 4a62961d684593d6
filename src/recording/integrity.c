/* SPDX-License-Identifier: Apache-2.0 */
#include "recording/integrity.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/clock.h"
#include "base/num.h"
#include "model/meta.h"
#include "recording/block.h"
#include "recording/check_rows.h"
#include "recording/mapping.h"
#include "recording/reader.h"

#define DAY_NS        (24 * 3600 * NS_PER_S)
#define RELEASE_BYTES (4u << 20)

struct checking {
    struct check_result result;
    struct mapping mapping;
    struct format_trailer trailer;
    struct format_directory directory[FORMAT_TABLE_COUNT];
    uint64_t entry_next[FORMAT_TABLE_COUNT];
    uint64_t sequence_next;
    struct row_checker rows;
    struct decoder decoder;
    uint64_t *cells; /* FORMAT_COLUMN_COUNT_MAX columns of FORMAT_BLOCK_ROWS_MAX rows */
    XXH3_state_t *content;
};

static uint64_t *column_cells(const struct checking *checking, size_t column)
{
    return checking->cells + column * FORMAT_BLOCK_ROWS_MAX;
}

static void check_entry(struct checking *checking, const struct block *block, uint64_t offset)
{
    size_t table = block->header.table;
    if (table >= FORMAT_TABLE_COUNT)
        return;
    uint64_t number = checking->entry_next[table]++;
    if (number >= checking->directory[table].block_count) {
        check_problem(&checking->result, offset, "the block is not in the index");
        return;
    }
    struct format_entry entry, expected = {.offset = offset,
                                           .length = block->header.length,
                                           .row_count = block->header.row_count,
                                           .table = (uint32_t)table,
                                           .checksum = block->header.checksum};
    block_keys(block, &expected.key_min, &expected.key_max);
    memcpy(&entry,
           checking->mapping.bytes + checking->trailer.index_offset + FORMAT_DIRECTORY_BYTES +
               (checking->directory[table].entry_first + number) * sizeof entry,
           sizeof entry);
    entry.reserved = 0;
    if (memcmp(&entry, &expected, sizeof entry) != 0)
        check_problem(&checking->result, offset, "the index says something else about the block");
}

static void check_extent(struct checking *checking, const struct block *block, size_t column, uint64_t offset)
{
    const uint64_t *cells = column_cells(checking, column);
    uint64_t min = cells[0], max = cells[0];
    for (size_t row = 1; row < block->header.row_count; row++) {
        min = num_min(min, cells[row]);
        max = num_max(max, cells[row]);
    }
    if (min != block->columns[column].min || max != block->columns[column].max)
        check_problem(&checking->result, offset, "column %zu: min and max are not those of its cells",
                      column);
}

static bool decode_column(struct checking *checking, const struct block *block, size_t column,
                          uint64_t offset)
{
    struct err why;
    const struct format_column *about = &block->columns[column];
    const uint64_t *base = about->encoding == ENCODING_RELATIVE ? column_cells(checking, about->base) : NULL;
    if (!block_decode(&checking->decoder, block, column, base, column_cells(checking, column), &why))
        return true;
    check_problem(&checking->result, offset, "%s", why.what);
    return false;
}

/* All columns, those that others are relative to first. */
static bool decode_block(struct checking *checking, const struct block *block, uint64_t offset)
{
    bool ok = true;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < block->header.column_count; i++) {
            if ((block->columns[i].encoding == ENCODING_RELATIVE) == (pass == 1))
                ok = decode_column(checking, block, i, offset) && ok;
        }
    }
    return ok;
}

static int collect_strings(struct checking *checking, const struct block *block, uint64_t offset,
                           struct err *err)
{
    struct block_strings strings;
    struct err why;
    if (block_verify_payload(block, 0, &why) || block_strings_read(block, &strings, &why)) {
        check_problem(&checking->result, offset, "%s", why.what);
        return 0;
    }
    uint32_t place = 0, first;
    memcpy(&first, strings.offsets, sizeof first);
    for (uint32_t i = 0; i < strings.count; i++) {
        size_t length;
        if (!block_string(&strings, i, &length)) {
            check_problem(&checking->result, offset, "string %u of the block is not valid", i);
            return 0;
        }
        place += (uint32_t)length + 1;
    }
    if (first != 0 || place != strings.byte_count)
        check_problem(&checking->result, offset, "the strings do not fill their block");
    return row_checker_collect_strings(&checking->rows, strings.id_first, strings.count, offset, err);
}

/* The block as the row rules want it: columns that it lacks read 0, unknown ones are left out. */
static struct decoded_block describe_block(struct checking *checking, const struct block *block,
                                           uint64_t offset)
{
    struct decoded_block decoded = {
        .table = table_find(block->header.table), .offset = offset, .row_count = block->header.row_count};
    for (size_t i = 0; i < decoded.table->column_count; i++) {
        if (i >= block->header.column_count)
            memset(column_cells(checking, i), 0, decoded.row_count * sizeof(uint64_t));
        decoded.columns[i] = column_cells(checking, i);
    }
    return decoded;
}

/* First pass: the file's own order, every checksum and encoding, and the ids that the second pass needs. */
static int check_block(struct checking *checking, const struct block *block, uint64_t offset, struct err *err)
{
    const struct format_block *header = &block->header;
    XXH3_128bits_update(checking->content, &header->checksum, sizeof header->checksum);
    check_entry(checking, block, offset);
    if (header->sequence < checking->sequence_next)
        check_problem(&checking->result, offset, "the block's sequence number does not grow");
    checking->sequence_next = header->sequence + 1;
    checking->result.block_count++;
    for (size_t at = block_used_bytes(block); at < header->length; at++) {
        if (block->bytes[at])
            check_problem(&checking->result, offset, "the block's padding is not zero");
    }
    if (!table_find(header->table))
        return 0;
    checking->result.row_counts[header->table] += header->row_count;
    if (header->table == TABLE_STRING)
        return collect_strings(checking, block, offset, err);
    if (!decode_block(checking, block, offset))
        return 0;
    for (size_t i = 0; i < header->column_count; i++)
        check_extent(checking, block, i, offset);
    struct decoded_block decoded = describe_block(checking, block, offset);
    return row_checker_collect(&checking->rows, &decoded, err);
}

/* Second pass; what does not decode was told in the first. */
static int check_block_rows(struct checking *checking, const struct block *block, uint64_t offset,
                            struct err *err)
{
    (void)err;
    if (!table_find(block->header.table) || block->header.table == TABLE_STRING)
        return 0;
    struct check_result told = checking->result;
    bool decodes = decode_block(checking, block, offset);
    checking->result = told;
    if (decodes) {
        struct decoded_block decoded = describe_block(checking, block, offset);
        row_checker_check(&checking->rows, &decoded);
    }
    return 0;
}

typedef int block_fn(struct checking *checking, const struct block *block, uint64_t offset, struct err *err);

/* Where no block begins, the next whole one is searched; `tells` says so. */
static int each_block(struct checking *checking, block_fn *each, bool tells, struct err *err)
{
    uint64_t offset = sizeof(struct format_header), end = checking->trailer.index_offset, released = 0;
    while (offset < end) {
        struct block block;
        struct err why;
        if (block_read(checking->mapping.bytes + offset, end - offset, &block, &why)) {
            if (tells)
                check_problem(&checking->result, offset, "%s", why.what);
            offset += 8;
            if (!block_find(checking->mapping.bytes, end, &offset, &block))
                return 0;
        }
        int status = each(checking, &block, offset, err);
        if (status)
            return status;
        offset += block.header.length;
        if (offset - released >= RELEASE_BYTES) {
            mapping_release(&checking->mapping, released, offset);
            released = offset;
        }
    }
    return 0;
}

static void check_whole(struct checking *checking)
{
    XXH128_hash_t content = XXH3_128bits_digest(checking->content);
    uint64_t index = checking->trailer.index_offset;
    if (content.low64 != checking->trailer.content_hash[0] ||
        content.high64 != checking->trailer.content_hash[1])
        check_problem(&checking->result, index, "the content hash is not that of the blocks");
    for (size_t table = 0; table < FORMAT_TABLE_COUNT; table++) {
        if (checking->entry_next[table] < checking->directory[table].block_count)
            check_problem(&checking->result, index, "the index has blocks of table %zu that are not there",
                          table);
        if (table < TABLE_END && checking->directory[table].row_count != checking->result.row_counts[table])
            check_problem(&checking->result, index,
                          "the index counts %" PRIu64 " rows of table %zu, not %" PRIu64,
                          checking->directory[table].row_count, table, checking->result.row_counts[table]);
    }
}

/* The times that rows may have, from the run's own start and end. */
static void find_time_bounds(struct checking *checking, const struct view *view)
{
    const char *start = view_meta(view, META_START), *end = view_meta(view, META_END);
    uint64_t start_ns, end_ns;
    checking->rows.time_high = UINT64_MAX;
    if (start && !num_parse_u64(start, &start_ns) && start_ns > DAY_NS)
        checking->rows.time_low = start_ns - DAY_NS;
    if (end && !num_parse_u64(end, &end_ns) && end_ns < UINT64_MAX - DAY_NS)
        checking->rows.time_high = end_ns + DAY_NS;
}

static int prepare(struct checking *checking, const char *path, struct err *err)
{
    struct reader *reader;
    int status = reader_open(path, &reader, err);
    if (status)
        return status;
    find_time_bounds(checking, reader_view(reader));
    checking->result.is_recovered = reader_info(reader).is_recovered;
    reader_close(reader);
    status = mapping_open(&checking->mapping, path, err);
    if (!status)
        status = mapping_trailer(&checking->mapping, &checking->trailer, err);
    if (status)
        return status;
    checking->result.file_bytes = checking->mapping.length;
    memcpy(checking->directory, checking->mapping.bytes + checking->trailer.index_offset,
           sizeof checking->directory);
    for (size_t table = 0; table < TABLE_END; table++)
        checking->rows.row_counts[table] = checking->directory[table].row_count;
    checking->rows.result = &checking->result;
    /* Untouched pages cost nothing: a block of this toll uses an eighth of the rows, a third of the columns. */
    checking->cells = malloc(FORMAT_COLUMN_COUNT_MAX * FORMAT_BLOCK_ROWS_MAX * sizeof *checking->cells);
    checking->content = XXH3_createState();
    if (!checking->cells || !checking->content)
        return err_memory(err);
    XXH3_128bits_reset(checking->content);
    XXH3_128bits_update(checking->content, checking->mapping.bytes, sizeof(struct format_header));
    return 0;
}

int check_recording(const char *path, struct check_result *ret_result, struct err *err)
{
    struct checking *checking = calloc(1, sizeof *checking);
    if (!checking)
        return err_memory(err);
    int status = prepare(checking, path, err);
    if (!status)
        status = each_block(checking, check_block, true, err);
    if (!status) {
        check_whole(checking);
        status = each_block(checking, check_block_rows, false, err);
    }
    if (!status)
        *ret_result = checking->result;
    row_checker_deinit(&checking->rows);
    decoder_deinit(&checking->decoder);
    mapping_close(&checking->mapping);
    XXH3_freeState(checking->content);
    free(checking->cells);
    free(checking);
    return status;
}
