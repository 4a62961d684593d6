/* SPDX-License-Identifier: Apache-2.0 */
#include "recording/reader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/search.h"
#include "base/vec.h"
#include "recording/block.h"
#include "recording/mapping.h"

#define RELEASE_BYTES (4u << 20) /* a scan keeps about this much of the file mapped in */

/* Where one scan decodes to. Scans inside a callback use one each; finished ones wait in a list. */
struct workspace {
    struct workspace *next;
    VEC(uint64_t) cells;
    VEC(char) bytes;
    struct decoder decoder;
};

struct reader_state {
    struct workspace *idle;
    struct reader_stats stats;
};

struct reader {
    struct view view;
    char *path;
    struct mapping mapping;
    struct format_header header;
    struct format_trailer trailer;
    struct format_directory directory[FORMAT_TABLE_COUNT];
    struct reader_state *state; /* what a view, const to its users, still changes */
};

static const struct reader *of_view(const struct view *view)
{
    return (const struct reader *)((const char *)view - offsetof(struct reader, view));
}

static struct format_entry entry_at(const struct reader *reader, uint64_t number)
{
    struct format_entry entry;
    memcpy(&entry,
           reader->mapping.bytes + reader->trailer.index_offset + FORMAT_DIRECTORY_BYTES +
               number * sizeof entry,
           sizeof entry);
    return entry;
}

/* The block of an entry, -ERR_INPUT when the two do not agree. */
static int read_entry(const struct reader *reader, const struct format_entry *entry, struct block *ret_block,
                      struct err *err)
{
    uint64_t end = reader->trailer.index_offset;
    if (entry->offset < sizeof(struct format_header) || entry->offset % 8 || entry->offset > end ||
        entry->length > end - entry->offset)
        return err_set(err, ERR_INPUT, "an entry of the index lies outside the file");
    int status = block_read(reader->mapping.bytes + entry->offset, entry->length, ret_block, err);
    if (status)
        return status;
    if (ret_block->header.table != entry->table || ret_block->header.row_count != entry->row_count ||
        ret_block->header.length != entry->length || ret_block->header.checksum != entry->checksum)
        return err_set(err, ERR_INPUT, "the index is about another block");
    return 0;
}

static struct workspace *workspace_take(struct reader_state *state)
{
    struct workspace *workspace = state->idle;
    if (workspace)
        state->idle = workspace->next;
    else
        workspace = calloc(1, sizeof *workspace);
    return workspace;
}

static void workspace_give(struct reader_state *state, struct workspace *workspace)
{
    workspace->next = state->idle;
    state->idle = workspace;
}

static void workspace_destroy(struct workspace *workspace)
{
    vec_free(&workspace->cells);
    vec_free(&workspace->bytes);
    decoder_deinit(&workspace->decoder);
    free(workspace);
}

struct scan {
    const struct reader *reader;
    const struct view_query *query;
    const struct table *table;
    uint32_t mask; /* columns to hand out */
    view_batch_fn *each;
    void *context;
    struct workspace *workspace;
};

static bool misses(const struct view_query *query, uint64_t min, uint64_t max)
{
    return max < query->low || min > query->high;
}

/* By the index alone: its keys span all time columns, or column 0 in a table without. */
static bool entry_misses(const struct scan *scan, const struct format_entry *entry)
{
    size_t column = scan->query->range_column;
    if (column >= scan->table->column_count)
        return false;
    bool timed = false;
    for (size_t i = 0; i < scan->table->column_count; i++)
        timed |= scan->table->columns[i].type == COLUMN_TIME;
    bool keyed = timed ? scan->table->columns[column].type == COLUMN_TIME : column == 0;
    return keyed && misses(scan->query, entry->key_min, entry->key_max);
}

static bool block_misses(const struct scan *scan, const struct block *block)
{
    size_t column = scan->query->range_column;
    if (column >= scan->table->column_count || scan->table->id == TABLE_STRING)
        return false;
    if (column >= block->header.column_count)
        return misses(scan->query, 0, 0);
    return misses(scan->query, block->columns[column].min, block->columns[column].max);
}

/* Columns asked for, and those that they are relative to. */
static uint32_t columns_needed(const struct block *block, uint32_t mask)
{
    uint32_t needed = mask;
    for (size_t i = 0; i < block->header.column_count; i++) {
        if ((mask >> i & 1) && block->columns[i].encoding == ENCODING_RELATIVE)
            needed |= 1u << block->columns[i].base;
    }
    return needed;
}

