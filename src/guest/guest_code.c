/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/guest_code.h"

#define CLUSTER_GAP_BYTES                                                                                    \
    (1ull << 32) /* programs, their libraries and the kernel's page lie far from each other */

void guest_code_clear(struct guest_code *code)
{
    code->count = code->cluster_count = 0;
}

static void clusters_make(struct guest_code *code)
{
    uint32_t i;

    code->cluster_count = 0;
    for (i = 0; i < code->count; i++) {
        const struct guest_range *range = &code->ranges[i];
        struct guest_range *last = &code->clusters[code->cluster_count - (code->cluster_count > 0)];

        if (code->cluster_count &&
            (range->low - last->high < CLUSTER_GAP_BYTES || code->cluster_count == GUEST_CLUSTER_MAX))
            last->high = range->high;
        else
            code->clusters[code->cluster_count++] = *range;
    }
}

void guest_code_add(struct guest_code *code, uint64_t low, uint64_t high)
{
    uint32_t at = code->count;

    if (at == GUEST_CODE_MAX || high < low)
        return;
    for (; at > 0 && code->ranges[at - 1].low > low; at--)
        code->ranges[at] = code->ranges[at - 1];
    code->ranges[at] = (struct guest_range){low, high};
    code->count++;
    clusters_make(code);
}

/* The counts are checked: another thread may be about to fill this with other ranges. */
bool guest_code_find(const struct guest_code *code, uint64_t address)
{
    uint32_t low = 0, high = code->count <= GUEST_CODE_MAX ? code->count : 0;

    while (low < high) { /* the first that ends at the address or behind it */
        uint32_t middle = low + (high - low) / 2;

        if (code->ranges[middle].high < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < code->count && low < GUEST_CODE_MAX && code->ranges[low].low <= address;
}

void guest_places_find(const struct guest_code *code, const uint64_t *words, unsigned count,
                       struct guest_places *ret_places)
{
    unsigned found = 0, end = 0, i;
    uint64_t sum = 0;

    for (i = 0; i < count; i++) {
        if (!guest_code_has(code, words[i]))
            continue;
        if (found < GUEST_PLACE_MAX)
            ret_places->places[found] = (uint16_t)i;
        found++;
        end = i + 1;
        sum += guest_place_sum(i, words[i]);
    }
    ret_places->count = found;
    ret_places->end = end;
    ret_places->sum = sum;
}
