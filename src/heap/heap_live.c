/* SPDX-License-Identifier: Apache-2.0 */
#include "heap/heap_live.h"

#include <stdlib.h>

#define CAPACITY_FIRST 1024

/* Blocks lie 16 bytes apart, and those that are used together near each other. */
static size_t place_of(uint64_t address, size_t capacity)
{
    return (size_t)((address >> 4) * 0x9e3779b97f4a7c15ull >> 20) & (capacity - 1);
}

static struct heap_block *find(const struct heap_live *live, uint64_t address)
{
    size_t at = place_of(address, live->capacity);

    while (live->blocks[at].address && live->blocks[at].address != address)
        at = (at + 1) & (live->capacity - 1);
    return &live->blocks[at];
}

struct heap_block *heap_live_find(const struct heap_live *live, uint64_t address)
{
    if (!live->count)
        return NULL;
    struct heap_block *block = find(live, address);
    return block->address ? block : NULL;
}

static int grow(struct heap_live *live)
{
    size_t capacity = live->capacity ? live->capacity * 2 : CAPACITY_FIRST;
    struct heap_live larger = {.blocks = calloc(capacity, sizeof *live->blocks), .capacity = capacity};

    if (!larger.blocks)
        return -1;
    for (size_t i = 0; i < live->capacity; i++)
        if (live->blocks[i].address)
            *find(&larger, live->blocks[i].address) = live->blocks[i];
    larger.count = live->count;
    free(live->blocks);
    *live = larger;
    return 0;
}

int heap_live_add(struct heap_live *live, const struct heap_block *block)
{
    if ((live->count + 1) * 2 > live->capacity && grow(live))
        return -1;
    *find(live, block->address) = *block;
    live->count++;
    return 0;
}

/* Backward-shift deletion keeps every probe sequence unbroken without tombstones. */
void heap_live_remove(struct heap_live *live, struct heap_block *block)
{
    size_t mask = live->capacity - 1, hole = (size_t)(block - live->blocks);

    for (size_t at = (hole + 1) & mask; live->blocks[at].address; at = (at + 1) & mask) {
        size_t home = place_of(live->blocks[at].address, live->capacity);
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            live->blocks[hole] = live->blocks[at];
            hole = at;
        }
    }
    live->blocks[hole].address = 0;
    live->count--;
}

void heap_live_free(struct heap_live *live)
{
    free(live->blocks);
    *live = (struct heap_live){0};
}
