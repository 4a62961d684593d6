/* SPDX-License-Identifier: Apache-2.0 */
#include "model/dataset.h"

static int dataset_append(struct sink *sink, enum table_id id, const uint64_t *row, struct err *err)
{
    struct dataset *dataset = (struct dataset *)sink;
    const struct table *table = table_find(id);
    if (!table || id == TABLE_STRING)
        return err_set(err, ERR_BUG, "could not append row: table %d takes none", (int)id);
    for (size_t column = 0; column < table->column_count; column++) {
        if (vec_push(&dataset->columns[id][column], row[column]))
            return err_memory(err);
    }
    return 0;
}

static int dataset_intern(struct sink *sink, const char *bytes, size_t length, uint64_t *ret_id,
                          struct err *err)
{
    struct dataset *dataset = (struct dataset *)sink;
    return intern_put(&dataset->strings, bytes, length, ret_id, NULL) ? err_memory(err) : 0;
}

static const struct dataset *of_view(const struct view *view)
{
    return (const struct dataset *)((const char *)view - offsetof(struct dataset, view));
}

static int scan_strings(const struct dataset *dataset, view_batch_fn *each, void *context, struct err *err)
{
    for (size_t i = 0; i < dataset->strings.entries.count; i++) {
        uint64_t id = i + 1, length = dataset->strings.entries.items[i].length;
        struct batch batch = {.table = TABLE_STRING,
                              .row_count = 1,
                              .columns = {&id, &length},
                              .bytes = dataset->strings.entries.items[i].bytes};
        int status = each(context, &batch, err);
        if (status)
            return status;
    }
    return 0;
}

static int dataset_scan(const struct view *view, const struct view_query *query, view_batch_fn *each,
                        void *context, struct err *err)
{
    const struct dataset *dataset = of_view(view);
    const struct table *table = table_find(query->table);
    if (!table)
        return err_set(err, ERR_BUG, "could not scan table %d: there is none", (int)query->table);
    if (query->table == TABLE_STRING)
        return scan_strings(dataset, each, context, err);
    struct batch batch = {.table = query->table, .row_count = dataset->columns[query->table][0].count};
    for (size_t column = 0; column < table->column_count; column++) {
        if (query->column_mask == VIEW_ALL_COLUMNS || (query->column_mask >> column & 1))
            batch.columns[column] = dataset->columns[query->table][column].items;
    }
    return batch.row_count ? each(context, &batch, err) : 0;
}

static uint64_t dataset_row_count(const struct view *view, enum table_id table)
{
    const struct dataset *dataset = of_view(view);
    return table == TABLE_STRING ? dataset->strings.entries.count : dataset->columns[table][0].count;
}

static const char *dataset_text(const struct view *view, uint64_t string)
{
    return intern_text(&of_view(view)->strings, string);
}

void dataset_init(struct dataset *dataset)
{
    *dataset = (struct dataset){
        .sink = {.append = dataset_append, .intern = dataset_intern},
        .view = {.scan = dataset_scan, .row_count = dataset_row_count, .text = dataset_text},
    };
}

void dataset_deinit(struct dataset *dataset)
{
    for (size_t table = 0; table < TABLE_END; table++) {
        for (size_t column = 0; column < TABLE_COLUMN_MAX; column++)
            vec_free(&dataset->columns[table][column]);
    }
    intern_free(&dataset->strings);
}
