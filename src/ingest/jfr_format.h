/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jfr_format: the bytes of a JDK Flight Recorder file (version 2), one chunk at a time. A chunk describes itself: a metadata event
 * has the classes, each a list of fields; constant pools have what events refer to (threads, stacks, names); every event is
 * a size, a class and its fields.
 *
 * Numbers are LEB128 (the ninth byte holds eight bits), the chunk's header and floats are big-endian. The format is described by the
 * code that reads it, jdk.jfr.internal.consumer and jdk.jfr.internal.MetadataReader of OpenJDK.
 *
 * Nothing is copied but the names of classes and fields: a value is a place in the chunk. A chunk that makes no sense stops being
 * read; the work for it is bounded by its length.
 */
#ifndef TOLL_INGEST_JFR_FORMAT_H
#define TOLL_INGEST_JFR_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/str.h"
#include "base/vec.h"

#define JFR_NONE      UINT32_MAX
#define JFR_FIELD_MAX 32 /* of an event; what is beyond is not told */

enum jfr_kind { JFR_STRUCT, JFR_BYTE, JFR_NUMBER, JFR_FLOAT, JFR_DOUBLE, JFR_STRING };

struct jfr_field {
    const char *name;
    uint64_t class_id;
    uint32_t class_index; /* JFR_NONE: it is not described */
    bool is_pool, is_array;
};

struct jfr_class {
    uint64_t id;
    const char *name;
    enum jfr_kind kind;
    size_t first_field, field_count; /* in chunk.fields */
};

struct jfr_chunk {
    const uint8_t *bytes; /* its header's first */
    size_t length;
    uint64_t start_ns; /* time of day, at */
    uint64_t start_ticks, ticks_per_s;
    uint64_t metadata_at, pools_at;
    struct arena arena;
    VEC(const char *) strings; /* of the metadata; NULL: none */
    VEC(struct jfr_class) classes;
    VEC(struct jfr_field) fields;
    struct map class_of; /* id → index */
    struct map pool;     /* class and key → place */
    uint64_t work_left;
};

enum jfr_result { JFR_OK, JFR_NO_CHUNK, JFR_CUT, JFR_OTHER_VERSION, JFR_BROKEN, JFR_NO_MEMORY };

/* The chunk at the beginning of these bytes, with its classes and pools. JFR_CUT: it is not all there (its program was killed). End
 * it with jfr_chunk_free in any case. */
enum jfr_result jfr_chunk_read(const uint8_t *bytes, size_t length, struct jfr_chunk *ret_chunk);
void jfr_chunk_free(struct jfr_chunk *chunk);

/* What a field holds. */
struct jfr_value {
    enum jfr_value_kind {
        JFR_IS_NOTHING,
        JFR_IS_NUMBER,
        JFR_IS_TEXT,
        JFR_IS_REFERENCE,
        JFR_IS_STRUCT,
        JFR_IS_ARRAY
    } kind;
    uint64_t number;      /* a number, or the key of what is referred to */
    uint32_t class_index; /* of a struct, of what is referred to, of an array's elements */
    bool is_pool;         /* an array's elements are references */
    size_t at;            /* of a text, a struct, an array: its place */
};

/* A class of that name; JFR_NONE. */
uint32_t jfr_class_find(const struct jfr_chunk *chunk, const char *name);

/* The next event behind `*at`, which begins at JFR_FIRST_EVENT. False at the end. Those of other classes than described are passed
 * over. */
#define JFR_FIRST_EVENT 68
struct jfr_event {
    uint32_t class_index;
    size_t at, end; /* of its fields */
};
bool jfr_event_next(const struct jfr_chunk *chunk, size_t *at, struct jfr_event *ret_event);
/* Its fields, in the order of the class. False when they do not fit. */
bool jfr_event_fields(struct jfr_chunk *chunk, const struct jfr_event *event, struct jfr_value *ret_values);
/* One of them by its name; JFR_IS_NOTHING. */
struct jfr_value jfr_value_named(const struct jfr_chunk *chunk, uint32_t class_index,
                                 const struct jfr_value *values, const char *name);

/* What a reference refers to, else the value itself; JFR_IS_NOTHING where there is none. */
struct jfr_value jfr_follow(const struct jfr_chunk *chunk, const struct jfr_value *value);
/* A field of a struct, or of what is referred to. */
struct jfr_value jfr_part(struct jfr_chunk *chunk, const struct jfr_value *of, const char *name);
/* How many elements an array has, and where the first is. */
uint64_t jfr_array(const struct jfr_chunk *chunk, const struct jfr_value *array, size_t *ret_at);
/* The element at a place, which moves behind it. */
bool jfr_element(struct jfr_chunk *chunk, const struct jfr_value *array, size_t *at,
                 struct jfr_value *ret_value);
/* A text, or the first text of a struct; appended. */
void jfr_text(struct jfr_chunk *chunk, const struct jfr_value *value, struct str *ret_text);

#endif
