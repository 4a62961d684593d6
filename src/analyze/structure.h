/* SPDX-License-Identifier: Apache-2.0 */
/*
 * structure: work that is repeated, and the loop that repeats it.
 *
 * An *occurrence* is one call of a stage: a span, or a program of the tree. Its *driver* is the actor that calls it
 * (for a program: who spawned it). Where every driver has but one occurrence (a subshell per file), the drivers
 * themselves are taken as the occurrences, up to the actor that loops. An iteration is what the driver does from
 * one occurrence to the next, so that it holds all that belongs to one item.
 */
#ifndef TOLL_ANALYZE_STRUCTURE_H
#define TOLL_ANALYZE_STRUCTURE_H

#include "run/recorded_run.h"

struct occurrence {
    uint32_t driver;
    uint64_t start_ns, end_ns;
};

struct loop {
    VEC(struct occurrence) occurrences; /* by driver, then start */
    size_t driver_count;
    uint64_t busy_ns;    /* sum of the occurrences' lengths */
    uint64_t covered_ns; /* time in which at least one was open */
    uint32_t width;      /* the most that were open at once */
};

WARN_UNUSED int loop_find(const struct run *run, uint32_t stage, struct loop *ret_loop, struct err *err);
void loop_deinit(struct loop *loop);

/* Where the last iteration of a driver ends: behind the stages that belonged to earlier iterations too. */
uint64_t loop_tail_end(const struct run *run, const struct loop *loop, size_t first, size_t last);

#endif
