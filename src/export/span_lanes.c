/* SPDX-License-Identifier: Apache-2.0 */
#include "export/span_lanes.h"

struct lane {
    VEC(uint64_t) ends; /* of the spans that are open, the innermost last */
};

/* Closes what has ended by `start`; whether a span up to `end` then fits in what is open. */
static bool lane_takes(struct lane *lane, uint64_t start, uint64_t end)
{
    while (lane->ends.count && lane->ends.items[lane->ends.count - 1] <= start)
        lane->ends.count--;
    return !lane->ends.count || end <= lane->ends.items[lane->ends.count - 1];
}

int span_lanes(struct track_row *rows, size_t count, size_t *ret_lane_count, size_t *ret_cut_count,
               struct err *err)
{
    struct lane lanes[SPAN_LANES_MAX] = {0};
    size_t lane_count = 0, cut_count = 0;
    int status = 0;
    for (size_t i = 0; i < count && !status; i++) {
        if (rows[i].kind != ROW_SPAN)
            continue;
        uint64_t start = rows[i].time_ns, end = start + rows[i].length_ns;
        size_t at = 0;
        while (at + 1 < SPAN_LANES_MAX && !lane_takes(&lanes[at], start, end))
            at++;
        if (!lane_takes(&lanes[at], start, end)) {
            end = lanes[at].ends.items[lanes[at].ends.count - 1];
            rows[i].length_ns = end - start;
            cut_count++;
        }
        rows[i].count = (uint32_t)at;
        lane_count = at + 1 > lane_count ? at + 1 : lane_count;
        if (vec_push(&lanes[at].ends, end))
            status = err_memory(err);
    }
    for (size_t i = 0; i < SPAN_LANES_MAX; i++)
        vec_free(&lanes[i].ends);
    if (status)
        return status;
    *ret_lane_count = lane_count;
    *ret_cut_count = cut_count;
    return 0;
}
