/* SPDX-License-Identifier: Apache-2.0 */
#include "agents/line_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "codec/json_scan.h"

#define BUFFER_BYTES ((size_t)256 << 10) /* what is read at once: it stays in the processor's cache */

int line_reader_open(struct line_reader *reader, const char *path, uint64_t offset, uint64_t number,
                     struct err *err)
{
    *reader = (struct line_reader){.path = path, .fd = -1, .offset = offset, .number = number};
    reader->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (reader->fd < 0)
        return err_errno(err, errno, "could not read file '%s'", path);
    reader->buffer = malloc(BUFFER_BYTES);
    if (!reader->buffer)
        return err_memory(err);
    reader->capacity = BUFFER_BYTES;
    return 0;
}

void line_reader_close(struct line_reader *reader)
{
    fs_close(&reader->fd);
    free(reader->buffer);
    reader->buffer = NULL;
}

/* Room behind `filled`: what is left moves to the front, a line that fills all gets a larger buffer. */
static int make_room(struct line_reader *reader, struct err *err)
{
    if (reader->start) {
        memmove(reader->buffer, reader->buffer + reader->start, reader->filled - reader->start);
        reader->filled -= reader->start;
        reader->start = 0;
    }
    if (reader->filled < reader->capacity)
        return 0;
    char *larger = realloc(reader->buffer, reader->capacity * 2);
    if (!larger)
        return err_memory(err);
    reader->buffer = larger;
    reader->capacity *= 2;
    return 0;
}

static int fill(struct line_reader *reader, struct err *err)
{
    int status = make_room(reader, err);
    if (status)
        return status;
    uint64_t at = reader->offset + (reader->filled - reader->start);
    ssize_t got;
    do
        got =
            pread(reader->fd, reader->buffer + reader->filled, reader->capacity - reader->filled, (off_t)at);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return err_errno(err, errno, "could not read file '%s'", reader->path);
    reader->at_end = got == 0;
    reader->filled += (size_t)got;
    return 0;
}

/* Passes the rest of a line that is too long: nothing of it is kept but its start. */
static int pass_rest(struct line_reader *reader, struct line *line, struct err *err)
{
    char bytes[16384];
    uint64_t at = reader->offset + LINE_BYTES_MAX;
    for (;;) {
        ssize_t got = pread(reader->fd, bytes, sizeof bytes, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, errno, "could not read file '%s'", reader->path);
        const char *newline = got ? memchr(bytes, '\n', (size_t)got) : NULL;
        line->is_complete = newline;
        at += newline ? (uint64_t)(newline - bytes) + 1 : (uint64_t)got;
        if (newline || !got)
            break;
    }
    line->is_cut = line->has_usage = true;
    line->bytes = reader->buffer + reader->start;
    line->length = LINE_BYTES_MAX;
    reader->start = reader->filled = 0; /* the bytes stay where they are until the next fill */
    reader->offset = at;
    return 0;
}

int line_reader_next(struct line_reader *reader, struct line *ret_line, bool *ret_is_there, struct err *err)
{
    struct line line = {.offset = reader->offset, .number = reader->number};
    size_t looked = 0;
    bool has_usage = false;
    for (;;) {
        const char *start = reader->buffer + reader->start, *end = reader->buffer + reader->filled;
        /* The word may lie across the end of what was there before. */
        size_t again = looked > 8 ? looked - 8 : 0;
        const char *newline = scan_line(start + again, end, &has_usage);
        line.has_usage = line.has_usage || has_usage;
        looked = (size_t)(newline - start);
        if (newline < end || (reader->at_end && looked)) {
            line.bytes = start;
            line.length = looked;
            line.is_complete = newline < end;
            reader->start += looked + line.is_complete;
            reader->offset += looked + line.is_complete;
            break;
        }
        if (reader->at_end) {
            *ret_is_there = false;
            return 0;
        }
        if (looked >= LINE_BYTES_MAX) {
            int status = pass_rest(reader, &line, err);
            if (status)
                return status;
            break;
        }
        int status = fill(reader, err);
        if (status)
            return status;
    }
    reader->number++;
    *ret_line = line;
    *ret_is_there = true;
    return 0;
}
