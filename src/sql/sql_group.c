/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/sql_group.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "sql/sql_rows.h"

/* How many numbers the cells of a column can be; 0: too many. */
static uint64_t bound_of(const struct sql_source *source, const struct sql_table_state *state, size_t column)
{
    uint64_t max = state->column_max[column];
    switch (state->table->columns[column].type) {
    case COLUMN_STRING: return sql_strings_can_unify(&source->strings) ? source->strings.id_max + 1 : 0;
    case COLUMN_ENUM: return 64;
    case COLUMN_U64:
    case COLUMN_ID:
    case COLUMN_REFERENCE: return max < SQL_GROUP_KEYS_MAX ? max + 1 : 0;
    case COLUMN_TIME:
    case COLUMN_F64: break;
    }
    return 0;
}

static uint32_t beside(const size_t *columns, size_t column_count, uint32_t used)
{
    for (size_t i = 0; i < column_count; i++)
        used &= ~(1u << columns[i]);
    return used;
}

bool sql_group_can(struct sql_source *source, const struct sql_table_state *state, const size_t *columns,
                   size_t column_count, uint32_t used)
{
    uint64_t key_count = 1;
    if (!column_count || column_count > SQL_GROUP_COLUMNS_MAX || state->table->id == TABLE_STRING)
        return false;
    for (size_t i = 0; i < column_count; i++) {
        uint64_t bound = bound_of(source, state, columns[i]);
        if (!bound || num_mul_u64(key_count, bound, &key_count) || key_count > SQL_GROUP_KEYS_MAX)
            return false;
    }
    uint64_t wide = (uint64_t)__builtin_popcount(beside(columns, column_count, used));
    return state->row_count < UINT32_MAX && state->row_count <= SQL_GROUP_BYTES_MAX / 8 / (wide ? wide : 1);
}

/* The number of a cell; that of another where both are shown alike. */
static inline uint64_t number_of(const struct sql_group *group, const struct sql_strings *strings, size_t i,
                                 enum column_type type, uint64_t cell)
{
    if (type == COLUMN_STRING)
        return sql_strings_same(strings, cell);
    if (type == COLUMN_ENUM)
        return group->enum_same[i][cell < 63 ? cell : 63];
    return cell;
}

struct laying {
    struct sql_group *group;
    struct sql_source *source;
    const struct sql_group_request *request;
    uint32_t beside;
    uint64_t *keys; /* of a batch's rows that fit */
    size_t key_capacity;
};

/* The keys of the selected rows of a batch; a cell above what the blocks tell is damage. */
static int find_keys(struct laying *laying, const struct sql_rows *rows, struct err *err)
{
    struct sql_group *group = laying->group;
    if (rows->selected_count > laying->key_capacity) {
        uint64_t *grown = realloc(laying->keys, rows->selected_count * sizeof *grown);
        if (!grown)
            return err_memory(err);
        laying->keys = grown;
        laying->key_capacity = rows->selected_count;
    }
    memset(laying->keys, 0, rows->selected_count * sizeof *laying->keys);
    for (size_t i = 0; i < group->column_count; i++) {
        const uint64_t *cells = rows->batch.columns[group->columns[i]];
        enum column_type type = rows->state->table->columns[group->columns[i]].type;
        uint64_t bound = group->bounds[i], largest = 0;
        for (size_t at = 0; at < rows->selected_count; at++) {
            uint64_t number = number_of(group, &laying->source->strings, i, type, cells[rows->selected[at]]);
            largest = number > largest ? number : largest;
            laying->keys[at] = laying->keys[at] * bound + number;
        }
        if (largest >= bound)
            return err_set(err, ERR_INPUT, "table %s has a cell above the largest that its blocks tell",
                           rows->state->table->name);
    }
    return 0;
}

static void count_keys(struct laying *laying, size_t count)
{
    for (size_t i = 0; i < count; i++)
        laying->group->ends[laying->keys[i]]++;
}

/* ends[] grows from a key's first row to the row behind its last. */
static void lay_down(struct laying *laying, const struct sql_rows *rows)
{
    struct sql_group *group = laying->group;
    for (size_t i = 0; i < rows->selected_count; i++) {
        uint32_t to = group->ends[laying->keys[i]]++;
        uint32_t from = rows->selected[i];
        for (uint32_t left = laying->beside; left; left &= left - 1) {
            size_t column = (size_t)__builtin_ctz(left);
            group->cells[column][to] = rows->batch.columns[column][from];
        }
    }
}

static int pass_over(struct laying *laying, bool is_counting, struct err *err)
{
    const struct sql_group_request *request = laying->request;
    struct sql_rows rows = {.source = laying->source,
                            .state = request->state,
                            .conditions = request->conditions,
                            .condition_count = request->condition_count};
    uint32_t mask = is_counting ? 0 : laying->beside;
    for (size_t i = 0; i < request->column_count; i++)
        mask |= 1u << request->columns[i];
    int status = sql_rows_start(&rows, mask, err);
    while (!status) {
        status = sql_rows_next(&rows, err);
        if (status || !rows.selected_count)
            break;
        status = find_keys(laying, &rows, err);
        if (!status && is_counting)
            count_keys(laying, rows.selected_count);
        else if (!status)
            lay_down(laying, &rows);
    }
    sql_rows_deinit(&rows);
    return status;
}

