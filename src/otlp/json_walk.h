/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_walk: JSON (RFC 8259) walked in place: a value is a piece of the text, members and items are looked up in it by walking. A
 * piece that json_walk_whole has checked holds; walking what was not checked stops at what does not.
 */
#ifndef TOLL_OTLP_JSON_WALK_H
#define TOLL_OTLP_JSON_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "otlp/otlp.h"

#define JSON_WALK_DEPTH_MAX 64

/* One whole value and nothing but blanks around it; its depth is limited. *ret_offset is where it stops holding. */
bool json_walk_whole(struct otlp_text text, size_t *ret_offset);

/* The members of an object, the items of an array (key is empty); a value of another kind has none.
 *     struct json_walk at = json_walk_open(text);
 *     while (json_walk_next(&at)) … at.key, at.value */
struct json_walk {
    const char *at, *end;
    bool is_object;
    struct otlp_text key;   /* without quotes, escapes as they are */
    struct otlp_text value; /* from its first to its last byte */
};
struct json_walk json_walk_open(struct otlp_text text);
bool json_walk_next(struct json_walk *scan);

/* What a value is. A text comes without quotes; with escapes it is copied into the arena. False: of another kind (null too). */
bool json_walk_text(struct otlp_text value, struct arena *arena, struct otlp_text *ret_text);
/* Whole numbers, written as numbers or as texts; a double is cut. */
bool json_walk_u64(struct otlp_text value, uint64_t *ret_number);
bool json_walk_i64(struct otlp_text value, int64_t *ret_number);
/* A number, or a text with one in it ("NaN" and "Infinity" too). */
bool json_walk_double(struct otlp_text value, double *ret_number);
bool json_walk_bool(struct otlp_text value, bool *ret_bool);

#endif
