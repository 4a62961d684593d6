/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A query's plan for a table goes from best_index to filter as numbers in a text:
 *
 *     used count (column op is_list)... grouped-count (column descending)...
 *
 * SQLite looks at every condition again: what is left out here is only what cannot fit (sql_condition.h).
 */
#include "sql/sql_vtab.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "sql/sql_condition.h"
#include "sql/sql_group.h"
#include "sql/sql_rows.h"

#define STRING_TEXT_COLUMN 2 /* of table string: its bytes, which is no cell */

struct sql_vtab {
    sqlite3_vtab base;
    struct sql_source *source;
    struct sql_table_state *state;
};

struct plan {
    uint32_t used;
    size_t condition_count;
    struct {
        size_t column;
        unsigned char op;
        bool is_list;
    } conditions[SQL_CONDITION_MAX];
    size_t group_count;
    size_t group_columns[SQL_GROUP_COLUMNS_MAX];
    bool group_descending[SQL_GROUP_COLUMNS_MAX];
};

enum cursor_mode { CURSOR_ROWS, CURSOR_ONE, CURSOR_GROUP };

struct sql_cursor {
    sqlite3_vtab_cursor base;
    enum cursor_mode mode;
    bool is_at_end;
    struct sql_condition conditions[SQL_CONDITION_MAX];
    struct sql_rows rows;
    size_t at; /* in rows.selected */
    uint32_t one;
    struct sql_group *group;
};

/* The connection of a table and the source it is of. */
struct table_of_source {
    struct sql_source *source;
    const struct table *table;
};

static struct sql_vtab *vtab_of(sqlite3_vtab *base)
{
    return (struct sql_vtab *)(void *)base;
}

static struct sql_cursor *cursor_of(sqlite3_vtab_cursor *base)
{
    return (struct sql_cursor *)(void *)base;
}

/* Keeps the error for who asked, with its code and hint. */
static int refused(struct sql_vtab *vtab, const struct err *err)
{
    vtab->source->failed = *err;
    sqlite3_free(vtab->base.zErrMsg);
    vtab->base.zErrMsg = sqlite3_mprintf("%s", err->what);
    return SQLITE_ERROR;
}

static const char *declared_type(enum column_type type)
{
    if (type == COLUMN_STRING || type == COLUMN_ENUM)
        return "TEXT";
    return type == COLUMN_F64 ? "REAL" : "INTEGER";
}

static int declare(sqlite3 *handle, const struct table *table)
{
    struct str text = {0};
    str_append(&text, "CREATE TABLE x(");
    for (size_t i = 0; i < table->column_count; i++)
        str_printf(&text, "%s\"%s\" %s", i ? ", " : "", table->columns[i].name,
                   declared_type(table->columns[i].type));
    str_append(&text, table->id == TABLE_STRING ? ", text TEXT)" : ")");
    int status = text.failed ? SQLITE_NOMEM : sqlite3_declare_vtab(handle, str_text(&text));
    str_free(&text);
    return status;
}

static int connect_table(sqlite3 *handle, void *aux, int argc, const char *const *argv,
                         sqlite3_vtab **ret_vtab, char **ret_message)
{
    const struct table_of_source *of = aux;
    struct err err = {.code = ERR_NONE};
    struct sql_vtab *vtab = sqlite3_malloc(sizeof *vtab);
    (void)argc;
    (void)argv;
    if (!vtab)
        return SQLITE_NOMEM;
    *vtab = (struct sql_vtab){.source = of->source};
    of->source->is_declaring = true;
    int status = declare(handle, of->table);
    of->source->is_declaring = false;
    if (status == SQLITE_OK && sql_source_table(of->source, of->table->id, &vtab->state, &err)) {
        of->source->failed = err;
        *ret_message = sqlite3_mprintf("%s", err.what);
        status = SQLITE_ERROR;
    }
    if (status != SQLITE_OK) {
        sqlite3_free(vtab);
        return status;
    }
    *ret_vtab = &vtab->base;
    return SQLITE_OK;
}

static int disconnect_table(sqlite3_vtab *base)
{
    sqlite3_free(vtab_of(base));
    return SQLITE_OK;
}

/* Rows that a condition leaves, guessed. */
static double kept_ratio(unsigned char op)
{
    return op == SQLITE_INDEX_CONSTRAINT_EQ ? 0.05 : 0.4;
}

