/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path_vote: what a recording says of a claim: whether the critical path, or a replay of the run, bears it out.
 *
 * A claim's place cannot bring more than it would if it were free of charge. Three sources, the closest first:
 * - a finding of the verdict with the same change, or the same cause at the same place: its gain is known;
 * - a replay of the claim's own change (analyze/whatif_replay.h), where it can be replayed;
 * - the place's share s of the critical path: 1 / (1 - s) at most. Not for changes that let work overlap (workers,
 *   overlap): those gain at other places too.
 */
#ifndef TOLL_INVESTIGATE_PATH_VOTE_H
#define TOLL_INVESTIGATE_PATH_VOTE_H

#include "investigate/investigator.h"

#define PATH_ROWS_MAX 8

struct path_share {
    double ratio;                    /* of the path, at the place */
    const char *rows[PATH_ROWS_MAX]; /* "path 3": entries of the report's `path`, from 0; the largest first */
    size_t row_count;
    bool is_recorded; /* the place occurs in the recording, on the path or off it */
};

/* Rows are in the arena. */
WARN_UNUSED int path_share_of(const struct question *question, const struct where *where,
                              struct path_share *ret_share, struct err *err);

/* What can be gained at most where the path holds this share. */
double path_factor_max(double ratio);

/* How many replays of the run an investigator may make: many of a short one, a few of one with millions of waits. */
size_t path_replays_max(const struct question *question);

/* The vote on a claim; `claim` and texts in the arena. A replay is taken off *replays_left; at 0 none is made. */
WARN_UNUSED int path_vote(const struct question *question, const struct claim *claim, size_t *replays_left,
                          struct vote *ret_vote, struct err *err);

#endif
