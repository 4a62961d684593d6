/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/file_key.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/num.h"
#include "codec/yaml.h"
#include "codec/yaml_write.h"

enum format { FORMAT_JSON, FORMAT_YAML, FORMAT_LINES };

/* Where a value stands: its bytes, without quotes. */
struct spot {
    size_t start, end;
    char quote; /* ", ' or 0 */
};

struct source {
    const char *text;
    size_t length;
    const char *path, *key;
    enum format format;
};

static enum format format_of(const char *path)
{
    if (str_ends(path, ".json"))
        return FORMAT_JSON;
    return str_ends(path, ".yaml") || str_ends(path, ".yml") ? FORMAT_YAML : FORMAT_LINES;
}

static int refused(const struct source *source, const char *why, struct err *err)
{
    return err_set(err, ERR_INPUT, "could not find key '%.100s' in '%s': %s", source->key, source->path, why);
}

/* What is left of the path behind a key of that name; NULL when it is another. "" is the end. */
static const char *behind(const char *path, const char *name)
{
    size_t length = strlen(name);
    if (strncmp(path, name, length) != 0 || (path[length] && path[length] != '.'))
        return NULL;
    return path[length] ? path + length + 1 : path + length;
}

static const struct yaml_value *find(const struct yaml_value *value, const char *path, unsigned depth)
{
    uint64_t index = 0;
    char number[24];
    if (!*path)
        return value;
    if (depth == 0 || (yaml_kind(value) != YAML_MAP && yaml_kind(value) != YAML_LIST))
        return NULL;
    for (const struct yaml_value *at = yaml_first(value); at; at = yaml_next(at), index++) {
        snprintf(number, sizeof number, "%llu", (unsigned long long)index);
        const char *rest = behind(path, yaml_kind(value) == YAML_MAP ? yaml_key(at) : number);
        const struct yaml_value *found = rest ? find(at, rest, depth - 1) : NULL;
        if (found)
            return found;
    }
    return NULL;
}

static int spot_in_tree(const struct source *source, struct spot *ret_spot, struct arena *arena,
                        const char **ret_value, struct err *err)
{
    struct yaml_value *root = NULL;
    int status = yaml_read_text(source->text, source->length, source->path, &root, err);
    if (status)
        return status;
    const struct yaml_value *value = find(root, source->key, YAML_DEPTH_MAX);
    struct yaml_place place = yaml_place(value);
    struct spot spot = {place.start, place.end, 0};
    if (yaml_is_quoted(value) && place.start)
        spot.quote = source->text[place.start - 1];
    if (!value)
        status = refused(source, "it is not there", err);
    else if (yaml_kind(value) != YAML_TEXT)
        status = refused(source, "it is no single value", err);
    else if (place.start == place.end && *yaml_text(value))
        status = refused(source, "it is an alias of a value that stands elsewhere", err);
    else if (yaml_is_quoted(value) && spot.quote != '"' && spot.quote != '\'')
        status = refused(source, "it is a block of text", err);
    if (!status && ret_value) {
        *ret_value = arena_string(arena, yaml_text(value));
        status = *ret_value ? 0 : err_memory(err);
    }
    if (!status)
        *ret_spot = spot;
    yaml_free(root);
    return status;
}

/* The value of a line from `at` to `end`, without its quotes, and without what is a comment or ends a statement. */
static struct spot value_spot(const char *text, size_t at, size_t end)
{
    struct spot spot = {at, end, 0};
    if (at < end && (text[at] == '"' || text[at] == '\'')) {
        const char *close = memchr(text + at + 1, text[at], end - at - 1);
        if (close)
            return (struct spot){at + 1, (size_t)(close - text), text[at]};
    }
    for (size_t i = at; i < end; i++)
        if ((text[i] == '#' || text[i] == ';') && (i == at || isblank((unsigned char)text[i - 1]))) {
            spot.end = i;
            break;
        }
    while (spot.end > at && isspace((unsigned char)text[spot.end - 1]))
        spot.end--;
    if (spot.end > at && text[spot.end - 1] == ';')
        spot.end--;
    return spot;
}

/* The last line that sets the key; "section.name" within [section], or of that whole name outside. */
static int spot_in_lines(const struct source *source, struct spot *ret_spot, struct err *err)
{
    const char *text = source->text;
    size_t section = 0, section_length = 0;
    bool is_found = false;
    for (size_t line = 0, end; line < source->length; line = end + 1) {
        const char *newline = memchr(text + line, '\n', source->length - line);
        end = newline ? (size_t)(newline - text) : source->length;
        size_t at = line;
        while (at < end && isblank((unsigned char)text[at]))
            at++;
        const char *close = at < end && text[at] == '[' ? memchr(text + at, ']', end - at) : NULL;
        if (close) {
            section = at + 1;
            section_length = (size_t)(close - text) - section;
            continue;
        }
        size_t name = at;
        while (at < end && !isspace((unsigned char)text[at]) && !strchr("=:", text[at]))
            at++;
        size_t length = at - name, key_length = strlen(source->key);
        bool is_whole = key_length == length && memcmp(source->key, text + name, length) == 0,
             is_within = section_length && key_length == section_length + 1 + length &&
                         memcmp(source->key, text + section, section_length) == 0 &&
                         source->key[section_length] == '.' &&
                         memcmp(source->key + section_length + 1, text + name, length) == 0;
        if (!length || !(section_length ? is_within : is_whole))
            continue;
        while (at < end && isblank((unsigned char)text[at]))
            at++;
        at += at < end && strchr("=:", text[at]);
        while (at < end && isblank((unsigned char)text[at]))
            at++;
        *ret_spot = value_spot(text, at, end);
        is_found = true;
    }
    return is_found ? 0 : refused(source, "it is not there", err);
}

