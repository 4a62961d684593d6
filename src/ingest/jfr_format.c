/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/jfr_format.h"

#include <string.h>

#include "base/num.h"

#define HEADER_BYTES    JFR_FIRST_EVENT
#define DEPTH_MAX       24 /* of elements, and of structs in structs */
#define CLASS_MAX       65536
#define FIELD_COUNT_MAX 1000000
#define TEXT_MAX        65536
#define ATTRIBUTE_MAX   64
#define POOL_MAX        100000 /* pools of one chunk, one behind the other */
#define WORK_PER_BYTE   64
#define TYPE_METADATA   0
#define TYPE_POOL       1
#define CHUNK_BYTES_MAX (1ull << 40)

enum text_kind { TEXT_NULL, TEXT_EMPTY, TEXT_POOL, TEXT_UTF8, TEXT_CHARS, TEXT_LATIN1 };

/* --- bytes --- */

struct cursor {
    const uint8_t *bytes;
    size_t at, end;
    bool is_broken;
};

static struct cursor cursor_of(const struct jfr_chunk *chunk, size_t at)
{
    return (struct cursor){.bytes = chunk->bytes, .at = num_min(at, chunk->length), .end = chunk->length};
}

static uint64_t get_big(const uint8_t *bytes, size_t count)
{
    uint64_t value = 0;
    for (size_t i = 0; i < count; i++)
        value = value << 8 | bytes[i];
    return value;
}

static void pass(struct cursor *cursor, uint64_t count)
{
    if (count > cursor->end - cursor->at)
        cursor->is_broken = true;
    else
        cursor->at += (size_t)count;
}

static uint64_t take_number(struct cursor *cursor)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < 9; i++) {
        if (cursor->at >= cursor->end) {
            cursor->is_broken = true;
            return 0;
        }
        uint8_t byte = cursor->bytes[cursor->at++];
        if (i == 8)
            return value | (uint64_t)byte << 56;
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (!(byte & 0x80))
            break;
    }
    return value;
}

/* A text's bytes; what refers to a pool gives its key. */
struct text {
    enum text_kind kind;
    uint64_t count; /* bytes, or characters, or the key */
    size_t at;
};

static struct text take_text(struct cursor *cursor)
{
    struct text text = {0};
    if (cursor->at >= cursor->end) {
        cursor->is_broken = true;
        return text;
    }
    uint8_t kind = cursor->bytes[cursor->at++];
    if (kind > TEXT_LATIN1) {
        cursor->is_broken = true;
        return text;
    }
    text.kind = (enum text_kind)kind;
    if (kind >= TEXT_POOL)
        text.count = take_number(cursor);
    text.at = cursor->at;
    if (kind == TEXT_UTF8 || kind == TEXT_LATIN1)
        pass(cursor, text.count);
    if (kind == TEXT_CHARS) {
        if (text.count > cursor->end - cursor->at)
            cursor->is_broken = true;
        for (uint64_t i = 0; i < text.count && !cursor->is_broken; i++)
            take_number(cursor);
    }
    return text;
}

static void append_character(struct str *str, uint64_t c)
{
    if (c < 0x80) {
        str_printf(str, "%c", (int)(c ? c : '?'));
    } else if (c < 0x800) {
        str_printf(str, "%c%c", (int)(0xc0 | c >> 6), (int)(0x80 | (c & 0x3f)));
    } else {
        c = c > 0xffff || (c >= 0xd800 && c < 0xe000) ? 0xfffd : c;
        str_printf(str, "%c%c%c", (int)(0xe0 | c >> 12), (int)(0x80 | (c >> 6 & 0x3f)),
                   (int)(0x80 | (c & 0x3f)));
    }
}

static void append_text(const struct jfr_chunk *chunk, const struct text *text, struct str *str)
{
    struct cursor cursor = cursor_of(chunk, text->at);
    uint64_t count = num_min(text->count, TEXT_MAX);
    if (text->kind == TEXT_UTF8) {
        size_t length = strnlen((const char *)chunk->bytes + text->at, (size_t)count);
        str_append_bytes(str, (const char *)chunk->bytes + text->at, length);
    } else if (text->kind == TEXT_LATIN1 || text->kind == TEXT_CHARS) {
        for (uint64_t i = 0; i < count && !cursor.is_broken; i++)
            append_character(str,
                             text->kind == TEXT_CHARS ? take_number(&cursor) : chunk->bytes[text->at + i]);
    }
}

/* --- the metadata --- */