static bool is_by_id(const struct sql_table_state *state, size_t column, unsigned char op)
{
    return column == 0 && state->table->columns[0].type == COLUMN_ID && op == SQLITE_INDEX_CONSTRAINT_EQ;
}

/* Takes the conditions that can be decided here; the cost is that of the rows left. */
static void plan_conditions(struct sql_vtab *vtab, sqlite3_index_info *info, struct plan *plan)
{
    struct sql_table_state *state = vtab->state;
    double rows = (double)state->row_count, cost = rows;
    for (int i = 0; i < info->nConstraint && plan->condition_count < SQL_CONDITION_MAX; i++) {
        int column = info->aConstraint[i].iColumn;
        unsigned char op = info->aConstraint[i].op;
        if (!info->aConstraint[i].usable || column < 0 || (size_t)column >= state->table->column_count ||
            state->table->id == TABLE_STRING || strcmp(sqlite3_vtab_collation(info, i), "BINARY") != 0 ||
            !sql_condition_takes(&vtab->source->strings, &state->table->columns[column], op))
            continue;
        bool is_list = sqlite3_vtab_in(info, i, 1);
        plan->conditions[plan->condition_count].column = (size_t)column;
        plan->conditions[plan->condition_count].op = op;
        plan->conditions[plan->condition_count].is_list = is_list;
        info->aConstraintUsage[i].argvIndex = (int)++plan->condition_count;
        rows *= kept_ratio(op);
        if (is_by_id(state, (size_t)column, op) && !is_list) {
            rows = 1;
            cost = sql_source_has_rows_by_id(state) ? 2 : 1000 + cost / 1000;
            info->idxFlags |= SQLITE_INDEX_SCAN_UNIQUE;
        }
    }
    info->estimatedRows = (sqlite3_int64)(rows < 1 ? 1 : rows);
    info->estimatedCost = cost + rows;
}

/* A GROUP BY or a DISTINCT of columns whose equal rows can be given side by side. */
static void plan_group(struct sql_vtab *vtab, sqlite3_index_info *info, struct plan *plan)
{
    int kind = sqlite3_vtab_distinct(info);
    if (kind == 0 || info->nOrderBy <= 0 || info->nOrderBy > SQL_GROUP_COLUMNS_MAX)
        return;
    for (int i = 0; i < info->nOrderBy; i++) {
        if (info->aOrderBy[i].iColumn < 0 ||
            (size_t)info->aOrderBy[i].iColumn >= vtab->state->table->column_count)
            return;
        plan->group_columns[i] = (size_t)info->aOrderBy[i].iColumn;
        plan->group_descending[i] = info->aOrderBy[i].desc;
    }
    if (!sql_group_can(vtab->source, vtab->state, plan->group_columns, (size_t)info->nOrderBy, plan->used))
        return;
    plan->group_count = (size_t)info->nOrderBy;
    info->orderByConsumed = 1;
}

static char *plan_text(const struct plan *plan)
{
    struct str text = {0};
    str_printf(&text, "%u %zu", plan->used, plan->condition_count);
    for (size_t i = 0; i < plan->condition_count; i++)
        str_printf(&text, " %zu %d %d", plan->conditions[i].column, plan->conditions[i].op,
                   plan->conditions[i].is_list);
    str_printf(&text, " %zu", plan->group_count);
    for (size_t i = 0; i < plan->group_count; i++)
        str_printf(&text, " %zu %d", plan->group_columns[i], plan->group_descending[i]);
    char *copy = text.failed ? NULL : sqlite3_mprintf("%s", str_text(&text));
    str_free(&text);
    return copy;
}

static struct plan plan_read(const char *text)
{
    char *at;
    struct plan plan = {.used = (uint32_t)strtoul(text, &at, 10)};
    plan.condition_count = strtoul(at, &at, 10);
    for (size_t i = 0; i < plan.condition_count; i++) {
        plan.conditions[i].column = strtoul(at, &at, 10);
        plan.conditions[i].op = (unsigned char)strtoul(at, &at, 10);
        plan.conditions[i].is_list = strtoul(at, &at, 10) != 0;
    }
    plan.group_count = strtoul(at, &at, 10);
    for (size_t i = 0; i < plan.group_count; i++) {
        plan.group_columns[i] = strtoul(at, &at, 10);
        plan.group_descending[i] = strtoul(at, &at, 10) != 0;
    }
    return plan;
}

