/* SPDX-License-Identifier: Apache-2.0 */
/* text_table: what a piece of text stands for, known by 128 bits of its hash: no two pieces of a file have the same. Zero-initialise it.
 * Inside collapse/ only. */
#ifndef TOLL_COLLAPSE_TEXT_TABLE_H
#define TOLL_COLLAPSE_TEXT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xxhash.h>

#include "base/err.h"

struct text_slot {
    XXH128_hash_t hash;
    uint32_t value;
    bool is_taken;
};

struct text_table {
    struct text_slot *slots;
    size_t slot_count; /* a power of two, or 0 */
    size_t count;
};

/* Room for so many more: slots found afterwards stay where they are while no more are taken. -1 when memory ran out. */
WARN_UNUSED int text_table_room(struct text_table *table, size_t more);
void text_table_free(struct text_table *table);

/* Takes a slot that is free. */
static inline void text_slot_take(struct text_table *table, struct text_slot *slot, XXH128_hash_t hash,
                                  uint32_t value)
{
    *slot = (struct text_slot){.hash = hash, .value = value, .is_taken = true};
    table->count++;
}

/* The slot of a hash, or the free one where it belongs. There is room. */
static inline struct text_slot *text_table_slot(const struct text_table *table, XXH128_hash_t hash)
{
    size_t at = hash.low64 & (table->slot_count - 1);
    while (table->slots[at].is_taken &&
           (table->slots[at].hash.low64 != hash.low64 || table->slots[at].hash.high64 != hash.high64))
        at = (at + 1) & (table->slot_count - 1);
    return &table->slots[at];
}

static inline void text_table_fetch(const struct text_table *table, XXH128_hash_t hash)
{
    __builtin_prefetch(&table->slots[hash.low64 & (table->slot_count - 1)]);
}

#endif