static bool strings_take(struct jfr_chunk *chunk, struct cursor *cursor)
{
    uint64_t count = take_number(cursor);
    struct str text = {0};
    bool is_ok = count <= cursor->end - cursor->at;
    for (uint64_t i = 0; i < count && is_ok && !cursor->is_broken; i++) {
        struct text found = take_text(cursor);
        if (cursor->is_broken)
            break;
        str_clear(&text);
        append_text(chunk, &found, &text);
        const char *kept = arena_printf(&chunk->arena, "%s", str_text(&text));
        is_ok = kept && !text.failed && !vec_push(&chunk->strings, kept);
    }
    str_free(&text);
    return is_ok && !cursor->is_broken;
}

static const char *string_take(const struct jfr_chunk *chunk, struct cursor *cursor)
{
    uint64_t index = take_number(cursor);
    return index < chunk->strings.count ? chunk->strings.items[index] : "";
}

struct element {
    const char *name;
    const char *id, *is_pool, *dimension, *named, *of; /* attributes; NULL: there is none */
};

static struct element element_take(const struct jfr_chunk *chunk, struct cursor *cursor)
{
    struct element element = {.name = string_take(chunk, cursor)};
    uint64_t count = take_number(cursor);
    for (uint64_t i = 0; i < count && i < ATTRIBUTE_MAX && !cursor->is_broken; i++) {
        const char *key = string_take(chunk, cursor), *value = string_take(chunk, cursor);
        if (strcmp(key, "id") == 0)
            element.id = value;
        else if (strcmp(key, "name") == 0)
            element.named = value;
        else if (strcmp(key, "class") == 0)
            element.of = value;
        else if (strcmp(key, "constantPool") == 0)
            element.is_pool = value;
        else if (strcmp(key, "dimension") == 0)
            element.dimension = value;
    }
    cursor->is_broken = cursor->is_broken || count > ATTRIBUTE_MAX;
    return element;
}

static enum jfr_kind kind_of(const char *name)
{
    static const struct {
        const char *name;
        enum jfr_kind kind;
    } known[] = {{"boolean", JFR_BYTE}, {"byte", JFR_BYTE},     {"char", JFR_NUMBER},
                 {"short", JFR_NUMBER}, {"int", JFR_NUMBER},    {"long", JFR_NUMBER},
                 {"float", JFR_FLOAT},  {"double", JFR_DOUBLE}, {"java.lang.String", JFR_STRING}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i].name, name) == 0)
            return known[i].kind;
    return JFR_STRUCT;
}

static bool class_add(struct jfr_chunk *chunk, const struct element *element)
{
    struct jfr_class class = {.name = element->named ? element->named : "",
                              .first_field = chunk->fields.count};
    if (!element->id || num_parse_u64(element->id, &class.id) || chunk->classes.count == CLASS_MAX)
        return false;
    class.kind = kind_of(class.name);
    return !map_put(&chunk->class_of, class.id, chunk->classes.count) && !vec_push(&chunk->classes, class);
}

static bool field_add(struct jfr_chunk *chunk, const struct element *element)
{
    struct jfr_field field = {.name = element->named ? element->named : "",
                              .is_pool = element->is_pool && strcmp(element->is_pool, "true") == 0,
                              .is_array = element->dimension && strcmp(element->dimension, "0") != 0};
    if (!chunk->classes.count || !element->of || num_parse_u64(element->of, &field.class_id) ||
        chunk->fields.count == FIELD_COUNT_MAX)
        return false;
    chunk->classes.items[chunk->classes.count - 1].field_count++;
    return !vec_push(&chunk->fields, field);
}

/* root > metadata > class > field; annotations and settings are passed over. */
static bool elements_take(struct jfr_chunk *chunk, struct cursor *cursor, unsigned depth, bool is_in_class)
{
    if (depth > DEPTH_MAX)
        return false;
    struct element element = element_take(chunk, cursor);
    bool is_class = !is_in_class && strcmp(element.name, "class") == 0, is_ok = !cursor->is_broken;
    if (is_ok && is_class)
        is_ok = class_add(chunk, &element);
    else if (is_ok && is_in_class && strcmp(element.name, "field") == 0)
        is_ok = field_add(chunk, &element);
    uint64_t count = take_number(cursor);
    for (uint64_t i = 0; i < count && is_ok && !cursor->is_broken; i++)
        is_ok = elements_take(chunk, cursor, depth + 1, is_class);
    return is_ok && !cursor->is_broken;
}

