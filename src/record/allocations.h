/* SPDX-License-Identifier: Apache-2.0 */
/*
 * allocations: `toll run --heap` beside any rung. What libtoll_heap tells (heap/heap_drain.h) finds its process tracks, and its
 * addresses their functions, among the stacks of the rung.
 */
#ifndef TOLL_RECORD_ALLOCATIONS_H
#define TOLL_RECORD_ALLOCATIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "heap/heap_drain.h"
#include "record/emit.h"
#include "record/tracks.h"
#include "runtime/python_told.h"
#include "stacks/stacks.h"

struct allocations {
    struct emit *emit;
    struct tracks *tracks;
    void *context;
    uint64_t (*track_of)(void *context, uint64_t pid, uint64_t tid, uint64_t time_ns);
    struct heap_drain *drain; /* NULL: the heap is not recorded */
    struct stacks *stacks;
    struct python_told *python;
    bool is_alone; /* the rung tells them of no programs */
    enum heap_mode mode;
    uint64_t rate_bytes;
    uint64_t due_ns;
};

/* What `--heap` may be: sampled, exact; NULL: none. */
bool allocations_mode_find(const char *name, enum heap_mode *ret_mode);

/* After all above was set. `folder` is the session's. */
WARN_UNUSED int allocations_open(struct allocations *allocations, const char *folder, struct err *err);
void allocations_poll(struct allocations *allocations);
/* The last rows, before the stacks' own, and the facts of the meta table. */
void allocations_finish(struct allocations *allocations);
/* "sampled", "exact", "none" */
const char *allocations_name(const struct allocations *allocations);
void allocations_close(struct allocations *allocations);

#endif
