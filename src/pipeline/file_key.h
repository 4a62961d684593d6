/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_key: one value of a configuration file, read and changed; every other byte of it stays.
 *
 * The format goes by the name: JSON (.json), YAML (.yaml, .yml), else lines of keys: `key = value`, `key: value`, `key value`, under
 * [section]s or not, as in INI, .properties and most servers' files. A key is written with full stops: "pool.size" is key `size` of
 * the map or section `pool`, or a key of that whole name; "servers.0.port" the first of a list. Of a key that is on several lines the last one counts.
 */
#ifndef TOLL_PIPELINE_FILE_KEY_H
#define TOLL_PIPELINE_FILE_KEY_H

#include <stddef.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/str.h"

#define FILE_KEY_BYTES_MAX ((size_t)1 << 20)
#define FILE_KEY_KEPT_SUFFIX                                                                                 \
    ".toll-kept" /* of the copy beside a file that is changed now (pipeline_command.h) */

/* The value of a key, as text, in the arena: that of the kept copy where there is one, as the file will be put back. ERR_INPUT when the file has no such key or a value that is no single text. */
WARN_UNUSED int file_key_read(const char *path, const char *key, struct arena *arena, const char **ret_value,
                              struct err *err);

/* Replaces the file by one with that value; mode stays, a link stays one. */
WARN_UNUSED int file_key_write(const char *path, const char *key, const char *value, struct err *err);

/* The change on a text: what it would become is appended to ret_text. `path` says the format. */
WARN_UNUSED int file_key_change(const char *text, size_t length, const char *path, const char *key,
                                const char *value, struct str *ret_text, struct err *err);

/* Replaces a file by these bytes, with the owner and the mode that it had. `path` is no link. */
WARN_UNUSED int file_key_put(const char *path, const void *bytes, size_t length, const struct stat *about,
                             struct err *err);

#endif
