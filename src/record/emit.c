/* SPDX-License-Identifier: Apache-2.0 */
#include "record/emit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "model/meta.h"

void emit_row(struct emit *emit, enum table_id table, const uint64_t *row)
{
    if (emit->failed) {
        emit->dropped_count++;
        return;
    }
    if (emit->sink->append(emit->sink, table, row, &emit->err))
        emit->failed = true;
    else
        emit->row_count++;
}

void emit_fail(struct emit *emit, const struct err *err)
{
    if (!emit->failed)
        emit->err = *err;
    emit->failed = true;
}

uint64_t emit_string(struct emit *emit, const char *text)
{
    uint64_t id = 0;
    if (emit->failed || !text[0])
        return 0;
    if (sink_intern(emit->sink, text, &id, &emit->err))
        emit->failed = true;
    return id;
}

void emit_meta(struct emit *emit, const char *key, const char *value)
{
    struct row_meta row = {.key = emit_string(emit, key), .value = emit_string(emit, value)};
    emit_append(emit, meta, &row);
}

void emit_meta_u64(struct emit *emit, const char *key, uint64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, value);
    emit_meta(emit, key, text);
}

void emit_remark(struct emit *emit, const char *format, ...)
{
    char text[1024];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    emit_meta(emit, META_REMARK, text);
}

void emit_attr(struct emit *emit, uint64_t track, const char *key, const char *value)
{
    struct row_attr row = {.owner_table = TABLE_TRACK,
                           .owner = track,
                           .key = emit_string(emit, key),
                           .value = emit_string(emit, value)};
    emit_append(emit, attr, &row);
}

void emit_attr_u64(struct emit *emit, uint64_t track, const char *key, uint64_t value)
{
    char text[32];
    char *at = text + sizeof text - 1; /* a process has a dozen of them: snprintf would show */
    *at = '\0';
    do
        *--at = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    emit_attr(emit, track, key, at);
}

uint64_t emit_series(struct emit *emit, uint64_t track, const char *name, const char *unit)
{
    struct row_series row = {.id = ++emit->series_count,
                             .track = track,
                             .name = emit_string(emit, name),
                             .unit = emit_string(emit, unit)};
    emit_append(emit, series, &row);
    return row.id;
}

void emit_point(struct emit *emit, uint64_t series, uint64_t time_ns, double value)
{
    struct row_point row = {.series = series, .time_ns = time_ns, .value = num_bits(value)};
    emit_append(emit, point, &row);
}