struct ordering {
    const struct sql_group *group;
    const struct table *table;
    struct sql_strings *strings;
};

static int compare_numbers(const struct ordering *ordering, size_t i, uint64_t left, uint64_t right)
{
    size_t column = ordering->group->columns[i];
    if (left == right)
        return 0;
    if (ordering->table->columns[column].type == COLUMN_STRING)
        return strcmp(sql_strings_text(ordering->strings, left), sql_strings_text(ordering->strings, right));
    if (ordering->table->columns[column].type == COLUMN_ENUM)
        return strcmp(table_value_name(ordering->table, column, left),
                      table_value_name(ordering->table, column, right));
    return left < right ? -1 : 1;
}

/* Of the column that stands first the numbers are the most significant part of a key. */
static int compare_keys(const void *a, const void *b, void *context)
{
    const struct ordering *ordering = context;
    const struct sql_group *group = ordering->group;
    uint64_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    int found = 0;
    for (size_t i = group->column_count; i-- > 0; left /= group->bounds[i], right /= group->bounds[i]) {
        int order = compare_numbers(ordering, i, left % group->bounds[i], right % group->bounds[i]);
        if (order)
            found = group->descending[i] ? -order : order;
    }
    return found;
}

/* From how many rows each key has to where its first one is. */
static int counts_to_starts(struct laying *laying, struct err *err)
{
    struct sql_group *group = laying->group;
    struct ordering ordering = {
        .group = group, .table = laying->request->state->table, .strings = &laying->source->strings};
    for (uint64_t key = 0; key < group->key_count; key++)
        group->order_count += group->ends[key] != 0;
    group->order = malloc((group->order_count + 1) * sizeof *group->order);
    if (!group->order)
        return err_memory(err);
    size_t count = 0;
    for (uint32_t key = 0; key < group->key_count; key++)
        if (group->ends[key])
            group->order[count++] = key;
    qsort_r(group->order, count, sizeof *group->order, compare_keys, &ordering);
    for (size_t i = 0; i < count; i++) {
        uint32_t rows = group->ends[group->order[i]];
        group->ends[group->order[i]] = group->row_count;
        group->row_count += rows;
    }
    return 0;
}

static int make_room(struct laying *laying, struct err *err)
{
    struct sql_group *group = laying->group;
    for (uint32_t left = laying->beside; left; left &= left - 1) {
        size_t column = (size_t)__builtin_ctz(left);
        group->cells[column] = malloc(((size_t)group->row_count + 1) * sizeof(uint64_t));
        if (!group->cells[column])
            return err_memory(err);
    }
    return 0;
}

static void name_enum(struct sql_group *group, const struct table *table, size_t i)
{
    for (uint8_t value = 0; value < 64; value++) {
        const char *name = table_value_name(table, group->columns[i], value);
        uint8_t first = 0;
        while (first < value && strcmp(table_value_name(table, group->columns[i], first), name) != 0)
            first++;
        group->enum_same[i][value] = first;
    }
}

static int set_columns(struct laying *laying, struct err *err)
{
    const struct sql_group_request *request = laying->request;
    struct sql_group *group = laying->group;
    group->column_count = request->column_count;
    group->key_count = 1;
    for (size_t i = 0; i < request->column_count; i++) {
        enum column_type type = request->state->table->columns[request->columns[i]].type;
        group->columns[i] = request->columns[i];
        group->descending[i] = request->descending[i];
        group->bounds[i] = bound_of(laying->source, request->state, request->columns[i]);
        group->key_count *= group->bounds[i];
        if (type == COLUMN_ENUM)
            name_enum(group, request->state->table, i);
        int status = type == COLUMN_STRING ? sql_strings_unify(&laying->source->strings, err) : 0;
        if (status)
            return status;
    }
    group->ends = calloc((size_t)group->key_count + 1, sizeof *group->ends);
    return group->ends ? 0 : err_memory(err);
}

int sql_group_create(struct sql_source *source, const struct sql_group_request *request,
                     struct sql_group **ret_group, struct err *err)
{
    struct laying laying = {.source = source, .request = request};
    laying.beside = beside(request->columns, request->column_count, request->used);
    laying.group = calloc(1, sizeof *laying.group);
    if (!laying.group)
        return err_memory(err);
    int status = set_columns(&laying, err);
    if (!status)
        status = pass_over(&laying, true, err);
    if (!status)
        status = counts_to_starts(&laying, err);
    if (!status)
        status = make_room(&laying, err);
    if (!status)
        status = pass_over(&laying, false, err);
    free(laying.keys);
    if (status) {
        sql_group_destroy(laying.group);
        return status;
    }
    *ret_group = laying.group;
    return 0;
}

void sql_group_destroy(struct sql_group *group)
{
    if (!group)
        return;
    for (size_t column = 0; column < TABLE_COLUMN_MAX; column++)
        free(group->cells[column]);
    free(group->ends);
    free(group->order);
    free(group);
}

void sql_group_next(struct sql_group *group)
{
    group->row++;
    group->at += group->row == group->ends[group->order[group->at]];
}

uint64_t sql_group_cell(const struct sql_group *group, size_t column)
{
    if (group->cells[column])
        return group->cells[column][group->row];
    uint64_t key = group->order[group->at];
    for (size_t i = group->column_count; i-- > 0; key /= group->bounds[i])
        if (group->columns[i] == column)
            return key % group->bounds[i];
    return 0;
}
