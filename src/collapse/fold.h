/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fold: stacks with weights as folded lines, sorted by their bytes; equal ones are one line. The words of stacks, which ';' parts, are
 * ranked once, so that stacks are sorted as lists of numbers; what stands between program and innermost frame is one text for all
 * stacks that have it.
 */
#ifndef TOLL_COLLAPSE_FOLD_H
#define TOLL_COLLAPSE_FOLD_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct fold;

WARN_UNUSED int fold_create(struct fold **ret_fold, struct err *err);
/* NULL is allowed. */
void fold_destroy(struct fold *fold);

#define FOLD_NONE UINT32_MAX

/* The number of a frame's text, which may have several words: the same for the same text. */
WARN_UNUSED int fold_frame(struct fold *fold, const char *text, size_t length, uint32_t *ret_frame,
                           struct err *err);
/* The number of frames that call one another, the innermost first: the same for the same frames. */
WARN_UNUSED int fold_chain(struct fold *fold, const uint32_t *frames, size_t count, uint32_t *ret_chain,
                           struct err *err);

/* The program's name, what stands between, which many stacks share, and the innermost frame; FOLD_NONE for a frame that there is not. */
struct fold_stack {
    uint32_t program, chain, first;
    uint64_t weight;
};
WARN_UNUSED int fold_stack(struct fold *fold, const struct fold_stack *stack, struct err *err);

/* Weights are so many times what is written, as decimal fractions; 1: they are whole. Once, after the last stack. */
typedef int fold_write_fn(void *context, const char *bytes, size_t length, struct err *err);
WARN_UNUSED int fold_write(struct fold *fold, uint64_t scale, fold_write_fn *write, void *context,
                           struct err *err);

#endif
