/* SPDX-License-Identifier: Apache-2.0 */
/*
 * siblings: work that was spread over several threads, processes or calls of one kind.
 *
 * A *member* is a thread of a process beside its main thread (and beside those that a runtime has for itself), a program started several times by one maker, or one
 * call of a span. Members of one kind that were there at the same time are a *group*: threads of one process that
 * begin in the same function, where stacks tell it. A member's busy time is what it ran, queued and waited for the
 * outside; what it waited for others of the run (locks, conditions, pipes, joins) and for work to be offered is idle.
 */
#ifndef TOLL_ANALYZE_SIBLINGS_H
#define TOLL_ANALYZE_SIBLINGS_H

#include "run/recorded_run.h"

enum sibling_kind { SIBLING_THREAD, SIBLING_PROGRAM, SIBLING_SPAN };

struct sibling {
    uint32_t actor;
    uint64_t start_ns, end_ns; /* of the span, the process, the thread's life; inside the run's window */
    uint64_t busy_ns;
    uint64_t cpu_ns;       /* of it, running and standing in the queue for a CPU */
    uint64_t queue_ns;     /* of that, the queue */
    uint64_t last_busy_ns; /* when it was last busy; start_ns when never */
};

struct sibling_group {
    enum sibling_kind kind;
    const char *name;            /* of the process (threads, programs) or the span, as changes name it */
    uint32_t stage;              /* stage index of a group of spans; RUN_NONE */
    uint32_t maker;              /* the actor that started them; RUN_NONE for spans */
    const char *thread;          /* of threads: their name */
    const char *begins;          /* of threads: the function they begin in; NULL when not known */
    VEC(struct sibling) members; /* the busiest first */
    uint64_t busy_ns, cpu_ns;    /* of all together */
    uint64_t start_ns, end_ns;
    uint32_t width; /* the most that were there at once */
};

struct siblings {
    VEC(struct sibling_group) groups;
};

/* The run's wakers must have been inferred. Each group has at least two members that were there at once. */
WARN_UNUSED int siblings_find(const struct run *run, struct siblings *ret_siblings, struct err *err);
void siblings_deinit(struct siblings *siblings);

/* The busy time that half of the members beside the busiest do not exceed. */
uint64_t siblings_usual_ns(const struct sibling_group *group);

/* One member is busy for over 1.5 times (and under 20 times) as long as is usual among the others, mostly when they are
 * done, and they are alike: none is busy for more than 1.35 times the usual. */
bool siblings_one_is_long(const struct sibling_group *group);

/* Nearly all were there at the same time: workers, rather than items of a queue. */
bool siblings_is_pool(const struct sibling_group *group);

/* Whether a wait of an actor is for the run's own doing, or for work to be offered. */
bool siblings_is_internal(const struct run *run, uint32_t actor, const struct run_wait *wait);

#endif
