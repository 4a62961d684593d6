/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pprof: profiles of Go and others, profile.proto of github.com/google/pprof, gzipped or not. The numbers of fields are those of that
 * file. Of several values of a sample the default one counts, else the last, as `go tool pprof` does.
 */
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "base/num.h"
#include "codec/gzip.h"
#include "codec/protobuf.h"
#include "import/internal.h"

#define UNPACKED_BYTES_MAX ((size_t)512 << 20)
#define VALUES_MAX         32u
#define INLINED_MAX        16u

enum profile_field {
    PROFILE_SAMPLE_TYPE = 1,
    PROFILE_SAMPLE = 2,
    PROFILE_LOCATION = 4,
    PROFILE_FUNCTION = 5,
    PROFILE_STRING = 6,
    PROFILE_DEFAULT_TYPE = 14
};

struct text {
    const char *bytes;
    size_t length;
};

struct function {
    size_t index; /* in the profile, SIZE_MAX until it is needed */
    uint64_t name, file, line;
};

struct location {
    size_t first, count; /* lines of it: inlined ones first */
    uint64_t address;
};

struct line {
    uint64_t function, line;
};

struct reading {
    struct profile *profile;
    VEC(struct text) strings;
    VEC(struct function) functions;
    VEC(struct location) locations;
    VEC(struct line) lines;
    struct map function_of_id, location_of_id;
    uint64_t types[VALUES_MAX], units[VALUES_MAX];
    size_t type_count;
    uint64_t default_type;
    size_t value_index;
};

static bool string_is(const struct reading *reading, uint64_t index, const char *text)
{
    return index < reading->strings.count && reading->strings.items[index].length == strlen(text) &&
           memcmp(reading->strings.items[index].bytes, text, strlen(text)) == 0;
}

static const char *string_copy(struct reading *reading, uint64_t index)
{
    if (index >= reading->strings.count)
        return "";
    const char *copy = arena_copy(&reading->profile->arena, reading->strings.items[index].bytes,
                                  reading->strings.items[index].length);
    return copy ? copy : "";
}

static bool type_take(struct reading *reading, const struct protobuf_field *from)
{
    struct protobuf_cursor at = {.bytes = from->bytes, .length = from->length};
    struct protobuf_field field;
    if (reading->type_count == VALUES_MAX)
        return true;
    while (protobuf_next(&at, &field)) {
        if (field.number == 1)
            reading->types[reading->type_count] = field.value;
        if (field.number == 2)
            reading->units[reading->type_count] = field.value;
    }
    reading->type_count++;
    return !at.is_broken;
}

static bool function_take(struct reading *reading, const struct protobuf_field *from)
{
    struct protobuf_cursor at = {.bytes = from->bytes, .length = from->length};
    struct protobuf_field field;
    struct function function = {.index = SIZE_MAX};
    uint64_t id = 0;
    while (protobuf_next(&at, &field)) {
        id = field.number == 1 ? field.value : id;
        function.name = field.number == 2 ? field.value : function.name;
        function.file = field.number == 4 ? field.value : function.file;
        function.line = field.number == 5 ? field.value : function.line;
    }
    return !at.is_broken && !map_put(&reading->function_of_id, id, reading->functions.count) &&
           !vec_push(&reading->functions, function);
}

static bool line_take(struct reading *reading, const struct protobuf_field *from)
{
    struct protobuf_cursor at = {.bytes = from->bytes, .length = from->length};
    struct protobuf_field field;
    struct line line = {0};
    while (protobuf_next(&at, &field)) {
        line.function = field.number == 1 ? field.value : line.function;
        line.line = field.number == 2 ? field.value : line.line;
    }
    return !at.is_broken && !vec_push(&reading->lines, line);
}

