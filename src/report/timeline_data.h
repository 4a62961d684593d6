/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timeline_data: the timeline as timeline.js reads it: one JSON object that may stand in a <script>. Times are in units of `scale`
 * nanoseconds from the run's start; a row of numbers goes on from the one before it, so that most numbers are short:
 *   wall, scale
 *   strings  texts; the first is ""
 *   doings   class of the colour and words, by doing + 1
 *   tracks   name (a string's index), pid, tid, parent (-1: none), depth, from, to,
 *            intervals  gap since the last one's end, length, doing + 1, label (a string's index)
 *            spans      start less that of the last one, length, name, depth
 *   steps    of the critical path: gap, length, track + 1 (0: not shown), doing + 1
 *   wakes    time since the last one's, how much earlier the deed was, from, to
 *   memory   time since the last point's, what all programs had allocated from then on, in units of `memory_scale` bytes
 *   peak     when they had most, and how much that was; null where allocations were not recorded
 */
#ifndef TOLL_REPORT_TIMELINE_DATA_H
#define TOLL_REPORT_TIMELINE_DATA_H

#include "base/err.h"
#include "base/str.h"
#include "model/finding.h"

/* Labels beyond this many different ones are left out. */
#define TIMELINE_STRINGS_MAX 6000

WARN_UNUSED int timeline_data_write(struct str *str, const struct timeline *timeline, uint64_t wall_ns,
                                    struct err *err);

#endif
