/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path_samples: the CPU time of the critical path by what its stacks are in: for each program and function of its own, how much
 * of that was inside the allocator, or a garbage collector.
 *
 * A stretch of running is shared among its samples as attribution does, so that these times are parts of the path's. Of a whole
 * program, stretches that no sample hit count as its others do.
 */
#ifndef TOLL_HEAP_DETECT_PATH_SAMPLES_H
#define TOLL_HEAP_DETECT_PATH_SAMPLES_H

#include "base/vec.h"
#include "detect/detector.h"

struct inside_time {
    struct where where; /* process, the program's own function */
    const char *inner;  /* the innermost function that was recognised, of the sample that counted last */
    uint64_t ns;        /* of the path, on a CPU */
    uint64_t inside_ns; /* of that, inside */
    /* of the samples, and of those inside; running that no sample hit, until it is shared out */
    uint64_t weight, inside_weight, unhit_ns;
};

/* The name of what the stack is in, NULL: in nothing of the kind. */
typedef const char *stack_is_fn(const struct run *run, uint32_t stack);

struct inside_times {
    VEC(struct inside_time) items; /* by inside_ns, largest first */
};

/* `by_function`: an item for each function, else one for each program. Zero-initialise. */
WARN_UNUSED int inside_times_of(const struct scene *scene, stack_is_fn *is_inside, bool by_function,
                                struct inside_times *ret_times, struct err *err);
void inside_times_free(struct inside_times *times);
/* The time of the path inside, of one program, before a moment. */
uint64_t inside_before_ns(const struct scene *scene, stack_is_fn *is_inside, const char *process,
                          uint64_t before_ns);

/* malloc and its kin, operator new and delete, of the C library or another allocator. */
stack_is_fn stack_in_allocator;
/* A collector of CPython, V8, the JVM, Go, Ruby or .NET, by the names of its functions. */
stack_is_fn stack_in_collector;

#endif