static bool location_take(struct reading *reading, const struct protobuf_field *from)
{
    struct protobuf_cursor at = {.bytes = from->bytes, .length = from->length};
    struct protobuf_field field;
    struct location location = {.first = reading->lines.count};
    uint64_t id = 0;
    while (protobuf_next(&at, &field)) {
        id = field.number == 1 ? field.value : id;
        location.address = field.number == 3 ? field.value : location.address;
        if (field.number == 4 && field.kind == PROTOBUF_BYTES && !line_take(reading, &field))
            return false;
    }
    location.count = reading->lines.count - location.first;
    return !at.is_broken && !map_put(&reading->location_of_id, id, reading->locations.count) &&
           !vec_push(&reading->locations, location);
}

/* All but the samples: they may stand before what they refer to. */
static bool tables_take(struct reading *reading, const char *bytes, size_t length)
{
    struct protobuf_cursor at = {.bytes = bytes, .length = length};
    struct protobuf_field field;
    bool holds = true;
    while (holds && protobuf_next(&at, &field)) {
        if (field.number == PROFILE_DEFAULT_TYPE)
            reading->default_type = field.value;
        if (field.kind != PROTOBUF_BYTES)
            continue;
        if (field.number == PROFILE_SAMPLE_TYPE)
            holds = type_take(reading, &field);
        else if (field.number == PROFILE_LOCATION)
            holds = location_take(reading, &field);
        else if (field.number == PROFILE_FUNCTION)
            holds = function_take(reading, &field);
        else if (field.number == PROFILE_STRING)
            holds = vec_push(&reading->strings, (struct text){field.bytes, field.length}) == 0;
    }
    return holds && !at.is_broken;
}

static size_t function_index(struct reading *reading, uint64_t id)
{
    const uint64_t *at = map_get(&reading->function_of_id, id);
    if (!at) {
        reading->profile->lost_count++;
        return profile_function(reading->profile, "(unknown)", "", 0);
    }
    struct function *function = &reading->functions.items[*at];
    if (function->index == SIZE_MAX)
        function->index = profile_function(reading->profile, string_copy(reading, function->name),
                                           string_copy(reading, function->file), function->line);
    return function->index;
}

/* The functions of a location, innermost first; those that were inlined stand before the one they are in. */
static bool location_add(struct reading *reading, uint64_t id, size_t *chain, size_t *count)
{
    const uint64_t *at = map_get(&reading->location_of_id, id);
    if (!at) {
        reading->profile->lost_count++;
        return true;
    }
    const struct location *location = &reading->locations.items[*at];
    for (size_t i = 0; i < location->count && i < INLINED_MAX && *count < PROFILE_DEPTH_MAX; i++) {
        size_t index = function_index(reading, reading->lines.items[location->first + i].function);
        if (index == SIZE_MAX)
            return false;
        chain[(*count)++] = index;
    }
    if (location->count == 0 && *count < PROFILE_DEPTH_MAX) {
        char name[32];
        snprintf(name, sizeof name, "0x%llx", (unsigned long long)location->address);
        size_t index = profile_function(reading->profile, name, "", 0);
        if (index == SIZE_MAX)
            return false;
        chain[(*count)++] = index;
    }
    return true;
}

/* One value of a field that is packed or repeated: the `*place`-th counts down to 0. */
static bool value_take(const struct protobuf_field *field, size_t *seen, size_t wanted, double *ret_value)
{
    struct protobuf_cursor at = {.bytes = field->bytes, .length = field->length};
    uint64_t value = field->value;
    if (field->kind == PROTOBUF_NUMBER) {
        if ((*seen)++ == wanted)
            *ret_value = (double)(int64_t)value;
        return true;
    }
    while (protobuf_varint(&at, &value))
        if ((*seen)++ == wanted)
            *ret_value = (double)(int64_t)value;
    return !at.is_broken;
}

static bool locations_take(struct reading *reading, const struct protobuf_field *field, size_t *chain,
                           size_t *count)
{
    struct protobuf_cursor at = {.bytes = field->bytes, .length = field->length};
    uint64_t id = field->value;
    if (field->kind == PROTOBUF_NUMBER)
        return location_add(reading, id, chain, count);
    bool holds = true;
    while (holds && protobuf_varint(&at, &id))
        holds = location_add(reading, id, chain, count);
    return holds && !at.is_broken;
}

