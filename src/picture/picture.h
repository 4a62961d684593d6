/* SPDX-License-Identifier: Apache-2.0 */
/* picture: the timeline and the flame graph of a run, cut down to what can be drawn. */
#ifndef TOLL_PICTURE_PICTURE_H
#define TOLL_PICTURE_PICTURE_H

#include "analyze/critical_path.h"

/* At most this many tracks, intervals and spans of all of them, and wake-ups; what is left out is counted or merged. */
#define TIMELINE_TRACK_MAX    200
#define TIMELINE_INTERVAL_MAX 40000
#define TIMELINE_SPAN_MAX     16000
#define TIMELINE_WAKE_MAX     4000
#define TIMELINE_MEMORY_MAX   1200
#define IO_ENTRY_MAX          60

WARN_UNUSED int picture_timeline(const struct run *run, const struct path *path, struct arena *arena,
                                 struct timeline *ret_timeline, struct err *err);
/* Time on a CPU: program, then the frames of each sample from the outermost to the innermost. */
WARN_UNUSED int picture_flame(const struct run *run, struct arena *arena, struct flame *ret_flame,
                              struct err *err);
/* Time waited: program, then the frames of the code that waited, then the reason (time spent queueing for a CPU apart), the
 * other end, the program that ended the wait and its stack, innermost first, where those are known. */
WARN_UNUSED int picture_flame_waits(const struct run *run, struct arena *arena, struct flame *ret_flame,
                                    struct err *err);
/* What was allocated, in bytes (of STACKS_TEMPORARY how many allocations): program, then the frames of each stack that
 * allocated. `kind` is of allocations. */
WARN_UNUSED int picture_flame_heap(const struct run *run, enum stack_kind kind, struct arena *arena,
                                   struct flame *ret_flame, struct err *err);
/* Fills the timeline's memory, where it was recorded. */
WARN_UNUSED int picture_memory(const struct run *run, struct arena *arena, struct timeline *timeline,
                               struct err *err);
/* Input and output by peer and kind of call, with latencies where calls were timed. */
WARN_UNUSED int picture_io(const struct run *run, const struct path *path, struct arena *arena,
                           struct io_table *ret_table, struct err *err);

#endif
