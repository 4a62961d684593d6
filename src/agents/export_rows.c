/* SPDX-License-Identifier: Apache-2.0 */
#include "agents/export_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/line_reader.h"
#include "base/fs.h"
#include "base/num.h"
#include "base/str.h"
#include "base/vec.h"

#define COLUMNS_MAX 500u

static int malformed(struct export_reader *reader, uint64_t line, const char *why, struct err *err)
{
    struct agent_sink *sink = reader->sink;
    return sink && sink->malformed ? sink->malformed(sink, reader->path, line, why, err) : 0;
}

/* --- JSON --- */

static int take_array(struct export_reader *reader, const struct json_value *array, struct err *err)
{
    int status = 0;
    for (size_t i = 0; i < json_count(array) && !status; i++)
        if (json_kind(json_item(array, i)) == JSON_KIND_OBJECT)
            status = reader->row(reader, json_item(array, i), err);
        else
            status = malformed(reader, i + 1, "the item is not a JSON object", err);
    return status;
}

/* An object is a row, unless an array of objects is what it is about. */
static int take_root(struct export_reader *reader, const struct json_value *root, struct err *err)
{
    static const char *const names[] = {"data", "observations", "runs", "items", "results"};
    if (json_kind(root) == JSON_KIND_ARRAY)
        return take_array(reader, root, err);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct json_value *array = json_find_array(root, names[i]);
        if (array && json_kind(json_item(array, 0)) == JSON_KIND_OBJECT)
            return take_array(reader, array, err);
    }
    return reader->row(reader, root, err);
}

static int take_lines(struct export_reader *reader, struct err *err)
{
    struct line_reader lines;
    struct line line;
    bool is_there = true;
    int status = line_reader_open(&lines, reader->path, 0, 1, err);
    while (!status && !(status = line_reader_next(&lines, &line, &is_there, err)) && is_there) {
        struct json_value *root = NULL;
        struct err why = {0};
        size_t blanks = 0;
        while (blanks < line.length && strchr(" \t\r", line.bytes[blanks]))
            blanks++;
        if (blanks == line.length)
            continue;
        if (line.is_cut)
            status = malformed(reader, line.number, "it is over 8 MiB long", err);
        else if (json_read_text(line.bytes, line.length, "line", &root, &why) ||
                 json_kind(root) != JSON_KIND_OBJECT)
            status = malformed(reader, line.number, "it is not a JSON object", err);
        else
            status = take_root(reader, root, err);
        json_free(root);
    }
    line_reader_close(&lines);
    return status;
}

/* --- CSV --- */

struct csv {
    const char *at, *end;
    uint64_t line;
    struct str cell;
};

/* One cell, without its quotes. *ret_ends_row: nothing follows in its row. False: there is no cell more. */
static bool csv_cell(struct csv *csv, bool *ret_ends_row)
{
    bool is_quoted = csv->at < csv->end && *csv->at == '"';
    str_clear(&csv->cell);
    if (csv->at >= csv->end)
        return false;
    csv->at += is_quoted;
    while (csv->at < csv->end) {
        char c = *csv->at++;
        if (is_quoted && c == '"') {
            if (csv->at < csv->end && *csv->at == '"')
                csv->at++;
            else {
                is_quoted = false;
                continue;
            }
        } else if (!is_quoted && (c == ',' || c == '\n')) {
            csv->line += c == '\n';
            *ret_ends_row = c == '\n';
            return true;
        } else if (!is_quoted && c == '\r' && csv->at < csv->end && *csv->at == '\n') {
            continue;
        }
        csv->line += c == '\n';
        str_append_bytes(&csv->cell, &c, 1);
    }
    *ret_ends_row = true;
    return true;
}

static void text_append(struct str *json, const char *text)
{
    str_append(json, "\"");
    for (const char *at = text; *at; at++) {
        unsigned char c = (unsigned char)*at;
        if (c == '"' || c == '\\')
            str_printf(json, "\\%c", c);
        else if (c < 0x20)
            str_printf(json, "\\u%04x", c);
        else
            str_append_bytes(json, at, 1);
    }
    str_append(json, "\"");
}

/* Whether the whole cell is JSON of its own: then it is taken as it is. */
static bool is_json(const struct str *cell)
{
    struct json_value *value = NULL;
    struct err why;
    double number;
    const char *text = str_text(cell);
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
        return true;
    if (*text != '{' && *text != '[') /* a number as JSON writes one: 007 and 1. are texts */
        return num_parse_double(text, &number) == 0 &&
               json_read_text(text, cell->length, "cell", &value, &why) == 0 && (json_free(value), true);
    if (json_read_text(text, cell->length, "cell", &value, &why))
        return false;
    json_free(value);
    return true;
}

