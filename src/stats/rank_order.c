/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/rank_order.h"

#include <string.h>

double rank_doubled(const double *sorted, size_t count, uint32_t *ret_ranks)
{
    double ties = 0;
    for (size_t first = 0, after; first < count; first = after) {
        for (after = first + 1; after < count && !(sorted[after] > sorted[first]);)
            after++;
        double tied = (double)(after - first);
        ties += tied * tied * tied - tied;
        for (size_t i = first; i < after; i++)
            ret_ranks[i] = (uint32_t)(first + after + 1);
    }
    return ties;
}

uint64_t rank_key(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

double rank_value(uint64_t key)
{
    uint64_t bits = key >> 63 ? key & ~(UINT64_C(1) << 63) : ~key;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

double rank_select(rank_count_fn *count, const void *context, uint64_t wanted, double low, double high)
{
    uint64_t from = rank_key(low), to = rank_key(high);
    while (from < to) {
        uint64_t middle = from + (to - from) / 2;
        if (count(context, rank_value(middle)) >= wanted)
            to = middle;
        else
            from = middle + 1;
    }
    return rank_value(to) + 0.0; /* -0 becomes 0 */
}
