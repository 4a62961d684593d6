/* SPDX-License-Identifier: Apache-2.0 */
/*
 * python_told: Python stacks that a program tells itself, with the names of its functions (heap/heap_frames.h): nothing is
 * asked of the process, which may be gone by then. What is needed beside it, the functions of the interpreter on the native stack,
 * is in the interpreter's file.
 */
#ifndef TOLL_RUNTIME_PYTHON_TOLD_H
#define TOLL_RUNTIME_PYTHON_TOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "runtime/python_place.h"
#include "stacks/stacks.h"

#define PYTHON_TOLD_COUNT_MAX 65536 /* functions, by name and file */

struct python_told;

struct python_told_frame {
    uint64_t code; /* 0: not known */
    uint32_t line;
    bool is_entry; /* the outermost of one call of the interpreter */
};

WARN_UNUSED int python_told_create(struct stacks *stacks, struct python_told **ret_told, struct err *err);
/* NULL is allowed. */
void python_told_destroy(struct python_told *told);

/* A function: its number, for frames; the same for the same texts, whichever process tells them. 0 when there are too many. */
WARN_UNUSED int python_told_code(struct python_told *told, const char *name, const char *file,
                                 uint64_t *ret_code, struct err *err);
/* How often there were too many. */
uint64_t python_told_nameless(const struct python_told *told);
/* Another program of that process: what was told of its code holds no more. */
void python_told_image(struct python_told *told, uint32_t pid);
/* Code of a file. */
WARN_UNUSED int python_told_module(struct python_told *told, uint32_t pid,
                                   const struct python_mapping *mapping, struct err *err);
/* As stacks_add_dumped, with those frames, innermost first. */
WARN_UNUSED int python_told_stack(struct python_told *told, uint32_t pid, const struct stacks_dumped *dumped,
                                  const struct python_told_frame *frames, size_t frame_count,
                                  uint64_t *ret_row, struct err *err);

#endif
