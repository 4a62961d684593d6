/* SPDX-License-Identifier: Apache-2.0 */
#include "report/json_writer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "report/escape.h"

static void begin_line(struct json_writer *json)
{
    if (!json->is_line)
        str_printf(json->str, "\n%*s", (int)json->depth * 2, "");
}

static void begin_value(struct json_writer *json, const char *key)
{
    if (json->has_item)
        str_append(json->str, ",");
    if (json->depth)
        begin_line(json);
    if (key) {
        str_append(json->str, "\"");
        escape_json(json->str, key);
        str_append(json->str, json->is_line ? "\":" : "\": ");
    }
    json->has_item = true;
}

void json_open(struct json_writer *json, const char *key, char bracket)
{
    begin_value(json, key);
    str_append_bytes(json->str, &bracket, 1);
    json->depth++;
    json->has_item = false;
}

void json_close(struct json_writer *json, char bracket)
{
    json->depth--;
    if (json->has_item)
        begin_line(json);
    str_append_bytes(json->str, &bracket, 1);
    json->has_item = true;
}

void json_text(struct json_writer *json, const char *key, const char *text)
{
    if (!text) {
        json_nothing(json, key);
        return;
    }
    begin_value(json, key);
    str_append(json->str, "\"");
    escape_json(json->str, text);
    str_append(json->str, "\"");
}

void json_u64(struct json_writer *json, const char *key, uint64_t value)
{
    begin_value(json, key);
    str_printf(json->str, "%" PRIu64, value);
}

/* Twelve digits: more than any measurement holds, and 0.1 stays 0.1. */
void json_number(struct json_writer *json, const char *key, double value)
{
    char text[40];

    if (!isfinite(value)) {
        json_nothing(json, key);
        return;
    }
    begin_value(json, key);
    snprintf(text, sizeof text, "%.12g", value);
    str_append(json->str, text);
}

void json_bool(struct json_writer *json, const char *key, bool value)
{
    begin_value(json, key);
    str_append(json->str, value ? "true" : "false");
}

void json_nothing(struct json_writer *json, const char *key)
{
    begin_value(json, key);
    str_append(json->str, "null");
}

void json_end(struct json_writer *json)
{
    str_append(json->str, "\n");
}
