/* SPDX-License-Identifier: Apache-2.0 */
#include "recording/text_index.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define SLOT_COUNT_MIN 256

static struct text_slot *find_slot(struct text_slot *slots, size_t slot_count, const uint64_t *hash)
{
    size_t at = hash[0] & (slot_count - 1);
    while (slots[at].id && (slots[at].hash[0] != hash[0] || slots[at].hash[1] != hash[1]))
        at = (at + 1) & (slot_count - 1);
    return &slots[at];
}

static int make_room(struct text_index *index)
{
    if (index->count < index->slot_count / 4 * 3)
        return 0;
    if (index->slot_count == TEXT_INDEX_SLOT_COUNT_MAX) {
        memset(index->slots, 0, index->slot_count * sizeof *index->slots);
        index->count = 0;
        return 0;
    }
    size_t slot_count = index->slot_count ? index->slot_count * 2 : SLOT_COUNT_MIN;
    struct text_slot *slots = calloc(slot_count, sizeof *slots);
    if (!slots)
        return -1;
    for (size_t i = 0; i < index->slot_count; i++) {
        if (index->slots[i].id)
            *find_slot(slots, slot_count, index->slots[i].hash) = index->slots[i];
    }
    free(index->slots);
    index->slots = slots;
    index->slot_count = slot_count;
    return 0;
}

int text_index_put(struct text_index *index, const char *bytes, size_t length, struct text_slot **ret_slot)
{
    if (make_room(index))
        return -1;
    XXH128_hash_t hash = XXH3_128bits(bytes, length);
    uint64_t halves[2] = {hash.low64, hash.high64};
    struct text_slot *slot = find_slot(index->slots, index->slot_count, halves);
    if (!slot->id)
        memcpy(slot->hash, halves, sizeof halves);
    *ret_slot = slot;
    return 0;
}

void text_index_taken(struct text_index *index)
{
    index->count++;
}

void text_index_free(struct text_index *index)
{
    free(index->slots);
    *index = (struct text_index){0};
}
