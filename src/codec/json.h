/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json: reading JSON (RFC 8259) as a tree, by libjansson. Writing is report/json_writer.h.
 *
 * Nothing in a file is trusted: its size is limited, its depth too (2048, jansson's own limit), its texts are well-formed
 * UTF-8 without NUL. Every number is a double, so a whole number is exact up to 2^53. Of a key that occurs twice the last
 * value counts. Values belong to the root that json_read_… gave and live until it is freed. Any thread, one root each.
 *
 * A path is keys with full stops between them ("latencies.99th"); NULL is the value itself. Keys that hold a full stop go
 * through json_member. What is asked of NULL, or of a value of another kind, is not there: so look-ups chain, and one
 * check at their end is enough.
 */
#ifndef TOLL_CODEC_JSON_H
#define TOLL_CODEC_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define JSON_BYTES_MAX ((size_t)256 << 20)

struct json_value;

enum json_kind {
    JSON_KIND_NULL,
    JSON_KIND_BOOL,
    JSON_KIND_NUMBER,
    JSON_KIND_TEXT,
    JSON_KIND_ARRAY,
    JSON_KIND_OBJECT
};

/* ERR_INPUT, with the line and the column, for what is no JSON or too large; ERR_ENVIRONMENT for a file that cannot be
 * read. `name` stands for the text in messages. json_read_lead reads the one value at the start of a text and says where
 * it ends; what follows is not looked at (a stream of values, one a line). */
WARN_UNUSED int json_read_file(const char *path, struct json_value **ret_root, struct err *err);
WARN_UNUSED int json_read_text(const char *text, size_t length, const char *name,
                               struct json_value **ret_root, struct err *err);
WARN_UNUSED int json_read_lead(const char *text, size_t length, const char *name,
                               struct json_value **ret_root, size_t *ret_length, struct err *err);
/* Of a root alone. NULL is allowed. */
void json_free(struct json_value *root);

/* JSON_KIND_NULL for NULL as well. */
enum json_kind json_kind(const struct json_value *value);
/* "object", "array", … for messages */
const char *json_kind_name(const struct json_value *value);

/* What is at the end of a path; NULL when it is not there. */
const struct json_value *json_find(const struct json_value *value, const char *path);
/* The value of one key of an object, whatever characters it holds. */
const struct json_value *json_member(const struct json_value *value, const char *key);

/* true and the value when there is one of that kind at the path. A count is a whole number from 0 to 2^53. */
bool json_find_number(const struct json_value *value, const char *path, double *ret_number);
bool json_find_count(const struct json_value *value, const char *path, uint64_t *ret_count);
bool json_find_text(const struct json_value *value, const char *path, const char **ret_text);
bool json_find_bool(const struct json_value *value, const char *path, bool *ret_bool);
/* As json_find, and NULL when it is of another kind. */
const struct json_value *json_find_array(const struct json_value *value, const char *path);
const struct json_value *json_find_object(const struct json_value *value, const char *path);

/* Items of an array, members of an object; 0 of everything else. */
size_t json_count(const struct json_value *value);
/* NULL behind the last. */
const struct json_value *json_item(const struct json_value *array, size_t index);

/* The members of an object in the order of the file:
 *     for (struct json_member_at at = json_members(object); at.value; json_members_next(&at)) … at.key, at.value */
struct json_member_at {
    const struct json_value *object;
    void *place;
    const char *key;
    const struct json_value *value; /* NULL: no more */
};
struct json_member_at json_members(const struct json_value *object);
void json_members_next(struct json_member_at *at);

#endif
