/* SPDX-License-Identifier: Apache-2.0 */
#define YAML_REFUSED_IS_DEFINED_HERE
#include "codec/yaml_reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/suggest.h"

#define WHY_MAX  400u
#define LIST_MAX 400u

int yaml_refused(const struct yaml_reader *reader, const struct yaml_value *value, const char *format, ...)
{
    char why[WHY_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    if (!yaml_line(value))
        return err_set(reader->err, ERR_INPUT, "could not read %s '%s': %s", reader->what, reader->path, why);
    return err_set(reader->err, ERR_INPUT, "could not read %s '%s': line %u, column %u: %s", reader->what,
                   reader->path, yaml_line(value), yaml_column(value), why);
}

void yaml_suggest(const struct yaml_reader *reader, const char *word, const char *const *allowed)
{
    char list[LIST_MAX] = "";
    size_t length = 0;
    const char *nearest = NULL;
    for (size_t i = 0; allowed[i]; i++)
        if (suggest_is_near(word, allowed[i]) &&
            (!nearest || suggest_distance(word, allowed[i]) < suggest_distance(word, nearest)))
            nearest = allowed[i];
    if (nearest) {
        err_hint(reader->err, "did you mean '%s'?", nearest);
        return;
    }
    for (size_t i = 0; allowed[i] && length < sizeof list; i++)
        length += (size_t)snprintf(list + length, sizeof list - length, "%s%s", i ? ", " : "", allowed[i]);
    err_hint(reader->err, "there are: %s", list);
}

int yaml_check_keys(const struct yaml_reader *reader, const struct yaml_value *value, const char *what,
                    const char *const *allowed)
{
    if (yaml_kind(value) == YAML_NOTHING)
        return yaml_refused(reader, value, "%s is empty", what);
    if (yaml_kind(value) != YAML_MAP)
        return yaml_refused(reader, value, "%s is a %s, not a map of keys", what, yaml_kind_name(value));
    for (const struct yaml_value *at = yaml_first(value); at; at = yaml_next(at)) {
        size_t i = 0;
        while (allowed[i] && strcmp(allowed[i], yaml_key(at)) != 0)
            i++;
        if (!allowed[i]) {
            int status = yaml_refused(reader, at, "%s has no key '%.64s'", what, yaml_key(at));
            yaml_suggest(reader, yaml_key(at), allowed);
            return status;
        }
    }
    return 0;
}

int yaml_take_text(const struct yaml_reader *reader, const struct yaml_value *map, const char *key,
                   const char **ret_text)
{
    const struct yaml_value *value = yaml_member(map, key);
    if (!value)
        return 0;
    if (!yaml_text(value) || !*yaml_text(value))
        return yaml_refused(reader, value, "'%s' is no text", key);
    const char *text = arena_string(reader->arena, yaml_text(value));
    if (!text)
        return err_memory(reader->err);
    *ret_text = text;
    return 0;
}

int yaml_take_count(const struct yaml_reader *reader, const struct yaml_value *map, const char *key,
                    uint64_t least, uint64_t most, uint64_t *ret_count)
{
    const struct yaml_value *value = yaml_member(map, key);
    uint64_t count;
    if (!value)
        return 0;
    if (!yaml_text(value) || num_parse_u64(yaml_text(value), &count) || count < least || count > most)
        return yaml_refused(reader, value, "'%s' is no whole number from %llu to %llu", key,
                            (unsigned long long)least, (unsigned long long)most);
    *ret_count = count;
    return 0;
}

int yaml_take_flag(const struct yaml_reader *reader, const struct yaml_value *map, const char *key,
                   bool *ret_flag)
{
    const struct yaml_value *value = yaml_member(map, key);
    const char *text = yaml_text(value);
    if (!value)
        return 0;
    if (!text || (strcmp(text, "true") != 0 && strcmp(text, "false") != 0))
        return yaml_refused(reader, value, "'%s' is neither true nor false", key);
    *ret_flag = *text == 't';
    return 0;
}

int yaml_take_texts(const struct yaml_reader *reader, const struct yaml_value *map, const char *key,
                    size_t most, const char *const **ret_texts, size_t *ret_count)
{
    const struct yaml_value *value = yaml_member(map, key);
    bool is_list = yaml_kind(value) == YAML_LIST;
    size_t count = is_list ? yaml_count(value) : 1, at = 0;
    if (!value)
        return 0;
    if (!count || count > most)
        return yaml_refused(reader, value, "'%s' is no list of 1 to %zu texts", key, most);
    const char **texts = arena_alloc(reader->arena, (count + 1) * sizeof *texts);
    if (!texts)
        return err_memory(reader->err);
    for (const struct yaml_value *item = is_list ? yaml_first(value) : value; at < count;
         item = yaml_next(item)) {
        if (!yaml_text(item) || !*yaml_text(item))
            return yaml_refused(reader, item ? item : value, "'%s' holds what is no text", key);
        texts[at] = arena_string(reader->arena, yaml_text(item));
        if (!texts[at++])
            return err_memory(reader->err);
    }
    *ret_texts = texts;
    *ret_count = count;
    return 0;
}

int yaml_take_choice(const struct yaml_reader *reader, const struct yaml_value *map, const char *key,
                     const char *const *choices, const char **ret_text)
{
    const struct yaml_value *value = yaml_member(map, key);
    int status = yaml_take_text(reader, map, key, ret_text);
    size_t i = 0;
    if (!value || status)
        return status;
    while (choices[i] && strcmp(choices[i], yaml_text(value)) != 0)
        i++;
    if (choices[i])
        return 0;
    status = yaml_refused(reader, value, "'%s' is no '%.40s'", key, yaml_text(value));
    yaml_suggest(reader, yaml_text(value), choices);
    return status;
}
