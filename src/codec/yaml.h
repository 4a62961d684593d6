/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml: reading YAML 1.2 as a tree, by libfyaml. Every value knows its line, for messages about what it says.
 *
 * Nothing in a file is trusted: one document of at most YAML_BYTES_MAX bytes, well-formed UTF-8 without control characters, nested
 * YAML_DEPTH_MAX deep, of YAML_VALUES_MAX values. Keys are texts, once each. Tags (!name) are refused. An alias stands for
 * the value that its anchor named before: what it holds is shared, never copied, so aliases of aliases take no room; but a walk over
 * everything meets what is shared as often as it is named.
 *
 * Texts are bytes as the file has them: what a plain text means (a number, a duration) is for whoever asks. Values belong
 * to the root that yaml_read_… gave and live until it is freed. What is asked of NULL, or of a value of another kind, is
 * not there. Any thread, one root each.
 */
#ifndef TOLL_CODEC_YAML_H
#define TOLL_CODEC_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define YAML_BYTES_MAX   ((size_t)1 << 20)
#define YAML_DEPTH_MAX   32u
#define YAML_VALUES_MAX  20000u
#define YAML_MEMBERS_MAX 1000u /* of one map */
#define YAML_ANCHORS_MAX 100u

struct yaml_value;

enum yaml_kind { YAML_NOTHING, YAML_TEXT, YAML_LIST, YAML_MAP };

/* ERR_INPUT, with the line and the column, for what is no YAML or over a limit; ERR_ENVIRONMENT for a file that cannot be
 * read. `name` stands for the text in messages. An empty document is a root of kind YAML_NOTHING. */
WARN_UNUSED int yaml_read_file(const char *path, struct yaml_value **ret_root, struct err *err);
WARN_UNUSED int yaml_read_text(const char *text, size_t length, const char *name,
                               struct yaml_value **ret_root, struct err *err);
/* Of a root alone. NULL is allowed. */
void yaml_free(struct yaml_value *root);

/* YAML_NOTHING for NULL as well, and for an empty value, ~ and null. */
enum yaml_kind yaml_kind(const struct yaml_value *value);
/* "nothing", "text", "list", "map": for messages */
const char *yaml_kind_name(const struct yaml_value *value);
/* Where it begins, from 1; of a member, where its key does. 0 for NULL. */
unsigned yaml_line(const struct yaml_value *value);
unsigned yaml_column(const struct yaml_value *value);

/* Where the value itself stands: line and column from 1 (of a member, not its key's), and the bytes of a text in the file, those
 * between its quotes where it has some. No bytes (0 to 0) of what is no text, and of an alias, whose text stands elsewhere. */
struct yaml_place {
    unsigned line, column;
    size_t start, end;
};
struct yaml_place yaml_place(const struct yaml_value *value);
/* NULL when it is no text. */
const char *yaml_text(const struct yaml_value *value);
/* Written in quotes or as a block: a text even where it looks like something else. */
bool yaml_is_quoted(const struct yaml_value *value);

/* Items of a list, members of a map; 0 of everything else. */
size_t yaml_count(const struct yaml_value *value);
/* The first item or member, and what follows one; NULL behind the last:
 *     for (const struct yaml_value *at = yaml_first(map); at; at = yaml_next(at)) … yaml_key(at) … */
const struct yaml_value *yaml_first(const struct yaml_value *value);
const struct yaml_value *yaml_next(const struct yaml_value *value);
/* Of a member of a map; NULL of everything else. */
const char *yaml_key(const struct yaml_value *member);
const struct yaml_value *yaml_member(const struct yaml_value *map, const char *key);

#endif
