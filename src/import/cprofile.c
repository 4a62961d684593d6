/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cProfile: what Profile.dump_stats writes, Python's marshal format (versions 0 to 4; Python/marshal.c) of
 * {(file, line, name): (primitive calls, calls, own seconds, cumulative seconds, callers)}.
 */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/vec.h"
#include "import/internal.h"

#define DEPTH_MAX  16u
#define VALUES_MAX 20000000u

enum kind { KIND_NOTHING, KIND_NUMBER, KIND_TEXT, KIND_TUPLE };

struct value {
    enum kind kind;
    double number;
    const char *text;
    struct value **items;
    size_t count;
};

struct marshal {
    const unsigned char *at, *end;
    struct arena *arena;
    VEC(struct value *) references;
    unsigned value_count;
    const char *why;
};

static struct value *value_read(struct marshal *marshal, unsigned depth, bool *ret_end);

static struct value *bad(struct marshal *marshal, const char *why)
{
    if (!marshal->why)
        marshal->why = why;
    return NULL;
}

static bool number_take(struct marshal *marshal, size_t size, uint64_t *ret_number)
{
    if ((size_t)(marshal->end - marshal->at) < size) {
        (void)bad(marshal, "it is cut short");
        return false;
    }
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++)
        number |= (uint64_t)marshal->at[i] << (8 * i);
    marshal->at += size;
    *ret_number = number;
    return true;
}

static struct value *text_take(struct marshal *marshal, struct value *value, size_t size_bytes)
{
    uint64_t length;
    if (!number_take(marshal, size_bytes, &length) || length > (uint64_t)(marshal->end - marshal->at))
        return bad(marshal, "it is cut short");
    value->kind = KIND_TEXT;
    value->text = arena_copy(marshal->arena, (const char *)marshal->at, (size_t)length);
    marshal->at += length;
    return value->text ? value : bad(marshal, "memory ran out");
}

static struct value *tuple_take(struct marshal *marshal, struct value *value, size_t size_bytes,
                                unsigned depth)
{
    uint64_t count;
    /* Each item takes a byte at least. */
    if (!number_take(marshal, size_bytes, &count) || count > (uint64_t)(marshal->end - marshal->at))
        return bad(marshal, "it is cut short");
    value->kind = KIND_TUPLE;
    value->items = arena_alloc(marshal->arena, ((size_t)count + 1) * sizeof(struct value *));
    if (!value->items)
        return bad(marshal, "memory ran out");
    for (; value->count < count; value->count++) {
        bool is_end = false;
        value->items[value->count] = value_read(marshal, depth + 1, &is_end);
        if (!value->items[value->count])
            return bad(marshal, "an item of a tuple is missing");
    }
    return value;
}

/* Callers: read for what later references mean, and dropped. */
static struct value *dictionary_skip(struct marshal *marshal, struct value *value, unsigned depth)
{
    for (;;) {
        bool is_end = false;
        if (!value_read(marshal, depth + 1, &is_end))
            return is_end ? value : bad(marshal, "a key of a dictionary is missing");
        if (!value_read(marshal, depth + 1, &is_end))
            return bad(marshal, "a value of a dictionary is missing");
    }
}

/* 15 bits in each of so many shorts; a negative count is a negative number. */
static struct value *long_take(struct marshal *marshal, struct value *value)
{
    uint64_t number, digit;
    if (!number_take(marshal, 4, &number))
        return NULL;
    int32_t count = (int32_t)(uint32_t)number;
    double scale = 1;
    for (int64_t i = 0; i < (count < 0 ? -(int64_t)count : count); i++) {
        if (!number_take(marshal, 2, &digit))
            return NULL;
        value->number += (double)digit * scale;
        scale *= 32768;
    }
    value->number = count < 0 ? -value->number : value->number;
    value->kind = KIND_NUMBER;
    return value;
}

static struct value *float_take(struct marshal *marshal, struct value *value)
{
    struct value text = {0};
    if (!text_take(marshal, &text, 1))
        return NULL;
    value->kind = KIND_NUMBER;
    value->number = strtod(text.text, NULL);
    return value;
}

static struct value *plain_take(struct marshal *marshal, struct value *value, char type)
{
    uint64_t number = 0;
    value->kind = KIND_NUMBER;
    switch (type) {
    case 'i':
        if (!number_take(marshal, 4, &number))
            return NULL;
        value->number = (double)(int32_t)(uint32_t)number;
        return value;
    case 'I':
        if (!number_take(marshal, 8, &number))
            return NULL;
        value->number = (double)(int64_t)number;
        return value;
    case 'g':
        if (!number_take(marshal, 8, &number))
            return NULL;
        value->number = num_double(number);
        return value;
    case 'l': return long_take(marshal, value);
    case 'f': return float_take(marshal, value);
    case 'T':
    case 'F': value->number = type == 'T'; return value;
    default: value->kind = KIND_NOTHING; return value;
    }
}

