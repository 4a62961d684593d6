/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/sql_condition.h"

#include <math.h>
#include <string.h>

bool sql_condition_takes(const struct sql_strings *strings, const struct column *column, unsigned char op)
{
    bool is_order = op == SQLITE_INDEX_CONSTRAINT_GT || op == SQLITE_INDEX_CONSTRAINT_GE ||
                    op == SQLITE_INDEX_CONSTRAINT_LT || op == SQLITE_INDEX_CONSTRAINT_LE;
    switch (column->type) {
    case COLUMN_U64:
    case COLUMN_TIME:
    case COLUMN_ID:
    case COLUMN_REFERENCE: return is_order || op == SQLITE_INDEX_CONSTRAINT_EQ;
    case COLUMN_STRING: return op == SQLITE_INDEX_CONSTRAINT_EQ && sql_strings_can_unify(strings);
    case COLUMN_ENUM: return op == SQLITE_INDEX_CONSTRAINT_EQ;
    case COLUMN_F64: break;
    }
    return false;
}

/* The condition that nothing fits: a comparison with NULL, or with a text that there is not. */
static void never(struct sql_condition *condition)
{
    condition->low = 1;
    condition->high = 0;
    condition->mask = 0;
}

/* Whole numbers that compare with every cell as the value does, or a few more. */
static void narrow(struct sql_condition *condition, unsigned char op, double value)
{
    if (isnan(value))
        return;
    double floored = floor(value);
    int64_t below = floored < -0x1p63 ? INT64_MIN : floored >= 0x1p63 ? INT64_MAX : (int64_t)floored;
    int64_t above = floored == value || below == INT64_MAX ? below : below + 1;
    if (op == SQLITE_INDEX_CONSTRAINT_GT || op == SQLITE_INDEX_CONSTRAINT_GE)
        condition->low = above;
    else if (op == SQLITE_INDEX_CONSTRAINT_LT || op == SQLITE_INDEX_CONSTRAINT_LE)
        condition->high = below;
    else if (floored != value)
        never(condition);
    else
        condition->low = condition->high = below;
}

static void narrow_whole(struct sql_condition *condition, unsigned char op, int64_t value)
{
    if (op == SQLITE_INDEX_CONSTRAINT_EQ)
        condition->low = condition->high = value;
    else if (op == SQLITE_INDEX_CONSTRAINT_GE)
        condition->low = value;
    else if (op == SQLITE_INDEX_CONSTRAINT_LE)
        condition->high = value;
    else if (op == SQLITE_INDEX_CONSTRAINT_GT && value < INT64_MAX)
        condition->low = value + 1;
    else if (op == SQLITE_INDEX_CONSTRAINT_LT && value > INT64_MIN)
        condition->high = value - 1;
    else
        never(condition);
}

static void take_number(struct sql_condition *condition, unsigned char op, sqlite3_value *value)
{
    switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER: narrow_whole(condition, op, sqlite3_value_int64(value)); break;
    case SQLITE_FLOAT: narrow(condition, op, sqlite3_value_double(value)); break;
    case SQLITE_NULL: never(condition); break;
    default: condition->is_always = true; break;
    }
}

/* NULL for a value that is no text: SQLite decides what it equals. */
static const char *text_of(struct sql_condition *condition, sqlite3_value *value)
{
    if (sqlite3_value_type(value) == SQLITE_TEXT)
        return (const char *)sqlite3_value_text(value);
    condition->is_always |= sqlite3_value_type(value) != SQLITE_NULL;
    return NULL;
}

static void add_to_list(struct sql_condition *condition, int64_t value)
{
    if (condition->list_count == SQL_LIST_MAX)
        condition->is_always = true;
    else
        condition->list[condition->list_count++] = value;
}

static void add_enum(struct sql_condition *condition, const struct table *table, const char *text)
{
    for (uint64_t value = 0; value < 64; value++)
        if (strcmp(table_value_name(table, condition->column, value), text) == 0)
            condition->mask |= (uint64_t)1 << value;
}

static void take_value(struct sql_condition *condition, const struct table *table, sqlite3_value *value,
                       struct sql_strings *strings)
{
    uint32_t id;
    if (condition->type == COLUMN_STRING || condition->type == COLUMN_ENUM) {
        const char *text = text_of(condition, value);
        if (text && condition->type == COLUMN_ENUM)
            add_enum(condition, table, text);
        else if (text && sql_strings_find(strings, text, &id))
            add_to_list(condition, id);
    } else if (sqlite3_value_type(value) == SQLITE_INTEGER) {
        add_to_list(condition, sqlite3_value_int64(value));
    } else if (sqlite3_value_type(value) != SQLITE_NULL) {
        condition->is_always = true;
    }
}

int sql_condition_init(struct sql_condition *condition, const struct table *table, size_t column,
                       unsigned char op, bool is_list, sqlite3_value *value, struct sql_strings *strings,
                       struct err *err)
{
    enum column_type type = table->columns[column].type;
    *condition = (struct sql_condition){.column = column, .type = type, .low = INT64_MIN, .high = INT64_MAX};
    int status = type == COLUMN_STRING ? sql_strings_unify(strings, err) : 0;
    if (status)
        return status;
    condition->has_list = is_list || type == COLUMN_STRING;
    if (is_list) {
        sqlite3_value *item = NULL;
        for (int more = sqlite3_vtab_in_first(value, &item); more == SQLITE_OK && item;
             more = sqlite3_vtab_in_next(value, &item))
            take_value(condition, table, item, strings);
    } else if (type == COLUMN_STRING || type == COLUMN_ENUM) {
        take_value(condition, table, value, strings);
    } else {
        take_number(condition, op, value);
    }
    return 0;
}

static bool list_has(const struct sql_condition *condition, int64_t number)
{
    for (size_t i = 0; i < condition->list_count; i++)
        if (condition->list[i] == number)
            return true;
    return false;
}

static bool list_meets(const struct sql_condition *condition, int64_t min, int64_t max)
{
    for (size_t i = 0; i < condition->list_count; i++)
        if (condition->list[i] >= min && condition->list[i] <= max)
            return true;
    return false;
}

bool sql_condition_may_hold(const struct sql_condition *condition, const struct sql_strings *strings,
                            uint64_t min, uint64_t max)
{
    if (condition->is_always)
        return true;
    if (condition->type == COLUMN_ENUM) {
        uint64_t from_min = UINT64_MAX << (min < 63 ? min : 63);
        uint64_t to_max = max < 63 ? ((uint64_t)2 << max) - 1 : UINT64_MAX;
        return (condition->mask & from_min & to_max) != 0;
    }
    if (max > INT64_MAX)
        return true; /* cells that SQLite has as negative numbers */
    if ((int64_t)max < condition->low || (int64_t)min > condition->high)
        return false;
    bool is_exact = condition->type != COLUMN_STRING || !strings->has_doubles;
    return !condition->has_list || !is_exact || list_meets(condition, (int64_t)min, (int64_t)max);
}

bool sql_condition_holds(const struct sql_condition *condition, const struct sql_strings *strings,
                         uint64_t cell)
{
    if (condition->is_always)
        return true;
    if (condition->type == COLUMN_ENUM)
        return condition->mask >> (cell < 63 ? cell : 63) & 1;
    if (condition->type == COLUMN_STRING)
        return list_has(condition, sql_strings_same(strings, cell));
    int64_t number = (int64_t)cell;
    return number >= condition->low && number <= condition->high &&
           (!condition->has_list || list_has(condition, number));
}
