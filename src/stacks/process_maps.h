/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process_maps: which module lies where in each process of the tree, now. A set of mappings is shared between
 * parent and child until one of them changes it, so thousands of short-lived forks cost next to nothing.
 */
#ifndef TOLL_STACKS_PROCESS_MAPS_H
#define TOLL_STACKS_PROCESS_MAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/map.h"

struct mapping {
    uint64_t low, high;
    uint64_t offset; /* of `low` in the module's file */
    uint32_t module; /* the caller's number */
};

/* Zero-initialise. */
struct process_maps {
    struct map processes; /* pid to struct process_image * */
};

/* A new process with its parent's mappings; an old one of the same pid is forgotten. */
WARN_UNUSED int process_maps_fork(struct process_maps *maps, uint32_t pid, uint32_t parent_pid,
                                  struct err *err);
WARN_UNUSED int process_maps_thread(struct process_maps *maps, uint32_t pid, struct err *err);
WARN_UNUSED int process_maps_exec(struct process_maps *maps, uint32_t pid, struct err *err);
/* Replaces what it covers. A process not seen before is added. */
WARN_UNUSED int process_maps_add(struct process_maps *maps, uint32_t pid, const struct mapping *mapping,
                                 struct err *err);
/* One thread ended; with the last one the process is forgotten. */
void process_maps_exit(struct process_maps *maps, uint32_t pid);
/* Valid until the next change; NULL when nothing is mapped there. */
const struct mapping *process_maps_find(const struct process_maps *maps, uint32_t pid, uint64_t address);
void process_maps_free(struct process_maps *maps);

#endif
