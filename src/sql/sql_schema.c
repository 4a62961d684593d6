/* SPDX-License-Identifier: Apache-2.0 */
/* What there is to ask, as text and as JSON. */
#include <inttypes.h>
#include <string.h>

#include "report/json_writer.h"
#include "report/units.h"
#include "sql/internal.h"
#include "sql/sql_views.h"

/* A table or a view. */
struct relation {
    const struct table *table;
    const struct sql_view_text *view;
};

static size_t relation_count(void)
{
    return TABLE_END - TABLE_META + sql_view_count;
}

static struct relation relation_at(size_t at)
{
    if (at < TABLE_END - TABLE_META)
        return (struct relation){.table = table_find(TABLE_META + at)};
    return (struct relation){.view = &sql_views[at - (TABLE_END - TABLE_META)]};
}

static const char *name_of(struct relation relation)
{
    if (relation.table)
        return relation.table->name;
    return relation.view ? relation.view->name : "";
}

static const char *what_of(struct relation relation)
{
    if (relation.table)
        return sql_table_what(relation.table->id);
    return relation.view ? relation.view->what : "";
}

static size_t columns_of(struct relation relation)
{
    /* The bytes of a string are a column more. */
    return relation.view ? relation.view->column_count
                         : relation.table->column_count + (relation.table->id == TABLE_STRING);
}

static const char *column_name(struct relation relation, size_t at)
{
    if (relation.view)
        return relation.view->columns[at].name;
    return at < relation.table->column_count ? relation.table->columns[at].name : "text";
}

static void column_what(struct relation relation, size_t at, struct str *ret_text)
{
    if (relation.view)
        str_append(ret_text, relation.view->columns[at].what);
    else if (at < relation.table->column_count)
        sql_column_what(relation.table, at, ret_text);
    else
        str_append(ret_text, "text");
}

/* Whether it is known how many rows there are, and how many. */
static bool rows_of(struct sql *sql, struct relation relation, uint64_t *ret_count)
{
    if (!sql || !relation.table)
        return false;
    *ret_count = sql_row_count(sql, relation.table->id);
    return true;
}

static void write_list(struct sql *sql, struct str *text)
{
    uint64_t count;
    for (size_t i = 0; i < relation_count(); i++) {
        struct relation relation = relation_at(i);
        if (relation.view == sql_views)
            str_append(text, "\nViews, with names beside the ids\n");
        if (i == 0)
            str_append(text, "Tables\n");
        str_printf(text, "  %-14s", name_of(relation));
        if (sql && relation.table && rows_of(sql, relation, &count))
            str_printf(text, " %12s rows ", unit_count((double)count).text);
        str_printf(text, " %s\n", what_of(relation));
    }
    str_append(
        text,
        "\n'toll query --schema TABLE' tells the columns. Times are ns of CLOCK_MONOTONIC, ids refer to the "
        "column id of another table, 0 is none.\n");
}

static void write_columns(struct relation relation, struct str *text)
{
    str_printf(text, "%s: %s\n", name_of(relation), what_of(relation));
    for (size_t i = 0; i < columns_of(relation); i++) {
        str_printf(text, "  %-18s ", column_name(relation, i));
        column_what(relation, i, text);
        str_append(text, "\n");
    }
}

static void write_json(struct sql *sql, struct relation relation, struct json_writer *json)
{
    uint64_t count;
    json_open(json, NULL, '{');
    json_text(json, "name", name_of(relation));
    json_text(json, "kind", relation.table ? "table" : "view");
    json_text(json, "what", what_of(relation));
    if (rows_of(sql, relation, &count))
        json_u64(json, "row_count", count);
    json_open(json, "columns", '[');
    for (size_t i = 0; i < columns_of(relation); i++) {
        struct str what = {0};
        column_what(relation, i, &what);
        json_open(json, NULL, '{');
        json_text(json, "name", column_name(relation, i));
        json_text(json, "what", str_text(&what));
        json_close(json, '}');
        str_free(&what);
    }
    json_close(json, ']');
    json_close(json, '}');
}

static int find(const char *name, struct relation *ret_relation, struct err *err)
{
    for (size_t i = 0; i < relation_count(); i++) {
        if (strcmp(name_of(relation_at(i)), name) == 0) {
            *ret_relation = relation_at(i);
            return 0;
        }
    }
    const char *nearest = sql_nearest_table(name);
    err_set(err, ERR_USAGE, "could not tell the columns of table '%s': there is none", name);
    if (nearest)
        err_hint(err, "did you mean '%s'?", nearest);
    else
        err_hint(err, "'toll query --schema' lists them");
    return -ERR_USAGE;
}

int sql_schema(struct sql *sql, const char *table, bool json, struct str *ret_text, struct err *err)
{
    struct relation relation = {.table = NULL};
    int status = table ? find(table, &relation, err) : 0;
    if (status)
        return status;
    if (!json && table) {
        write_columns(relation, ret_text);
    } else if (!json) {
        write_list(sql, ret_text);
    } else {
        struct json_writer writer = {.str = ret_text};
        json_open(&writer, NULL, '{');
        json_text(&writer, "schema", "toll.query.schema/1");
        json_open(&writer, "tables", '[');
        for (size_t i = 0; i < relation_count(); i++)
            if (!table || strcmp(name_of(relation_at(i)), table) == 0)
                write_json(sql, relation_at(i), &writer);
        json_close(&writer, ']');
        json_close(&writer, '}');
        json_end(&writer);
    }
    return ret_text->failed ? err_memory(err) : 0;
}
