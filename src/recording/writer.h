/* SPDX-License-Identifier: Apache-2.0 */
/*
 * writer: a recording being written. Rows go to column buffers, one set per table in use; a table's full buffer
 * becomes a block, flushing makes blocks of all of them. Everything that a flush returned from survives
 * kill -9 (not a power failure: nothing is synced).
 *
 * Memory is bounded whatever is written: at most 7 MB of buffers, 37 MB for the texts' index (see
 * docs/format.md, String block, for what happens with more than 780,000 texts), a few MB for compression.
 *
 * A failed write ends the recording: rows not on disk yet are dropped, every later call returns an error, the
 * file is left as `toll recover` wants it. A process that writes under RLIMIT_FSIZE must ignore SIGXFSZ.
 *
 * For one thread at a time.
 */
#ifndef TOLL_RECORDING_WRITER_H
#define TOLL_RECORDING_WRITER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "model/view.h"

struct writer;

struct writer_options {
    const char *path;
    mode_t mode;    /* 0 stands for 0600 */
    bool overwrite; /* else an existing file is an error */
    bool compress;  /* the compressed variant: about a tenth smaller, half as fast to write */
    /* Instead of pwrite(2), for tests; NULL for pwrite. */
    ssize_t (*pwrite)(int fd, const void *bytes, size_t length, off_t offset);
};

WARN_UNUSED int writer_create(const struct writer_options *options, struct writer **ret_writer,
                              struct err *err);

/* Renames the file, which replaces what has that name, and goes on. Fails with nothing changed. */
WARN_UNUSED int writer_rename(struct writer *writer, const char *path, struct err *err);

/* Lives as long as the writer. Rows of the string table cannot be appended: intern texts. */
struct sink *writer_sink(struct writer *writer);

/* Writes all buffered rows. Cheap when there are few: some microseconds and one write per table in use. */
WARN_UNUSED int writer_flush(struct writer *writer, struct err *err);

/* Flushes and writes index and trailer; only writer_destroy may follow. */
WARN_UNUSED int writer_seal(struct writer *writer, struct err *err);

/* Bytes in the file, and rows given to the writer so far. */
uint64_t writer_file_bytes(const struct writer *writer);
uint64_t writer_row_count(const struct writer *writer);

/* Closes the file; one that was not sealed stays for `toll recover`. NULL is allowed. */
void writer_destroy(struct writer *writer);

#endif