/* Absolute columns in the first pass, relative ones in the second. */
static int decode_columns(struct scan *scan, const struct block *block, uint32_t needed, size_t stride,
                          struct err *err)
{
    struct reader_stats *stats = &scan->reader->state->stats;
    uint64_t *cells = scan->workspace->cells.items;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < block->header.column_count; i++) {
            bool relative = block->columns[i].encoding == ENCODING_RELATIVE;
            if (!(needed >> i & 1) || relative != (pass == 1))
                continue;
            const uint64_t *base = relative ? cells + block->columns[i].base * stride : NULL;
            int status = block_decode(&scan->workspace->decoder, block, i, base, cells + i * stride, err);
            if (status)
                return status;
            stats->column_count_decoded++;
        }
    }
    return 0;
}

static int read_rows(struct scan *scan, const struct block *block, struct batch *ret_batch, struct err *err)
{
    /* Frames are unpacked whole, and a base may be a column that this toll does not know. */
    size_t stride = (block->header.row_count + FORMAT_FRAME_ROWS - 1) / FORMAT_FRAME_ROWS * FORMAT_FRAME_ROWS;
    size_t column_count = scan->table->column_count;
    if (column_count < block->header.column_count)
        column_count = block->header.column_count;
    if (vec_reserve(&scan->workspace->cells, column_count * stride))
        return err_memory(err);
    uint64_t *cells = scan->workspace->cells.items;
    int status = decode_columns(scan, block, columns_needed(block, scan->mask), stride, err);
    if (status)
        return status;
    for (size_t i = 0; i < scan->table->column_count; i++) {
        if (!(scan->mask >> i & 1))
            continue;
        if (i >= block->header.column_count)
            memset(cells + i * stride, 0, stride * sizeof *cells);
        ret_batch->columns[i] = cells + i * stride;
    }
    return 0;
}

static int read_strings(struct scan *scan, const struct block *block, struct batch *ret_batch,
                        struct err *err)
{
    struct block_strings strings;
    struct workspace *workspace = scan->workspace;
    int status = block_verify_payload(block, 0, err);
    if (!status)
        status = block_strings_read(block, &strings, err);
    if (status)
        return status;
    if (vec_reserve(&workspace->cells, 2 * (size_t)strings.count) ||
        vec_reserve(&workspace->bytes, strings.byte_count + 1u))
        return err_memory(err);
    uint64_t *ids = workspace->cells.items, *lengths = ids + strings.count;
    size_t at = 0;
    for (uint32_t i = 0; i < strings.count; i++) {
        size_t length;
        const char *text = block_string(&strings, i, &length);
        if (!text || length > strings.byte_count - at)
            return err_set(err, ERR_INPUT, "string %u of the block is not valid", i);
        memcpy(workspace->bytes.items + at, text, length);
        at += length;
        ids[i] = strings.id_first + i;
        lengths[i] = length;
    }
    ret_batch->bytes = workspace->bytes.items;
    ret_batch->columns[0] = scan->mask & 1u ? ids : NULL;
    ret_batch->columns[1] = scan->mask & 2u ? lengths : NULL;
    scan->reader->state->stats.column_count_decoded++;
    return 0;
}

/* The rows of one block; a batch without rows when the query's range misses it. */
static int read_batch(struct scan *scan, const struct format_entry *entry, struct batch *ret_batch,
                      struct err *err)
{
    struct block block;
    struct reader_stats *stats = &scan->reader->state->stats;
    struct batch batch = {.table = scan->table->id, .row_count = entry->row_count};
    if (entry_misses(scan, entry)) {
        stats->block_count_skipped++;
        return 0;
    }
    int status = read_entry(scan->reader, entry, &block, err);
    if (status)
        return status;
    if (block_misses(scan, &block)) {
        stats->block_count_skipped++;
        return 0;
    }
    status = scan->table->id == TABLE_STRING ? read_strings(scan, &block, &batch, err)
                                             : read_rows(scan, &block, &batch, err);
    if (status)
        return status;
    stats->block_count_decoded++;
    *ret_batch = batch;
    return 0;
}

static int scan_entry(struct scan *scan, const struct format_entry *entry, struct err *err)
{
    struct batch batch = {.row_count = 0};
    int status = read_batch(scan, entry, &batch, err);
    if (status) {
        err_wrap(err, "could not read recording '%s': %s block at byte %" PRIu64, scan->reader->path,
                 scan->table->name, entry->offset);
        return status;
    }
    return batch.row_count ? scan->each(scan->context, &batch, err) : 0;
}

