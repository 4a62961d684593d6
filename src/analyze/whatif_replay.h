/* SPDX-License-Identifier: Apache-2.0 */
/*
 * whatif: what the run would take with a change, by replaying its program.
 *
 * speed    of a stage or a peer: running and waiting for the outside become shorter by the factor; of a process: its
 *          running; of a function: its share of the samples
 * remove   the time becomes zero; a wait for a lock or a signal is no longer waited for
 *          of the waits for syncs, what the syncs computed goes too, where stacks tell it
 *          of the waits for memory to be freed, the kernel's work for it and for bringing pages back goes too
 * workers  the loop over the stage's occurrences runs that many iterations at once; a stage that occurs once is
 *          split into that many equal parts; of a peer, the stage that waits for it most
 *          a pool of threads: the same work by that many; of a function: its part of the running, side by side
 * overlap  of a stage or a process: it hands what it makes to the next one in parts (overlap_change.h); of the first
 *          stage of a loop, `ahead`: it works on the next item meanwhile (loop_change.h)
 * set      of a process or stage: `even` shares the work of siblings evenly, `median` lets none of them take longer
 *          than half of the others; of a function, `block`: who spins there sleeps instead
 * batch    of a peer or a process: its calls and what they wait for, once for so many (call_change.h)
 * cached   of a peer, `connection`: connections to it are kept
 * cores    the number of cores
 */
#ifndef TOLL_ANALYZE_WHATIF_REPLAY_H
#define TOLL_ANALYZE_WHATIF_REPLAY_H

#include "analyze/replay_program.h"
#include "analyze/siblings.h"
#include "analyze/spin.h"
#include "model/change.h"

struct whatif {
    const struct run *run;
    struct program program;
    struct siblings siblings;
    struct spins spins;
    uint64_t baseline_ns;        /* the unchanged replay */
    double baseline_drift_ratio; /* |baseline - recorded| / recorded */
    double unexplained_ratio;    /* widens intervals; set by the caller, 0 by default */
    struct program
        *changed; /* the program that a replay changes: its memory serves one replay after the other */
};

struct whatif_result {
    uint64_t wall_ns_before, wall_ns_after, wall_ns_low, wall_ns_high;
    double factor; /* before / after */
};

/* The run's wakers must have been inferred; it must outlive the whatif. One thread at a time replays with it. */
WARN_UNUSED int whatif_init(const struct run *run, struct whatif *ret_whatif, struct err *err);
void whatif_deinit(struct whatif *whatif);

/* The same what-if for one more thread. All it has of its own is the program that a replay changes; the whatif it was
 * made of must outlive it. Ended by whatif_twin_deinit, not by whatif_deinit. */
WARN_UNUSED int whatif_twin(const struct whatif *whatif, struct whatif *ret_twin, struct err *err);
void whatif_twin_deinit(struct whatif *twin);

/* Whether of two changes only one can be made: the same operation on the same place, with another value. Both must
 * name their kind. */
bool whatif_are_alternatives(const struct change *a, const struct change *b);

/* All changes at once; their order does not matter. ERR_USAGE for a name that is unknown or ambiguous (the message
 * lists the candidates), for an operation that cannot be replayed, and for changes that cannot be made together. */
WARN_UNUSED int whatif_replay(const struct whatif *whatif, const struct change *changes, size_t count,
                              struct whatif_result *ret_result, struct err *err);
/* The same, with an interval that holds what chance does too, by up to 60 replays (loop_spread.h): for what is told. */
WARN_UNUSED int whatif_predict(const struct whatif *whatif, const struct change *changes, size_t count,
                               struct whatif_result *ret_result, struct err *err);
/* whatif_replay of one change as text. */
WARN_UNUSED int whatif_text(const struct whatif *whatif, const char *change, struct whatif_result *ret_result,
                            struct err *err);

#endif