static bool sample_take(struct reading *reading, const struct protobuf_field *from)
{
    struct protobuf_cursor at = {.bytes = from->bytes, .length = from->length};
    struct protobuf_field field;
    size_t chain[PROFILE_DEPTH_MAX], count = 0, seen = 0;
    double value = 0;
    bool holds = true;
    while (holds && protobuf_next(&at, &field)) {
        if (field.number == 1)
            holds = locations_take(reading, &field, chain, &count);
        else if (field.number == 2)
            holds = value_take(&field, &seen, reading->value_index, &value);
    }
    reading->profile->cut_count += count == PROFILE_DEPTH_MAX;
    /* Differences of two profiles have values below 0; as a list of costs they mean nothing. */
    if (!holds || at.is_broken || value < 0)
        return false;
    return value <= 0 || profile_stack(reading->profile, chain, count, value) == 0;
}

static bool samples_take(struct reading *reading, const char *bytes, size_t length)
{
    struct protobuf_cursor at = {.bytes = bytes, .length = length};
    struct protobuf_field field;
    bool holds = true;
    while (holds && protobuf_next(&at, &field))
        if (field.number == PROFILE_SAMPLE && field.kind == PROTOBUF_BYTES)
            holds = sample_take(reading, &field);
    return holds && !at.is_broken;
}

static void type_choose(struct reading *reading)
{
    struct profile *profile = reading->profile;
    if (reading->type_count == 0)
        return;
    reading->value_index = reading->type_count - 1;
    for (size_t i = 0; i < reading->type_count && reading->default_type; i++)
        if (reading->types[i] == reading->default_type)
            reading->value_index = i;
    uint64_t unit = reading->units[reading->value_index];
    profile->unit = string_is(reading, unit, "nanoseconds") ? PROFILE_NS
                    : string_is(reading, unit, "bytes")     ? PROFILE_BYTES
                                                            : PROFILE_SAMPLES;
    profile->measures = string_is(reading, reading->types[reading->value_index], "cpu")
                            ? "CPU time"
                            : string_copy(reading, reading->types[reading->value_index]);
}

static int profile_read(const struct import_bytes *bytes, struct profile *profile, struct err *err)
{
    struct reading reading = {.profile = profile};
    int status = 0;
    profile->source = "pprof";
    profile->measures = "samples";
    if (!tables_take(&reading, bytes->bytes, bytes->length) || reading.strings.count == 0 ||
        reading.type_count == 0) {
        status = import_not(bytes, "pprof file", "its messages do not hold together", err);
    } else {
        type_choose(&reading);
        if (!samples_take(&reading, bytes->bytes, bytes->length))
            status = import_not(bytes, "pprof file", "a sample does not hold together", err);
    }
    vec_free(&reading.strings);
    vec_free(&reading.functions);
    vec_free(&reading.locations);
    vec_free(&reading.lines);
    map_free(&reading.function_of_id);
    map_free(&reading.location_of_id);
    return status;
}

bool pprof_recognise(const struct import_bytes *bytes)
{
    /* Unpacked it begins with its first sample type: field 1, a message of a few numbers. */
    return gzip_is(bytes->bytes, bytes->length) ||
           (bytes->length > 8 && bytes->bytes[0] == 0x0a && bytes->bytes[1] > 0 && bytes->bytes[1] < 16 &&
            bytes->bytes[2] == 0x08);
}

int pprof_read(const struct import_bytes *bytes, struct profile *profile, struct err *err)
{
    struct str unpacked = {0};
    if (!gzip_is(bytes->bytes, bytes->length))
        return profile_read(bytes, profile, err);
    int status = gzip_unpack(bytes->bytes, bytes->length, UNPACKED_BYTES_MAX, bytes->name, &unpacked, err);
    const struct import_bytes inner = {str_text(&unpacked), unpacked.length, bytes->name};
    if (!status)
        status = profile_read(&inner, profile, err);
    str_free(&unpacked);
    return status;
}
