/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view: what analysis reads, and sink: what recorders and importers write.
 *
 * A view gives batches of columns of one table at a time, in the order they were written, so memory stays
 * bounded however long the run. A recording file, a store and an in-memory dataset all are views.
 * Both are small interfaces: the owner embeds the struct and sets the functions.
 */
#ifndef TOLL_MODEL_VIEW_H
#define TOLL_MODEL_VIEW_H

#include "base/err.h"
#include "model/table.h"

struct batch {
    enum table_id table;
    size_t row_count;
    /* Columns not asked for are NULL. Valid only during the call. */
    const uint64_t *columns[TABLE_COLUMN_MAX];
    /* TABLE_STRING: the strings' bytes one behind the other, not NUL-terminated. */
    const char *bytes;
};

#define VIEW_ALL_COLUMNS 0
#define VIEW_NO_RANGE    SIZE_MAX

struct view_query {
    enum table_id table;
    uint32_t column_mask; /* 1u << COLUMN(wait, reason) | …; VIEW_ALL_COLUMNS for all */
    /* Blocks whose [min, max] of this column misses [low, high] may be left out; rows are not filtered.
     * VIEW_NO_RANGE for none. */
    size_t range_column;
    uint64_t low;
    uint64_t high;
};

/* Returns 0 to go on, a negative code (err set) to stop with it. */
typedef int view_batch_fn(void *context, const struct batch *batch, struct err *err);

struct view {
    int (*scan)(const struct view *view, const struct view_query *query, view_batch_fn *each, void *context,
                struct err *err);
    uint64_t (*row_count)(const struct view *view, enum table_id table);
    /* The text of a string id, NUL-terminated, valid as long as the view; "" for 0 and unknown ids. */
    const char *(*text)(const struct view *view, uint64_t string);
};

static inline WARN_UNUSED int view_scan(const struct view *view, const struct view_query *query,
                                        view_batch_fn *each, void *context, struct err *err)
{
    return view->scan(view, query, each, context, err);
}

/* All rows and columns of a table. */
static inline WARN_UNUSED int view_scan_all(const struct view *view, enum table_id table, view_batch_fn *each,
                                            void *context, struct err *err)
{
    struct view_query query = {.table = table, .range_column = VIEW_NO_RANGE};
    return view->scan(view, &query, each, context, err);
}

static inline const char *view_text(const struct view *view, uint64_t string)
{
    return view->text(view, string);
}

/* Copies row `index` of a batch that holds all columns into a row struct (as uint64_t *). */
void batch_row(const struct batch *batch, size_t index, uint64_t *ret_row);

/* Up to which id a reader that keeps a table's rows by id takes them, at most `most`. Ids are nearly dense (of an import, tracks that
 * did nothing have no row): one far over the number of rows is damage, and would cost memory without end. */
uint64_t view_id_max(const struct view *view, enum table_id table, uint64_t most);

/* The value of a meta key (the last one written), NULL when absent. Scans the meta table. */
const char *view_meta(const struct view *view, const char *key);

struct sink {
    /* One row of the table, column_count cells. */
    int (*append)(struct sink *sink, enum table_id table, const uint64_t *row, struct err *err);
    /* The id of a text; the same text gives the same id. */
    int (*intern)(struct sink *sink, const char *bytes, size_t length, uint64_t *ret_id, struct err *err);
};

/* sink_append(sink, wait, &row, err) checks the row's type against the table's name. */
#define sink_append(sink, name, row, err)                                                                    \
    ((sink)->append((sink), (enum table_id)sink_table_##name,                                                \
                    (const uint64_t *)(1 ? (row) : (const struct row_##name *)0), (err)))

#define SINK_TABLE(NAME, name) enum { sink_table_##name = TABLE_##NAME };
TABLE_LIST(SINK_TABLE)
#undef SINK_TABLE

WARN_UNUSED int sink_intern(struct sink *sink, const char *text, uint64_t *ret_id, struct err *err);
WARN_UNUSED int sink_meta(struct sink *sink, const char *key, const char *value, struct err *err);
/* An attr row; `table` is the owner's. */
WARN_UNUSED int sink_attr(struct sink *sink, const struct row_attr *owner, const char *key, const char *value,
                          struct err *err);

#endif
