/* SPDX-License-Identifier: Apache-2.0 */
#include "model/view.h"

#include <string.h>

#include "base/num.h"

#define ID_SLACK_FACTOR 4
#define ID_SLACK        65536u

void batch_row(const struct batch *batch, size_t index, uint64_t *ret_row)
{
    const struct table *table = table_find(batch->table);
    for (size_t column = 0; column < table->column_count; column++)
        ret_row[column] = batch->columns[column][index];
}

struct meta_search {
    const struct view *view;
    const char *key;
    const char *found;
};

static int meta_batch(void *context, const struct batch *batch, struct err *err)
{
    struct meta_search *search = context;
    (void)err;
    for (size_t i = 0; i < batch->row_count; i++) {
        const char *key = view_text(search->view, batch->columns[COLUMN(meta, key)][i]);
        if (strcmp(key, search->key) == 0)
            search->found = view_text(search->view, batch->columns[COLUMN(meta, value)][i]);
    }
    return 0;
}

const char *view_meta(const struct view *view, const char *key)
{
    struct meta_search search = {.view = view, .key = key};
    struct err ignored;
    if (view_scan_all(view, TABLE_META, meta_batch, &search, &ignored))
        return NULL;
    return search.found;
}

int sink_intern(struct sink *sink, const char *text, uint64_t *ret_id, struct err *err)
{
    return sink->intern(sink, text, strlen(text), ret_id, err);
}

int sink_meta(struct sink *sink, const char *key, const char *value, struct err *err)
{
    struct row_meta row = {0};
    int status = sink_intern(sink, key, &row.key, err);
    if (!status)
        status = sink_intern(sink, value, &row.value, err);
    return status ? status : sink_append(sink, meta, &row, err);
}

int sink_attr(struct sink *sink, const struct row_attr *owner, const char *key, const char *value,
              struct err *err)
{
    struct row_attr row = *owner;
    int status = sink_intern(sink, key, &row.key, err);
    if (!status)
        status = sink_intern(sink, value, &row.value, err);
    return status ? status : sink_append(sink, attr, &row, err);
}

uint64_t view_id_max(const struct view *view, enum table_id table, uint64_t most)
{
    uint64_t rows = num_min(view->row_count(view, table), most / ID_SLACK_FACTOR);
    return num_min(rows * ID_SLACK_FACTOR + ID_SLACK, most);
}