static bool metadata_take(struct jfr_chunk *chunk)
{
    struct cursor cursor = cursor_of(chunk, (size_t)chunk->metadata_at);
    take_number(&cursor); /* size */
    if (take_number(&cursor) != TYPE_METADATA)
        return false;
    for (int i = 0; i < 3; i++) /* time, duration, id */
        take_number(&cursor);
    if (!strings_take(chunk, &cursor) || !elements_take(chunk, &cursor, 0, false))
        return false;
    for (size_t i = 0; i < chunk->fields.count; i++) {
        const uint64_t *index = map_get(&chunk->class_of, chunk->fields.items[i].class_id);
        chunk->fields.items[i].class_index = index ? (uint32_t)*index : JFR_NONE;
    }
    return true;
}

/* --- values --- */

static void class_pass(struct jfr_chunk *chunk, struct cursor *cursor, uint32_t index, unsigned depth);

static bool work(struct jfr_chunk *chunk, struct cursor *cursor)
{
    if (!chunk->work_left)
        cursor->is_broken = true;
    else
        chunk->work_left--;
    return !cursor->is_broken;
}

static void one_pass(struct jfr_chunk *chunk, struct cursor *cursor, const struct jfr_field *field,
                     unsigned depth)
{
    if (field->is_pool)
        take_number(cursor);
    else
        class_pass(chunk, cursor, field->class_index, depth);
}

static void field_pass(struct jfr_chunk *chunk, struct cursor *cursor, const struct jfr_field *field,
                       unsigned depth)
{
    uint64_t count = field->is_array ? take_number(cursor) : 1;
    for (uint64_t i = 0; i < count && work(chunk, cursor); i++)
        one_pass(chunk, cursor, field, depth);
}

static void class_pass(struct jfr_chunk *chunk, struct cursor *cursor, uint32_t index, unsigned depth)
{
    if (index >= chunk->classes.count || depth > DEPTH_MAX || !work(chunk, cursor)) {
        cursor->is_broken = true;
        return;
    }
    const struct jfr_class *class = &chunk->classes.items[index];
    switch (class->kind) {
    case JFR_BYTE: pass(cursor, 1); break;
    case JFR_NUMBER: take_number(cursor); break;
    case JFR_FLOAT: pass(cursor, 4); break;
    case JFR_DOUBLE: pass(cursor, 8); break;
    case JFR_STRING: take_text(cursor); break;
    case JFR_STRUCT:
        for (size_t i = 0; i < class->field_count && !cursor->is_broken; i++)
            field_pass(chunk, cursor, &chunk->fields.items[class->first_field + i], depth + 1);
        break;
    }
}

static struct jfr_value value_take(struct jfr_chunk *chunk, struct cursor *cursor, uint32_t class_index,
                                   bool is_pool)
{
    struct jfr_value value = {.class_index = class_index, .at = cursor->at};
    enum jfr_kind kind =
        class_index < chunk->classes.count ? chunk->classes.items[class_index].kind : JFR_STRUCT;
    if (is_pool) {
        value.kind = JFR_IS_REFERENCE;
        value.number = take_number(cursor);
        return value;
    }
    if (kind == JFR_NUMBER) {
        value.kind = JFR_IS_NUMBER;
        value.number = take_number(cursor);
        return value;
    }
    value.kind = kind == JFR_STRING ? JFR_IS_TEXT : kind == JFR_STRUCT ? JFR_IS_STRUCT : JFR_IS_NOTHING;
    if (kind == JFR_BYTE && cursor->at < cursor->end) {
        value.kind = JFR_IS_NUMBER;
        value.number = cursor->bytes[cursor->at];
    }
    class_pass(chunk, cursor, class_index, 0);
    return value;
}

static struct jfr_value field_take(struct jfr_chunk *chunk, struct cursor *cursor,
                                   const struct jfr_field *field)
{
    if (!field->is_array)
        return value_take(chunk, cursor, field->class_index, field->is_pool);
    struct jfr_value value = {
        .kind = JFR_IS_ARRAY, .class_index = field->class_index, .is_pool = field->is_pool, .at = cursor->at};
    field_pass(chunk, cursor, field, 0);
    return value;
}

uint64_t jfr_array(const struct jfr_chunk *chunk, const struct jfr_value *array, size_t *ret_at)
{
    struct cursor cursor = cursor_of(chunk, array->at);
    uint64_t count = array->kind == JFR_IS_ARRAY ? take_number(&cursor) : 0;
    *ret_at = cursor.at;
    return cursor.is_broken ? 0 : count;
}

bool jfr_element(struct jfr_chunk *chunk, const struct jfr_value *array, size_t *at,
                 struct jfr_value *ret_value)
{
    struct cursor cursor = cursor_of(chunk, *at);
    if (!work(chunk, &cursor))
        return false;
    *ret_value = value_take(chunk, &cursor, array->class_index, array->is_pool);
    *at = cursor.at;
    return !cursor.is_broken;
}

