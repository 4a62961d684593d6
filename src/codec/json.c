/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/fs.h"
#include "base/str.h"

#define KEY_BYTES_MAX 256
#define EXACT_MAX     0x1p53

/* A struct json_value is a json_t that others cannot see into. jansson's look-ups take no const but change nothing. */
static json_t *inside(const struct json_value *value)
{
    return (json_t *)(uintptr_t)value;
}

static const struct json_value *outside(const json_t *json)
{
    return (const struct json_value *)json;
}

/* jansson quotes the place from the file: only what cannot steer a terminal is passed on. */
static int refused(struct err *err, const char *name, const json_error_t *error)
{
    char text[JSON_ERROR_TEXT_LENGTH];
    size_t length = 0;

    if (json_error_code(error) == json_error_out_of_memory)
        return err_memory(err);
    for (const char *at = error->text; *at && length + 1 < sizeof text; at++)
        text[length++] = *at < ' ' || *at > '~' ? '?' : *at;
    text[length] = '\0';
    return err_set(err, ERR_INPUT, "could not read JSON '%s': line %d, column %d: %s", name, error->line,
                   error->column, text);
}

static int read_json(const char *text, size_t length, const char *name, size_t flags,
                     struct json_value **ret_root, size_t *ret_length, struct err *err)
{
    json_error_t error;

    if (length > JSON_BYTES_MAX)
        return err_set(err, ERR_INPUT, "could not read JSON '%s': it is over %zu bytes", name,
                       JSON_BYTES_MAX);
    json_t *root = json_loadb(text, length, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | flags, &error);
    if (!root)
        return refused(err, name, &error);
    *ret_root = (struct json_value *)root;
    if (ret_length)
        *ret_length = error.position > 0 && (size_t)error.position < length ? (size_t)error.position : length;
    return 0;
}

int json_read_text(const char *text, size_t length, const char *name, struct json_value **ret_root,
                   struct err *err)
{
    return read_json(text, length, name, 0, ret_root, NULL, err);
}

int json_read_lead(const char *text, size_t length, const char *name, struct json_value **ret_root,
                   size_t *ret_length, struct err *err)
{
    return read_json(text, length, name, JSON_DISABLE_EOF_CHECK, ret_root, ret_length, err);
}

int json_read_file(const char *path, struct json_value **ret_root, struct err *err)
{
    struct str text = {0};
    int status = fs_read(path, JSON_BYTES_MAX, &text, err);

    if (!status)
        status = json_read_text(str_text(&text), text.length, path, ret_root, err);
    str_free(&text);
    return status;
}

void json_free(struct json_value *root)
{
    json_decref((json_t *)root);
}

enum json_kind json_kind(const struct json_value *value)
{
    if (!value)
        return JSON_KIND_NULL;
    switch (json_typeof(inside(value))) {
    case JSON_OBJECT: return JSON_KIND_OBJECT;
    case JSON_ARRAY: return JSON_KIND_ARRAY;
    case JSON_STRING: return JSON_KIND_TEXT;
    case JSON_INTEGER:
    case JSON_REAL: return JSON_KIND_NUMBER;
    case JSON_TRUE:
    case JSON_FALSE: return JSON_KIND_BOOL;
    case JSON_NULL: break;
    }
    return JSON_KIND_NULL;
}

const char *json_kind_name(const struct json_value *value)
{
    static const char *const names[] = {"null", "bool", "number", "text", "array", "object"};
    return names[json_kind(value)];
}

const struct json_value *json_member(const struct json_value *value, const char *key)
{
    /* NULL, and every kind but an object, gives NULL. */
    return outside(json_object_get(inside(value), key));
}

const struct json_value *json_find(const struct json_value *value, const char *path)
{
    while (value && path && *path) {
        char key[KEY_BYTES_MAX];
        size_t length = strcspn(path, ".");
        if (length >= sizeof key)
            return NULL;
        memcpy(key, path, length);
        key[length] = '\0';
        value = json_member(value, key);
        path += length + (path[length] == '.');
    }
    return value;
}

static const struct json_value *find_kind(const struct json_value *value, const char *path,
                                          enum json_kind kind)
{
    const struct json_value *found = json_find(value, path);
    return found && json_kind(found) == kind ? found : NULL;
}

bool json_find_number(const struct json_value *value, const char *path, double *ret_number)
{
    const struct json_value *found = find_kind(value, path, JSON_KIND_NUMBER);
    if (found)
        *ret_number = json_number_value(inside(found));
    return found;
}

bool json_find_count(const struct json_value *value, const char *path, uint64_t *ret_count)
{
    double number;
    if (!json_find_number(value, path, &number) || number < 0 || number > EXACT_MAX ||
        number != floor(number))
        return false;
    *ret_count = (uint64_t)number;
    return true;
}

bool json_find_text(const struct json_value *value, const char *path, const char **ret_text)
{
    const struct json_value *found = find_kind(value, path, JSON_KIND_TEXT);
    if (found)
        *ret_text = json_string_value(inside(found));
    return found;
}

bool json_find_bool(const struct json_value *value, const char *path, bool *ret_bool)
{
    const struct json_value *found = find_kind(value, path, JSON_KIND_BOOL);
    if (found)
        *ret_bool = json_is_true(inside(found));
    return found;
}

const struct json_value *json_find_array(const struct json_value *value, const char *path)
{
    return find_kind(value, path, JSON_KIND_ARRAY);
}

const struct json_value *json_find_object(const struct json_value *value, const char *path)
{
    return find_kind(value, path, JSON_KIND_OBJECT);
}

size_t json_count(const struct json_value *value)
{
    /* Each is 0 for a value that is not of its kind, and for NULL. */
    return json_array_size(inside(value)) + json_object_size(inside(value));
}

const struct json_value *json_item(const struct json_value *array, size_t index)
{
    return outside(json_array_get(inside(array), index));
}

static struct json_member_at member_at(const struct json_value *object, void *place)
{
    struct json_member_at at = {.object = object, .place = place};
    if (place) {
        at.key = json_object_iter_key(place);
        at.value = outside(json_object_iter_value(place));
    }
    return at;
}

struct json_member_at json_members(const struct json_value *object)
{
    return member_at(object, json_object_iter(inside(object)));
}

void json_members_next(struct json_member_at *at)
{
    *at = member_at(at->object, json_object_iter_next(inside(at->object), at->place));
}