/* Lets go of the file's pages behind a reader of block after block; *kept_from is where those begin that it still has. */
static void release_behind(const struct reader *reader, const struct format_entry *entry, uint64_t *kept_from)
{
    uint64_t end = entry->offset + entry->length;
    if (*kept_from > entry->offset)
        *kept_from = entry->offset;
    if (end - *kept_from >= RELEASE_BYTES && end <= reader->mapping.length) {
        mapping_release(&reader->mapping, *kept_from, end);
        *kept_from = end;
    }
}

static int scan_table(struct scan *scan, struct err *err)
{
    const struct reader *reader = scan->reader;
    const struct format_directory *directory = &reader->directory[scan->table->id];
    uint64_t kept_from = UINT64_MAX;
    for (uint64_t i = 0; i < directory->block_count; i++) {
        struct format_entry entry = entry_at(reader, directory->entry_first + i);
        int status = scan_entry(scan, &entry, err);
        if (status)
            return status;
        release_behind(reader, &entry, &kept_from);
    }
    return 0;
}

uint64_t reader_block_count(const struct reader *reader, enum table_id table)
{
    return table_find(table) ? reader->directory[table].block_count : 0;
}

int reader_block_about(const struct reader *reader, enum table_id table, uint64_t block, size_t column,
                       struct reader_block *ret_about, struct err *err)
{
    if (block >= reader_block_count(reader, table))
        return err_set(err, ERR_BUG, "could not look at block %" PRIu64 ": there is none", block);
    struct format_entry entry = entry_at(reader, reader->directory[table].entry_first + block);
    struct block found;
    int status = read_entry(reader, &entry, &found, err);
    if (status)
        return err_wrap(err, "could not read recording '%s': block at byte %" PRIu64, reader->path,
                        entry.offset);
    *ret_about = (struct reader_block){.row_count = entry.row_count, .max = UINT64_MAX};
    if (table == TABLE_STRING && column)
        return 0;
    bool is_there = column < found.header.column_count;
    ret_about->min = is_there ? found.columns[column].min : 0;
    ret_about->max = is_there ? found.columns[column].max : 0;
    return 0;
}

struct reader_cursor {
    struct scan scan;
    uint64_t kept_from;
};

int reader_cursor_open(const struct reader *reader, enum table_id table, struct reader_cursor **ret_cursor,
                       struct err *err)
{
    static const struct view_query everything = {.range_column = VIEW_NO_RANGE};
    if (!table_find(table))
        return err_set(err, ERR_BUG, "could not read table %d: there is none", (int)table);
    struct reader_cursor *cursor = calloc(1, sizeof *cursor);
    if (!cursor)
        return err_memory(err);
    cursor->kept_from = UINT64_MAX;
    cursor->scan = (struct scan){.reader = reader,
                                 .query = &everything,
                                 .table = table_find(table),
                                 .workspace = workspace_take(reader->state)};
    if (!cursor->scan.workspace) {
        free(cursor);
        return err_memory(err);
    }
    *ret_cursor = cursor;
    return 0;
}

void reader_cursor_close(struct reader_cursor *cursor)
{
    if (!cursor)
        return;
    workspace_give(cursor->scan.reader->state, cursor->scan.workspace);
    free(cursor);
}

static uint32_t columns_of(const struct table *table, uint32_t mask)
{
    uint32_t all = (1u << table->column_count) - 1;
    return mask == VIEW_ALL_COLUMNS ? all : mask & all;
}

int reader_cursor_read(struct reader_cursor *cursor, uint64_t block, uint32_t column_mask,
                       struct batch *ret_batch, struct err *err)
{
    struct scan *scan = &cursor->scan;
    const struct reader *reader = scan->reader;
    if (block >= reader_block_count(reader, scan->table->id))
        return err_set(err, ERR_BUG, "could not read block %" PRIu64 ": there is none", block);
    struct format_entry entry = entry_at(reader, reader->directory[scan->table->id].entry_first + block);
    scan->mask = columns_of(scan->table, column_mask);
    release_behind(reader, &entry, &cursor->kept_from);
    int status = read_batch(scan, &entry, ret_batch, err);
    if (status)
        return err_wrap(err, "could not read recording '%s': %s block at byte %" PRIu64, reader->path,
                        scan->table->name, entry.offset);
    return 0;
}

static int reader_scan(const struct view *view, const struct view_query *query, view_batch_fn *each,
                       void *context, struct err *err)
{
    const struct reader *reader = of_view(view);
    struct scan scan = {.reader = reader,
                        .query = query,
                        .table = table_find(query->table),
                        .mask = query->column_mask,
                        .each = each,
                        .context = context};
    if (!scan.table)
        return err_set(err, ERR_BUG, "could not scan table %d: there is none", (int)query->table);
    scan.mask = columns_of(scan.table, scan.mask);
    scan.workspace = workspace_take(reader->state);
    if (!scan.workspace)
        return err_memory(err);
    int status = scan_table(&scan, err);
    workspace_give(reader->state, scan.workspace);
    return status;
}