/* --- pools --- */

static uint64_t pool_key(uint64_t class_id, uint64_t key)
{
    return map_hash(class_id * 0x9e3779b97f4a7c15ull) ^ key;
}

static bool pool_take(struct jfr_chunk *chunk, struct cursor *cursor)
{
    uint64_t class_id = take_number(cursor), count = take_number(cursor);
    const uint64_t *index = map_get(&chunk->class_of, class_id);
    if (!index || cursor->is_broken)
        return false;
    for (uint64_t i = 0; i < count && work(chunk, cursor); i++) {
        uint64_t key = take_number(cursor);
        size_t at = cursor->at;
        class_pass(chunk, cursor, (uint32_t)*index, 0);
        if (cursor->is_broken || map_put(&chunk->pool, pool_key(class_id, key), at))
            return false;
    }
    return !cursor->is_broken;
}

/* Each tells how far before it the one before lies; 0: it is the first. */
static bool pools_take(struct jfr_chunk *chunk)
{
    uint64_t at = chunk->pools_at;
    for (size_t i = 0; at && i < POOL_MAX; i++) {
        struct cursor cursor = cursor_of(chunk, (size_t)at);
        take_number(&cursor); /* size */
        if (take_number(&cursor) != TYPE_POOL)
            return false;
        take_number(&cursor); /* time, duration */
        take_number(&cursor);
        uint64_t before = take_number(&cursor);
        pass(&cursor, 1); /* what it is of */
        uint64_t count = take_number(&cursor);
        for (uint64_t k = 0; k < count && !cursor.is_broken; k++)
            if (!pool_take(chunk, &cursor))
                return false;
        if (cursor.is_broken)
            return false;
        uint64_t next = before ? at + before : 0; /* a negative number of 64 bits */
        if (next >= at)
            return next == 0;
        at = next;
    }
    return true;
}

struct jfr_value jfr_follow(const struct jfr_chunk *chunk, const struct jfr_value *value)
{
    struct jfr_value found = {.kind = JFR_IS_NOTHING};
    if (value->kind != JFR_IS_REFERENCE)
        return *value;
    if (value->class_index >= chunk->classes.count)
        return found;
    const struct jfr_class *class = &chunk->classes.items[value->class_index];
    const uint64_t *at = map_get(&chunk->pool, pool_key(class->id, value->number));
    if (!at)
        return found;
    found.kind = class->kind == JFR_STRING ? JFR_IS_TEXT : JFR_IS_STRUCT;
    found.class_index = value->class_index;
    found.at = (size_t)*at;
    return found;
}

struct jfr_value jfr_part(struct jfr_chunk *chunk, const struct jfr_value *of, const char *name)
{
    struct jfr_value whole = jfr_follow(chunk, of);
    if (whole.kind != JFR_IS_STRUCT || whole.class_index >= chunk->classes.count)
        return (struct jfr_value){.kind = JFR_IS_NOTHING};
    const struct jfr_class *class = &chunk->classes.items[whole.class_index];
    struct cursor cursor = cursor_of(chunk, whole.at);
    for (size_t i = 0; i < class->field_count && work(chunk, &cursor); i++) {
        const struct jfr_field *field = &chunk->fields.items[class->first_field + i];
        struct jfr_value value = field_take(chunk, &cursor, field);
        if (!cursor.is_broken && strcmp(field->name, name) == 0)
            return value;
    }
    return (struct jfr_value){.kind = JFR_IS_NOTHING};
}

static void text_append(struct jfr_chunk *chunk, const struct jfr_value *value, struct str *ret_text,
                        unsigned depth)
{
    struct jfr_value whole = jfr_follow(chunk, value);
    struct cursor cursor = cursor_of(chunk, whole.at);
    if (depth > DEPTH_MAX || whole.class_index >= chunk->classes.count || !work(chunk, &cursor))
        return;
    if (whole.kind == JFR_IS_TEXT) {
        struct text text = take_text(&cursor);
        if (text.kind == TEXT_POOL)
            text_append(chunk,
                        &(struct jfr_value){
                            .kind = JFR_IS_REFERENCE, .number = text.count, .class_index = whole.class_index},
                        ret_text, depth + 1);
        else if (!cursor.is_broken)
            append_text(chunk, &text, ret_text);
    } else if (whole.kind == JFR_IS_STRUCT && chunk->classes.items[whole.class_index].field_count) {
        const struct jfr_field *first =
            &chunk->fields.items[chunk->classes.items[whole.class_index].first_field];
        struct jfr_value part = field_take(chunk, &cursor, first);
        if (!cursor.is_broken)
            text_append(chunk, &part, ret_text, depth + 1);
    }
}

