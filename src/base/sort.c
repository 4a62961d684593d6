/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sort.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define DIGIT_COUNT 256u

struct entry {
    uint64_t key;
    size_t index;
};

static uint64_t key_of(const char *items, size_t index, size_t size_bytes, size_t key_offset)
{
    uint64_t key;
    memcpy(&key, items + index * size_bytes + key_offset, sizeof key);
    return key;
}

static bool is_sorted(const char *items, size_t count, size_t size_bytes, size_t key_offset)
{
    for (size_t i = 1; i < count; i++)
        if (key_of(items, i, size_bytes, key_offset) < key_of(items, i - 1, size_bytes, key_offset))
            return false;
    return true;
}

/* One pass of a radix sort (D. Knuth, The Art of Computer Programming 3, 5.2.5); false when all have the same digit. */
static bool pass(const struct entry *from, struct entry *to, size_t count, unsigned shift)
{
    size_t starts[DIGIT_COUNT] = {0}, sum = 0;
    for (size_t i = 0; i < count; i++)
        starts[from[i].key >> shift & 0xff]++;
    if (starts[from[0].key >> shift & 0xff] == count)
        return false;
    for (size_t digit = 0; digit < DIGIT_COUNT; digit++) {
        size_t of_digit = starts[digit];
        starts[digit] = sum;
        sum += of_digit;
    }
    for (size_t i = 0; i < count; i++)
        to[starts[from[i].key >> shift & 0xff]++] = from[i];
    return true;
}

int sort_by_u64(void *items, size_t count, size_t size_bytes, size_t key_offset)
{
    if (is_sorted(items, count, size_bytes, key_offset))
        return 0;
    struct entry *entries = malloc(2 * count * sizeof *entries);
    char *copy = malloc(count * size_bytes);
    if (!entries || !copy) {
        free(entries);
        free(copy);
        return -1;
    }
    struct entry *from = entries, *to = entries + count;
    for (size_t i = 0; i < count; i++)
        from[i] = (struct entry){key_of(items, i, size_bytes, key_offset), i};
    for (unsigned shift = 0; shift < 64; shift += 8) {
        if (!pass(from, to, count, shift))
            continue;
        struct entry *done = to;
        to = from;
        from = done;
    }
    memcpy(copy, items, count * size_bytes);
    for (size_t i = 0; i < count; i++)
        memcpy((char *)items + i * size_bytes, copy + from[i].index * size_bytes, size_bytes);
    free(entries);
    free(copy);
    return 0;
}

bool sort_is_done(const void *items, size_t count, size_t size_bytes,
                  int (*compare)(const void *, const void *))
{
    const char *at = items;
    for (size_t i = 1; i < count; i++, at += size_bytes)
        if (compare(at, at + size_bytes) > 0)
            return false;
    return true;
}
