/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay_crew: many sets of changes to one run, each replayed by whichever CPU is free.
 *
 * Replays read the run and its program and share nothing else, so the results do not depend on how many threads there
 * are. A thread more needs a copy of the program: there are no more of them than copies fit into a fixed amount of memory.
 */
#ifndef TOLL_RANK_REPLAY_CREW_H
#define TOLL_RANK_REPLAY_CREW_H

#include "analyze/whatif_replay.h"

/* The most changes of one job. */
#define REPLAY_CREW_CHANGES_MAX 3

struct replay_job {
    const struct change *changes[REPLAY_CREW_CHANGES_MAX];
    size_t count;
    bool is_told; /* its interval is to hold what chance does too (whatif_predict) */
    /* filled: */
    int status; /* of the replay; with ERR_USAGE the others are replayed all the same */
    struct whatif_result result;
};

/* Any failure but ERR_USAGE ends the work and is returned. */
WARN_UNUSED int replay_crew(const struct whatif *whatif, struct replay_job *jobs, size_t count,
                            struct err *err);

#endif
