/* SPDX-License-Identifier: Apache-2.0 */
/* json_pick: what a source takes out of a JSON value, with what stands in where there is nothing of that kind. */
#ifndef TOLL_AGENTS_JSON_PICK_H
#define TOLL_AGENTS_JSON_PICK_H

#include "codec/json.h"

/* "" when there is no text at the path. */
const char *pick_text(const struct json_value *value, const char *path);
/* The first of several paths with a text that is not empty; ends with NULL. */
const char *pick_text_of(const struct json_value *value, const char *const *paths);
/* 0 when there is no number from 0 to 2^53 at the path; a fraction is cut off. A number in a text is one ("12"). */
uint64_t pick_count(const struct json_value *value, const char *path);
uint64_t pick_count_of(const struct json_value *value, const char *const *paths);
/* NAN when there is no number, and no text that is one. */
double pick_number(const struct json_value *value, const char *path);
/* A point in time in Unix nanoseconds: ISO 8601 in a text, or a number of seconds, milli-, micro- or nanoseconds since 1970, told
 * apart by its size. 0: there is none. */
int64_t pick_time(const struct json_value *value, const char *path);
/* Bytes of all texts in it, however deep: about what a result adds to a context. */
uint64_t pick_text_bytes(const struct json_value *value);
/* The first text in it, however deep (a message's content is a text, or parts with a text each); "". */
const char *pick_first_text(const struct json_value *value);

#endif
