/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stack_memo: rows of stacks by what whoever asks knows them by, for as long as nothing newer takes their place. Of a
 * fixed size: what is forgotten is found again, or has no row.
 */
#ifndef TOLL_STACKS_STACK_MEMO_H
#define TOLL_STACKS_STACK_MEMO_H

#include <stdint.h>

#include "base/err.h"

struct stack_memo_entry {
    uint64_t key, row;
};

/* Zero-initialise. */
struct stack_memo {
    struct stack_memo_entry *entries;
};

/* A number of three: of a program, of a stack, and what else tells it from others. Never 0. */
uint64_t stack_memo_key(uint64_t owner, uint64_t stack, uint64_t more);
WARN_UNUSED int stack_memo_put(struct stack_memo *memo, uint64_t key, uint64_t row, struct err *err);
/* 0 when it is not known. */
uint64_t stack_memo_get(const struct stack_memo *memo, uint64_t key);
void stack_memo_free(struct stack_memo *memo);

#endif
