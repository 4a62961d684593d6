/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_writer: JSON (RFC 8259) appended to a str, indented by two blanks. Keys and values may hold any
 * bytes. Within an array `key` is NULL. What JSON cannot say (NULL, infinity, not a number) is null.
 */
#ifndef TOLL_REPORT_JSON_WRITER_H
#define TOLL_REPORT_JSON_WRITER_H

#include <stdint.h>

#include "base/str.h"

struct json_writer {
    struct str *str;
    unsigned depth;
    bool has_item; /* the value to come needs a comma before it */
    bool is_line;  /* all on one line: a message of a stream of JSON lines */
};

void json_open(struct json_writer *json, const char *key, char bracket); /* '{' or '[' */
void json_close(struct json_writer *json, char bracket);                 /* '}' or ']' */
void json_text(struct json_writer *json, const char *key, const char *text);
void json_u64(struct json_writer *json, const char *key, uint64_t value);
void json_number(struct json_writer *json, const char *key, double value);
void json_bool(struct json_writer *json, const char *key, bool value);
void json_nothing(struct json_writer *json, const char *key);
/* One newline behind the outermost value. */
void json_end(struct json_writer *json);

#endif
