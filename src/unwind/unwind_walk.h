/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unwind_walk: from a thread's registers and a copy of the top of its stack to its chain of callers.
 *
 * Each step asks where the current place's file says its caller is (wire/unwind_table.h). Code without a table (made by a
 * just-in-time compiler) is assumed to keep frame pointers. A step is believed when the caller is code and lies higher
 * on the stack. Pure: nothing is read but what is given.
 */
#ifndef TOLL_UNWIND_UNWIND_WALK_H
#define TOLL_UNWIND_UNWIND_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/unwind_table.h"

struct unwind_registers {
    uint64_t ip, sp, bp;
    uint64_t base; /* wire/unwind_table.h */
    uint64_t lr;   /* AArch64: the link register; else 0 */
};

/* `bytes` is what lay on the stack from `address` on when the registers were read. */
struct unwind_stack {
    const uint8_t *bytes;
    size_t size;
    uint64_t address;
};

struct unwind_code {
    const struct unwind_table *table; /* NULL: there is none */
    uint64_t bias;                    /* address minus place in the file */
};

/* What code lies at an address; false when there is none. */
typedef bool unwind_find_fn(void *context, uint64_t address, struct unwind_code *ret_code);

struct unwind_input {
    struct unwind_registers registers;
    struct unwind_stack stack;
    unwind_find_fn *find;
    void *context;
};

/* Why the walk ended. */
enum unwind_end {
    UNWIND_ROOT,        /* where the thread began */
    UNWIND_CUT,         /* the copy of the stack ends before */
    UNWIND_NO_RULE,     /* code that nothing is known of, without frame pointers */
    UNWIND_IMPLAUSIBLE, /* what should be a caller is none */
    UNWIND_FULL         /* more callers than there is room for */
};

/*
 * Writes addresses, innermost first: where the thread is, then return addresses. (Behind a signal's frame comes where the
 * signal hit; that is given one too high, so that one less is the place for all but the first.) Returns how many; 0
 * when the thread is in no code.
 */
size_t unwind_walk(const struct unwind_input *input, uint64_t *addresses, size_t capacity,
                   enum unwind_end *ret_end);

#endif
