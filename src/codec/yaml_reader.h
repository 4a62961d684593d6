/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml_reader: taking the values of a YAML file one by one, with messages that say the line, the column and what was expected.
 *
 *     could not read pipeline file 'toll.yaml': line 3, column 1: the file has no key 'knob'
 *     hint: did you mean 'knobs'?
 *
 * What is taken is copied into the arena. A key that is not there leaves its output untouched.
 */
#ifndef TOLL_CODEC_YAML_READER_H
#define TOLL_CODEC_YAML_READER_H

#include <stdint.h>

#include "base/arena.h"
#include "codec/yaml.h"

struct yaml_reader {
    const char *what; /* "pipeline file" */
    const char *path;
    struct arena *arena;
    struct err *err; /* not NULL */
};

/* Always fails, with ERR_INPUT and the place of `value` (of a member, that of its key). */
int yaml_refused(const struct yaml_reader *reader, const struct yaml_value *value, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Adds a hint: the allowed word that is near, else all of them. `allowed` ends with NULL. */
void yaml_suggest(const struct yaml_reader *reader, const char *word, const char *const *allowed);

/* The value is a map of nothing but these keys. `what` names it: "the file", "knob 'P'". */
WARN_UNUSED int yaml_check_keys(const struct yaml_reader *reader, const struct yaml_value *value,
                                const char *what, const char *const *allowed);

/* A text that is not empty. */
WARN_UNUSED int yaml_take_text(const struct yaml_reader *reader, const struct yaml_value *map,
                               const char *key, const char **ret_text);
/* A whole number. */
WARN_UNUSED int yaml_take_count(const struct yaml_reader *reader, const struct yaml_value *map,
                                const char *key, uint64_t least, uint64_t most, uint64_t *ret_count);
/* true or false. */
WARN_UNUSED int yaml_take_flag(const struct yaml_reader *reader, const struct yaml_value *map,
                               const char *key, bool *ret_flag);
/* One of the words; `choices` ends with NULL. */
WARN_UNUSED int yaml_take_choice(const struct yaml_reader *reader, const struct yaml_value *map,
                                 const char *key, const char *const *choices, const char **ret_text);
/* One text, or a list of 1 to `most` of them; NULL-terminated. */
WARN_UNUSED int yaml_take_texts(const struct yaml_reader *reader, const struct yaml_value *map,
                                const char *key, size_t most, const char *const **ret_texts,
                                size_t *ret_count);

#if defined(__clang_analyzer__) && !defined(YAML_REFUSED_IS_DEFINED_HERE)
#define yaml_refused(...) ERR_NEGATIVE(yaml_refused(__VA_ARGS__))
#endif

#endif
