/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop_spread: how far chance moves what a changed program takes, where a loop's iterations differ.
 *
 * Another run would meet other iterations. The recorded ones are drawn anew, with replacement (Efron's bootstrap): each
 * iteration of a loop that runs side by side, with all that it started, takes as long as one drawn among its loop's, and the
 * program is replayed; again and again, from the same seed. What the replays take, relative to the replay of the
 * recorded iterations, is the spread.
 */
#ifndef TOLL_ANALYZE_LOOP_SPREAD_H
#define TOLL_ANALYZE_LOOP_SPREAD_H

#include "analyze/replay_program.h"

struct loop_spread {
    double low_ratio, high_ratio; /* of the time: below and above, 0 when nothing can be said */
    size_t replay_count;
};

/* Of the middle 90 % of the replays, against `wall_ns` of the program as it is. Nothing is replayed where no loop of LOOP_SPREAD_ITERATIONS_MIN or more is changed, or
 * the program is so large that too few replays fit into the budget. The program is left as it was. */
#define LOOP_SPREAD_ITERATIONS_MIN 5
WARN_UNUSED int loop_spread(struct program *program, uint64_t wall_ns, struct loop_spread *ret_spread,
                            struct err *err);

#endif
