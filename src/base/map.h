/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map: uint64_t to uint64_t, open addressing with linear probing; map_recent: one that forgets; and intern: bytes to a dense id.
 * Zero-initialise them. Not for several threads.
 */
#ifndef TOLL_BASE_MAP_H
#define TOLL_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/vec.h"

struct map_slot {
    uint64_t key;
    uint64_t value;
    bool used;
};

struct map {
    struct map_slot *slots;
    size_t count;
    size_t capacity; /* a power of two, or 0 */
};

/* 0, or -1 when memory ran out (the map is unchanged). */
WARN_UNUSED int map_put(struct map *map, uint64_t key, uint64_t value);
/* The value's place, valid until the next map_put; NULL when the key is absent. */
uint64_t *map_get(const struct map *map, uint64_t key);
void map_remove(struct map *map, uint64_t key);
void map_free(struct map *map);
/* A good 64-bit mix (the finaliser of MurmurHash3, A. Appleby, public domain algorithm). */
uint64_t map_hash(uint64_t key);
uint64_t map_hash_bytes(const void *bytes, size_t length);

/* What was neither put nor asked for while `count_max` others came may be forgotten. */
struct map_recent {
    struct map young, old;
};

/* 0, or -1 when memory ran out. At most twice `count_max` are kept. */
WARN_UNUSED int map_recent_put(struct map_recent *recent, uint64_t key, uint64_t value, size_t count_max);
/* The value; 0 when the key is absent. */
uint64_t map_recent_get(struct map_recent *recent, uint64_t key, size_t count_max);
void map_recent_free(struct map_recent *recent);

struct intern_entry {
    const char *bytes; /* NUL-terminated copy */
    size_t length;
    uint64_t hash;
};

/* Ids are dense and start at 1; 0 stands for "none". */
struct intern {
    struct arena arena;
    VEC(struct intern_entry) entries; /* entries.items[id - 1] */
    uint32_t *slots;
    size_t capacity;
};

/* 0, or -1 when memory ran out. *ret_new tells whether the bytes were seen for the first time (may be NULL). */
WARN_UNUSED int intern_put(struct intern *intern, const char *bytes, size_t length, uint64_t *ret_id,
                           bool *ret_new);
/* The id of bytes already there, 0 when they are not. */
uint64_t intern_find(const struct intern *intern, const char *bytes, size_t length);
/* The text of an id; "" for 0 and for ids never given. */
const char *intern_text(const struct intern *intern, uint64_t id);
void intern_free(struct intern *intern);

#endif