/* `value` as it belongs between these quotes. */
static int value_write(const struct source *source, const struct spot *spot, const char *value,
                       struct str *text, struct err *err)
{
    double number;
    for (const char *at = value; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            return err_set(err, ERR_USAGE,
                           "could not set key '%.100s' of '%s': the value holds a byte that is no text",
                           source->key, source->path);
    bool is_word =
        !num_parse_double(value, &number) || strcmp(value, "true") == 0 || strcmp(value, "false") == 0;
    if (source->format == FORMAT_YAML && !spot->quote) {
        yaml_write_text(text, value);
        return 0;
    }
    char quote = spot->quote ? spot->quote : source->format == FORMAT_JSON && !is_word ? '"' : 0;
    if (source->format == FORMAT_LINES && quote && strchr(value, quote))
        return err_set(err, ERR_USAGE, "could not set key '%.100s' of '%s': the value holds a %c",
                       source->key, source->path, quote);
    bool adds = quote && !spot->quote;
    if (adds)
        str_append(text, "\"");
    for (const char *at = value; *at; at++) {
        bool is_special = (quote == '"' && strchr("\"\\", *at)) || (quote == '\'' && *at == '\'');
        if (is_special && source->format != FORMAT_LINES)
            str_append(text, quote == '"' ? "\\" : "'");
        str_append_bytes(text, at, 1);
    }
    if (adds)
        str_append(text, "\"");
    return 0;
}

static int locate(const struct source *source, struct spot *ret_spot, struct arena *arena,
                  const char **ret_value, struct err *err)
{
    if (source->format != FORMAT_LINES)
        return spot_in_tree(source, ret_spot, arena, ret_value, err);
    int status = spot_in_lines(source, ret_spot, err);
    if (status || !ret_value)
        return status;
    *ret_value = arena_copy(arena, source->text + ret_spot->start, ret_spot->end - ret_spot->start);
    return *ret_value ? 0 : err_memory(err);
}

int file_key_change(const char *text, size_t length, const char *path, const char *key, const char *value,
                    struct str *ret_text, struct err *err)
{
    struct source source = {text, length, path, key, format_of(path)};
    struct spot spot;
    struct str changed = {0};
    struct arena arena = {0};
    const char *again = NULL;
    int status = locate(&source, &spot, NULL, NULL, err);
    if (status)
        return status;
    str_append_bytes(&changed, text, spot.start);
    status = value_write(&source, &spot, value, &changed, err);
    str_append_bytes(&changed, text + spot.end, length - spot.end);
    if (!status && changed.failed)
        status = err_memory(err);
    /* What cannot be read back would be measured as something else. */
    source.text = str_text(&changed);
    source.length = changed.length;
    if (!status)
        status = locate(&source, &spot, &arena, &again, err);
    if (!status && strcmp(again, value) != 0)
        status =
            err_set(err, ERR_INPUT, "could not set key '%.100s' of '%s' to '%.100s': it reads '%.100s' then",
                    key, path, value, again);
    if (!status)
        str_append_bytes(ret_text, source.text, source.length);
    if (!status && ret_text->failed)
        status = err_memory(err);
    arena_free(&arena);
    str_free(&changed);
    return status;
}

/* Of a file that is changed now, or was by a toll that was killed, the bytes before. */
static int read_as_kept(const char *path, struct str *text, struct err *err)
{
    char *real = realpath(path, NULL);
    struct str copy = {0};
    str_printf(&copy, "%s" FILE_KEY_KEPT_SUFFIX, real ? real : path);
    bool is_kept = real && !copy.failed && access(copy.text, F_OK) == 0 &&
                   fs_read(copy.text, FILE_KEY_BYTES_MAX, text, NULL) == 0;
    str_free(&copy);
    free(real);
    if (is_kept)
        return 0;
    str_free(text);
    return fs_read(path, FILE_KEY_BYTES_MAX, text, err);
}

int file_key_read(const char *path, const char *key, struct arena *arena, const char **ret_value,
                  struct err *err)
{
    struct str text = {0};
    struct spot spot;
    int status = read_as_kept(path, &text, err);
    struct source source = {str_text(&text), text.length, path, key, format_of(path)};
    if (!status)
        status = locate(&source, &spot, arena, ret_value, err);
    str_free(&text);
    return status;
}

int file_key_put(const char *path, const void *bytes, size_t length, const struct stat *about,
                 struct err *err)
{
    int status = fs_replace(path, bytes, length, about->st_mode & 07777, err);
    /* Who may not give a file away keeps it. */
    if (!status && chown(path, about->st_uid, about->st_gid) != 0 && errno != EPERM)
        return err_errno(err, errno, "could not write file '%s'", path);
    if (!status && chmod(path, about->st_mode & 07777) != 0)
        return err_errno(err, errno, "could not write file '%s'", path);
    return status;
}

int file_key_write(const char *path, const char *key, const char *value, struct err *err)
{
    struct str text = {0}, changed = {0};
    struct stat about;
    char *real = realpath(path, NULL);
    int status = real && stat(real, &about) == 0
                     ? fs_read(real, FILE_KEY_BYTES_MAX, &text, err)
                     : err_set(err, ERR_ENVIRONMENT, "could not open file '%s': it is not there", path);
    if (!status)
        status = file_key_change(str_text(&text), text.length, path, key, value, &changed, err);
    if (!status)
        status = file_key_put(real, str_text(&changed), changed.length, &about, err);
    free(real);
    str_free(&text);
    str_free(&changed);
    return status;
}
