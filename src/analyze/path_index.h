/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path_index: the steps of a path by who made them, so that how much of the path one actor or process made in a
 * window of time costs its own steps there and not the whole path.
 */
#ifndef TOLL_ANALYZE_PATH_INDEX_H
#define TOLL_ANALYZE_PATH_INDEX_H

#include "analyze/critical_path.h"

struct path_piece {
    uint64_t start_ns, end_ns;
    uint32_t actor, process; /* RUN_NONE: before the first actor; a thread without a process */
};

struct path_index {
    struct path_piece *by_actor, *by_process; /* each sorted by that and time */
    size_t count;
};

WARN_UNUSED int path_index_init(struct path_index *ret_index, const struct run *run, const struct path *path,
                                struct err *err);
void path_index_deinit(struct path_index *index);

/* Time of the path inside [from_ns, to_ns) that the actor made; that any actor of the process (track index) made. */
uint64_t path_index_actor_ns(const struct path_index *index, uint32_t actor, uint64_t from_ns,
                             uint64_t to_ns);
uint64_t path_index_process_ns(const struct path_index *index, uint32_t process, uint64_t from_ns,
                               uint64_t to_ns);

#endif
