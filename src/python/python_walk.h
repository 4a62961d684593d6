/* SPDX-License-Identifier: Apache-2.0 */
/*
 * python_walk: the Python frames of a thread, read while it may run. The head of the chain is read again behind the
 * walk: when the thread went on meanwhile there is no stack, rather than a wrong one. A thread that reads its own stands still.
 */
#ifndef TOLL_PYTHON_WALK_H
#define TOLL_PYTHON_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "python/python_layout.h"

#define PYTHON_DEPTH_MAX  64
#define PYTHON_THREAD_MAX 4096
#define PYTHON_SHIMS_MAX  64 /* frames of the interpreter's own, on the way */

struct python_frame {
    uint64_t code;        /* address of its code object */
    uint64_t instruction; /* that it is at */
    uint64_t lines; /* address of the code's table of lines: another function at the same place has another */
    uint64_t names; /* of a thread's own: likewise, made of those of its names */
    bool is_entry;  /* the outermost of one call of the interpreter */
};

struct python_stack {
    size_t count;
    bool is_cut;                                  /* it was deeper */
    struct python_frame frames[PYTHON_DEPTH_MAX]; /* innermost first */
};

/* The thread state of a thread by the number that the kernel gives it; 0: it has none. */
uint64_t python_thread_find(const struct python_memory *memory, const struct python_layout *layout,
                            uint64_t runtime, uint64_t native_id);
/* Of a thread state. False: nothing whole could be read. A stack of no frames is one. */
bool python_stack_read(const struct python_memory *memory, const struct python_layout *layout,
                       uint64_t thread, struct python_stack *ret_stack);
/* The same by the thread itself. What stands in *ret_stack when it is false is nothing. */
bool python_stack_read_own(const struct python_memory *memory, const struct python_layout *layout,
                           uint64_t thread, struct python_stack *ret_stack);

#endif
