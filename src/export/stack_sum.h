/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stack_sum: a recording's time by stack: each program, stack and (of time that was waited) reason and peer once, however long the run.
 *
 * CPU time is the weight of the samples. Waited time is that of the waits: blocked under their reason and peer, the end of a wait, in
 * which the thread only wanted a CPU, under reason cpu_queue. Of allocations (stack_kind_is_heap) `ns` is an amount of bytes, or of
 * temporary allocations.
 */
#ifndef TOLL_EXPORT_STACK_SUM_H
#define TOLL_EXPORT_STACK_SUM_H

#include "base/map.h"
#include "export/cast.h"
#include "model/stack_kind.h"

struct stack_entry {
    const char *program;
    uint32_t track; /* STACK_SUM_BY_TRACK; else CAST_NONE */
    uint32_t stack; /* index, CAST_NONE: none */
    uint32_t peer;  /* index, CAST_NONE */
    int16_t reason; /* enum wait_reason; STACK_ON_CPU */
    uint64_t ns;
    uint64_t count; /* samples, waits */
};

#define STACK_ON_CPU (-1)

struct stack_sum {
    VEC(struct stack_entry) entries; /* in the order in which they were first met */
    struct map places;
};

enum stack_sum_by { STACK_SUM_BY_PROGRAM, STACK_SUM_BY_TRACK };

WARN_UNUSED int stack_sum_make(const struct cast *cast, enum stack_kind kind, enum stack_sum_by by,
                               struct stack_sum *ret_sum, struct err *err);
void stack_sum_free(struct stack_sum *sum);

#endif