void jfr_text(struct jfr_chunk *chunk, const struct jfr_value *value, struct str *ret_text)
{
    text_append(chunk, value, ret_text, 0);
}

/* --- events --- */

bool jfr_event_next(const struct jfr_chunk *chunk, size_t *at, struct jfr_event *ret_event)
{
    while (*at < chunk->length) {
        struct cursor cursor = cursor_of(chunk, *at);
        uint64_t size = take_number(&cursor);
        if (cursor.is_broken || size < 2 || size > chunk->length - *at)
            return false;
        struct jfr_event event = {.end = *at + (size_t)size};
        cursor.end = event.end;
        uint64_t class_id = take_number(&cursor);
        const uint64_t *index = map_get(&chunk->class_of, class_id);
        *at = event.end;
        if (class_id == TYPE_METADATA || class_id == TYPE_POOL || !index || cursor.is_broken)
            continue;
        event.class_index = (uint32_t)*index;
        event.at = cursor.at;
        *ret_event = event;
        return true;
    }
    return false;
}

bool jfr_event_fields(struct jfr_chunk *chunk, const struct jfr_event *event, struct jfr_value *ret_values)
{
    const struct jfr_class *class = &chunk->classes.items[event->class_index];
    struct cursor cursor = cursor_of(chunk, event->at);
    cursor.end = event->end;
    for (size_t i = 0; i < JFR_FIELD_MAX; i++)
        ret_values[i] = (struct jfr_value){.kind = JFR_IS_NOTHING};
    for (size_t i = 0; i < class->field_count && i < JFR_FIELD_MAX && work(chunk, &cursor); i++)
        ret_values[i] = field_take(chunk, &cursor, &chunk->fields.items[class->first_field + i]);
    return !cursor.is_broken;
}

struct jfr_value jfr_value_named(const struct jfr_chunk *chunk, uint32_t class_index,
                                 const struct jfr_value *values, const char *name)
{
    const struct jfr_class *class = &chunk->classes.items[class_index];
    for (size_t i = 0; i < class->field_count && i < JFR_FIELD_MAX; i++)
        if (strcmp(chunk->fields.items[class->first_field + i].name, name) == 0)
            return values[i];
    return (struct jfr_value){.kind = JFR_IS_NOTHING};
}

uint32_t jfr_class_find(const struct jfr_chunk *chunk, const char *name)
{
    for (size_t i = 0; i < chunk->classes.count; i++)
        if (strcmp(chunk->classes.items[i].name, name) == 0)
            return (uint32_t)i;
    return JFR_NONE;
}

/* --- the chunk --- */

enum jfr_result jfr_chunk_read(const uint8_t *bytes, size_t length, struct jfr_chunk *ret_chunk)
{
    *ret_chunk = (struct jfr_chunk){.bytes = bytes};
    if (length < HEADER_BYTES || memcmp(bytes, "FLR", 4) != 0)
        return JFR_NO_CHUNK;
    uint64_t size = get_big(bytes + 8, 8);
    if (get_big(bytes + 4, 2) != 2 || !(get_big(bytes + 64, 4) & 1)) /* version; numbers are packed */
        return JFR_OTHER_VERSION;
    ret_chunk->pools_at = get_big(bytes + 16, 8);
    ret_chunk->metadata_at = get_big(bytes + 24, 8);
    ret_chunk->start_ns = get_big(bytes + 32, 8);
    ret_chunk->start_ticks = get_big(bytes + 48, 8);
    ret_chunk->ticks_per_s = get_big(bytes + 56, 8);
    if (size > length || size < HEADER_BYTES || size > CHUNK_BYTES_MAX || ret_chunk->metadata_at == 0)
        return JFR_CUT;
    ret_chunk->length = (size_t)size;
    ret_chunk->work_left = WORK_PER_BYTE * size;
    if (!ret_chunk->ticks_per_s || ret_chunk->metadata_at >= size || ret_chunk->pools_at >= size ||
        !metadata_take(ret_chunk) || !pools_take(ret_chunk))
        return JFR_BROKEN;
    return JFR_OK;
}

void jfr_chunk_free(struct jfr_chunk *chunk)
{
    arena_free(&chunk->arena);
    vec_free(&chunk->strings);
    vec_free(&chunk->classes);
    vec_free(&chunk->fields);
    map_free(&chunk->class_of);
    map_free(&chunk->pool);
}
