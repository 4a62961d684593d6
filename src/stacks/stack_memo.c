/* SPDX-License-Identifier: Apache-2.0 */
#include "stacks/stack_memo.h"

#include <stdlib.h>

#include "base/map.h"

#define ENTRY_COUNT 32768u /* a power of two; half a megabyte */

uint64_t stack_memo_key(uint64_t owner, uint64_t stack, uint64_t more)
{
    uint64_t key = map_hash(map_hash(map_hash(owner) + stack) + more);
    return key ? key : 1;
}

int stack_memo_put(struct stack_memo *memo, uint64_t key, uint64_t row, struct err *err)
{
    if (!memo->entries)
        memo->entries = calloc(ENTRY_COUNT, sizeof *memo->entries);
    if (!memo->entries)
        return err_memory(err);
    memo->entries[key % ENTRY_COUNT] = (struct stack_memo_entry){key, row};
    return 0;
}

uint64_t stack_memo_get(const struct stack_memo *memo, uint64_t key)
{
    if (!memo->entries || memo->entries[key % ENTRY_COUNT].key != key)
        return 0;
    return memo->entries[key % ENTRY_COUNT].row;
}

void stack_memo_free(struct stack_memo *memo)
{
    free(memo->entries);
    *memo = (struct stack_memo){0};
}