static uint64_t reader_row_count(const struct view *view, enum table_id table)
{
    return table_find(table) ? of_view(view)->directory[table].row_count : 0;
}

/* String blocks hold growing ids, so the index is searched. */
static const char *reader_text(const struct view *view, uint64_t string)
{
    const struct reader *reader = of_view(view);
    const struct format_directory *directory = &reader->directory[TABLE_STRING];
    uint64_t at = search_first(i, string ? directory->block_count : 0,
                               entry_at(reader, directory->entry_first + i).key_max >= string);
    if (!string || at == directory->block_count)
        return "";
    struct format_entry entry = entry_at(reader, directory->entry_first + at);
    struct block block;
    struct block_strings strings;
    size_t length;
    if (string < entry.key_min || read_entry(reader, &entry, &block, NULL) ||
        block_strings_read(&block, &strings, NULL) || string < strings.id_first ||
        string - strings.id_first >= strings.count)
        return "";
    const char *text = block_string(&strings, (uint32_t)(string - strings.id_first), &length);
    return text ? text : "";
}

/* Entries and rows that the directory claims are there; offsets are checked when a block is read. */
static int read_directory(struct reader *reader, struct err *err)
{
    memcpy(reader->directory, reader->mapping.bytes + reader->trailer.index_offset, FORMAT_DIRECTORY_BYTES);
    uint64_t entry_next = 0;
    for (size_t table = 0; table < FORMAT_TABLE_COUNT; table++) {
        const struct format_directory *directory = &reader->directory[table];
        if (directory->entry_first != entry_next ||
            directory->block_count > reader->trailer.entry_count - entry_next ||
            directory->row_count > directory->block_count * FORMAT_BLOCK_ROWS_MAX)
            return err_set(err, ERR_INPUT, "its index is not valid");
        entry_next += directory->block_count;
    }
    return entry_next == reader->trailer.entry_count ? 0 : err_set(err, ERR_INPUT, "its index is not valid");
}

static int open_mapped(struct reader *reader, struct err *err)
{
    int status = format_header_read(reader->mapping.bytes, reader->mapping.length, &reader->header, err);
    if (status) {
        err_wrap(err, "could not open recording '%s'", reader->path);
        return status;
    }
    status = mapping_trailer(&reader->mapping, &reader->trailer, err);
    if (!status)
        status = read_directory(reader, err);
    if (status) {
        err_wrap(err, "could not open recording '%s'", reader->path);
        err_hint(err, "toll recover '%s' writes a sealed copy of what is whole in it", reader->path);
    }
    return status;
}

int reader_open(const char *path, struct reader **ret_reader, struct err *err)
{
    struct reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return err_memory(err);
    reader->view = (struct view){.scan = reader_scan, .row_count = reader_row_count, .text = reader_text};
    reader->path = strdup(path);
    reader->state = calloc(1, sizeof *reader->state);
    int status = reader->path && reader->state ? mapping_open(&reader->mapping, path, err) : err_memory(err);
    if (!status)
        status = open_mapped(reader, err);
    if (status) {
        reader_close(reader);
        return status;
    }
    *ret_reader = reader;
    return 0;
}

void reader_close(struct reader *reader)
{
    if (!reader)
        return;
    while (reader->state && reader->state->idle) {
        struct workspace *workspace = workspace_take(reader->state);
        workspace_destroy(workspace);
    }
    mapping_close(&reader->mapping);
    free(reader->state);
    free(reader->path);
    free(reader);
}

const struct view *reader_view(const struct reader *reader)
{
    return &reader->view;
}

struct reader_info reader_info(const struct reader *reader)
{
    struct reader_info info = {
        .content_hash = {reader->trailer.content_hash[0], reader->trailer.content_hash[1]},
        .created_realtime_ns = reader->header.created_realtime_ns,
        .file_bytes = reader->mapping.length,
        .block_count = reader->trailer.entry_count,
        .is_recovered = reader->trailer.flags & FORMAT_RECOVERED,
        .is_compressed = reader->header.flags & FORMAT_COMPRESSED,
    };
    memcpy(info.uuid, reader->header.uuid, sizeof info.uuid);
    return info;
}

struct reader_stats reader_stats(const struct reader *reader)
{
    return reader->state->stats;
}
