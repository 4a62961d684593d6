/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit: rows into the sink with a sticky failure. A recorder must never disturb the command it records, so a row that
 * cannot be written (a full disk) does not stop anything: the first failure is kept, later rows are dropped
 * and counted, and the end of the run reports it. One thread.
 */
#ifndef TOLL_RECORD_EMIT_H
#define TOLL_RECORD_EMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/view.h"

struct emit {
    struct sink *sink;
    bool failed;
    struct err err; /* the first failure */
    uint64_t row_count;
    uint64_t dropped_count;
    uint64_t series_count; /* ids given out */
};

void emit_row(struct emit *emit, enum table_id table, const uint64_t *row);
/* emit_append(emit, wait, &row) checks the row's type against the table's name. */
#define emit_append(emit, name, row)                                                                         \
    emit_row((emit), (enum table_id)sink_table_##name,                                                       \
             (const uint64_t *)(1 ? (row) : (const struct row_##name *)0))

/* Keeps a failure that came from elsewhere (a part that writes into the sink itself). */
void emit_fail(struct emit *emit, const struct err *err);

/* The id of a text; 0 for "" and after a failure. */
uint64_t emit_string(struct emit *emit, const char *text);

void emit_meta(struct emit *emit, const char *key, const char *value);
void emit_meta_u64(struct emit *emit, const char *key, uint64_t value);
/* A META_REMARK: one sentence about what was outside view. */
void emit_remark(struct emit *emit, const char *format, ...) PRINTF_LIKE(2, 3);
/* An attr of a track. */
void emit_attr(struct emit *emit, uint64_t track, const char *key, const char *value);
void emit_attr_u64(struct emit *emit, uint64_t track, const char *key, uint64_t value);

/* A new metric over time, of a track or (0) of the machine; the id is for emit_point. */
uint64_t emit_series(struct emit *emit, uint64_t track, const char *name, const char *unit);
void emit_point(struct emit *emit, uint64_t series, uint64_t time_ns, double value);

#endif