static int best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
    struct sql_vtab *vtab = vtab_of(base);
    uint32_t all = (1u << vtab->state->table->column_count) - 1;
    struct plan plan = {.used = (uint32_t)info->colUsed & all};
    if (vtab->state->table->id == TABLE_STRING)
        plan.used = all;
    plan_conditions(vtab, info, &plan);
    for (size_t i = 0; i < plan.condition_count; i++)
        plan.used |= 1u << plan.conditions[i].column;
    plan_group(vtab, info, &plan);
    info->idxStr = plan_text(&plan);
    info->needToFreeIdxStr = 1;
    return info->idxStr ? SQLITE_OK : SQLITE_NOMEM;
}

static int open_cursor(sqlite3_vtab *base, sqlite3_vtab_cursor **ret_cursor)
{
    struct sql_cursor *cursor = sqlite3_malloc(sizeof *cursor);
    (void)base;
    if (!cursor)
        return SQLITE_NOMEM;
    memset(cursor, 0, sizeof *cursor);
    *ret_cursor = &cursor->base;
    return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor *base)
{
    struct sql_cursor *cursor = cursor_of(base);
    sql_group_destroy(cursor->group);
    sql_rows_deinit(&cursor->rows);
    sqlite3_free(cursor);
    return SQLITE_OK;
}

/* The row of the id that a condition asks for. */
static int filter_one(struct sql_vtab *vtab, struct sql_cursor *cursor, const struct sql_condition *condition,
                      struct err *err)
{
    struct sql_table_state *state = vtab->state;
    int status = sql_source_prepare_ids(vtab->source, state, err);
    if (status)
        return status;
    int64_t id = condition->low;
    bool is_there = id == condition->high && id >= 0 && (uint64_t)id <= state->column_max[0];
    cursor->mode = CURSOR_ONE;
    cursor->one = is_there ? state->row_of_id[id] : SQL_NO_ROW;
    cursor->is_at_end = cursor->one == SQL_NO_ROW;
    return 0;
}

static int filter_group(struct sql_vtab *vtab, struct sql_cursor *cursor, const struct plan *plan,
                        struct err *err)
{
    struct sql_group_request request = {.state = vtab->state,
                                        .columns = plan->group_columns,
                                        .descending = plan->group_descending,
                                        .column_count = plan->group_count,
                                        .used = plan->used,
                                        .conditions = cursor->conditions,
                                        .condition_count = plan->condition_count};
    cursor->mode = CURSOR_GROUP;
    int status = sql_group_create(vtab->source, &request, &cursor->group, err);
    cursor->is_at_end = status || sql_group_is_at_end(cursor->group);
    return status;
}

static int filter_rows(struct sql_vtab *vtab, struct sql_cursor *cursor, const struct plan *plan,
                       struct err *err)
{
    cursor->mode = CURSOR_ROWS;
    cursor->rows.source = vtab->source;
    cursor->rows.state = vtab->state;
    cursor->rows.conditions = cursor->conditions;
    cursor->rows.condition_count = plan->condition_count;
    cursor->at = 0;
    int status = sql_rows_start(&cursor->rows, plan->used, err);
    if (!status)
        status = sql_rows_next(&cursor->rows, err);
    cursor->is_at_end = status || !cursor->rows.selected_count;
    return status;
}

static int filter(sqlite3_vtab_cursor *base, int number, const char *text, int argc, sqlite3_value **argv)
{
    struct sql_cursor *cursor = cursor_of(base);
    struct sql_vtab *vtab = vtab_of(base->pVtab);
    struct plan plan = plan_read(text);
    struct err err = {.code = ERR_NONE};
    const struct sql_condition *by_id = NULL;
    int status = 0;
    (void)number;
    for (size_t i = 0; i < plan.condition_count && (int)i < argc && !status; i++) {
        struct sql_condition *condition = &cursor->conditions[i];
        status = sql_condition_init(condition, vtab->state->table, plan.conditions[i].column,
                                    plan.conditions[i].op, plan.conditions[i].is_list, argv[i],
                                    &vtab->source->strings, &err);
        if (is_by_id(vtab->state, condition->column, plan.conditions[i].op) && !condition->has_list &&
            !condition->is_always && sql_source_has_rows_by_id(vtab->state))
            by_id = condition;
    }
    sql_group_destroy(cursor->group);
    cursor->group = NULL;
    if (!status && by_id && !plan.group_count)
        status = filter_one(vtab, cursor, by_id, &err);
    else if (!status && plan.group_count)
        status = filter_group(vtab, cursor, &plan, &err);
    else if (!status)
        status = filter_rows(vtab, cursor, &plan, &err);
    return status ? refused(vtab, &err) : SQLITE_OK;
}

