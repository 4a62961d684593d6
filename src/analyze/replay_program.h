/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay_program: a run as what its actors did, without when: the input of a replay.
 *
 * Each actor is a list of operations: use a CPU for so long, be away for so long (a wait for the outside), await
 * another actor's signal, signal. Recorded start times are left out, and so is queueing for CPUs where the run's own
 * threads queued for each other: the replay makes them anew. Queueing while the run had no more threads than cores
 * was others' doing and stays, as a delay. A change edits a copy of the program.
 */
#ifndef TOLL_ANALYZE_REPLAY_PROGRAM_H
#define TOLL_ANALYZE_REPLAY_PROGRAM_H

#include "run/recorded_run.h"

enum op_kind {
    OP_CPU,    /* needs a core for duration_ns, split over `chunks` cores when there are as many free */
    OP_DELAY,  /* away for duration_ns; local servers' work for it takes server_ns of the same cores */
    OP_AWAIT,  /* until signal `ref` was given */
    OP_SIGNAL, /* gives signal `ref` */
    OP_POOL    /* runs the iterations of pool `ref`; only changes make it */
};

struct op {
    uint64_t at_ns;       /* when it began in the recording */
    uint64_t duration_ns; /* of an await: what it took in the recording */
    uint64_t server_ns;
    uint32_t ref; /* the signal or pool; of queueing for a CPU: the reason of the wait it ended, 0 for none */
    uint32_t stage; /* RUN_NONE outside any */
    uint32_t peer;
    uint16_t chunks;
    uint8_t kind;
    uint8_t reason; /* enum wait_reason of a delay or of an await */
};

struct op_list {
    VEC(struct op) ops;
    bool
        is_shared; /* of a copy's actor: the operations are those of the original, to be read only (program_own) */
    struct op *kept; /* memory for operations of its own, while they are shared */
    size_t kept_capacity;
};

/* Iterations of one loop that a change allows to overlap: ranges of operations of a list that was set apart. */
struct iteration {
    uint32_t list;         /* index into the program's `apart` */
    uint32_t first, count; /* operations */
    uint32_t actor;        /* whose it was in the recording, and when */
    uint64_t start_ns, end_ns;
};

struct pool {
    uint32_t worker_count;
    bool is_loop; /* its iterations are the same work on other items */
    VEC(struct iteration) iterations;
};

struct program {
    const struct run *run;
    struct op_list *actors; /* by track index */
    size_t actor_count;
    size_t signal_count;
    uint32_t *
        givers; /* by signal: the actor that gives it, before any change; signals that changes make have none */
    size_t giver_count;
    bool is_copy; /* the givers are the original's */
    uint32_t root;
    double core_count;
    double background_cores;                   /* used by programs that have nothing to do with the run */
    double background_threads, usual_runnable; /* see core_load.h */
    VEC(struct pool) pools;
    /* With pools, the iterations' operations lie here while the actors' lists are cut. */
    VEC(struct op_list) apart;
};

/* The index of the first operation that began at or after a moment. */
size_t op_index_at(const struct op_list *list, uint64_t time_ns);
/* An operation that takes no time (an await, a signal, a pool), at the moment and in the stage of `beside`. */
struct op op_sync(enum op_kind kind, const struct op *beside, uint32_t ref);

/* The run's wakers must have been inferred. */
WARN_UNUSED int program_build(const struct run *run, struct program *ret_program, struct err *err);
/* `copy` is empty, or an earlier copy of the same program, however changed: its memory is used again. It shares all operations with the
 * program, which must outlive it: most changes touch few actors, and a run has millions of operations. It is whole only when this returned
 * 0, and the caller's to deinit in any case. */
WARN_UNUSED int program_copy(const struct program *program, struct program *copy, struct err *err);
void program_deinit(struct program *program);

/* Gives an actor of a copy, or all of them, operations of their own, to be changed. */
WARN_UNUSED int program_own(struct program *copy, uint32_t actor, struct err *err);
WARN_UNUSED int program_own_all(struct program *copy, struct err *err);

/* Copies an actor's operations as they are now to `apart`. */
WARN_UNUSED int program_set_apart(struct program *program, uint32_t actor, uint32_t *ret_list,
                                  struct err *err);

#endif