struct csv_names {
    VEC(char *) items;
};

static int csv_head(struct csv *csv, struct csv_names *names, struct err *err)
{
    bool ends_row = false;
    while (!ends_row && names->items.count < COLUMNS_MAX && csv_cell(csv, &ends_row)) {
        /* A byte order mark is no part of the first name. */
        const char *text = str_text(&csv->cell);
        char *name = strdup(str_starts(text, "\xef\xbb\xbf") ? text + 3 : text);
        if (!name || vec_push(&names->items, name)) {
            free(name);
            return err_memory(err);
        }
    }
    return 0;
}

static int csv_row(struct export_reader *reader, struct csv *csv, const struct csv_names *names,
                   struct str *json, struct err *err)
{
    struct json_value *root = NULL;
    struct err why = {0};
    uint64_t line = csv->line;
    size_t column = 0, filled = 0;
    bool ends_row = false;
    str_clear(json);
    str_append(json, "{");
    while (!ends_row && csv_cell(csv, &ends_row)) {
        if (column < names->items.count && csv->cell.length) {
            str_append(json, filled++ ? "," : "");
            text_append(json, names->items.items[column]);
            str_append(json, ":");
            if (is_json(&csv->cell))
                str_append(json, str_text(&csv->cell));
            else
                text_append(json, str_text(&csv->cell));
        }
        column++;
    }
    str_append(json, "}");
    if (json->failed || csv->cell.failed)
        return err_memory(err);
    if (!filled)
        return 0;
    if (column > names->items.count)
        return malformed(reader, line, "it has more cells than there are names", err);
    if (json_read_text(str_text(json), json->length, "row", &root, &why))
        return malformed(reader, line, "a cell is not UTF-8", err);
    int status = reader->row(reader, root, err);
    json_free(root);
    return status;
}

static int take_csv(struct export_reader *reader, const struct str *text, struct err *err)
{
    struct csv csv = {.at = str_text(text), .end = str_text(text) + text->length, .line = 1};
    struct csv_names names = {0};
    struct str json = {0};
    int status = csv_head(&csv, &names, err);
    while (!status && csv.at < csv.end)
        status = csv_row(reader, &csv, &names, &json, err);
    for (size_t i = 0; i < names.items.count; i++)
        free(names.items.items[i]);
    vec_free(&names.items);
    str_free(&json);
    str_free(&csv.cell);
    return status;
}

/* --- which of them --- */

/* A JSON value that is alone in its file. */
static bool is_alone(const struct str *text, struct json_value **ret_root)
{
    struct err why;
    return json_read_text(str_text(text), text->length, "export", ret_root, &why) == 0;
}

int export_rows_read(struct export_reader *reader, struct err *err)
{
    char head[256];
    struct json_value *root = NULL;
    struct str text = {0};
    ssize_t length = fs_read_small(reader->path, head, sizeof head);
    if (length < 0)
        return err_errno(err, (int)-length, "could not read file '%s'", reader->path);
    size_t at = strspn(head, " \t\r\n\xef\xbb\xbf");
    /* Lines that are objects of their own need no more memory than one of them. */
    if (head[at] == '{' && str_ends(reader->path, ".jsonl"))
        return take_lines(reader, err);
    int status = fs_read(reader->path, EXPORT_BYTES_MAX, &text, err);
    if (status) {
        str_free(&text);
        return status;
    }
    if (head[at] != '{' && head[at] != '[')
        status = take_csv(reader, &text, err);
    else if (is_alone(&text, &root))
        status = take_root(reader, root, err);
    else
        status = take_lines(reader, err);
    json_free(root);
    str_free(&text);
    return status;
}

int export_rows_learn_and_tell(struct export_reader *reader, struct agent_sink *sink,
                               int (*tell)(struct export_reader *reader, const struct json_value *row,
                                           struct err *err),
                               struct err *err)
{
    int status = export_rows_read(reader, err);
    reader->row = tell;
    reader->sink = sink;
    return status ? status : export_rows_read(reader, err);
}

bool export_rows_takes(const char *path)
{
    return str_ends(path, ".json") || str_ends(path, ".jsonl") || str_ends(path, ".csv");
}
