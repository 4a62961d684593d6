/* SPDX-License-Identifier: Apache-2.0 */
/*
 * line_reader: the lines of a file of any size in bounded memory, for sources whose files are JSON lines.
 *
 *     struct line_reader reader;
 *     struct line line;
 *     bool is_there;
 *     int status = line_reader_open(&reader, path, 0, 1, err);
 *     while (!status && !(status = line_reader_next(&reader, &line, &is_there, err)) && is_there)
 *         …
 *     line_reader_close(&reader);
 */
#ifndef TOLL_AGENTS_LINE_READER_H
#define TOLL_AGENTS_LINE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* A longer line (a snapshot of files may have 700 MB) is given by its first so many bytes; the rest is passed. */
#define LINE_BYTES_MAX ((size_t)8 << 20)

struct line {
    const char *bytes; /* valid until the next call */
    size_t length;     /* without the newline */
    uint64_t offset;   /* in the file */
    uint64_t number;   /* the first is 1 */
    bool is_complete;  /* a newline ends it; without, it may be in the middle of being written */
    bool is_cut;
    bool has_usage; /* json_scan.h: `"usage"` is in it; always when it is cut */
};

struct line_reader {
    const char *path;
    int fd;
    char *buffer;
    size_t capacity, start, filled; /* unread bytes are [start, filled) */
    uint64_t offset;                /* of the byte at `start` */
    uint64_t number;                /* of the next line */
    bool at_end;
};

/* Begins at an offset, whose line has the number. To be closed also when that fails. */
WARN_UNUSED int line_reader_open(struct line_reader *reader, const char *path, uint64_t offset,
                                 uint64_t number, struct err *err);
WARN_UNUSED int line_reader_next(struct line_reader *reader, struct line *ret_line, bool *ret_is_there,
                                 struct err *err);
void line_reader_close(struct line_reader *reader);

#endif
