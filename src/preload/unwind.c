/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unwind: a thread's callers, by frame pointers, from inside a signal handler if need be.
 *
 * A frame pointer is believed when it lies on this thread's stack, above the one before. What lies between the
 * stack pointer and the stack's end is always mapped, so whatever a program without frame pointers keeps in that
 * register gives a wrong caller at worst. On a stack that is not the thread's own (coroutines, signal stacks) only
 * the page of the stack pointer is read.
 *
 * A stack's id is a hash of its addresses; it is told to a ring once, as long as the ring's small memory knows it.
 *
 * Nobody who looks for his program's time wants this library's functions in his stacks: of a sample inside a hook only the
 * hook's own frame stays, under the name of the function that it stands for.
 */
#include "preload/internal.h"

#define ADDRESS_MIN   4096u
#define HASH_MULTIPLY 0x9e3779b97f4a7c15ull

void stack_limits(uint64_t high, uint64_t bytes)
{
    self.stack_high = high;
    self.stack_low = high - bytes;
}

static unsigned walk(uint64_t *chain, uint64_t frame, uint64_t low)
{
    uint64_t high = low >= self.stack_low && low < self.stack_high ? self.stack_high : (low | 4095) + 1;
    unsigned count = 1;

    while (count < CALL_STACK_DEPTH_MAX && frame >= low && frame + 16 <= high && !(frame & 7)) {
        const uint64_t *at = (const uint64_t *)frame;

        if (at[1] < ADDRESS_MIN)
            break;
        chain[count++] = at[1];
        if (at[0] <= frame)
            break;
        frame = at[0];
    }
    return count;
}

static bool is_own(uint64_t address)
{
    return address >= maps_own_low && address < maps_own_high;
}

/*
 * Takes this library's frames out of the chain, and tells whether its code was at work: it was interrupted itself, or
 * something that it called other than for the program, from below a hook. Then the hook's frame stays.
 */
static bool chain_clean(uint64_t *chain, unsigned *count)
{
    unsigned first = 0, end, kept, i;
    bool is_at_work;

    while (first < *count && !is_own(chain[first]))
        first++;
    for (end = first; end < *count && is_own(chain[end]);)
        end++;
    is_at_work = end > first && (first == 0 || end - first > 1);
    kept = is_at_work ? 0 : first;
    if (is_at_work)
        chain[kept++] = chain[end - 1];
    for (i = end; i < *count; i++)
        if (!is_own(chain[i]))
            chain[kept++] = chain[i];
    *count = kept;
    return is_at_work;
}

static uint64_t chain_tell(struct lane *lane, const uint64_t *chain, unsigned count)
{
    uint64_t id = 0;
    unsigned i;

    for (i = 0; i < count; i++)
        id = (id ^ chain[i]) * HASH_MULTIPLY ^ id >> 29;
    id = id ? id : 1;
    if (lane->stacks[id & (LANE_STACK_COUNT - 1)] == id)
        return id;
    maps_tell(lane);
    if (!lane_begin(lane, count + 2))
        return 0;
    lane_put(lane, 0, call_head(CALL_STACK, count + 2, 0, count));
    lane_put(lane, 1, id);
    for (i = 0; i < count; i++)
        lane_put(lane, i + 2, chain[i]);
    lane_commit(lane, count + 2);
    lane->stacks[id & (LANE_STACK_COUNT - 1)] = id;
    return id;
}

uint64_t stack_tell(struct lane *lane, uint64_t caller, uint64_t frame, uint64_t low)
{
    uint64_t chain[CALL_STACK_DEPTH_MAX];

    chain[0] = caller - 1; /* inside the call, not behind it */
    return chain_tell(lane, chain, walk(chain, frame, low));
}

uint64_t stack_tell_sample(struct lane *lane, uint64_t pc, uint64_t frame, uint64_t low, bool *ret_is_own)
{
    uint64_t chain[CALL_STACK_DEPTH_MAX];
    unsigned count;

    chain[0] = pc;
    count = walk(chain, frame, low);
    *ret_is_own = chain_clean(chain, &count);
    return chain_tell(lane, chain, count);
}
