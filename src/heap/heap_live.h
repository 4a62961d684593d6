/* SPDX-License-Identifier: Apache-2.0 */
/* heap_live: the blocks of one process image that are allocated now, by address. One thread. */
#ifndef TOLL_HEAP_LIVE_H
#define TOLL_HEAP_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct heap_block {
    uint64_t address; /* 0: the place is empty */
    uint64_t size;
    uint64_t since; /* ticks */
    uint64_t site;  /* index of who allocated it */
};

/* Zero-initialise. Open addressing with linear probing. */
struct heap_live {
    struct heap_block *blocks;
    size_t count, capacity;
};

/* The block of that address, valid until the next change; NULL when there is none. */
struct heap_block *heap_live_find(const struct heap_live *live, uint64_t address);
/* The address is not there yet and not 0. 0, or -1 when memory ran out. */
WARN_UNUSED int heap_live_add(struct heap_live *live, const struct heap_block *block);
void heap_live_remove(struct heap_live *live, struct heap_block *block);
void heap_live_free(struct heap_live *live);

#endif
