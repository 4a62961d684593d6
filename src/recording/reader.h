/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reader: a sealed recording as a view. The file is mapped; a scan decodes block by block, only the columns
 * asked for, into buffers that are used again, and leaves out blocks by the index and by min and max.
 *
 * No number in the file is trusted: damage is an -ERR_INPUT, never a crash. Opening verifies header, trailer
 * and index; a scan verifies each block's header and the payloads that it decodes; `toll check` verifies all.
 * A file that is changed or cut while it is mapped is outside this (SIGBUS): a sealed recording never changes.
 *
 * Memory: one buffer per scan in progress (at most 6 MB each; a callback may scan again), the pages being read.
 * Not for several threads; open the file once in each.
 */
#ifndef TOLL_RECORDING_READER_H
#define TOLL_RECORDING_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/view.h"

struct reader;

/* -ERR_INPUT for a damaged or an unsealed file, with a hint to `toll recover`. */
WARN_UNUSED int reader_open(const char *path, struct reader **ret_reader, struct err *err);
/* NULL is allowed. */
void reader_close(struct reader *reader);

/* Lives as long as the reader; texts point into the mapped file. */
const struct view *reader_view(const struct reader *reader);

/*
 * The same rows for who decides itself which blocks it wants, in which order: a block is 0 up to reader_block_count().
 */
uint64_t reader_block_count(const struct reader *reader, enum table_id table);

struct reader_block {
    uint64_t row_count;
    /* Of one column, as unsigned numbers; 0 and UINT64_MAX for the lengths of strings. */
    uint64_t min, max;
};
/* What is known of a block without decoding it. */
WARN_UNUSED int reader_block_about(const struct reader *reader, enum table_id table, uint64_t block,
                                   size_t column, struct reader_block *ret_about, struct err *err);

/* Where blocks are decoded to; one for each who reads. */
struct reader_cursor;
WARN_UNUSED int reader_cursor_open(const struct reader *reader, enum table_id table,
                                   struct reader_cursor **ret_cursor, struct err *err);
/* NULL is allowed. */
void reader_cursor_close(struct reader_cursor *cursor);
/* The columns of column_mask (VIEW_ALL_COLUMNS for all) of one block; valid until the cursor's next read. */
WARN_UNUSED int reader_cursor_read(struct reader_cursor *cursor, uint64_t block, uint32_t column_mask,
                                   struct batch *ret_batch, struct err *err);

struct reader_info {
    uint8_t uuid[16];
    uint64_t content_hash[2]; /* names the recording: docs/format.md, Trailer */
    uint64_t created_realtime_ns;
    uint64_t file_bytes;
    uint64_t block_count;
    bool is_recovered; /* rows may be missing */
    bool is_compressed;
};
struct reader_info reader_info(const struct reader *reader);

/* What scans have done so far. */
struct reader_stats {
    uint64_t block_count_decoded;
    uint64_t block_count_skipped;
    uint64_t column_count_decoded;
};
struct reader_stats reader_stats(const struct reader *reader);

#endif
