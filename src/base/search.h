/* SPDX-License-Identifier: Apache-2.0 */
/*
 * search: by halving, in anything sorted.
 *
 *     size_t at = search_first(i, waits.count, waits.items[i].end_ns > t);
 *
 * The first index below the count at which the condition holds, the count when it holds nowhere. The condition names
 * the index by the first argument; where it holds it must hold for all that follow. O(log count) looks.
 */
#ifndef TOLL_BASE_SEARCH_H
#define TOLL_BASE_SEARCH_H

#include <stddef.h>

#define search_first(index, total, condition)                                                                \
    ({                                                                                                       \
        size_t search_low_ = 0, search_high_ = (total);                                                      \
        while (search_low_ < search_high_) {                                                                 \
            size_t index = search_low_ + (search_high_ - search_low_) / 2;                                   \
            if (condition)                                                                                   \
                search_high_ = index;                                                                        \
            else                                                                                             \
                search_low_ = (index) + 1;                                                                   \
        }                                                                                                    \
        search_low_;                                                                                         \
    })

#endif
