/* SPDX-License-Identifier: Apache-2.0 */
/*
 * best_changes: which few changes to a run, made together, bring most.
 *
 * Each candidate is replayed alone. Sets grow from the best: where all pairs and triples of what gains can be replayed
 * within the budget, all of them are; else a beam of the best sets is kept, which bounds the work however many candidates
 * there are. Of sets that take about as long, the one of fewest changes is the best, and of those the one that asks for
 * least (the smallest number of workers). Sets are made of candidates that promise a gain; a candidate that only says
 * "if this were twice as fast" is replayed alone, and taken into sets when there is no other kind.
 */
#ifndef TOLL_RANK_BEST_CHANGES_H
#define TOLL_RANK_BEST_CHANGES_H

#include "analyze/whatif_replay.h"
#include "base/arena.h"
#include "model/finding.h"

#define BEST_CHANGES_MAX    3   /* in a set */
#define BEST_CANDIDATES_MAX 128 /* looked at; more are counted and left out */

struct candidate {
    const char *change;
    bool is_promise;        /* how much better the place gets is known */
    const char *assumption; /* NULL */
    /* filled by the search: */
    bool is_replayed;
    const char *refusal; /* why it could not be replayed, NULL */
    struct whatif_result result;
};

struct candidates {
    struct candidate items[BEST_CANDIDATES_MAX];
    size_t count, left_out_count;
};

struct change_set {
    size_t members[BEST_CHANGES_MAX]; /* candidate indexes */
    size_t count;                     /* 0: none was found */
    struct whatif_result result;
};

struct best_changes {
    struct change_set best;                    /* 0 members: nothing gains */
    struct change_set sizes[BEST_CHANGES_MAX]; /* the fastest set of one change, of two, of three */
    uint64_t replay_count;
    bool is_exhaustive; /* every set of what gains was replayed */
};

/* The changes of the findings, and other numbers of workers, of calls in a batch, of cores for the same places. Texts are in
 * the arena. */
WARN_UNUSED int candidates_of_findings(const struct finding *findings, size_t count, struct arena *arena,
                                       struct candidates *candidates, struct err *err);
/* Streaming of each stage of spans that takes a part of the run into the one behind it. */
WARN_UNUSED int candidates_of_run(const struct run *run, struct arena *arena, struct candidates *candidates,
                                  struct err *err);
/* One more; a text that is there already is not added again. */
void candidates_add(struct candidates *candidates, const struct candidate *candidate);

/* Replays; fills the candidates' results. */
WARN_UNUSED int best_changes_find(const struct whatif *whatif, struct candidates *candidates,
                                  struct arena *arena, struct best_changes *ret_best, struct err *err);

#endif
