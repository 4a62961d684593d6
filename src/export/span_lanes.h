/* SPDX-License-Identifier: Apache-2.0 */
/*
 * span_lanes: spans of one track into lanes in which any two either lie apart or one within the other, as viewers that draw a call
 * stack need them. The first lane takes all that nests; what crosses goes to the next one.
 */
#ifndef TOLL_EXPORT_SPAN_LANES_H
#define TOLL_EXPORT_SPAN_LANES_H

#include "export/track_rows.h"

#define SPAN_LANES_MAX 64 /* what crosses even then is cut where the one around it ends */

/* `rows` by time, longer first. Sets `count` of each ROW_SPAN row to its lane and may cut its length; *ret_lane_count is how many there
 * are, *ret_cut_count how many rows were cut. */
WARN_UNUSED int span_lanes(struct track_row *rows, size_t count, size_t *ret_lane_count,
                           size_t *ret_cut_count, struct err *err);

#endif
