/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attribution: the critical path summed up by place: stage, program, function, peer.
 *
 * A running step is split over functions by the samples that fall into it; one without samples by those of the same
 * stage and program elsewhere on the path. The entries add up to the run's window exactly, nanosecond for
 * nanosecond. A via's place is the other end and, where wakers' stacks were recorded, the function that ended most of it.
 */
#ifndef TOLL_ANALYZE_ATTRIBUTION_H
#define TOLL_ANALYZE_ATTRIBUTION_H

#include "analyze/critical_path.h"

struct attribution {
    struct path_entry *entries; /* by ns, largest first */
    size_t entry_count;
    struct via_entry *vias;
    size_t via_count;
    uint64_t *stage_critical_ns; /* by stage index */
    double explained_ratio;      /* of the path: 1 - doing unknown */
};

/* All in the arena. Vias must have been merged. */
WARN_UNUSED int attribute_path(const struct run *run, const struct path *path, struct arena *arena,
                               struct attribution *ret_attribution, struct err *err);

/* The frame a sample is charged to: the innermost one that is the program's own rather than the C library's or
 * the kernel's; in Python code the innermost function of the program's own rather than of a library. RUN_NONE when no frame
 * has a name, and for code of the program's own that has none (attribute_nameless). */
uint32_t attribute_frame(const struct run *run, uint32_t stack);

/* The file whose code without names a sample is charged to: its debug symbols are missing. NULL for all other code. */
const char *attribute_nameless(const struct run *run, uint32_t stack);

/* Python, or code with a source file that a just-in-time compiler told of (JavaScript). */
bool attribute_is_script(const struct run_frame *frame);

/* The stack up to that frame when it is Python's or JavaScript's; RUN_NONE: there is none of those in it. */
uint32_t attribute_script_stack(const struct run *run, uint32_t stack);

/* Its function, file and line as a place; leaves `where` as it is when there is none. */
void attribute_function(const struct run *run, uint32_t stack, struct where *where);

/* The same when it is the program's own code; else false, and `where` as it was. */
bool attribute_own_function(const struct run *run, uint32_t stack, struct where *where);

/* Of the lines that a place was seen at, the one with most of the time: `lead_ns` is kept from one to the next (R. Boyer
 * and J Moore's majority vote, 1981). */
void attribute_line_vote(struct where *where, uint64_t *lead_ns, const struct where *seen, uint64_t ns);

/* Named, and the program's own rather than the C library's or the kernel's. */
bool attribute_is_own(const struct run_frame *frame);

/* In the kernel, looking for memory to free on behalf of the program. */
bool attribute_is_reclaim(const struct run *run, uint32_t stack);
/* The part of a track's samples that are; 0 without samples. */
double attribute_reclaim_ratio(const struct run *run, const struct run_track *track);

/* In a call that makes written data durable (fsync and its kin), in the C library or the kernel. */
bool attribute_is_sync(const struct run *run, uint32_t stack);

#endif
