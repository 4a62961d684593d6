/* SPDX-License-Identifier: Apache-2.0 */
#include "base/vec.h"

#include <stdint.h>
#include <sys/mman.h>

#include "base/num.h"

/* From so many bytes on an array asks for large pages: filling it with small ones costs a fault for each 4 KB, a tenth of the time
 * that a recording of many million rows takes to judge. Where the system has none it changes nothing. */
#define LARGE_BYTES_MIN  ((size_t)8 << 20)
#define LARGE_PAGE_BYTES ((uintptr_t)2 << 20)

static void ask_for_large_pages(void *items, size_t bytes)
{
    uintptr_t start = ((uintptr_t)items + LARGE_PAGE_BYTES - 1) & ~(LARGE_PAGE_BYTES - 1);
    uintptr_t end = ((uintptr_t)items + bytes) & ~(LARGE_PAGE_BYTES - 1);
    if (end > start)
        madvise((void *)start, end - start, MADV_HUGEPAGE);
}

void *vec_grow(void *items, size_t *capacity, size_t count, size_t size)
{
    size_t wanted = *capacity < 8 ? 8 : *capacity;
    while (wanted < count) {
        if (num_mul_size(wanted, 2, &wanted))
            return NULL;
    }
    size_t bytes;
    if (num_mul_size(wanted, size, &bytes))
        return NULL;
    void *grown = realloc(items, bytes);
    if (grown)
        *capacity = wanted;
    if (grown && bytes >= LARGE_BYTES_MIN)
        ask_for_large_pages(grown, bytes);
    return grown;
}
