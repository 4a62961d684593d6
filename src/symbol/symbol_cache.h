/* SPDX-License-Identifier: Apache-2.0 */
/*
 * symbol_cache: what is known of one module, as ranges of file offsets with one answer each; and its file, named by
 * build-id.
 *
 *     OFFSET SIZE MEANING                              all numbers little-endian
 *          0    8 "TOLLSYM1"
 *          8    4 1 when the answers were made with DWARF, else 0
 *         12    4 size of the build-id, at most 64
 *         16   64 build-id, zeros behind it
 *         80    4 number of ranges R
 *         84    4 number of frames F
 *         88    8 bytes of text T
 *         96    8 hash of everything behind it (map_hash_bytes)
 *        104 24 R low u64, high u64, first frame u32, frame count u32; by low
 *            16 F function u32, file u32, line u32, inlined u32; texts by offset + 1, 0 for none
 *               T texts, each NUL-terminated
 */
#ifndef TOLL_SYMBOL_SYMBOL_CACHE_H
#define TOLL_SYMBOL_SYMBOL_CACHE_H

#include "base/map.h"
#include "symbol/resolver.h"

struct place_range {
    uint64_t low, high;
    uint32_t first, count; /* in frames, outermost first */
};

struct place_table {
    VEC(struct place_range) ranges; /* by low */
    VEC(struct symbol_frame) frames;
    bool has_lines;
};

/* The range that holds an offset, NULL for none. */
const struct place_range *place_table_find(const struct place_table *table, uint64_t offset);
/* Puts ranges that were pushed behind the others in order. */
void place_table_sort(struct place_table *table);
void place_table_free(struct place_table *table);

struct cache_key {
    const char *folder;
    const uint8_t *build_id;
    size_t build_id_size;
};

/* Fills an empty table, its texts interned; leaves it empty when there is no sound file. Only memory can run out. */
WARN_UNUSED int cache_load(const struct cache_key *key, struct intern *texts, struct place_table *table,
                           struct err *err);
/* Replaces the file; makes the folder. */
WARN_UNUSED int cache_save(const struct cache_key *key, const struct place_table *table, struct err *err);

#endif
