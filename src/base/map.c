/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <string.h>

uint64_t map_hash(uint64_t key)
{
    key ^= key >> 33;
    key *= 0xff51afd7ed558ccdull;
    key ^= key >> 33;
    key *= 0xc4ceb9fe1a85ec53ull;
    return key ^ (key >> 33);
}

uint64_t map_hash_bytes(const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    uint64_t hash = map_hash(length + 0x9e3779b97f4a7c15ull);
    while (length >= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        hash = map_hash(hash ^ word);
        at += 8;
        length -= 8;
    }
    uint64_t tail = 0;
    memcpy(&tail, at, length);
    return map_hash(hash ^ tail);
}

static struct map_slot *find_slot(struct map_slot *slots, size_t capacity, uint64_t key)
{
    size_t at = map_hash(key) & (capacity - 1);
    while (slots[at].used && slots[at].key != key)
        at = (at + 1) & (capacity - 1);
    return &slots[at];
}

static int map_grow(struct map *map)
{
    size_t capacity = map->capacity ? map->capacity * 2 : 16;
    struct map_slot *slots = calloc(capacity, sizeof *slots);
    if (!slots)
        return -1;
    for (size_t i = 0; i < map->capacity; i++) {
        if (map->slots[i].used)
            *find_slot(slots, capacity, map->slots[i].key) = map->slots[i];
    }
    free(map->slots);
    map->slots = slots;
    map->capacity = capacity;
    return 0;
}

int map_put(struct map *map, uint64_t key, uint64_t value)
{
    if ((map->count + 1) * 4 > map->capacity * 3 && map_grow(map))
        return -1;
    struct map_slot *slot = find_slot(map->slots, map->capacity, key);
    if (!slot->used)
        map->count++;
    *slot = (struct map_slot){.key = key, .value = value, .used = true};
    return 0;
}

uint64_t *map_get(const struct map *map, uint64_t key)
{
    if (!map->capacity)
        return NULL;
    struct map_slot *slot = find_slot(map->slots, map->capacity, key);
    return slot->used ? &slot->value : NULL;
}

/* Backward-shift deletion keeps every probe sequence unbroken without tombstones. */
void map_remove(struct map *map, uint64_t key)
{
    if (!map->capacity)
        return;
    struct map_slot *slot = find_slot(map->slots, map->capacity, key);
    if (!slot->used)
        return;
    size_t mask = map->capacity - 1;
    size_t hole = (size_t)(slot - map->slots);
    for (size_t at = (hole + 1) & mask; map->slots[at].used; at = (at + 1) & mask) {
        size_t home = map_hash(map->slots[at].key) & mask;
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            map->slots[hole] = map->slots[at];
            hole = at;
        }
    }
    map->slots[hole].used = false;
    map->count--;
}

void map_free(struct map *map)
{
    free(map->slots);
    *map = (struct map){0};
}

int map_recent_put(struct map_recent *recent, uint64_t key, uint64_t value, size_t count_max)
{
    if (recent->young.count >= count_max && !map_get(&recent->young, key)) {
        map_free(&recent->old);
        recent->old = recent->young;
        recent->young = (struct map){0};
    }
    return map_put(&recent->young, key, value);
}

uint64_t map_recent_get(struct map_recent *recent, uint64_t key, size_t count_max)
{
    const uint64_t *young = map_get(&recent->young, key), *old = young ? NULL : map_get(&recent->old, key);
    uint64_t value = young ? *young : old ? *old : 0;

    if (old)
        (void)!map_recent_put(recent, key, value, count_max); /* without memory it stays where it is */
    return value;
}

void map_recent_free(struct map_recent *recent)
{
    map_free(&recent->young);
    map_free(&recent->old);
}

static size_t intern_slot(const struct intern *intern, const char *bytes, size_t length, uint64_t hash)
{
    size_t mask = intern->capacity - 1;
    size_t at = hash & mask;
    for (; intern->slots[at]; at = (at + 1) & mask) {
        const struct intern_entry *entry = &intern->entries.items[intern->slots[at] - 1];
        if (entry->hash == hash && entry->length == length && memcmp(entry->bytes, bytes, length) == 0)
            break;
    }
    return at;
}

static int intern_grow(struct intern *intern)
{
    size_t capacity = intern->capacity ? intern->capacity * 2 : 64;
    uint32_t *slots = calloc(capacity, sizeof *slots);
    if (!slots)
        return -1;
    for (size_t i = 0; i < intern->entries.count; i++) {
        size_t at = intern->entries.items[i].hash & (capacity - 1);
        while (slots[at])
            at = (at + 1) & (capacity - 1);
        slots[at] = (uint32_t)(i + 1);
    }
    free(intern->slots);
    intern->slots = slots;
    intern->capacity = capacity;
    return 0;
}

int intern_put(struct intern *intern, const char *bytes, size_t length, uint64_t *ret_id, bool *ret_new)
{
    if ((intern->entries.count + 1) * 2 > intern->capacity && intern_grow(intern))
        return -1;
    uint64_t hash = map_hash_bytes(bytes, length);
    size_t at = intern_slot(intern, bytes, length, hash);
    bool fresh = intern->slots[at] == 0;
    if (fresh) {
        if (intern->entries.count >= UINT32_MAX - 1)
            return -1;
        char *copy = arena_copy(&intern->arena, bytes, length);
        struct intern_entry entry = {.bytes = copy, .length = length, .hash = hash};
        if (!copy || vec_push(&intern->entries, entry))
            return -1;
        intern->slots[at] = (uint32_t)intern->entries.count;
    }
    *ret_id = intern->slots[at];
    if (ret_new)
        *ret_new = fresh;
    return 0;
}

uint64_t intern_find(const struct intern *intern, const char *bytes, size_t length)
{
    if (!intern->capacity)
        return 0;
    return intern->slots[intern_slot(intern, bytes, length, map_hash_bytes(bytes, length))];
}

const char *intern_text(const struct intern *intern, uint64_t id)
{
    return id >= 1 && id <= intern->entries.count ? intern->entries.items[id - 1].bytes : "";
}

void intern_free(struct intern *intern)
{
    arena_free(&intern->arena);
    vec_free(&intern->entries);
    free(intern->slots);
    *intern = (struct intern){0};
}
