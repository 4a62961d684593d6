/* SPDX-License-Identifier: Apache-2.0 */
#include "base/vec.h"

#include "base/num.h"

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
    return grown;
}