static int next_row(sqlite3_vtab_cursor *base)
{
    struct sql_cursor *cursor = cursor_of(base);
    struct err err = {.code = ERR_NONE};
    if (cursor->mode == CURSOR_GROUP) {
        sql_group_next(cursor->group);
        cursor->is_at_end = sql_group_is_at_end(cursor->group);
        return SQLITE_OK;
    }
    if (cursor->mode == CURSOR_ONE) {
        cursor->is_at_end = true;
        return SQLITE_OK;
    }
    if (++cursor->at < cursor->rows.selected_count)
        return SQLITE_OK;
    cursor->at = 0;
    if (sql_rows_next(&cursor->rows, &err))
        return refused(vtab_of(base->pVtab), &err);
    cursor->is_at_end = !cursor->rows.selected_count;
    return SQLITE_OK;
}

static int is_at_end(sqlite3_vtab_cursor *base)
{
    return cursor_of(base)->is_at_end;
}

static uint64_t cell_of(const struct sql_cursor *cursor, const struct sql_table_state *state, size_t column)
{
    if (cursor->mode == CURSOR_GROUP)
        return sql_group_cell(cursor->group, column);
    if (cursor->mode == CURSOR_ONE)
        return state->resident[column * state->row_count + cursor->one];
    const uint64_t *cells = cursor->rows.batch.columns[column];
    return cells ? cells[cursor->rows.selected[cursor->at]] : 0;
}

static int column_value(sqlite3_vtab_cursor *base, sqlite3_context *context, int number)
{
    const struct sql_cursor *cursor = cursor_of(base);
    struct sql_vtab *vtab = vtab_of(base->pVtab);
    const struct table *table = vtab->state->table;
    size_t column = (size_t)number;
    if (column >= table->column_count) {
        uint64_t id = cell_of(cursor, vtab->state, COLUMN(string, id));
        sqlite3_result_text(context, sql_strings_text(&vtab->source->strings, id), -1, SQLITE_STATIC);
        return SQLITE_OK;
    }
    uint64_t cell = cell_of(cursor, vtab->state, column);
    switch (table->columns[column].type) {
    case COLUMN_STRING:
        sqlite3_result_text(context, sql_strings_text(&vtab->source->strings, cell), -1, SQLITE_STATIC);
        break;
    case COLUMN_ENUM:
        sqlite3_result_text(context, table_value_name(table, column, cell), -1, SQLITE_STATIC);
        break;
    case COLUMN_F64: sqlite3_result_double(context, num_double(cell)); break;
    case COLUMN_U64:
    case COLUMN_TIME:
    case COLUMN_ID:
    case COLUMN_REFERENCE: sqlite3_result_int64(context, (sqlite3_int64)cell); break;
    }
    return SQLITE_OK;
}

static int row_id(sqlite3_vtab_cursor *base, sqlite3_int64 *ret_id)
{
    const struct sql_cursor *cursor = cursor_of(base);
    if (cursor->mode == CURSOR_GROUP)
        *ret_id = cursor->group->row;
    else if (cursor->mode == CURSOR_ONE)
        *ret_id = cursor->one;
    else
        *ret_id = (sqlite3_int64)(cursor->rows.row_first + cursor->rows.selected[cursor->at]);
    ++*ret_id;
    return SQLITE_OK;
}

/* No create: a table is there by its name alone. */
static const sqlite3_module module = {
    .iVersion = 1,
    .xConnect = connect_table,
    .xBestIndex = best_index,
    .xDisconnect = disconnect_table,
    .xOpen = open_cursor,
    .xClose = close_cursor,
    .xFilter = filter,
    .xNext = next_row,
    .xEof = is_at_end,
    .xColumn = column_value,
    .xRowid = row_id,
};

int sql_vtab_register(sqlite3 *handle, struct sql_source *source, struct err *err)
{
    for (uint64_t id = TABLE_META; id < TABLE_END; id++) {
        const struct table *table = table_find(id);
        struct table_of_source *of = malloc(sizeof *of);
        if (!of)
            return err_memory(err);
        *of = (struct table_of_source){.source = source, .table = table};
        if (sqlite3_create_module_v2(handle, table->name, &module, of, free) != SQLITE_OK)
            return err_set(err, ERR_BUG, "could not make table '%s': %s", table->name,
                           sqlite3_errmsg(handle));
    }
    return 0;
}
