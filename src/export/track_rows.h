/* SPDX-License-Identifier: Apache-2.0 */
/*
 * track_rows: what each track did, track by track and in time order, of a view whose rows stand in the order they were written.
 *
 * Tracks are taken in groups of at most a million rows (a larger track alone), each group in one scan, so that memory is bounded by the
 * largest track: 32 bytes a row.
 */
#ifndef TOLL_EXPORT_TRACK_ROWS_H
#define TOLL_EXPORT_TRACK_ROWS_H

#include "export/cast.h"
#include "model/stack_kind.h"

enum track_row_kind {
    ROW_SAMPLE,  /* length_ns: its weight */
    ROW_BLOCKED, /* a wait without its end */
    ROW_QUEUED,  /* the end of a wait, when it only wanted a CPU */
    ROW_SPAN
};

struct track_row {
    uint64_t time_ns, length_ns;
    uint32_t stack; /* index, CAST_NONE; of a span: its name, a string id */
    uint32_t peer;  /* index, CAST_NONE; of a span: its id's lower half */
    uint32_t count; /* of a wait: how many it stands for; of a span: 1 while it has no end */
    uint8_t kind;   /* enum track_row_kind */
    uint8_t reason; /* of a wait; of a span: its category */
};

struct track_rows_query {
    const struct cast *cast;
    enum stack_kind kind; /* samples, waits or both; STACK_KIND_COUNT: neither */
    bool has_spans;       /* program images are no spans */
};

/* Rows of one track, in time order, what is longer first; at least one. They may be changed. */
typedef int track_rows_fn(void *context, uint32_t track, struct track_row *rows, size_t count,
                          struct err *err);

WARN_UNUSED int track_rows_each(const struct track_rows_query *query, track_rows_fn *each, void *context,
                                struct err *err);

#endif
