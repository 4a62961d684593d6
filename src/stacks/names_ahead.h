/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names_ahead: names are looked up while the program still runs, so that little is left to do when it has ended.
 *
 * A thread asks the resolver for the places of a job, and forgets the answers: the resolver has them when the rows are written. It runs
 * when no one else wants the processor (SCHED_IDLE), where it may be made an ordinary thread again at the end (root, CAP_SYS_NICE);
 * else with less weight than others, and within a small part of the time. Where it has to wait for a processor it gives up, and is asked
 * again later: an idle thread that was preempted may hold what the recorder needs (the lock of an allocator, of its mappings).
 *
 * A resolver is for one thread at a time: who else uses it holds its lock.
 */
#ifndef TOLL_STACKS_NAMES_AHEAD_H
#define TOLL_STACKS_NAMES_AHEAD_H

#include <stdbool.h>

#include "symbol/resolver.h"

struct names_place {
    uint64_t offset, weight;
};

struct names_module {
    struct symbol_module
        symbols; /* the path belongs to the job; the descriptor stays open as long as the thread */
    uint8_t build_id[64];
    uint32_t number;     /* the caller's */
    uint64_t weight;     /* of all its places */
    size_t first, count; /* of the places */
};

/* What is to be looked up, module after module. */
struct names_job {
    VEC(struct names_module) modules;
    VEC(struct names_place) places;
    uint64_t weight_min; /* as in struct symbol_request */
    uint64_t
        cpu_limit_ns; /* what the thread may have used, ever: begins no module then, nor a function if not idle */
    uint64_t patience_ns; /* nor by an idle thread that has waited for so long: others want the processor */
    uint64_t posted_ns;   /* set by names_ahead_post */
    size_t done_count;    /* modules that were looked up to their end */
};

/* Whether a thread that ran for `used_ns` of the time since its job was posted had to wait for others. */
bool names_job_waits(const struct names_job *job, uint64_t passed_ns, uint64_t used_ns);
void names_job_free(struct names_job *job);

struct names_ahead;

WARN_UNUSED int names_ahead_create(struct resolver *resolver, struct names_ahead **ret_ahead,
                                   struct err *err);
/* Whether the thread takes only what no one else wants. */
bool names_ahead_is_idle_class(const struct names_ahead *ahead);
/* Begins a job, and takes it over; not before the last one was taken back. */
void names_ahead_post(struct names_ahead *ahead, struct names_job *job);
/* The job that is done, for the caller to free; false while there is none, or while that cannot be told without waiting. */
bool names_ahead_take(struct names_ahead *ahead, struct names_job *ret_job);
/* Whether a job is posted that was not taken back. */
bool names_ahead_is_busy(const struct names_ahead *ahead);

/* False while the thread uses the resolver. Who was refused for a second makes the thread let go at the end of a function, until
 * the lock was had once; then after two seconds, and so on, as each time costs the thread something. */
bool names_ahead_try_lock(struct names_ahead *ahead, uint64_t now_ns);
void names_ahead_unlock(struct names_ahead *ahead);
/* It goes on as an ordinary thread, for someone waits for it. */
void names_ahead_hurry(struct names_ahead *ahead);

uint64_t names_ahead_cpu_ns(const struct names_ahead *ahead);
/* Ends the thread: what it has begun it finishes, up to the end of a function. NULL is allowed. */
void names_ahead_destroy(struct names_ahead *ahead);

#endif
