/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage_index: the shelf of one place, kept in a file of toll's own, so that a second look reads only what is new, and what was read
 * stays when the agent has removed its files.
 *
 * $XDG_DATA_HOME/toll/usage/SOURCE-HASH.index, HASH of the place's path. A head, then segments, each with its length, its checksum and
 * rows as usage_shelf.h has them, with texts of its own; a segment is what one look found. They are only ever appended, under a lock
 * (SOURCE-HASH.lock): several toll at once are safe, one that is killed leaves a torn end that the next cuts off. After
 * INDEX_SEGMENTS_MAX of them the file is written anew, with one. Rows of another byte order or layout are read again from the agent's files.
 */
#ifndef TOLL_USAGE_USAGE_INDEX_H
#define TOLL_USAGE_USAGE_INDEX_H

#include "base/str.h"
#include "usage/usage_shelf.h"

#define INDEX_SEGMENTS_MAX 256u
#define INDEX_WAIT_MS      10000u /* for another toll */

struct usage_index {
    char *path;
    int lock_fd;        /* -1: not locked, nothing is written */
    uint64_t end_bytes; /* behind the last whole segment; 0: there is no file */
    uint64_t segment_count;
    char note[512]; /* why it is not as it should be: told to the user; "" */
};

/* Puts what was kept for the place (shelf->source, shelf->place) onto the empty shelf. What goes wrong is a note, never an error but for
 * memory: without an index all is read. */
WARN_UNUSED int usage_index_open(struct usage_index *index, struct usage_shelf *shelf, struct err *err);
/* Adds what is new. `whole` is what is kept and new together, to write the file anew from time to time. */
void usage_index_append(struct usage_index *index, const struct usage_shelf *fresh,
                        const struct usage_shelf *whole);
void usage_index_close(struct usage_index *index);

/* A shelf as the bytes of a segment, and back; ERR_INPUT for what is none. *ret_used: its length. */
WARN_UNUSED int usage_segment_write(const struct usage_shelf *shelf, struct str *ret_bytes, struct err *err);
enum segment_state { SEGMENT_WHOLE, SEGMENT_TORN, SEGMENT_WRONG };
enum segment_state usage_segment_read(const char *bytes, size_t length, struct usage_shelf *shelf,
                                      size_t *ret_used, bool *ret_no_memory);

#endif
