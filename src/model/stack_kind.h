/* SPDX-License-Identifier: Apache-2.0 */
/* stack_kind: what the stacks of a flame graph, of folded lines or of another tool's profile stand for: `--kind`. */
#ifndef TOLL_MODEL_STACK_KIND_H
#define TOLL_MODEL_STACK_KIND_H

#include <stdbool.h>

#include "base/err.h"
#include "model/view.h"

enum stack_kind {
    STACKS_CPU,     /* time on a CPU, by sampled stack */
    STACKS_OFF_CPU, /* time waited, by the stack that waited; its innermost frame says for what */
    STACKS_ALL,     /* both */
    /* Of a recording with allocations, by the stack that allocated: */
    STACKS_ALLOC,     /* bytes allocated in all */
    STACKS_PEAK,      /* bytes at the run's peak */
    STACKS_LEAK,      /* bytes never freed */
    STACKS_TEMPORARY, /* how many temporary allocations */
    STACK_KIND_COUNT
};

#define STACK_HEAP_COUNT (STACKS_TEMPORARY - STACKS_ALLOC + 1)

/* One blank between them: the choices of an option. */
#define STACK_KINDS "cpu off-cpu all alloc peak leak temporary"

const char *stack_kind_name(enum stack_kind kind);
/* NULL is STACKS_CPU; ERR_USAGE with the names there are. */
WARN_UNUSED int stack_kind_find(const char *name, enum stack_kind *ret_kind, struct err *err);

/* ERR_INPUT for stacks that allocated, of a recording without allocations. */
WARN_UNUSED int stack_kind_check(enum stack_kind kind, const struct view *view, struct err *err);

static inline bool stack_kind_has_cpu(enum stack_kind kind)
{
    return kind == STACKS_CPU || kind == STACKS_ALL;
}

static inline bool stack_kind_is_heap(enum stack_kind kind)
{
    return kind >= STACKS_ALLOC && kind <= STACKS_TEMPORARY;
}

/* 0 to STACK_HEAP_COUNT - 1, of a kind that is of allocations. */
static inline size_t stack_kind_heap_index(enum stack_kind kind)
{
    return (size_t)(kind - STACKS_ALLOC);
}

/* What a row of the heap table has of such a kind: bytes, or temporary allocations. */
uint64_t stack_kind_amount(enum stack_kind kind, const struct row_heap *row);

static inline bool stack_kind_has_waits(enum stack_kind kind)
{
    return kind == STACKS_OFF_CPU || kind == STACKS_ALL;
}

#endif