static struct value *reference_take(struct marshal *marshal)
{
    uint64_t index;
    if (!number_take(marshal, 4, &index))
        return NULL;
    if (index >= marshal->references.count || !marshal->references.items[index])
        return bad(marshal, "it refers to what is not there");
    return marshal->references.items[index];
}

/* NULL with *ret_end at the mark that ends a dictionary, NULL without when it is broken. */
static struct value *value_read(struct marshal *marshal, unsigned depth, bool *ret_end)
{
    uint64_t byte;
    if (depth > DEPTH_MAX || ++marshal->value_count > VALUES_MAX)
        return bad(marshal, "it is nested too deep, or too large");
    if (!number_take(marshal, 1, &byte))
        return NULL;
    char type = (char)(byte & 0x7f);
    if (type == '0') {
        *ret_end = true;
        return NULL;
    }
    if (type == 'r')
        return reference_take(marshal);
    struct value *value = arena_alloc(marshal->arena, sizeof *value);
    if (!value)
        return bad(marshal, "memory ran out");
    /* The place is taken before what is within: references count in the order of the beginnings. */
    if (byte & 0x80 && vec_push(&marshal->references, value))
        return bad(marshal, "memory ran out");
    switch (type) {
    case 's':
    case 't':
    case 'u':
    case 'a':
    case 'A': return text_take(marshal, value, 4);
    case 'z':
    case 'Z': return text_take(marshal, value, 1);
    case '(':
    case '[': return tuple_take(marshal, value, 4, depth);
    case ')': return tuple_take(marshal, value, 1, depth);
    case '{': return dictionary_skip(marshal, value, depth);
    case 'i':
    case 'I':
    case 'g':
    case 'l':
    case 'f':
    case 'T':
    case 'F':
    case 'N': return plain_take(marshal, value, type);
    default: return bad(marshal, "it holds a value that no profile has");
    }
}

/* A key and its value into the profile; what does not have the shape is counted as lost. */
static int entry_add(struct profile *profile, const struct value *key, const struct value *stats)
{
    bool holds = key->kind == KIND_TUPLE && key->count == 3 && key->items[0]->kind == KIND_TEXT &&
                 key->items[1]->kind == KIND_NUMBER && key->items[2]->kind == KIND_TEXT &&
                 stats->kind == KIND_TUPLE && stats->count >= 4;
    for (size_t i = 0; holds && i < 4; i++)
        holds = stats->items[i]->kind == KIND_NUMBER && stats->items[i]->number >= 0 &&
                stats->items[i]->number < 1e15;
    if (!holds) {
        profile->lost_count++;
        return 0;
    }
    const char *file = key->items[0]->text;
    size_t index = profile_function(profile, key->items[2]->text, strcmp(file, "~") == 0 ? "" : file,
                                    num_u64(key->items[1]->number));
    if (index == SIZE_MAX)
        return -1;
    struct profile_function *function = &profile->functions.items[index];
    function->call_count += num_u64(stats->items[1]->number);
    function->self += stats->items[2]->number * 1e9;
    function->total += stats->items[3]->number * 1e9;
    profile->whole += stats->items[2]->number * 1e9;
    return 0;
}

static int entries_read(struct marshal *marshal, const struct import_bytes *bytes, struct profile *profile,
                        struct err *err)
{
    for (;;) {
        bool is_end = false;
        const struct value *key = value_read(marshal, 1, &is_end);
        if (!key && is_end)
            return 0;
        const struct value *stats = key ? value_read(marshal, 1, &is_end) : NULL;
        if (!key || !stats)
            return import_not(bytes, "cProfile file", marshal->why ? marshal->why : "an entry has no value",
                              err);
        if (entry_add(profile, key, stats))
            return err_memory(err);
    }
}

bool cprofile_recognise(const struct import_bytes *bytes)
{
    return bytes->length > 2 && (bytes->bytes[0] & 0x7f) == '{' &&
           ((bytes->bytes[1] & 0x7f) == '(' || (bytes->bytes[1] & 0x7f) == ')' || bytes->bytes[1] == '0');
}

int cprofile_read(const struct import_bytes *bytes, struct profile *profile, struct err *err)
{
    struct arena arena = {0};
    struct marshal marshal = {.at = (const unsigned char *)bytes->bytes, .arena = &arena};
    struct value outermost = {0};
    marshal.end = marshal.at + bytes->length;
    profile->source = "cProfile";
    profile->measures = "time";
    profile->unit = PROFILE_NS;
    if (!cprofile_recognise(bytes))
        return import_not(bytes, "cProfile file", "it is none", err);
    if (*marshal.at++ & 0x80 && vec_push(&marshal.references, &outermost))
        return err_memory(err);
    int status = entries_read(&marshal, bytes, profile, err);
    vec_free(&marshal.references);
    arena_free(&arena);
    return status;
}
